// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Shape operations, reductions, contractions, windows, indexing, random numbers.
#include "frontend/dsl/Trace.h"

#include <set>

using namespace mlir;

namespace fluxion {
using namespace dsl;

namespace {
Value valueOf(Tensor x, Loc loc) { return Trace::current(loc).value(x, loc); }
std::string shapeText(const Shape &shape) {
  std::string text = "[";
  for (size_t d = 0; d < shape.size(); ++d)
    text += (d ? ", " : "") + std::to_string(shape[d]);
  return text + "]";
}
Shape repeated(const Shape &values, size_t count, const char *what, Loc loc) {
  if (values.size() == 1)
    return Shape(count, values[0]);
  if (values.size() != count)
    throw Error("rank-mismatch",
                std::string(what) + " has " + std::to_string(values.size()) + " entries for " +
                    std::to_string(count) + " spatial dimensions",
                loc, {}, "give one number for all dimensions, or one for each");
  return values;
}
} // namespace

Tensor reshape(Tensor x, Shape shape, Loc loc) {
  int64_t known = 1, open = -1;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == -1 && open < 0)
      open = (int64_t)d;
    else if (shape[d] < 0)
      throw Error("bad-shape", "reshape to " + shapeText(shape), loc, {},
                  "at most one size may be -1, the others are at least 0");
    else
      known *= shape[d];
  }
  int64_t elements = x.type(loc).elements();
  if (open >= 0 && known > 0 && elements % known == 0)
    shape[open] = elements / known, known = elements;
  if (known != elements)
    throw Error("shape-mismatch",
                "reshape of " + x.type(loc).str() + " with " + std::to_string(elements) +
                    " elements to " + shapeText(shape),
                loc, {"the input is " + describe(x)},
                "the sizes must multiply to " + std::to_string(elements));
  return shape == x.shape(loc)
             ? x
             : emitTyped<ir::ReshapeOp>(loc, {x.dtype(loc), shape}, valueOf(x, loc));
}

Tensor transpose(Tensor x, Shape permutation, Loc loc) {
  if (permutation.empty())
    for (int64_t d = x.rank(loc) - 1; d >= 0; --d)
      permutation.push_back(d);
  return emit<ir::TransposeOp>(loc, valueOf(x, loc), permutation);
}

Tensor broadcast_in_dim(Tensor x, Shape shape, Shape dims, Loc loc) {
  bool fits = (int64_t)dims.size() == x.rank(loc);
  for (size_t i = 0; fits && i < dims.size(); ++i)
    fits = dims[i] >= 0 && dims[i] < (int64_t)shape.size() && (i == 0 || dims[i - 1] < dims[i]) &&
           (x.dim(i, loc) == 1 || x.dim(i, loc) == shape[dims[i]]);
  if (!fits)
    throw Error("shape-mismatch",
                "broadcast_in_dim of " + x.type(loc).str() + " to " + shapeText(shape) + " along " +
                    shapeText(dims),
                loc, {"the input is " + describe(x)},
                "give each input dimension an increasing result dimension of its size, or size 1");
  return x.shape(loc) == shape
             ? x
             : emitTyped<ir::BroadcastInDimOp>(loc, {x.dtype(loc), shape}, valueOf(x, loc), dims);
}

Tensor broadcast_to(Tensor x, Shape shape, Loc loc) {
  Shape dims;
  for (int64_t d = 0; d < x.rank(loc); ++d)
    dims.push_back((int64_t)shape.size() - x.rank(loc) + d);
  return broadcast_in_dim(x, shape, dims, loc);
}

Tensor slice(Tensor x, Shape start, Shape limit, Shape stride, Loc loc) {
  if (stride.empty())
    stride.assign(x.rank(loc), 1);
  return emit<ir::SliceOp>(loc, valueOf(x, loc), start, limit, stride);
}

Tensor pad(Tensor x, double value, Shape low, Shape high, Shape interior, Loc loc) {
  if (interior.empty())
    interior.assign(x.rank(loc), 0);
  return emit<ir::PadOp>(loc, valueOf(x, loc), valueOf(full({x.dtype(loc), {}}, value, loc), loc),
                         low, high, interior);
}

