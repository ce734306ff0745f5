// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/halide/DescribeWindow.h"

#include "codegen/common/Shapes.h"
#include "ir/Work.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Reduction.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// Unrolled taps of a window, and accumulators of a weight gradient, that still make compact code.
constexpr int64_t mostTaps = 49, mostWeights = 25;
// Rows of x and dy that stay in a core's cache while a weight gradient passes over their channels.
constexpr int64_t cachedBytes = 192 << 10;

std::optional<halide::Element> elementOf(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isF32()         ? std::optional(halide::Element::F32)
         : element.isF64()       ? std::optional(halide::Element::F64)
         : element.isInteger(32) ? std::optional(halide::Element::I32)
                                 : std::nullopt;
}

template <typename Op> void setWindow(halide::WindowKernel &kernel, Op op) {
  kernel.window.assign(op.getWindow().begin(), op.getWindow().end());
  kernel.strides.assign(op.getStrides().begin(), op.getStrides().end());
  kernel.dilation.assign(op.getDilation().begin(), op.getDilation().end());
  kernel.spread.assign(kernel.window.size(), 1);
  for (size_t d = 0; d < kernel.window.size(); ++d)
    kernel.low.push_back(op.getPadding()[2 * d]);
}

// Is dims[i] == wanted[i] for the two features, and are spatial dimensions in order from `spatial`?
bool ordered(ArrayRef<int64_t> dims, int64_t first, int64_t second, int64_t spatial) {
  for (int64_t d = 2; d < (int64_t)dims.size(); ++d)
    if (dims[d] != spatial + d - 2)
      return false;
  return dims[0] == first && dims[1] == second;
}

bool allOnes(ArrayRef<int64_t> values) {
  return llvm::all_of(values, [](int64_t value) { return value == 1; });
}

// Channels last, one filter a channel, kernel [spatial..., 1, channels]. The input gradient is the
// same with the window reversed and x spread by the stride.
bool describeDepthwise(ir::ConvolutionOp conv, halide::WindowKernel &kernel) {
  auto input = conv.getInput().getType();
  auto weights = conv.getKernel().getType();
  int64_t rank = input.getRank(), channels = input.getShape().back();
  bool fits = (int64_t)conv.getFeatureGroupCount() == channels && conv.getBatchGroupCount() == 1 &&
              weights.getShape().back() == channels &&
              ordered(conv.getInputDims(), 0, rank - 1, 1) &&
              ordered(conv.getOutputDims(), 0, rank - 1, 1) &&
              ordered(conv.getKernelDims(), rank - 1, rank - 2, 0);
  if (!fits)
    return false;
  kernel.op = halide::WindowOp::Depthwise;
  kernel.reversed = conv.getWindowReversal();
  kernel.window = kernel.strides = kernel.dilation = kernel.spread = {1};
  kernel.low = {0};
  for (int64_t d = 0; d < rank - 2; ++d) {
    kernel.window.push_back(weights.getDimSize(d));
    kernel.strides.push_back(conv.getWindowStrides()[d]);
    kernel.dilation.push_back(conv.getRhsDilation()[d]);
    kernel.spread.push_back(conv.getLhsDilation()[d]);
    kernel.low.push_back(conv.getPadding()[2 * d]);
  }
  for (auto *list : {&kernel.window, &kernel.strides, &kernel.dilation, &kernel.spread})
    list->push_back(1);
  kernel.low.push_back(0);
  return true;
}

// dw[k, 1, c] = sum over n and o of x[n, k * stride + o * dilation - low, c] * dy[n, o, c]: batch
// and feature of x and dy have exchanged roles.
bool describeWeightGradient(ir::ConvolutionOp conv, halide::WindowKernel &kernel) {
  auto x = conv.getInput().getType(), dy = conv.getKernel().getType(),
       dw = conv.getResult().getType();
  int64_t rank = x.getRank(), channels = x.getShape().back();
  bool fits = (int64_t)conv.getBatchGroupCount() == channels && dy.getShape().back() == channels &&
              channels > 1 && conv.getFeatureGroupCount() == 1 && !conv.getWindowReversal() &&
              ordered(conv.getInputDims(), rank - 1, 0, 1) &&
              ordered(conv.getKernelDims(), rank - 1, 0, 1) &&
              ordered(conv.getOutputDims(), rank - 2, rank - 1, 0) &&
              allOnes(conv.getLhsDilation()) && product(dw.getShape().drop_back()) <= mostWeights;
  if (!fits)
    return false;
  kernel.op = halide::WindowOp::DepthwiseWeightGradient;
  for (int64_t d = 0; d < rank - 2; ++d) {
    kernel.window.push_back(dy.getDimSize(d + 1));
    kernel.strides.push_back(conv.getWindowStrides()[d]);
    kernel.dilation.push_back(conv.getRhsDilation()[d]);
    kernel.low.push_back(conv.getPadding()[2 * d]);
    kernel.spread.push_back(1);
  }
  int64_t row = (product(dy.getShape().drop_front(2)) + product(x.getShape().drop_front(2))) *
                x.getElementTypeBitWidth() / 8;
  for (int64_t rows = 1; rows <= kernel.window[0]; ++rows)
    if (kernel.window[0] % rows == 0 && (rows == 1 || rows * row <= cachedBytes))
      kernel.rows = rows;
  return true;
}

