// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Composites whose own adjoint is cheaper or sounder than that of their decomposition.
#include "ir/ops/Nn.h"

#include "ir/ops/Elementwise.h"
#include "ir/ops/NnFormulas.h"
#include "ir/ops/Reduction.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace fluxion::ir;

using Cotangents = SmallVector<Value>;

static bool isZeros(Value value) { return matchPattern(value, m_AnyZeroFloat()); }

// y = softmax x  =>  dx = y * (dy - sum(dy * y))
Cotangents SoftmaxOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr y = emit(getY()), dy = emit(grads[0]);
  int64_t dim = getDim();
  Expr mean = emit.broadcastReduced(emit.sum(dy * y, dim), y.shape(), dim);
  return {y * (dy - mean)};
}

// y = log_softmax x  =>  dx = dy - e^y * sum(dy)
Cotangents LogSoftmaxOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr y = emit(getY()), dy = emit(grads[0]);
  int64_t dim = getDim();
  return {dy - emit.exp(y) * emit.broadcastReduced(emit.sum(dy, dim), y.shape(), dim)};
}

// loss = -log_softmax(logits)[label]  =>  dlogits = dloss * (softmax(logits) - one_hot(label))
Cotangents CrossEntropyOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr logits = emit(getLogits());
  int64_t last = logits.shape().size() - 1;
  Expr zero = emit.like(0, logits), one = emit.like(1, logits);
  Expr target = emit.select(isLabel(emit, getLabels(), logits.type()), one, zero);
  Expr probability = softmaxFormula(emit, logits, last);
  return {emit.broadcastReduced(emit(grads[0]), logits.shape(), last) * (probability - target),
          Value()};
}

// Over the normalised elements, n of them, with h = (x - mean) * r and g = dy * scale:
// dx = r * (g - mean(g) - h * mean(g * h)), dscale = sum dy * h, doffset = sum dy.
Cotangents LayerNormOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX()), scale = emit(getScale()), dy = emit(grads[0]);
  int64_t rank = x.shape().size(), outer = rank - scale.shape().size();
  SmallVector<int64_t> inner = llvm::to_vector(llvm::seq<int64_t>(outer, rank)),
                       batch = llvm::to_vector(llvm::seq<int64_t>(0, outer));
  Normalised n = normalise(emit, x, inner, getEpsilon().convertToDouble());
  Expr g = dy * emit.broadcastReduced(scale, x.shape(), batch);
  Expr meanG = meanOver(emit, g, inner), meanGh = meanOver(emit, g * n.value, inner);
  Expr dx = n.scale * (g - emit.broadcastReduced(meanG, x.shape(), inner) -
                       n.value * emit.broadcastReduced(meanGh, x.shape(), inner));
  return {dx, emit.sum(dy * n.value, batch), emit.sum(dy, batch)};
}

// As layer_norm over all dimensions but the feature's, with g = dy; the cotangents of mean and
// variance add dmean / n and dvariance * 2 (x - mean) / n.
Cotangents BatchNormOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX()), scale = emit(getScale()), dy = emit(grads[0]), dmean = emit(grads[1]),
       dvariance = emit(grads[2]);
  SmallVector<int64_t> dims;
  for (int64_t d = 0; d < (int64_t)x.shape().size(); ++d)
    if (d != (int64_t)getFeatureDim())
      dims.push_back(d);
  double count = double(x.type().getNumElements()) / x.shape()[getFeatureDim()];
  auto spread = [&](Expr perFeature) { return emit.broadcastReduced(perFeature, x.shape(), dims); };
  Expr mean = emit(getMean()),
       rsigma = emit.rsqrt(emit(getVariance()) + getEpsilon().convertToDouble());
  Expr centred = x - spread(mean), h = centred * spread(rsigma);
  Expr doffset = emit.sum(dy, dims), dscale = emit.sum(dy * h, dims);
  // dx = scale * r * (dy - doffset / n - h * dscale / n) + dmean / n + dvariance * 2 (x - mean) / n
  Expr dx = spread(scale * rsigma) * (dy - spread(doffset / count) - h * spread(dscale / count));
  // Statistics that nothing differentiable uses bring zeros, which IEEE arithmetic could not drop
  // later.
  if (!isZeros(grads[1]))
    dx = dx + spread(dmean / count);
  if (!isZeros(grads[2]))
    dx = dx + centred * spread(dvariance * (2.0 / count));
  return {dx, dscale, doffset};
}

// y = largest of each window  =>  dx = dy scattered to the first winners
Cotangents MaxPoolOp::adjoint(Emitter &emit, ValueRange grads) {
  SmallVector<int64_t> dilation(getX().getType().getRank(), 1);
  Value index = WindowArgmaxOp::create(emit.builder, emit.loc, getX(), getWindow(), getStrides(),
                                       getPadding(), dilation);
  return {WindowScatterOp::create(emit.builder, emit.loc, getX().getType(), grads[0], index,
                                  getWindow(), getStrides(), getPadding(), dilation)};
}
