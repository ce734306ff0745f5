// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Definitions of the composites in terms of primitives.
#include "ir/ops/NnFormulas.h"

#include "ir/ops/Elementwise.h"
#include "ir/ops/Nn.h"
#include "ir/ops/Random.h"
#include "ir/ops/Reduction.h"

using namespace mlir;
using namespace fluxion::ir;

using Results = SmallVector<Value>;

Expr fluxion::ir::meanOver(Emitter &emit, Expr x, ArrayRef<int64_t> dims) {
  double count = 1;
  for (int64_t dim : dims)
    count *= x.shape()[dim];
  return emit.sum(x, dims) * (1.0 / count);
}

Normalised fluxion::ir::normalise(Emitter &emit, Expr x, ArrayRef<int64_t> dims, double epsilon) {
  Expr mean = meanOver(emit, x, dims);
  Expr centred = x - emit.broadcastReduced(mean, x.shape(), dims);
  Expr variance = meanOver(emit, centred * centred, dims);
  Expr scale = emit.broadcastReduced(emit.rsqrt(variance + epsilon), x.shape(), dims);
  return {centred * scale, scale, mean, variance};
}

Expr fluxion::ir::softmaxFormula(Emitter &emit, Expr x, int64_t dim) {
  Expr exponential =
      emit.exp(x - emit.broadcastReduced(emit.reduce(ReduceKind::Max, x, dim), x.shape(), dim));
  // One division a row; the sum is at least 1.
  return exponential * emit.broadcastReduced(1.0 / emit.sum(exponential, dim), x.shape(), dim);
}

Expr fluxion::ir::isLabel(Emitter &emit, Value labels, RankedTensorType type) {
  int64_t last = type.getRank() - 1;
  auto indices = RankedTensorType::get(type.getShape(),
                                       cast<RankedTensorType>(labels.getType()).getElementType());
  Expr wanted = emit.broadcastReduced(emit(labels), type.getShape(), last);
  return emit.compare(CompareDirection::EQ, emit.iota(indices, last), wanted);
}

Results ReluOp::decompose(Emitter &emit) {
  Expr x = emit(getX());
  return {emit.max(x, emit.like(0, x))};
}

// e^-|x| never overflows: 1 / (1 + e) for x >= 0, e / (1 + e) below.
Results SigmoidOp::decompose(Emitter &emit) {
  Expr x = emit(getX()), one = emit.like(1, x);
  Expr e = emit.exp(-emit.abs(x));
  Expr top = emit.select(emit.compare(CompareDirection::GE, x, emit.like(0, x)), one, e);
  return {top / (1.0 + e)};
}

Results SiluOp::decompose(Emitter &emit) {
  Expr x = emit(getX());
  return {x * emit.sigmoid(x)};
}

Results GeluOp::decompose(Emitter &emit) {
  Expr x = emit(getX());
  return {x * (0.5 * (1.0 + emit.erf(x * M_SQRT1_2)))};
}

Results SoftmaxOp::decompose(Emitter &emit) {
  return {softmaxFormula(emit, emit(getX()), getDim())};
}

Results LogSoftmaxOp::decompose(Emitter &emit) {
  Expr x = emit(getX());
  int64_t dim = getDim();
  Expr shifted = x - emit.broadcastReduced(emit.reduce(ReduceKind::Max, x, dim), x.shape(), dim);
  return {shifted -
          emit.broadcastReduced(emit.log(emit.sum(emit.exp(shifted), dim)), x.shape(), dim)};
}

// The largest logit cancels between the two terms, so both are taken relative to it; without a
// label to cancel with it is added back.
Results CrossEntropyOp::decompose(Emitter &emit) {
  Expr logits = emit(getLogits()), labels = emit(getLabels());
  int64_t last = logits.shape().size() - 1;
  Expr largest = emit.reduce(ReduceKind::Max, logits, last);
  Expr shifted = logits - emit.broadcastReduced(largest, logits.shape(), last);
  Expr chosen = emit.sum(
      emit.select(isLabel(emit, labels, logits.type()), shifted, emit.like(0, shifted)), last);
  Expr inside = emit.and_(
      emit.compare(CompareDirection::GE, labels, emit.like(0, labels)),
      emit.compare(CompareDirection::LT, labels, emit.like((double)logits.shape()[last], labels)));
  Expr base = emit.select(inside, emit.like(0, largest), largest);
  return {emit.log(emit.sum(emit.exp(shifted), last)) - chosen + base};
}

