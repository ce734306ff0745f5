// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/autodiff/RandomGraph.h"

#include "ir/ops/Ops.h"

#include <numeric>
#include <random>

using namespace mlir;
using namespace fluxion::ir;

namespace fluxion_testing {
namespace {

constexpr int64_t mostElements = 360;

// `exact`: elements of the inputs, unrounded. Only these are compared with each other, since a
// difference of rounding must not decide.
struct Node {
  Expr value;
  bool exact;
};

class Grower {
public:
  Grower(unsigned seed, Emitter &emit) : random(seed), emit(emit) {}
  Values grow(ArrayRef<Expr> inputs, int operations);

private:
  std::mt19937 random;
  Emitter &emit;
  std::vector<Node> nodes;

  int64_t below(int64_t n) { return (int64_t)(random() % (uint64_t)n); }
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
  void add(Expr value, bool exact = false) {
    if (value.type().getNumElements() <= mostElements)
      nodes.push_back({value, exact});
  }
  // Recent values more often, so that chains get long.
  Node pick(bool exact = false) {
    std::vector<Node> candidates;
    llvm::copy_if(nodes, std::back_inserter(candidates),
                  [&](const Node &n) { return n.exact || !exact; });
    size_t recent = below(3) ? std::min<size_t>(candidates.size(), 5) : candidates.size();
    return candidates[candidates.size() - 1 - below((int64_t)recent)];
  }
  // Another value of this shape: there already, or made by repeating or cutting one.
  Expr like(Expr x, bool exact = false);
  Expr small(Expr x) { return emit.tanh(x); }
  Shape somePermutation(size_t rank);
  Shape someDims(size_t rank);
  Expr indices(int64_t count, int64_t size);