Tensor concatenate(std::vector<Tensor> xs, int64_t axis, Loc loc) {
  if (xs.empty())
    throw Error("no-tensor", "concatenate of nothing", loc, {}, "give at least one tensor");
  SmallVector<Value> values;
  for (Tensor x : xs)
    values.push_back(valueOf(x, loc));
  return emit<ir::ConcatenateOp>(loc, ValueRange(values),
                                 axisOf(axis, xs[0].rank(loc), "concatenate", loc));
}

Tensor stack(std::vector<Tensor> xs, int64_t axis, Loc loc) {
  for (Tensor &x : xs)
    x = expand_dims(x, axis, loc);
  return concatenate(xs, axis, loc);
}

Tensor reverse(Tensor x, Shape dims, Loc loc) {
  return emitTyped<ir::ReverseOp>(loc, x.type(loc), valueOf(x, loc),
                                  axesOf(dims, x.rank(loc), "reverse", loc));
}

Tensor expand_dims(Tensor x, int64_t axis, Loc loc) {
  Shape shape = x.shape(loc);
  shape.insert(shape.begin() + axisOf(axis, x.rank(loc) + 1, "expand_dims", loc), 1);
  return reshape(x, shape, loc);
}

Tensor squeeze(Tensor x, int64_t axis, Loc loc) {
  Shape shape = x.shape(loc);
  axis = axisOf(axis, x.rank(loc), "squeeze", loc);
  if (shape[axis] != 1)
    throw Error("shape-mismatch",
                "squeeze of dimension " + std::to_string(axis) + " of " + x.type(loc).str(), loc,
                {"the input is " + describe(x)}, "only a dimension of size 1 can be dropped");
  shape.erase(shape.begin() + axis);
  return reshape(x, shape, loc);
}

// Reduction.

namespace {

Tensor reduce(ir::ReduceKind kind, const char *op, Tensor x, Shape axes, ReduceOptions options,
              Loc loc) {
  axes = axesOf(std::move(axes), x.rank(loc), op, loc);
  Tensor y = axes.empty() ? x : emit<ir::ReduceOp>(loc, kind, valueOf(x, loc), axes);
  if (!options.keepdims)
    return y;
  Shape kept = x.shape(loc);
  for (int64_t axis : axes)
    kept[axis] = 1;
  return reshape(y, kept, loc);
}

} // namespace

Tensor sum(Tensor x, Shape axes, ReduceOptions options, Loc loc) {
  return reduce(ir::ReduceKind::Sum, "sum", x, axes, options, loc);
}
Tensor prod(Tensor x, Shape axes, ReduceOptions options, Loc loc) {
  return reduce(ir::ReduceKind::Prod, "prod", x, axes, options, loc);
}
Tensor reduce_max(Tensor x, Shape axes, ReduceOptions options, Loc loc) {
  return reduce(ir::ReduceKind::Max, "reduce_max", x, axes, options, loc);
}
Tensor reduce_min(Tensor x, Shape axes, ReduceOptions options, Loc loc) {
  return reduce(ir::ReduceKind::Min, "reduce_min", x, axes, options, loc);
}

Tensor mean(Tensor x, Shape axes, ReduceOptions options, Loc loc) {
  if (!isFloat(x.dtype(loc)))
    throw Error("dtype-mismatch", "mean of " + x.type(loc).str(), loc,
                {"the input is " + describe(x)}, "convert it first: convert(x, f32)");
  axes = axesOf(std::move(axes), x.rank(loc), "mean", loc);
  double count = 1;
  for (int64_t axis : axes)
    count *= double(x.dim(axis, loc));
  return mul({sum(x, axes, options, loc), loc}, {1 / count, loc});
}
Tensor var(Tensor x, Shape axes, ReduceOptions options, Loc loc) {
  Tensor centred = sub({x, loc}, {mean(x, axes, {.keepdims = true}, loc), loc});
  return mean(square(centred, loc), axes, options, loc);
}
Tensor logsumexp(Tensor x, Shape axes, ReduceOptions options, Loc loc) {
  Tensor top = stop_gradient(reduce_max(x, axes, {.keepdims = true}, loc), loc);
  Tensor total = log(sum(exp(sub({x, loc}, {top, loc}), loc), axes, {.keepdims = true}, loc), loc);
  Tensor y = add({total, loc}, {top, loc});
  return options.keepdims ? y : reshape(y, sum(x, axes, {}, loc).shape(loc), loc);
}
Tensor argmax(Tensor x, int64_t axis, Loc loc) {
  return emit<ir::ArgmaxOp>(loc, valueOf(x, loc), axisOf(axis, x.rank(loc), "argmax", loc));
}
Tensor argmin(Tensor x, int64_t axis, Loc loc) {
  return emit<ir::ArgminOp>(loc, valueOf(x, loc), axisOf(axis, x.rank(loc), "argmin", loc));
}

