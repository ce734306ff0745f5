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

// z[batch, lhs free, rhs free] = sum over contracted of x * y
Tensor evalDot(DotGeneralOp op, const Tensor &x, const Tensor &y) {
  Tensor z(op.getType());
  SmallVector<int64_t> depth;
  for (int64_t dim : op.getLhsContracting())
    depth.push_back(x.shape()[dim]);
  forEachIndex(z.shape(), [&](ArrayRef<int64_t> out, int64_t at) {
    forEachIndex(depth, [&](ArrayRef<int64_t> k, int64_t) {
      SmallVector<int64_t> i(x.shape().size(), -1), j(y.shape().size(), -1);
      size_t next = 0;
      for (auto [l, r] : llvm::zip_equal(op.getLhsBatching(), op.getRhsBatching()))
        i[l] = j[r] = out[next++];
      for (auto [n, pair] : llvm::enumerate(llvm::zip_equal(op.getLhsContracting(), op.getRhsContracting())))
        i[std::get<0>(pair)] = j[std::get<1>(pair)] = k[n];
      for (auto *index : {&i, &j})
        for (int64_t &position : *index)
          if (position < 0)
            position = out[next++];
      accumulate(z, at, x, flatIndex(x.shape(), i), y, flatIndex(y.shape(), j));
    });
  });
  return z;
}

// out[b, o, p] = sum over c, k of x[b, c, p * stride + k * rhs_dilation - low] * w[o, c, k]
Tensor evalConvolution(ConvolutionOp op, const Tensor &x, const Tensor &w) {
  Tensor y(op.getType());
  ArrayRef<int64_t> in = op.getInputDims(), ker = op.getKernelDims(), out = op.getOutputDims();
  int64_t spatial = op.spatialRank(), groups = op.getFeatureGroupCount(), batchGroups = op.getBatchGroupCount();
  int64_t channels = w.shape()[ker[1]], features = w.shape()[ker[0]];
  SmallVector<int64_t> window{channels};
  for (int64_t d = 0; d < spatial; ++d)
    window.push_back(w.shape()[ker[d + 2]]);
  SmallVector<int64_t> i(spatial + 2), j(spatial + 2);
  forEachIndex(y.shape(), [&](ArrayRef<int64_t> at, int64_t flat) {
    int64_t feature = at[out[1]], group = feature / (features / groups), batchGroup = feature / (features / batchGroups);
    forEachIndex(window, [&](ArrayRef<int64_t> k, int64_t) {
      i[in[0]] = at[out[0]] + batchGroup * (x.shape()[in[0]] / batchGroups);
      i[in[1]] = k[0] + group * channels;
      j[ker[0]] = feature;
      j[ker[1]] = k[0];
      for (int64_t d = 0; d < spatial; ++d) {
        int64_t position = at[out[d + 2]] * op.getWindowStrides()[d] + k[d + 1] * op.getRhsDilation()[d] - op.getPadding()[2 * d];
        int64_t dilation = op.getLhsDilation()[d];
        if (position < 0 || position % dilation || position / dilation >= x.shape()[in[d + 2]])
          return;
        i[in[d + 2]] = position / dilation;
        j[ker[d + 2]] = op.getWindowReversal() ? window[d + 1] - 1 - k[d + 1] : k[d + 1];
      }
      accumulate(y, flat, x, flatIndex(x.shape(), i), w, flatIndex(w.shape(), j));
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