  void unary(), binary(), decision(), reduction(), broadcast(), movement(), edges(), contraction(),
      convolution(), window(), normalisation(), indexing(), checkpoint();
};

Shape Grower::somePermutation(size_t rank) {
  Shape permutation(rank);
  std::iota(permutation.begin(), permutation.end(), 0);
  for (size_t i = rank; i > 1; --i)
    std::swap(permutation[i - 1], permutation[below((int64_t)i)]);
  return permutation;
}

Shape Grower::someDims(size_t rank) {
  Shape dims;
  for (size_t d = 0; d < rank; ++d)
    if (below(2))
      dims.push_back((int64_t)d);
  return dims;
}

Expr Grower::like(Expr x, bool exact) {
  std::vector<Expr> same;
  for (const Node &node : nodes)
    if (node.value.shape() == x.shape() && (node.exact || !exact))
      same.push_back(node.value);
  if (same.size() > 1 || below(2))
    return same.empty() ? x : same[below((int64_t)same.size())];
  return emit(ReverseOp::create(emit.builder, emit.loc, x.type(), x, someDims(x.shape().size())));
}

void Grower::unary() {
  Expr x = pick().value;
  switch (below(9)) {
  case 0:
    return add(emit.tanh(x));
  case 1:
    return add(emit.sin(x));
  case 2:
    return add(emit.erf(x));
  case 3:
    return add(emit.sigmoid(x));
  case 4:
    return add(emit.exp(small(x)));
  case 5:
    return add(emit.log(x * x + 1.0));
  case 6:
    return add(emit.rsqrt(x * x + 1.0));
  case 7:
    return add(emit(GeluOp::create(emit.builder, emit.loc, x.type(), x)));
  default:
    return add(x * 0.5 - 0.25);
  }
}

void Grower::binary() {
  Expr x = pick().value, y = like(x);
  switch (below(6)) {
  case 0:
    return add(x + y);
  case 1:
    return add(x - y);
  case 2:
    return add(small(x) * y);
  case 3:
    return add(x / (y * y + 1.0));
  case 4:
    return add(emit(Atan2Op::create(emit.builder, emit.loc, x.type(), x, y * y + 1.0)));
  default:
    return add(emit.pow(y * y + 1.0, small(x)));
  }
}

void Grower::decision() {
  Node x = pick(true);
  Expr y = like(x.value, true);
  switch (below(5)) {
  case 0:
    return add(emit.max(x.value, y), true);
  case 1:
    return add(emit.min(x.value, y), true);
  case 2:
    return add(emit(ReluOp::create(emit.builder, emit.loc, y.type(), y)), true);
  case 3:
    return add(emit(ClampOp::create(emit.builder, emit.loc, y.type(), emit.like(-0.7, y), y,
                                    emit.like(0.9, y))),
               true);
  default:
    Expr first = like(x.value), second = like(x.value);
    return add(emit.select(emit.compare(CompareDirection::LT, x.value, y), first,
                           emit.sqrt(second * second + 0.5)));
  }
}

void Grower::reduction() {
  bool extremum = below(3) == 0;
  Node x = pick(extremum);
  Shape dims = someDims(x.value.shape().size());
  if (extremum)
    return add(emit.reduce(below(2) ? ReduceKind::Max : ReduceKind::Min, x.value, dims), true);
  if (below(6) == 0)
    return add(emit.reduce(ReduceKind::Prod, emit.sigmoid(x.value) + 0.5, dims));
  Expr sum = emit.sum(x.value, dims);
  Expr mean = sum * ((double)sum.type().getNumElements() / (double)x.value.type().getNumElements());
  add(mean);
  if (below(2))
    add(x.value - emit.broadcastReduced(mean, x.value.shape(), dims));
}

void Grower::broadcast() {
  Node x = pick();
  Shape shape, dims;
  for (int64_t size : x.value.shape()) {
    if (below(3) == 0)
      shape.push_back(between(1, 4));
    dims.push_back((int64_t)shape.size());
    shape.push_back(size == 1 && below(2) ? between(1, 5) : size);
  }
  if (shape.size() < 4 && below(2))
    shape.push_back(between(2, 9));
  if (std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>()) <= mostElements)
    add(emit.broadcast(x.value, shape, dims), x.exact);
}

void Grower::movement() {
  Node x = pick();
  Shape shape(x.value.shape());
  switch (below(4)) {
  case 0:
    return add(emit.transpose(x.value, somePermutation(shape.size())), x.exact);
  case 1: { // two neighbours joined, or one split
    if (shape.size() > 1 && below(2)) {
      int64_t d = below((int64_t)shape.size() - 1);
      shape[d] *= shape[d + 1];
      shape.erase(shape.begin() + d + 1);
    } else if (!shape.empty()) {
      int64_t d = below((int64_t)shape.size()), factor = between(1, 3);
      if (shape[d] % factor)
        return;
      shape[d] /= factor;
      shape.insert(shape.begin() + d, factor);
    }
    return add(emit.reshape(x.value, shape), x.exact);
  }
  case 2:
    return add(emit(ReverseOp::create(emit.builder, emit.loc, x.value.type(), x.value,
                                      someDims(shape.size()))),
               x.exact);
  default: {
    if (shape.empty())
      return;
    SmallVector<Value> parts{x.value, like(x.value), x.value};
    parts.resize(1 + below(3));
    return add(
        emit(ConcatenateOp::create(emit.builder, emit.loc, parts, below((int64_t)shape.size()))));
  }
  }
}

void Grower::edges() {
  Node x = pick();
  Shape start, limit, stride, low, high, interior;
  for (int64_t size : x.value.shape()) {
    start.push_back(below(size));
    limit.push_back(between(start.back() + 1, size));
    stride.push_back(between(1, 2));
    low.push_back(between(size > 1 ? -1 : 0, 2));
    high.push_back(between(0, 2));
    interior.push_back(below(4) ? 0 : 1);
  }
  if (below(2))
    return add(emit.slice(x.value, start, limit, stride), x.exact);
  Expr value = emit.sum(pick().value, {});
  SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, (int64_t)value.shape().size()));
  add(emit(PadOp::create(emit.builder, emit.loc, x.value, small(emit.sum(value, all)), low, high,
                         interior)));
}

