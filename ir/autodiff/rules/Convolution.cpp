// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The two adjoints of a convolution are convolutions again, with the roles of the dimensions
// exchanged.
#include "ir/ops/Convolution.h"

#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {

struct Geometry {
  SmallVector<int64_t> input, kernel, output; // spatial sizes

  explicit Geometry(ConvolutionOp conv) {
    auto sizes = [](Value value, ArrayRef<int64_t> dims) {
      SmallVector<int64_t> spatial;
      for (int64_t dim : dims.drop_front(2))
        spatial.push_back(cast<RankedTensorType>(value.getType()).getDimSize(dim));
      return spatial;
    };
    input = sizes(conv.getInput(), conv.getInputDims());
    kernel = sizes(conv.getKernel(), conv.getKernelDims());
    output = sizes(conv.getResult(), conv.getOutputDims());
  }
};

Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

int64_t dilated(int64_t size, int64_t dilation) { return (size - 1) * dilation + 1; }

// Splits dimension `dim` of x into (groups, size / groups) and joins the groups with dimension
// `into` (a position in x), group outermost: how grouped kernels change feature roles.
Expr moveGroups(Emitter &emit, Expr x, int64_t dim, int64_t into, int64_t groups) {
  if (groups == 1)
    return x;
  SmallVector<int64_t> split, permutation, joined(x.shape());
  for (int64_t d = 0; d < (int64_t)x.shape().size(); ++d) {
    if (d == dim)
      split.push_back(groups);
    split.push_back(d == dim ? x.shape()[d] / groups : x.shape()[d]);
  }
  auto at = [&](int64_t d) { return d + (d >= dim ? 1 : 0); }; // of dimension d in `split`
  for (int64_t d = 0; d < (int64_t)x.shape().size(); ++d) {
    if (d == into)
      permutation.push_back(dim);
    permutation.push_back(at(d));
  }
  joined[dim] /= groups;
  joined[into] *= groups;
  return emit.reshape(emit.transpose(emit.reshape(x, split), permutation), joined);
}

SmallVector<int64_t> swapped(ArrayRef<int64_t> dims) {
  SmallVector<int64_t> result(dims);
  std::swap(result[0], result[1]);
  return result;
}

// dinput: dy, dilated by the stride, with the kernel flipped and its features exchanged.
Value inputCotangent(Emitter &emit, ConvolutionOp conv, Value dy, const Geometry &size) {
  SmallVector<int64_t> padding, ones(conv.spatialRank(), 1);
  for (int64_t d = 0; d < conv.spatialRank(); ++d) {
    int64_t window = dilated(size.kernel[d], conv.getRhsDilation()[d]),
            low = window - 1 - conv.getPadding()[2 * d];
    int64_t input = dilated(size.input[d], conv.getLhsDilation()[d]);
    int64_t spread = dilated(size.output[d], conv.getWindowStrides()[d]);
    padding.append({low, input + window - 1 - spread - low});
  }
  int64_t groups = conv.getFeatureGroupCount(), batchGroups = conv.getBatchGroupCount();
  Expr kernel = moveGroups(emit, emit.convert(emit(conv.getKernel()), elementOf(dy)),
                           conv.getKernelDims()[0], conv.getKernelDims()[1], groups);
  // A forward batch group becomes a feature group: output features of group g only reach batch
  // slice g.
  kernel = moveGroups(emit, kernel, conv.getKernelDims()[0], conv.getKernelDims()[1], batchGroups);
  Value dx = ConvolutionOp::create(
      emit.builder, emit.loc, dy, kernel, /*window_strides=*/conv.getLhsDilation(), padding,
      /*lhs_dilation=*/conv.getWindowStrides(), conv.getRhsDilation(), conv.getOutputDims(),
      swapped(conv.getKernelDims()), conv.getInputDims(), groups * batchGroups, 1,
      !conv.getWindowReversal(), conv.getPrecision());
  // (batch / groups, groups * features) back to (batch, features).
  return moveGroups(emit, emit(dx), conv.getInputDims()[1], conv.getInputDims()[0], batchGroups);
}

// dkernel: the input correlated with dy, batches contracted: batch plays feature and feature plays
// batch.
Value kernelCotangent(Emitter &emit, ConvolutionOp conv, Value dy, const Geometry &size) {
  SmallVector<int64_t> padding;
  for (int64_t d = 0; d < conv.spatialRank(); ++d) {
    int64_t low = conv.getPadding()[2 * d],
            spread = dilated(size.output[d], conv.getWindowStrides()[d]);
    int64_t input = dilated(size.input[d], conv.getLhsDilation()[d]);
    // As many positions as the kernel has taps, each rhs_dilation apart.
    padding.append(
        {low, dilated(size.kernel[d], conv.getRhsDilation()[d]) - 1 + spread - input - low});
  }
  // Feature groups of the forward pass are batch groups here, and the other way round.
  Value dw = ConvolutionOp::create(
      emit.builder, emit.loc, emit.convert(emit(conv.getInput()), elementOf(dy)), dy,
      /*window_strides=*/conv.getRhsDilation(), padding, conv.getLhsDilation(),
      /*rhs_dilation=*/conv.getWindowStrides(), swapped(conv.getInputDims()),
      swapped(conv.getOutputDims()), swapped(conv.getKernelDims()),
      /*feature_group_count=*/conv.getBatchGroupCount(),
      /*batch_group_count=*/conv.getFeatureGroupCount(), false, conv.getPrecision());
  if (!conv.getWindowReversal())
    return dw;
  SmallVector<int64_t> spatial(conv.getKernelDims().drop_front(2));
  llvm::sort(spatial);
  return ReverseOp::create(emit.builder, emit.loc, dw.getType(), dw, spatial);
}

} // namespace

SmallVector<Value> ConvolutionOp::adjoint(Emitter &emit, ValueRange grads) {
  Geometry size(*this);
  // Of a wide result both are computed wide.
  Type narrow = elementOf(getInput());
  return {emit.convert(emit(inputCotangent(emit, *this, grads[0], size)), narrow),
          emit.convert(emit(kernelCotangent(emit, *this, grads[0], size)), narrow)};
}
