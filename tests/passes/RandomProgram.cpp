// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/passes/RandomProgram.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

namespace {

using Shape = std::vector<int64_t>;

struct Value {
  std::string name;
  Shape shape;
};

std::string typeOf(const Shape &shape, const std::string &element = "f32") {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

std::string listOf(const Shape &list) {
  std::string text = "[";
  for (size_t i = 0; i < list.size(); ++i)
    text += (i ? ", " : "") + std::to_string(list[i]);
  return text + "]";
}

class Writer {
public:
  Writer(unsigned seed, ProgramSizes sizes)
      : random(seed), inBlocks(sizes == ProgramSizes::Blocks),
        shapes(inBlocks ? blockShapes : smallShapes) {}
  std::string write(int operations);

private:
  std::mt19937 random;
  std::vector<Value> values;
  std::string body;
  int count = 0;
  bool inBlocks;
  const std::vector<Shape> &shapes;
  static inline const std::vector<Shape> smallShapes{{4, 6},    {6}, {4},          {6, 4},
                                                     {3, 4, 6}, {},  {2, 5, 5, 3}, {4, 17}};
  static inline const std::vector<Shape> blockShapes{
      {48, 80}, {80},      {48},           {80, 48},       {6, 40, 24}, {6, 24, 40}, {},
      {1300},   {70, 130}, {3, 9, 14, 16}, {3, 3, 16, 16}, {16},        {40, 520}};

  size_t below(size_t n) { return random() % n; }
  template <typename T> const T &oneOf(const std::vector<T> &list) {
    return list[below(list.size())];
  }

  Value add(const Shape &shape, const std::string &op, const std::string &rest) {
    std::string name = "%v" + std::to_string(count++);
    body += "    " + name + " = fluxion." + op + " " + rest + "\n";
    return {name, shape};
  }
  void make(const Shape &shape, const std::string &op, const std::string &rest) {
    values.push_back(add(shape, op, rest));
  }
  // Recent values more often, so that chains get long.
  const Value &pick() {
    size_t recent = std::min<size_t>(values.size(), below(2) ? 8 : values.size());
    return values[values.size() - 1 - below(recent)];
  }
  Value like(const Shape &shape) {
    std::vector<Value> same;
    std::copy_if(values.begin(), values.end(), std::back_inserter(same),
                 [&](const Value &v) { return v.shape == shape; });
    return same[below(same.size())];
  }
  void pointwise(const Value &x);
  void reduction(const Value &x);
  void shaping(const Value &x);
  void contraction();
  void softmax(const Value &x);
  void batchOfProducts();
  void convolution();
};

void Writer::pointwise(const Value &x) {
  Value y = like(x.shape), z = like(x.shape);
  std::string type = typeOf(x.shape);
  switch (below(6)) {
  case 0:
    return make(x.shape, oneOf<std::string>({"tanh", "neg", "abs", "sin"}), x.name + " : " + type);
  case 1: {
    Value mask =
        add(x.shape, "compare",
            oneOf<std::string>({"gt", "le", "eq"}) + " " + x.name + ", " + y.name + " : " + type);
    return make(x.shape, "select",
                mask.name + ", " + y.name + ", " + z.name + " : " + typeOf(x.shape, "i1") + ", " +
                    type);
  }
  case 2:
    return make(x.shape, "constant",
                "dense<" + oneOf<std::string>({"0.5", "-1.0", "2.0", "0.0", "1.0"}) +
                    "> : " + type);
  default:
    return make(x.shape, oneOf<std::string>({"add", "sub", "mul", "max", "min"}),
                x.name + ", " + y.name + " : " + type);
  }
}

void Writer::reduction(const Value &x) {
  if (x.shape.empty())
    return;
  Shape reduced, kept, result;
  for (size_t d = 0; d < x.shape.size(); ++d)
    (below(2) ? reduced : kept).push_back((int64_t)d);
  for (int64_t d : kept)
    result.push_back(x.shape[d]);
  make(result, "reduce",
       oneOf<std::string>({"sum", "max", "min"}) + " " + x.name + " dims " + listOf(reduced) +
           " : (" + typeOf(x.shape) + ") -> " + typeOf(result));
  if (below(2)) {
    Value row = values.back(), wide = add(x.shape, "broadcast_in_dim",
                                          row.name + " dims " + listOf(kept) + " : (" +
                                              typeOf(result) + ") -> " + typeOf(x.shape));
    make(x.shape, "sub", x.name + ", " + wide.name + " : " + typeOf(x.shape));
  }
}

void Writer::shaping(const Value &x) {
  size_t rank = x.shape.size();
  std::string type = typeOf(x.shape);
  if (rank == 0)
    return make({4, 6}, "broadcast_in_dim",
                x.name + " dims [] : (" + type + ") -> " + typeOf({4, 6}));
  switch (below(5)) {
  case 0: {
    Shape permutation(rank), result;
    std::iota(permutation.begin(), permutation.end(), 0);
    for (size_t i = rank; i > 1; --i)
      std::swap(permutation[i - 1], permutation[below(i)]);
    for (int64_t d : permutation)
      result.push_back(x.shape[d]);
    return make(result, "transpose",
                x.name + " " + listOf(permutation) + " : (" + type + ") -> " + typeOf(result));
  }
  case 1: {
    Shape flat{std::accumulate(x.shape.begin(), x.shape.end(), int64_t(1), std::multiplies<>())};
    return make(flat, "reshape", x.name + " : (" + type + ") -> " + typeOf(flat));
  }
  case 2:
    return make(x.shape, "reverse",
                x.name + " dims [" + std::to_string(below(rank)) + "] : " + type);
  case 3: {
    Shape result = x.shape;
    result[0] *= 2;
    return make(result, "concatenate",
                x.name + ", " + like(x.shape).name + " dim 0 : (" + type + ", " + type + ") -> " +
                    typeOf(result));
  }
  default: {
    if (x.shape[0] < 2)
      return;
    Shape shorter = x.shape, start(rank, 0), high(rank, 0), zeros(rank, 0), ones(rank, 1);
    shorter[0] -= 1, start[0] = 1, high[0] = 1;
    Value part = add(shorter, "slice",
                     x.name + " from " + listOf(start) + " to " + listOf(x.shape) + " by " +
                         listOf(ones) + " : (" + type + ") -> " + typeOf(shorter));
    Value fill = add({}, "constant", "dense<0.25> : tensor<f32>");
    return make(x.shape, "pad",
                part.name + " with " + fill.name + " low " + listOf(zeros) + " high " +
                    listOf(high) + " interior " + listOf(zeros) + " : (" + typeOf(shorter) +
                    ", tensor<f32>) -> " + type);
  }
  }
}

void Writer::contraction() {
  for (int tries = 0; tries < 10; ++tries) {
    Value a = pick(), b = pick();
    if (a.shape.size() != 2 || b.shape.size() != 2 || a.shape[1] != b.shape[0])
      continue;
    Shape result{a.shape[0], b.shape[1]};
    Value dot = add(result, "dot_general",
                    a.name + ", " + b.name + " contracting [1] x [0] : (" + typeOf(a.shape) + ", " +
                        typeOf(b.shape) + ") -> " + typeOf(result));
    Value scale = add(result, "constant", "dense<0.1> : " + typeOf(result));
    return make(result, "mul", dot.name + ", " + scale.name + " : " + typeOf(result));
  }
}

void Writer::softmax(const Value &x) {
  if (x.shape.empty())
    return;
  make(x.shape, "softmax",
       x.name + " dim " + std::to_string(x.shape.size() - 1) + " : " + typeOf(x.shape));
}

void Writer::batchOfProducts() {
  Value a = like({6, 40, 24}), b = like({6, 24, 40});
  Shape result{6, 40, 40};
  make(result, "dot_general",
       a.name + ", " + b.name + " batching [0] x [0] contracting [2] x [1] : (" + typeOf(a.shape) +
           ", " + typeOf(b.shape) + ") -> " + typeOf(result));
}

void Writer::convolution() {
  Value x = like({3, 9, 14, 16}), k = like({3, 3, 16, 16});
  bool strided = below(2);
  Shape result = strided ? Shape{3, 5, 7, 16} : x.shape;
  std::string stride = strided ? "2, 2" : "1, 1";
  make(result, "convolution",
       x.name + ", " + k.name +
           " {input_dims = array<i64: 0, 3, 1, 2>, kernel_dims = array<i64: 3, 2, 0, 1>, "
           "output_dims = array<i64: 0, 3, 1, 2>, window_strides = array<i64: " +
           stride +
           ">, padding = array<i64: 1, 1, 1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = "
           "array<i64: 1, 1>} : (" +
           typeOf(x.shape) + ", " + typeOf(k.shape) + ") -> " + typeOf(result));
}

std::string Writer::write(int operations) {
  std::string states, arguments, returned, types, resultTypes;
  std::vector<Value> items;
  for (size_t i = 0, n = 2 + below(3); i < n; ++i) {
    items.push_back({"@s" + std::to_string(i), oneOf(shapes)});
    states += "fluxion.state " + oneOf<std::string>({"param", "slot", "buffer"}) + " " +
              items[i].name + " : " + typeOf(items[i].shape) + "\n";
  }
  // In blocks, operands of every product and convolution are there.
  for (size_t i = 0, n = inBlocks ? shapes.size() : 1 + below(3); i < n; ++i) {
    values.push_back({"%a" + std::to_string(i), inBlocks ? shapes[i] : oneOf(shapes)});
    arguments += (i ? ", " : "") + values.back().name + ": " + typeOf(values.back().shape);
  }
  for (const Value &item : items)
    make(item.shape, "read", item.name + " : " + typeOf(item.shape));
  for (int i = 0; i < operations; ++i) {
    Value x = pick();
    if (inBlocks && below(6) == 0) {
      size_t kind = below(3);
      kind == 0 ? softmax(x) : kind == 1 ? batchOfProducts() : convolution();
      continue;
    }
    size_t kind = below(10);
    kind < 5 ? pointwise(x) : kind < 7 ? reduction(x) : kind < 9 ? shaping(x) : contraction();
  }
  for (const Value &item : items)
    if (below(4))
      body += "    fluxion.write " + item.name + ", " + like(item.shape).name + " : " +
              typeOf(item.shape) + "\n";
  for (size_t i = 0, n = 1 + below(4); i < n; ++i) {
    Value value = pick();
    returned += (i ? ", " : "") + value.name;
    types += (i ? ", " : "") + typeOf(value.shape);
  }
  return states + "func.func @step(" + arguments + ") -> (" + types +
         ") attributes {fluxion.entry} {\n" + body + "    return " + returned + " : " + types +
         "\n}\n";
}

} // namespace

std::string randomProgram(unsigned seed, int operations, ProgramSizes sizes) {
  return Writer(seed, sizes).write(operations);
}