// Pairs of equal sizes are batched, contracted or left alone.
void Grower::contraction() {
  Expr a = pick().value, b = pick().value;
  Shape batchA, batchB, contractA, contractB;
  for (int64_t i : somePermutation(a.shape().size()))
    for (int64_t j : somePermutation(b.shape().size())) {
      if (a.shape()[i] != b.shape()[j] || llvm::is_contained(batchB, j) ||
          llvm::is_contained(contractB, j))
        continue;
      int64_t role = below(3);
      if (role == 0)
        batchA.push_back(i), batchB.push_back(j);
      else
        contractA.push_back(i), contractB.push_back(j);
      break;
    }
  int64_t elements = 1, depth = 1;
  for (int64_t d = 0; d < (int64_t)a.shape().size(); ++d)
    (llvm::is_contained(contractA, d) ? depth : elements) *= a.shape()[d];
  for (int64_t d = 0; d < (int64_t)b.shape().size(); ++d)
    if (!llvm::is_contained(contractB, d) && !llvm::is_contained(batchB, d))
      elements *= b.shape()[d];
  if (elements <= mostElements)
    add(emit(DotGeneralOp::create(emit.builder, emit.loc, small(a), b, batchA, batchB, contractA,
                                  contractB)) *
        (1.0 / (double)depth));
}

void Grower::convolution() {
  Expr x = pick().value, w = pick().value;
  int64_t features = between(1, 4), inputs = between(1, 3), size = between(4, 7),
          taps = between(1, 3);
  auto shaped = [&](Expr from, Shape shape) { // repeats the first element or the mean
    SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, (int64_t)from.shape().size()));
    int64_t count = from.type().getNumElements();
    int64_t wanted = std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
    if (count < wanted)
      return emit.broadcast(small(emit.sum(from, all)), shape, {}) +
             emit.iota(RankedTensorType::get(shape, from.type().getElementType()), 1) * 0.1;
    return emit.reshape(emit.slice(emit.reshape(from, {count}), {0}, {wanted}, {1}), shape);
  };
  bool last = below(2);
  Shape image = last ? Shape{2, size, size, inputs} : Shape{2, inputs, size, size},
        dims = last ? Shape{0, 3, 1, 2} : Shape{0, 1, 2, 3};
  Shape padding{below(2), below(2), below(2), below(2)}, strides{between(1, 2), between(1, 2)},
      dilation{1, 1};
  Expr y = emit(ConvolutionOp::create(
      emit.builder, emit.loc, shaped(x, image), shaped(w, {features, inputs, taps, taps}), strides,
      padding, dilation, dilation, dims, Shape{0, 1, 2, 3}, dims, 1, 1, false));
  add(y * (1.0 / (double)(inputs * taps * taps)));
}

void Grower::window() {
  bool extremum = below(2);
  Node x = pick(extremum);
  Shape size, strides, padding, dilation;
  for (int64_t extent : x.value.shape()) {
    size.push_back(between(1, std::min<int64_t>(extent, 3)));
    strides.push_back(between(1, 2));
    padding.append({below(size.back()), below(size.back())});
    dilation.push_back(1);
  }
  ReduceKind kind = !extremum ? ReduceKind::Sum : below(2) ? ReduceKind::Max : ReduceKind::Min;
  Expr y = emit(ReduceWindowOp::create(emit.builder, emit.loc, kind, x.value, size, strides,
                                       padding, dilation));
  add(extremum ? y : y * 0.2, extremum);
}

