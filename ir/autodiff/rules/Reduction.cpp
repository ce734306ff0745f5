// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Reduction.h"

#include "ir/ops/Elementwise.h"

using namespace mlir;
using namespace fluxion::ir;

using Cotangents = SmallVector<Value>;

namespace {

// Product of all other elements along the reduced dimensions, exact at zeros: prefix times suffix
// products are avoided by counting zeros.
Expr productOfOthers(Emitter &emit, Expr x, Expr y, ArrayRef<int64_t> dims) {
  Expr zero = emit.like(0, x), one = emit.like(1, x);
  Expr isZero = emit.compare(CompareDirection::EQ, x, zero);
  Expr zeros =
      emit.broadcastReduced(emit.sum(emit.select(isZero, one, zero), dims), x.shape(), dims);
  Expr nonZero = emit.select(isZero, one, x);
  Expr rest = emit.broadcastReduced(emit.reduce(ReduceKind::Prod, nonZero, dims), x.shape(), dims);
  Expr withoutZeros = emit.broadcastReduced(y, x.shape(), dims) / nonZero;
  Expr onlyZero =
      emit.select(emit.and_(isZero, emit.compare(CompareDirection::EQ, zeros, one)), rest, zero);
  return emit.select(emit.compare(CompareDirection::EQ, zeros, zero), withoutZeros, onlyZero);
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
    return {dy * productOfOthers(emit, x, emit(getY()), getDims())};
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
