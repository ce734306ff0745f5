// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Reduction.h"

#include "ir/ops/Elementwise.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion::ir;

using Cotangents = SmallVector<Value>;

namespace {

Expr columns(Emitter &emit, Expr x, int64_t from, int64_t to) {
  return emit.slice(x, {0, from}, {x.shape()[0], to}, {1, 1});
}
Expr joined(Emitter &emit, ArrayRef<Expr> parts) {
  SmallVector<Value> present;
  for (Expr part : parts)
    if (part.shape()[1])
      present.push_back(part);
  return emit(ConcatenateOp::create(emit.builder, emit.loc, present, 1));
}

// In each row, the product of all other elements: up a tree of products of two halves, then down
// it, where each half gets its sibling as a factor. No division, so zeros are nothing special.
Expr productOfOthers(Emitter &emit, Expr rows) {
  SmallVector<Expr> levels{rows};
  auto half = [](Expr x) { return x.shape()[1] / 2; };
  while (levels.back().shape()[1] > 1) {
    Expr x = levels.back();
    int64_t h = half(x);
    levels.push_back(joined(emit, {columns(emit, x, 0, h) * columns(emit, x, h, 2 * h),
                                   columns(emit, x, 2 * h, x.shape()[1])}));
  }
  Expr others = emit.like(1, levels.pop_back_val());
  for (Expr x : llvm::reverse(levels)) {
    int64_t h = half(x);
    Expr pair = columns(emit, others, 0, h);
    others = joined(emit, {pair * columns(emit, x, h, 2 * h), pair * columns(emit, x, 0, h),
                           columns(emit, others, h, others.shape()[1])});
  }
  return others;
}

// The same along any dimensions.
Expr productOfOthers(Emitter &emit, Expr x, ArrayRef<int64_t> dims) {
  if (x.type().getNumElements() == 0)
    return x;
  SmallVector<int64_t> permutation, inverse(x.shape().size()), shape;
  for (int64_t d = 0; d < (int64_t)x.shape().size(); ++d)
    if (!llvm::is_contained(dims, d))
      permutation.push_back(d);
  int64_t rows = 1;
  for (int64_t d : permutation)
    rows *= x.shape()[d];
  llvm::append_range(permutation, dims);
  for (auto [to, from] : llvm::enumerate(permutation)) {
    inverse[from] = to;
    shape.push_back(x.shape()[from]);
  }
  Expr flat =
      emit.reshape(emit.transpose(x, permutation), {rows, x.type().getNumElements() / rows});
  return emit.transpose(emit.reshape(productOfOthers(emit, flat), shape), inverse);
}

} // namespace

// sum: dx = dy.  prod: dx = dy * product of the others.  max, min: dy shared evenly by the winners.
Cotangents ReduceOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX());
  if (!isa<FloatType>(x.type().getElementType()))
    return {Value()};
  Expr dy = emit.broadcastReduced(emit(grads[0]), x.shape(), getDims());
  switch (getKind()) {
  case ReduceKind::Sum:
    return {dy};
  case ReduceKind::Prod:
    return {dy * productOfOthers(emit, x, getDims())};
  case ReduceKind::Max:
  case ReduceKind::Min: {
    Expr zero = emit.like(0, x), one = emit.like(1, x);
    Expr wins = emit.compare(CompareDirection::EQ, x,
                             emit.broadcastReduced(emit(getY()), x.shape(), getDims()));
    Expr winners = emit.broadcastReduced(emit.sum(emit.select(wins, one, zero), getDims()),
                                         x.shape(), getDims());
    return {emit.select(wins, dy / winners, zero)};
  }
  case ReduceKind::And:
  case ReduceKind::Or:
    return {Value()};
  }
  return {Value()};
}

namespace {

// Sum windows transposed: spread dy by the stride, then sum the window back over it.
Value sumWindowCotangent(Emitter &emit, ReduceWindowOp op, Value dy) {
  int64_t rank = op.getX().getType().getRank();
  SmallVector<int64_t> low, high, interior, ones(rank, 1), none(2 * rank, 0),
      window(op.getWindow()), dilation(op.getDilation());
  for (int64_t d = 0; d < rank; ++d) {
    int64_t span = (window[d] - 1) * dilation[d], stride = op.getStrides()[d];
    int64_t spread = (op.getY().getType().getDimSize(d) - 1) * stride + 1;
    low.push_back(span - op.getPadding()[2 * d]);
    interior.push_back(stride - 1);
    high.push_back(op.getX().getType().getDimSize(d) + span - spread - low.back());
  }
  Expr spreadOut = emit.pad(emit(dy), 0, low, high, interior);
  return ReduceWindowOp::create(emit.builder, emit.loc, ReduceKind::Sum, spreadOut, window, ones,
                                none, dilation);
}

} // namespace

// sum: transposed window sum.  max, min: dy goes to the first winner of its window.
Cotangents ReduceWindowOp::adjoint(Emitter &emit, ValueRange grads) {
  if (!isa<FloatType>(getX().getType().getElementType()))
    return {Value()};
  if (getKind() == ReduceKind::Sum)
    return {sumWindowCotangent(emit, *this, grads[0])};
  Expr x = emit(getX());
  Value index =
      WindowArgmaxOp::create(emit.builder, emit.loc, getKind() == ReduceKind::Min ? -x : x,
                             getWindow(), getStrides(), getPadding(), getDilation());
  return {WindowScatterOp::create(emit.builder, emit.loc, x.type(), grads[0], index, getWindow(),
                                  getStrides(), getPadding(), getDilation())};
}

// y = x at positions  =>  dx = dy scattered to the positions
Cotangents WindowGatherOp::adjoint(Emitter &emit, ValueRange grads) {
  return {WindowScatterOp::create(emit.builder, emit.loc, getX().getType(), grads[0], getIndex(),
                                  getWindow(), getStrides(), getPadding(), getDilation()),
          Value()};
}

// x = y scattered to positions  =>  dy = dx at the positions
Cotangents WindowScatterOp::adjoint(Emitter &emit, ValueRange grads) {
  return {WindowGatherOp::create(emit.builder, emit.loc, grads[0], getIndex(), getWindow(),
                                 getStrides(), getPadding(), getDilation()),
          Value()};
}