// Contraction.

Tensor dot_general(Tensor x, Tensor y, DotDims dims, Loc loc) {
  return emit<ir::DotGeneralOp>(loc, valueOf(x, loc), valueOf(y, loc), dims.lhs_batching,
                                dims.rhs_batching, dims.lhs_contracting, dims.rhs_contracting);
}

Tensor dot(Tensor x, Tensor y, Loc loc) {
  if (x.rank(loc) != 1 || y.rank(loc) != 1 || x.shape(loc) != y.shape(loc))
    throw Error("shape-mismatch", "dot of " + x.type(loc).str() + " and " + y.type(loc).str(), loc,
                {"the left side is " + describe(x), "the right side is " + describe(y)},
                "dot takes two vectors of one length; matmul takes matrices");
  return dot_general(x, y, {.lhs_contracting = {0}, .rhs_contracting = {0}}, loc);
}

Tensor matmul(Tensor x, Tensor y, Loc loc) {
  int64_t r = x.rank(loc), s = y.rank(loc);
  bool fits = r >= 2 && s >= 2 && (r == s || s == 2) && x.dim(-1, loc) == y.dim(-2, loc);
  for (int64_t d = 0; fits && s > 2 && d < r - 2; ++d)
    fits = x.dim(d, loc) == y.dim(d, loc);
  if (!fits)
    throw Error("shape-mismatch", "matmul of " + x.type(loc).str() + " and " + y.type(loc).str(),
                loc, {"the left side is " + describe(x), "the right side is " + describe(y)},
                "the last size on the left must equal the last but one on the right, leading sizes "
                "must agree");
  DotDims dims{.lhs_contracting = {r - 1}, .rhs_contracting = {s - 2}};
  for (int64_t d = 0; s > 2 && d < r - 2; ++d) {
    dims.lhs_batching.push_back(d);
    dims.rhs_batching.push_back(d);
  }
  return dot_general(x, y, dims, loc);
}

Tensor einsum(const std::string &spaced, Tensor x, Tensor y, Loc loc) {
  std::string equation = spaced;
  std::erase(equation, ' ');
  auto repeats = [](const std::string &letters) {
    return std::set<char>(letters.begin(), letters.end()).size() != letters.size();
  };
  auto refuse = [&](const std::string &why) {
    throw Error("bad-einsum", "einsum(\"" + equation + "\") " + why, loc,
                {"the left side is " + describe(x), "the right side is " + describe(y)},
                "write it as \"ij,jk->ik\", each letter at most once an operand");
  };
  size_t comma = equation.find(','), arrow = equation.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || comma > arrow)
    refuse("needs a comma and an arrow");
  std::string a = equation.substr(0, comma), b = equation.substr(comma + 1, arrow - comma - 1),
              out = equation.substr(arrow + 2);
  if ((int64_t)a.size() != x.rank(loc) || (int64_t)b.size() != y.rank(loc))
    refuse("does not have the operands' ranks");
  if (repeats(a) || repeats(b) || repeats(out))
    refuse("repeats a letter");
  DotDims dims;
  std::string order;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t j = b.find(a[i]);
    if (j != std::string::npos && out.find(a[i]) != std::string::npos) {
      dims.lhs_batching.push_back((int64_t)i);
      dims.rhs_batching.push_back((int64_t)j);
      order += a[i];
    } else if (j != std::string::npos) {
      dims.lhs_contracting.push_back((int64_t)i);
      dims.rhs_contracting.push_back((int64_t)j);
    }
  }
  for (char letter : a)
    if (b.find(letter) == std::string::npos)
      order += letter;
  for (char letter : b)
    if (a.find(letter) == std::string::npos)
      order += letter;
  Shape permutation;
  for (char letter : out) {
    size_t at = order.find(letter);
    if (at == std::string::npos)
      refuse(std::string("has no '") + letter + "' on the left");
    permutation.push_back((int64_t)at);
  }
  if (out.size() != order.size())
    refuse("must keep every letter that only one operand has");
  return transpose(dot_general(x, y, dims, loc), permutation, loc);
}

