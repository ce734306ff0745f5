// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/layout/Layout.h"

#include "ir/Target.h"
#include "ir/ops/Contraction.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Reduction.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

namespace {

bool all(ArrayRef<int64_t> values, int64_t wanted) {
  return llvm::all_of(values, [&](int64_t value) { return value == wanted; });
}

ArrayRef<int64_t> planeOf(ir::ConvolutionOp conv) {
  return conv.getInput().getType().getShape().drop_front(2);
}

// A kernel of one tap over planes: forward and input gradient.
bool isPointwise(ir::ConvolutionOp conv) {
  ArrayRef<int64_t> kernel = conv.getKernel().getType().getShape();
  return llvm::is_sorted(conv.getInputDims()) && llvm::is_sorted(conv.getOutputDims()) &&
         llvm::all_of(conv.getKernelDims().drop_front(2),
                      [&](int64_t dim) { return kernel[dim] == 1; }) &&
         all(conv.getWindowStrides(), 1);
}

// Its weight gradient: the window is the whole plane, batch and features exchange roles.
bool isPointwiseGradient(ir::ConvolutionOp conv) {
  Permutation exchanged{1, 0};
  for (int64_t d = 0; d < conv.spatialRank(); ++d)
    exchanged.push_back(d + 2);
  return conv.getInputDims() == ArrayRef<int64_t>(exchanged) &&
         conv.getKernelDims() == ArrayRef<int64_t>(exchanged) && all(conv.getRhsDilation(), 1) &&
         !conv.getWindowReversal() &&
         conv.getKernel().getType().getShape().drop_front(2) == planeOf(conv) &&
         llvm::all_of(conv.getOutputDims().drop_front(2),
                      [&](int64_t dim) { return conv.getType().getDimSize(dim) == 1; });
}

// Planes long enough for vectors, and more of them than the kernel that is read for each image.
bool applies(ir::ConvolutionOp conv, const ir::TargetInfo &target) {
  if (conv.getFeatureGroupCount() > 1 || conv.getBatchGroupCount() > 1 || conv.getWideResult() ||
      !all(conv.getPadding(), 0) || !all(conv.getLhsDilation(), 1))
    return false;
  int64_t plane = ShapedType::getNumElements(planeOf(conv));
  int64_t ins = conv.getInput().getType().getDimSize(1);
  bool isGradient = isPointwiseGradient(conv);
  int64_t outs =
      isGradient ? conv.getKernel().getType().getDimSize(1) : conv.getType().getDimSize(1);
  return (isGradient || isPointwise(conv)) && plane * 4 >= 8 * target.vectorBytes &&
         ins * outs <= (ins + outs) * plane;
}

// [n, f, plane...] as [n, f, plane].
Value flattened(OpBuilder &b, Value planes) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(planes.getType()).getShape();
  return reshaped(b, planes.getLoc(), planes,
                  {shape[0], shape[1], ShapedType::getNumElements(shape.drop_front(2))});
}

// y[n] = w * x[n].
Value product(OpBuilder &b, ir::ConvolutionOp conv) {
  Location loc = conv.getLoc();
  RankedTensorType kernel = conv.getKernel().getType();
  int64_t out = conv.getKernelDims()[0], in = conv.getKernelDims()[1], first = std::min(in, out),
          images = conv.getType().getDimSize(0);
  SmallVector<int64_t> shape{images, kernel.getDimSize(first), kernel.getDimSize(in + out - first)};
  Value w = reshaped(b, loc, conv.getKernel(), ArrayRef<int64_t>(shape).drop_front());
  w = ir::BroadcastInDimOp::create(b, loc, RankedTensorType::get(shape, kernel.getElementType()), w,
                                   ArrayRef<int64_t>{1, 2});
  int64_t summed = in == first ? 1 : 2, batch[] = {0}, channels[] = {1};
  return ir::DotGeneralOp::create(b, loc, w, flattened(b, conv.getInput()), batch, batch,
                                  ArrayRef<int64_t>(summed), channels, conv.getPrecision());
}

// dw = sum over n of dy[n] * x[n]^T, or its transpose.
Value gradientProduct(OpBuilder &b, ir::ConvolutionOp conv) {
  Value lhs = flattened(b, conv.getInput()), rhs = flattened(b, conv.getKernel());
  if (conv.getOutputDims()[0] > conv.getOutputDims()[1])
    std::swap(lhs, rhs);
  int64_t batch[] = {0}, plane[] = {2};
  Value images = ir::DotGeneralOp::create(b, conv.getLoc(), lhs, rhs, batch, batch, plane, plane,
                                          conv.getPrecision());
  return ir::ReduceOp::create(b, conv.getLoc(), ir::ReduceKind::Sum, images, batch);
}

} // namespace

int64_t fluxion::passes::planesToProducts(func::FuncOp function) {
  ir::TargetInfo target = ir::TargetInfo::of(function->getParentOfType<ModuleOp>());
  auto convolutions = llvm::to_vector(function.getOps<ir::ConvolutionOp>());
  if (target.isGpu() ||
      !llvm::all_of(convolutions, [&](ir::ConvolutionOp conv) { return applies(conv, target); }))
    return 0;
  for (ir::ConvolutionOp conv : convolutions) {
    OpBuilder b(conv);
    Value made = isPointwiseGradient(conv) ? gradientProduct(b, conv) : product(b, conv);
    conv.replaceAllUsesWith(reshaped(b, conv.getLoc(), made, conv.getType().getShape()));
    conv.erase();
  }
  return convolutions.size();
}