bool isPlanes(halide::WindowOp op) {
  return op == halide::WindowOp::Planes || op == halide::WindowOp::PlanesWeightGradient;
}

// A plane among its zeros, and the vector that may reach beyond its end, lie on a task's stack.
bool planeFits(const halide::WindowKernel &k, RankedTensorType x, int64_t lanes) {
  constexpr int64_t stackBytes = 64 << 10;
  int64_t beyond[2];
  for (int64_t d : {0, 1}) {
    bool gradient = k.op == halide::WindowOp::PlanesWeightGradient;
    int64_t taps = gradient ? k.output[d + 2] : k.window[d + 2];
    beyond[d] = (taps - 1) * (gradient ? k.strides[d + 2] : k.dilation[d + 2]) + lanes;
  }
  return (x.getDimSize(2) + beyond[0]) * (x.getDimSize(3) + 2 * beyond[1]) *
             x.getElementTypeBitWidth() / 8 <=
         stackBytes;
}

// Planes [n, c, h, w], one filter a channel [c, 1, h, w], nothing strided: as above, channels
// first.
bool describePlanes(ir::ConvolutionOp conv, halide::WindowKernel &k) {
  auto x = conv.getInput().getType(), w = conv.getKernel().getType(),
       y = conv.getResult().getType();
  bool gradient = conv.getBatchGroupCount() > 1;
  int64_t channels = x.getRank() == 4 ? x.getDimSize(1) : 0;
  auto inOrder = [&](ArrayRef<int64_t> dims) {
    return gradient ? ordered(dims, 1, 0, 2) : ordered(dims, 0, 1, 2);
  };
  // Filters [c, 1, h, w] or [1, c, h, w]: the same in memory.
  bool fits =
      channels > 1 && inOrder(conv.getInputDims()) && inOrder(conv.getOutputDims()) &&
      (inOrder(conv.getKernelDims()) || (!gradient && ordered(conv.getKernelDims(), 1, 0, 2))) &&
      allOnes(conv.getLhsDilation());
  if (!fits)
    return false;
  if (gradient)
    fits = conv.getBatchGroupCount() == (uint64_t)channels && w.getDimSize(1) == channels &&
           y.getDimSize(1) == 1 && conv.getFeatureGroupCount() == 1 && !conv.getWindowReversal() &&
           allOnes(conv.getRhsDilation()) && y.getDimSize(2) * y.getDimSize(3) <= mostWeights;
  else
    fits = conv.getFeatureGroupCount() == (uint64_t)channels &&
           w.getDimSize(conv.getKernelDims()[0]) == channels && y.getDimSize(1) == channels &&
           allOnes(conv.getWindowStrides());
  if (!fits)
    return false;
  k.op = gradient ? halide::WindowOp::PlanesWeightGradient : halide::WindowOp::Planes;
  k.reversed = conv.getWindowReversal();
  k.window = k.strides = k.dilation = k.spread = {1, 1};
  k.low = {0, 0};
  for (int64_t d : {0, 1}) {
    k.window.push_back(w.getDimSize(d + 2));
    k.strides.push_back(conv.getWindowStrides()[d]);
    k.dilation.push_back(conv.getRhsDilation()[d]);
    k.spread.push_back(1);
    k.low.push_back(conv.getPadding()[2 * d]);
  }
  return true;
}

bool describeOp(Operation *op, halide::WindowKernel &k) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](ir::ReduceWindowOp reduce) {
        k.op = reduce.getKind() == ir::ReduceKind::Sum   ? halide::WindowOp::Sum
               : reduce.getKind() == ir::ReduceKind::Max ? halide::WindowOp::Max
                                                         : halide::WindowOp::Min;
        return setWindow(k, reduce), true;
      })
      .Case([&](ir::WindowArgmaxOp argmax) {
        return k.op = halide::WindowOp::Argmax, setWindow(k, argmax), true;
      })
      .Case([&](ir::WindowGatherOp gather) {
        return k.op = halide::WindowOp::Gather, setWindow(k, gather), true;
      })
      .Case([&](ir::WindowScatterOp scatter) {
        return k.op = halide::WindowOp::Scatter, setWindow(k, scatter), true;
      })
      .Case([&](ir::ConvolutionOp conv) {
        return describeDepthwise(conv, k) || describeWeightGradient(conv, k) ||
               describePlanes(conv, k);
      })
      .Default([](Operation *) { return false; });
}