void Grower::normalisation() {
  Expr x = pick().value;
  if (x.shape().empty())
    return;
  int64_t dim = below((int64_t)x.shape().size()), last = x.shape().back();
  switch (below(3)) {
  case 0:
    return add(emit(SoftmaxOp::create(emit.builder, emit.loc, x.type(), x, dim)));
  case 1:
    return add(emit(LogSoftmaxOp::create(emit.builder, emit.loc, x.type(), x, dim)));
  default:
    auto row = RankedTensorType::get({last}, x.type().getElementType());
    return add(
        emit(LayerNormOp::create(emit.builder, emit.loc, x.type(), x, emit.iota(row, 0) * 0.1 + 1.0,
                                 emit.constant(0.1, row), APFloat(0.1))));
  }
}

Expr Grower::indices(int64_t count, int64_t size) {
  std::vector<int32_t> positions;
  for (int64_t i = 0; i < count; ++i)
    positions.push_back((int32_t)between(-1, size));
  auto type = RankedTensorType::get({count}, emit.builder.getI32Type());
  return emit(ConstantOp::create(emit.builder, emit.loc,
                                 DenseElementsAttr::get(type, ArrayRef<int32_t>(positions))));
}

void Grower::indexing() {
  Node x = pick();
  if (x.value.shape().empty())
    return;
  int64_t axis = below((int64_t)x.value.shape().size());
  Expr where = indices(between(1, 6), x.value.shape()[axis]);
  Expr taken = emit(GatherOp::create(emit.builder, emit.loc, x.value, where, axis));
  if (below(2))
    return add(taken, x.exact);
  add(emit(ScatterOp::create(emit.builder, emit.loc, like(x.value), where, small(taken), axis)));
}

void Grower::checkpoint() {
  Expr x = pick().value, y = like(x);
  auto op = CheckpointOp::create(emit.builder, emit.loc, TypeRange{x.type()}, ValueRange{x, y});
  fillRegion(emit, op.getBody(), {x.type(), y.type()}, [](Emitter &e, ValueRange in) -> Values {
    return {e.sin(e.tanh(e(in[0])) * e(in[1])) + e(in[0])};
  });
  add(emit(op.getResults()[0]));
}

Values Grower::grow(ArrayRef<Expr> inputs, int operations) {
  using Rule = void (Grower::*)();
  constexpr Rule rules[] = {
      &Grower::unary,     &Grower::unary,         &Grower::binary,      &Grower::binary,
      &Grower::binary,    &Grower::decision,      &Grower::reduction,   &Grower::reduction,
      &Grower::broadcast, &Grower::broadcast,     &Grower::movement,    &Grower::movement,
      &Grower::edges,     &Grower::contraction,   &Grower::contraction, &Grower::convolution,
      &Grower::window,    &Grower::normalisation, &Grower::indexing,    &Grower::checkpoint};
  for (Expr x : inputs)
    nodes.push_back({x, true});
  for (int i = 0; i < operations; ++i)
    (this->*rules[below(std::size(rules))])();
  Values results{nodes.back().value};
  for (int64_t i = 0, more = below(3); i < more; ++i)
    results.push_back(pick().value);
  return results;
}

} // namespace

GradientCase randomGraph(unsigned seed, int operations, int order) {
  std::mt19937 random(seed);
  const std::vector<Shape> shapes = {{4, 6},    {6},          {},   {6, 4},
                                     {3, 4, 6}, {1, 5},       {17}, {2, 5, 5, 3},
                                     {4, 17},   {2, 3, 2, 4}, {33}, {3, 1, 4}};
  GradientCase c;
  c.name = "seed_" + std::to_string(seed);
  c.order = order;
  for (uint32_t i = 0, n = 2 + random() % 3; i < n; ++i)
    c.inputs.push_back({shapes[random() % shapes.size()]});
  c.build = [seed, operations](Emitter &emit, ArrayRef<Expr> x) {
    return Grower(seed, emit).grow(x, operations);
  };
  return c;
}

} // namespace fluxion_testing
