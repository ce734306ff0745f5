// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Contraction.h"

#include "ir/ops/Convolution.h"
#include "ir/reference/Ops.h"

using namespace mlir;

namespace fluxion::ir::reference {
namespace {

void accumulate(Tensor &y, int64_t at, const Tensor &a, int64_t i, const Tensor &b, int64_t j) {
  if (y.isFloat())
    y.floats[at] += a.floats[i] * b.floats[j];
  else
    y.setInteger(at, y.integers[at] + a.integers[i] * b.integers[j]);
}

// Elements from one position of a dimension to the next.
int64_t stepOf(const Tensor &x, int64_t dim) {
  int64_t step = 1;
  for (int64_t size : x.shape().drop_front(dim + 1))
    step *= size;
  return step;
}

// z[batch, lhs free, rhs free] = sum over contracted of x * y
Tensor evalDot(DotGeneralOp op, const Tensor &x, const Tensor &y) {
  Tensor z(op.getType());
  SmallVector<int64_t> depth;
  for (int64_t dim : op.getLhsContracting())
    depth.push_back(x.shape()[dim]);
  std::vector<std::pair<int64_t, int64_t>> terms; // where x and y lie from their first one
  forEachIndex(depth, [&](ArrayRef<int64_t> k, int64_t) {
    terms.emplace_back(0, 0);
    for (auto [n, position] : llvm::enumerate(k)) {
      terms.back().first += position * stepOf(x, op.getLhsContracting()[n]);
      terms.back().second += position * stepOf(y, op.getRhsContracting()[n]);
    }
  });
  forEachIndex(z.shape(), [&](ArrayRef<int64_t> out, int64_t at) {
    SmallVector<int64_t> i(x.shape().size(), -1), j(y.shape().size(), -1);
    size_t next = 0;
    for (auto [l, r] : llvm::zip_equal(op.getLhsBatching(), op.getRhsBatching()))
      i[l] = j[r] = out[next++];
    for (auto [l, r] : llvm::zip_equal(op.getLhsContracting(), op.getRhsContracting()))
      i[l] = j[r] = 0;
    for (auto *index : {&i, &j})
      for (int64_t &position : *index)
        if (position < 0)
          position = out[next++];
    int64_t first = flatIndex(x.shape(), i), second = flatIndex(y.shape(), j);
    for (auto [dx, dy] : terms)
      accumulate(z, at, x, first + dx, y, second + dy);
  });
  return z;
}

// out[b, o, p] = sum over k, c of x[b, c, p * stride + k * rhs_dilation - low] * w[o, c, k]
Tensor evalConvolution(ConvolutionOp op, const Tensor &x, const Tensor &w) {
  Tensor y(op.getType());
  ArrayRef<int64_t> in = op.getInputDims(), ker = op.getKernelDims(), out = op.getOutputDims();
  ArrayRef<int64_t> strides = op.getWindowStrides(), padding = op.getPadding(),
                    lhsDilation = op.getLhsDilation(), rhsDilation = op.getRhsDilation();
  int64_t spatial = op.spatialRank(), groups = op.getFeatureGroupCount(),
          batchGroups = op.getBatchGroupCount();
  int64_t channels = w.shape()[ker[1]], features = w.shape()[ker[0]],
          batch = x.shape()[in[0]] / batchGroups;
  int64_t xStep = stepOf(x, in[1]), wStep = stepOf(w, ker[1]);
  bool reversed = op.getWindowReversal();
  SmallVector<int64_t> window, i(spatial + 2), j(spatial + 2);
  for (int64_t d = 0; d < spatial; ++d)
    window.push_back(w.shape()[ker[d + 2]]);
  forEachIndex(y.shape(), [&](ArrayRef<int64_t> at, int64_t flat) {
    int64_t feature = at[out[1]];
    i[in[0]] = at[out[0]] + feature / (features / batchGroups) * batch;
    i[in[1]] = feature / (features / groups) * channels;
    j[ker[0]] = feature;
    j[ker[1]] = 0;
    forEachIndex(window, [&](ArrayRef<int64_t> k, int64_t) {
      for (int64_t d = 0; d < spatial; ++d) {
        int64_t position = at[out[d + 2]] * strides[d] + k[d] * rhsDilation[d] - padding[2 * d];
        if (position < 0 || position % lhsDilation[d] ||
            position / lhsDilation[d] >= x.shape()[in[d + 2]])
          return;
        i[in[d + 2]] = position / lhsDilation[d];
        j[ker[d + 2]] = reversed ? window[d] - 1 - k[d] : k[d];
      }
      int64_t first = flatIndex(x.shape(), i), second = flatIndex(w.shape(), j);
      for (int64_t c = 0; c < channels; ++c)
        accumulate(y, flat, x, first + c * xStep, w, second + c * wStep);
    });
  });
  return y;
}

} // namespace

Results evalContraction(Operation *op, ArrayRef<Tensor> x) {
  if (auto dot = dyn_cast<DotGeneralOp>(op))
    return SmallVector<Tensor>{evalDot(dot, x[0], x[1])};
  if (auto conv = dyn_cast<ConvolutionOp>(op))
    return SmallVector<Tensor>{evalConvolution(conv, x[0], x[1])};
  return std::nullopt;
}

} // namespace fluxion::ir::reference