// Tasks are images where windows stay within one; else one call does everything, and forks by
// itself.
void split(DescribedWindow &d, Operation *op) {
  halide::WindowKernel &k = d.kernel;
  auto y = cast<RankedTensorType>(op->getResult(0).getType());
  bool gradient = k.op == halide::WindowOp::DepthwiseWeightGradient;
  if (k.op == halide::WindowOp::PlanesWeightGradient) { // a task a channel
    auto x = cast<RankedTensorType>(op->getOperand(0).getType());
    d.tasks = x.getDimSize(1);
    d.operandTaskDim = 1;
    for (Value operand : op->getOperands()) {
      auto type = cast<RankedTensorType>(operand.getType());
      d.operandBytesPerTask.push_back(ir::byteSize(type) / (type.getDimSize(0) * d.tasks));
      d.bytes += (double)ir::byteSize(type);
    }
    d.resultBytesPerTask = ir::byteSize(y) / d.tasks;
    return;
  }
  bool batched = !gradient && k.output[0] > 1 && k.window[0] == 1 && k.strides[0] == 1 &&
                 k.low[0] == 0 && k.input[0] == k.output[0];
  k.forks = !batched;
  if (batched) {
    d.tasks = k.output[0];
    k.input[0] = k.output[0] = 1;
  }
  if (gradient) {
    int64_t parts = k.input[0] * (k.window[0] / k.rows);
    k.heapBytes = parts * ir::byteSize(y) + 4096;
  }
  for (Value operand : op->getOperands()) {
    auto type = cast<RankedTensorType>(operand.getType());
    bool whole = (k.op == halide::WindowOp::Depthwise || k.op == halide::WindowOp::Planes) &&
                 operand == op->getOperand(1);
    d.operandBytesPerTask.push_back(whole ? 0 : ir::byteSize(type) / d.tasks);
    d.bytes += (double)ir::byteSize(type);
  }
  d.resultBytesPerTask = ir::byteSize(y) / d.tasks;
  d.bytes += (double)ir::byteSize(y);
}

} // namespace

std::optional<DescribedWindow> fluxion::codegen::describeWindow(ir::KernelOp kernel,
                                                                const ir::TargetInfo &target) {
  Block &body = kernel.getBody().front();
  if (kernel.getNumResults() != 1 || !llvm::hasNItems(body.without_terminator(), 1))
    return std::nullopt;
  Operation *op = &body.front();
  DescribedWindow d;
  halide::WindowKernel &k = d.kernel;
  if (!llvm::equal(op->getOperands(), body.getArguments()) || !describeOp(op, k))
    return std::nullopt;
  auto x = cast<RankedTensorType>(op->getOperand(0).getType()),
       y = cast<RankedTensorType>(op->getResult(0).getType());
  std::optional<halide::Element> element = elementOf(x);
  bool gradient = k.op == halide::WindowOp::DepthwiseWeightGradient ||
                  k.op == halide::WindowOp::PlanesWeightGradient;
  if (!element || !elementOf(y) || y.getRank() < 1 || y.getNumElements() == 0 ||
      (!gradient && product(k.window) > mostTaps))
    return std::nullopt;
  k.element = *element;
  k.input.assign(x.getShape().begin(), x.getShape().end());
  k.output.assign(y.getShape().begin(), y.getShape().end());
  k.vectorBytes = target.vectorBytes;
  k.fma = target.fma;
  bool convolution = gradient || k.op == halide::WindowOp::Depthwise || isPlanes(k.op);
  int64_t places = k.op == halide::WindowOp::Scatter ? x.getNumElements() : y.getNumElements();
  d.flops = double(convolution ? 2 : 1) * product(k.window) *
            (gradient ? double(y.getNumElements()) * (double)x.getDimSize(0) : double(places)) /
            product(k.spread);
  int64_t lanes = std::max<int64_t>(1, k.vectorBytes * 8 / x.getElementTypeBitWidth());
  int64_t innermost = isPlanes(k.op) ? x.getShape().back() : y.getShape().back();
  while (lanes > innermost)
    lanes /= 2;
  if (isPlanes(k.op) && !planeFits(k, x, lanes))
    return std::nullopt;
  d.vectorTaps = d.flops / (convolution ? 2 : 1) / double(std::max<int64_t>(1, lanes));
  split(d, op);
  return d;
}
