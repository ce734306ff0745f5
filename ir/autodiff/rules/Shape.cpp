// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Adjoints of data movement: each is the transpose of a selection matrix.
#include "ir/ops/Shape.h"

#include "ir/ops/Elementwise.h"

using namespace mlir;
using namespace fluxion::ir;

using Cotangents = SmallVector<Value>;

// y = reshape x  =>  dx = reshape dy
Cotangents ReshapeOp::adjoint(Emitter &emit, ValueRange grads) {
  return {emit.reshape(emit(grads[0]), getX().getType().getShape())};
}

// y = transpose x by p  =>  dx = transpose dy by the inverse of p
Cotangents TransposeOp::adjoint(Emitter &emit, ValueRange grads) {
  SmallVector<int64_t> inverse(getPermutation().size());
  for (auto [to, from] : llvm::enumerate(getPermutation()))
    inverse[from] = to;
  return {emit.transpose(emit(grads[0]), inverse)};
}

// y repeats x  =>  dx sums dy over what repeats
Cotangents BroadcastInDimOp::adjoint(Emitter &emit, ValueRange grads) {
  auto x = getX().getType();
  SmallVector<int64_t> summed;
  for (int64_t d = 0; d < getType().getRank(); ++d) {
    auto at = llvm::find(getDims(), d);
    if (at == getDims().end() ||
        (x.getDimSize(at - getDims().begin()) == 1 && getType().getDimSize(d) != 1))
      summed.push_back(d);
  }
  return {emit.reshape(emit.sum(emit(grads[0]), summed), x.getShape())};
}

// y = slice x  =>  dx = dy among zeros
Cotangents SliceOp::adjoint(Emitter &emit, ValueRange grads) {
  SmallVector<int64_t> low(getStart()), high, interior;
  for (int64_t d = 0; d < getType().getRank(); ++d) {
    int64_t count = getType().getDimSize(d), spread = count ? (count - 1) * getStride()[d] + 1 : 0;
    if (!count)
      low[d] = 0;
    interior.push_back(getStride()[d] - 1);
    high.push_back(getX().getType().getDimSize(d) - low[d] - spread);
  }
  return {emit.pad(emit(grads[0]), 0, low, high, interior)};
}

// y = pad x with v  =>  dx = the part of dy that x fills, dv = sum of the rest
Cotangents PadOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr dy = emit(grads[0]);
  int64_t rank = getType().getRank();
  // Undo the edges (a negative pad crops, a crop pads), then the interior.
  SmallVector<int64_t> low, high, none(rank, 0), start(rank, 0), limit, stride;
  for (int64_t d = 0; d < rank; ++d) {
    low.push_back(-getLow()[d]);
    high.push_back(-getHigh()[d]);
    int64_t size = getX().getType().getDimSize(d);
    stride.push_back(getInterior()[d] + 1);
    limit.push_back(size ? (size - 1) * stride.back() + 1 : 0);
  }
  Expr dx = emit.slice(emit.pad(dy, 0, low, high, none), start, limit, stride);
  SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  Expr filled = emit.pad(emit.zeros(getX().getType()), 1, getLow(), getHigh(), getInterior());
  Expr padding = emit.compare(CompareDirection::NE, filled, emit.like(0, filled));
  return {dx, emit.sum(emit.select(padding, dy, emit.like(0, dy)), all)};
}

// y = x_0, x_1, ... along a dimension  =>  dx_i = slice of dy
Cotangents ConcatenateOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr dy = emit(grads[0]);
  SmallVector<int64_t> start(getType().getRank(), 0), limit(getType().getShape()),
      stride(getType().getRank(), 1);
  Cotangents result;
  for (Value x : getXs()) {
    limit[getDim()] = start[getDim()] + cast<RankedTensorType>(x.getType()).getDimSize(getDim());
    result.push_back(emit.slice(dy, start, limit, stride));
    start[getDim()] = limit[getDim()];
  }
  return result;
}

// y = reverse x  =>  dx = reverse dy
Cotangents ReverseOp::adjoint(Emitter &emit, ValueRange grads) {
  return {ReverseOp::create(emit.builder, emit.loc, getType(), grads[0], getDims())};
}