// Convolution and windows.

namespace {

Shape upTo(int64_t count) {
  Shape dims;
  for (int64_t d = 0; d < count; ++d)
    dims.push_back(d);
  return dims;
}

Shape windowOver(Tensor x, const Shape &sizes, int64_t filler) {
  Shape full(2, filler);
  full.insert(full.end(), sizes.begin(), sizes.end());
  return full;
}

template <typename Op>
Tensor pool(const char *op, Tensor x, const PoolOptions &options, Loc loc, bool countPadding) {
  if (x.rank(loc) < 3)
    throw Error("rank-mismatch",
                std::string(op) + " expects [N, C, spatial...], but got " + x.type(loc).str(), loc,
                {"the input is " + describe(x)},
                "reshape the input to have channels and spatial dimensions");
  size_t spatial = x.rank(loc) - 2;
  Shape window = repeated(options.window, spatial, "window", loc);
  Shape stride = options.stride.empty() || options.stride == Shape{0}
                     ? window
                     : repeated(options.stride, spatial, "stride", loc);
  Shape padding(4, 0);
  for (int64_t p : repeated(options.pad, spatial, "pad", loc))
    padding.insert(padding.end(), {p, p});
  Shape windows = windowOver(x, window, 1), strides = windowOver(x, stride, 1);
  if constexpr (std::same_as<Op, ir::AvgPoolOp>)
    return emit<Op>(loc, valueOf(x, loc), windows, strides, padding, countPadding);
  else
    return emit<Op>(loc, valueOf(x, loc), windows, strides, padding);
}

} // namespace

Tensor convolution(Tensor x, Tensor weight, ConvolutionOptions options, Loc loc) {
  if (x.rank(loc) < 3 || weight.rank(loc) != x.rank(loc) ||
      x.dim(1, loc) != weight.dim(1, loc) * options.groups)
    throw Error("shape-mismatch",
                "convolution of " + x.type(loc).str() + " with a weight " + weight.type(loc).str() +
                    " in " + std::to_string(options.groups) + " groups",
                loc, {"the input is " + describe(x), "the weight is " + describe(weight)},
                "x is [N, C, spatial...], weight is [O, C / groups, spatial...] of the same rank");
  size_t spatial = x.rank(loc) - 2;
  Shape padding;
  for (int64_t p : repeated(options.pad, spatial, "pad", loc))
    padding.insert(padding.end(), {p, p});
  Shape order = upTo(x.rank(loc));
  return emit<ir::ConvolutionOp>(
      loc, valueOf(x, loc), valueOf(weight, loc), repeated(options.stride, spatial, "stride", loc),
      padding, Shape(spatial, 1), repeated(options.dilation, spatial, "dilation", loc), order,
      order, order, options.groups, 1, false);
}

Tensor convolution_transpose(Tensor x, Tensor weight, ConvolutionOptions options, Loc loc) {
  int64_t groups = options.groups;
  if (x.rank(loc) < 3 || weight.rank(loc) != x.rank(loc) || x.dim(1, loc) != weight.dim(0, loc) ||
      groups < 1 || x.dim(1, loc) % groups)
    throw Error(
        "shape-mismatch",
        "convolution_transpose of " + x.type(loc).str() + " with a weight " +
            weight.type(loc).str() + " in " + std::to_string(groups) + " groups",
        loc, {"the input is " + describe(x), "the weight is " + describe(weight)},
        "x is [N, C, spatial...], weight is [C, O / groups, spatial...], and groups divides C");
  if (groups >
      1) { // [g C/g, O/g, ...] becomes [C/g, g O/g, ...], the form of a grouped convolution
    Shape sizes = weight.shape(loc), split = sizes, joined = sizes,
          order = upTo((int64_t)sizes.size() + 1);
    split[0] /= groups;
    split.insert(split.begin(), groups);
    joined[0] /= groups;
    joined[1] *= groups;
    std::swap(order[0], order[1]);
    weight = reshape(transpose(reshape(weight, split, loc), order, loc), joined, loc);
  }
  size_t spatial = x.rank(loc) - 2;
  Shape dilation = repeated(options.dilation, spatial, "dilation", loc),
        pad = repeated(options.pad, spatial, "pad", loc), padding;
  for (size_t d = 0; d < spatial; ++d) {
    int64_t around = (weight.dim(d + 2, loc) - 1) * dilation[d] - pad[d];
    padding.insert(padding.end(), {around, around});
  }
  Shape order = upTo(x.rank(loc)), kernel = order;
  std::swap(kernel[0], kernel[1]);
  return emit<ir::ConvolutionOp>(loc, valueOf(x, loc), valueOf(weight, loc), Shape(spatial, 1),
                                 padding, repeated(options.stride, spatial, "stride", loc),
                                 dilation, order, kernel, order, groups, 1, true);
}