Results LayerNormOp::decompose(Emitter &emit) {
  Expr x = emit(getX()), scale = emit(getScale()), offset = emit(getOffset());
  int64_t rank = x.shape().size(), outer = rank - scale.shape().size();
  SmallVector<int64_t> inner = llvm::to_vector(llvm::seq<int64_t>(outer, rank)),
                       batch = llvm::to_vector(llvm::seq<int64_t>(0, outer));
  Normalised n = normalise(emit, x, inner, getEpsilon().convertToDouble());
  return {n.value * emit.broadcastReduced(scale, x.shape(), batch) +
          emit.broadcastReduced(offset, x.shape(), batch)};
}

Results BatchNormOp::decompose(Emitter &emit) {
  Expr x = emit(getX());
  SmallVector<int64_t> dims;
  for (int64_t d = 0; d < (int64_t)x.shape().size(); ++d)
    if (d != (int64_t)getFeatureDim())
      dims.push_back(d);
  Normalised n = normalise(emit, x, dims, getEpsilon().convertToDouble());
  Expr y = n.value * emit.broadcastReduced(emit(getScale()), x.shape(), dims) +
           emit.broadcastReduced(emit(getOffset()), x.shape(), dims);
  return {y, n.mean, n.variance};
}

Results DropoutOp::decompose(Emitter &emit) {
  Expr x = emit(getX());
  double rate = getRate().convertToDouble();
  Expr draw = emit(
      RandomUniformOp::create(emit.builder, emit.loc, x.type(), getSeed(), getStep(), getStream()));
  Expr keep = emit.compare(CompareDirection::GE, draw, emit.like(rate, x));
  return {emit.select(keep, x * (1.0 / (1.0 - rate)), emit.like(0, x))};
}

Results MaxPoolOp::decompose(Emitter &emit) {
  SmallVector<int64_t> dilation(getX().getType().getRank(), 1);
  return {ReduceWindowOp::create(emit.builder, emit.loc, ReduceKind::Max, getX(), getWindow(),
                                 getStrides(), getPadding(), dilation)};
}

Results AvgPoolOp::decompose(Emitter &emit) {
  SmallVector<int64_t> dilation(getX().getType().getRank(), 1);
  auto windowSum = [&](Value x) {
    return emit(ReduceWindowOp::create(emit.builder, emit.loc, ReduceKind::Sum, x, getWindow(),
                                       getStrides(), getPadding(), dilation));
  };
  Expr sum = windowSum(getX());
  bool padded = llvm::any_of(getPadding(), [](int64_t p) { return p != 0; });
  if (padded && !getCountIncludePad())
    return {sum / windowSum(emit.like(1, getX()))};
  double count = 1;
  for (int64_t size : getWindow())
    count *= size;
  return {sum * (1.0 / count)};
}

// The upper 24 bits, exactly representable, times 2^-24.
Results RandomUniformOp::decompose(Emitter &emit) {
  auto bitsType = RankedTensorType::get(getType().getShape(), emit.builder.getI32Type());
  Expr bits = emit(
      RandomBitsOp::create(emit.builder, emit.loc, bitsType, getSeed(), getStep(), getStream()));
  Expr high = emit(ShiftRightLogicalOp::create(emit.builder, emit.loc, bits, emit.like(8, bits)));
  return {emit.convert(high, getType().getElementType()) * 0x1p-24};
}

// sqrt(-2 ln(1 - u)) cos(2 pi v), u and v uniform on [0, 1)
Results RandomNormalOp::decompose(Emitter &emit) {
  auto uniform = [&](int64_t stream) {
    return emit(
        RandomUniformOp::create(emit.builder, emit.loc, getType(), getSeed(), getStep(), stream));
  };
  Expr u = uniform(getStream()), v = uniform(getStream() + 1);
  return {emit.sqrt(-2.0 * emit.log1p(-u)) * emit.cos((2 * M_PI) * v)};
}
