// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/halide/DescribeWindow.h"

#include "ir/Work.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Reduction.h"

#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// Unrolled taps of a window, and accumulators of a weight gradient, that still make compact code.
constexpr int64_t mostTaps = 49, mostWeights = 25;
// Rows of x and dy that stay in a core's cache while a weight gradient passes over their channels.
constexpr int64_t cachedBytes = 192 << 10;

int64_t product(ArrayRef<int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t(1), std::multiplies<>());
}

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
        return describeDepthwise(conv, k) || describeWeightGradient(conv, k);
      })
      .Default([](Operation *) { return false; });
}

// Tasks are images where windows stay within one; else one call does everything, and forks by
// itself.
void split(DescribedWindow &d, Operation *op) {
  halide::WindowKernel &k = d.kernel;
  auto y = cast<RankedTensorType>(op->getResult(0).getType());
  bool gradient = k.op == halide::WindowOp::DepthwiseWeightGradient;
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
    bool whole = k.op == halide::WindowOp::Depthwise && operand == op->getOperand(1);
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
  bool gradient = k.op == halide::WindowOp::DepthwiseWeightGradient;
  if (!element || !elementOf(y) || y.getRank() < 1 || y.getNumElements() == 0 ||
      (!gradient && product(k.window) > mostTaps))
    return std::nullopt;
  k.element = *element;
  k.input.assign(x.getShape().begin(), x.getShape().end());
  k.output.assign(y.getShape().begin(), y.getShape().end());
  k.vectorBytes = target.vectorBytes;
  k.fma = target.fma;
  bool convolution = gradient || k.op == halide::WindowOp::Depthwise;
  int64_t places = k.op == halide::WindowOp::Scatter ? x.getNumElements() : y.getNumElements();
  d.flops = double(convolution ? 2 : 1) * product(k.window) *
            (gradient ? double(y.getNumElements()) * k.input[0] : double(places)) /
            product(k.spread);
  int64_t lanes = std::max<int64_t>(1, k.vectorBytes * 8 / x.getElementTypeBitWidth());
  while (lanes > y.getShape().back())
    lanes /= 2;
  d.vectorTaps = d.flops / (convolution ? 2 : 1) / double(std::max<int64_t>(1, lanes));
  split(d, op);
  return d;
}