Tensor max_pool(Tensor x, PoolOptions options, Loc loc) {
  return pool<ir::MaxPoolOp>("max_pool", x, options, loc, false);
}
Tensor avg_pool(Tensor x, PoolOptions options, Loc loc) {
  return pool<ir::AvgPoolOp>("avg_pool", x, options, loc, options.count_include_pad);
}

// Indexing, networks, random.

Tensor gather(Tensor x, Tensor indices, int64_t axis, Loc loc) {
  return emit<ir::GatherOp>(loc, valueOf(x, loc), valueOf(indices, loc),
                            axisOf(axis, x.rank(loc), "gather", loc));
}

Tensor scatter(Tensor x, Tensor indices, Tensor updates, int64_t axis, Loc loc) {
  Type expected = gather(x, indices, axis, loc).type(loc);
  if (updates.type(loc) != expected)
    throw Error("shape-mismatch",
                "scatter of updates " + updates.type(loc).str() + " into " + x.type(loc).str(), loc,
                {"the updates are " + describe(updates)},
                "updates must be " + expected.str() + ", what gather gives for these indices");
  return emitTyped<ir::ScatterOp>(loc, x.type(loc), valueOf(x, loc), valueOf(indices, loc),
                                  valueOf(updates, loc), axisOf(axis, x.rank(loc), "scatter", loc));
}

Tensor one_hot(Tensor indices, int64_t classes, DType type, Loc loc) {
  if (isFloat(indices.dtype(loc)))
    throw Error("dtype-mismatch", "one_hot of " + indices.type(loc).str(), loc,
                {"the indices are " + describe(indices)}, "indices are integers: convert(x, i32)");
  Shape shape = indices.shape(loc);
  shape.push_back(classes);
  Tensor hit = eq({iota({indices.dtype(loc), shape}, (int64_t)shape.size() - 1, loc), loc},
                  {expand_dims(indices, -1, loc), loc});
  return convert(hit, type, loc);
}

Tensor softmax(Tensor x, int64_t axis, Loc loc) {
  return emitTyped<ir::SoftmaxOp>(loc, x.type(loc), valueOf(x, loc),
                                  axisOf(axis, x.rank(loc), "softmax", loc));
}
Tensor log_softmax(Tensor x, int64_t axis, Loc loc) {
  return emitTyped<ir::LogSoftmaxOp>(loc, x.type(loc), valueOf(x, loc),
                                     axisOf(axis, x.rank(loc), "log_softmax", loc));
}

namespace {
template <typename Op> Tensor randomTensor(const Type &type, Loc loc) {
  Trace &trace = Trace::current(loc);
  if (!trace.seed)
    throw Error(
        "no-seed", "random numbers in a program without a seed", loc, {},
        "random ops belong to training programs; pass random tensors to a function as inputs");
  int64_t stream = trace.nextStream;
  trace.nextStream += 2; // a normal draw uses two
  return emitTyped<Op>(loc, type, trace.seed, trace.step, stream);
}
} // namespace

Tensor random_uniform(Type type, Loc loc) { return randomTensor<ir::RandomUniformOp>(type, loc); }
Tensor random_normal(Type type, Loc loc) { return randomTensor<ir::RandomNormalOp>(type, loc); }

void check(Tensor pred, const std::string &message, Loc loc) {
  Trace &trace = Trace::current(loc);
  if (pred.type(loc) != Type{DType::i1, {}})
    throw Error("dtype-mismatch",
                "check expects a scalar predicate, but got " + pred.type(loc).str(), loc,
                {"it is " + describe(pred)}, "reduce it to i1[]");
  ir::CheckOp::create(trace.builder, trace.location(loc), trace.value(pred, loc), message);
}

} // namespace fluxion
