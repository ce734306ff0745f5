// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/hopper/WindowSide.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Convolution.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

int64_t WindowSide::tapCount() const { return product(taps); }

SmallVector<int64_t> WindowSide::phaseTaps() const {
  SmallVector<int64_t> counts;
  for (auto [count, phase] : llvm::zip_equal(taps, phases))
    counts.push_back(ceilDiv(count, phase));
  return counts;
}

SmallVector<int64_t> WindowSide::boxOf(int64_t positions) const {
  SmallVector<int64_t> box;
  for (int64_t size : ArrayRef<int64_t>(result).drop_back()) {
    int64_t fits = whole ? size & -size : (int64_t)llvm::PowerOf2Ceil(size);
    box.push_back(std::min(positions, fits));
    positions /= box.back();
  }
  box.push_back(positions);
  return box;
}

SmallVector<int64_t> WindowSide::boxesOf(int64_t positions) const {
  SmallVector<int64_t> boxes;
  for (auto [size, box] : llvm::zip_equal(result, boxOf(positions)))
    boxes.push_back(ceilDiv(size, box));
  return boxes;
}

TensorMap WindowSide::map(uint32_t dataType, int64_t elementBytes, int64_t channelsOfBox,
                          int64_t positions) const {
  TensorMap map;
  map.buffer = buffer, map.dataType = dataType;
  map.rank = 1 + input.size();
  map.dims[0] = channels, map.box[0] = channelsOfBox;
  uint64_t stride = channels * elementBytes;
  for (auto [d, box] : llvm::enumerate(boxOf(positions))) {
    map.dims[1 + d] = input[d], map.box[1 + d] = box;
    map.steps[1 + d] = (int64_t)d < spatialRank() && box > 1 ? step[d] : 1;
    map.strides[d] = stride, stride *= input[d];
  }
  // CUtensorMapSwizzle: 1, 2, 3 are 32, 64, 128 bytes.
  map.swizzle = llvm::Log2_64(channelsOfBox * elementBytes) - 4;
  return map;
}

namespace {

// Dimension i of the image is between its batch and its channels, which of the convolution's
// windows it is, and where it stands among the groups.
struct Along {
  int64_t window;
  const ContractDim *position, *tap;
};

// False where a copy cannot follow.
bool addDimension(WindowSide &side, ir::ConvolutionOp conv, const Along &along, int64_t size,
                  bool sumsPositions) {
  constexpr int64_t mostSteps = 2; // boxes span at most 256 positions, and have 128
  int64_t d = along.window, stride = conv.getWindowStrides()[d],
          dilation = conv.getRhsDilation()[d], low = conv.getPadding()[2 * d];
  bool isPhased = along.tap->phase >= 0;
  if (isPhased ? low < 0 : conv.getLhsDilation()[d] != 1)
    return false;
  side.input.push_back(size);
  side.result.push_back(along.position->size);
  side.taps.push_back(typeOf(conv.getKernel()).getDimSize(conv.getKernelDims()[2 + d]));
  side.step.push_back(stride), side.dilation.push_back(dilation);
  if (sumsPositions)
    side.taps.back() = along.tap->size, std::swap(side.step.back(), side.dilation.back());
  side.low.push_back(low);
  side.phases.push_back(isPhased ? along.tap->step : 1);
  side.batch.push_back(along.tap->phase);
  return side.step.back() <= mostSteps;
}

std::optional<WindowSide> imageOf(const Contraction &c, ir::ConvolutionOp conv,
                                  bool sumsPositions) {
  int64_t spatial = conv.spatialRank(), last = spatial + 1;
  auto input = conv.getInputDims(), output = conv.getOutputDims();
  WindowSide side;
  auto operand = dyn_cast<BlockArgument>(conv.getInput());
  if (!operand)
    return std::nullopt;
  side.buffer = operand.getArgNumber();
  side.channels = typeOf(operand).getDimSize(last);
  side.reversed = conv.getWindowReversal();
  side.whole = sumsPositions;
  // Both groups walk the image in the order of its memory: m from the batch to the last dimension
  // that moves, k from the window to the channels; or the other way round.
  SmallVector<ContractDim> positions = sumsPositions ? c.kDims : c.mDims,
                           window = sumsPositions ? c.mDims : c.kDims;
  if ((int64_t)positions.size() != spatial + 1 || (int64_t)window.size() != spatial + 1)
    return std::nullopt;
  for (int64_t at = spatial; at >= 1; --at) {
    int64_t d = llvm::find(input.drop_front(2), at) - input.drop_front(2).begin();
    int64_t kept = sumsPositions ? window[at - 1].dim : positions[at].dim;
    if (kept != output[d + 2] || !addDimension(side, conv, {d, &positions[at], &window[at - 1]},
                                               typeOf(operand).getDimSize(at), sumsPositions))
      return std::nullopt;
  }
  side.input.push_back(typeOf(operand).getDimSize(0));
  side.result.push_back(positions[0].size);
  return side;
}

// What the gradient of a kernel multiplies the image with: an image of the positions themselves.
std::optional<WindowSide> gradientOf(ir::ConvolutionOp conv, const WindowSide &left) {
  int64_t spatial = conv.spatialRank();
  auto kernel = conv.getKernelDims(), input = conv.getInputDims();
  auto operand = dyn_cast<BlockArgument>(conv.getKernel());
  if (!operand || kernel[0] != spatial + 1 || kernel.drop_front(1) != input.drop_front(1))
    return std::nullopt;
  WindowSide side = left;
  side.buffer = operand.getArgNumber();
  side.channels = typeOf(operand).getDimSize(spatial + 1);
  side.input = side.result;
  side.taps.assign(spatial, 1), side.step.assign(spatial, 1), side.low.assign(spatial, 0);
  return side;
}

} // namespace

std::optional<Windows> fluxion::codegen::describeWindows(const Contraction &c) {
  auto conv = dyn_cast<ir::ConvolutionOp>(c.reduction->op);
  if (!conv || conv.getFeatureGroupCount() * conv.getBatchGroupCount() > 1 || c.reduction->phased())
    return std::nullopt;
  int64_t spatial = conv.spatialRank(), last = spatial + 1;
  auto input = conv.getInputDims();
  bool isForward = input[0] == 0 && input[1] == last, sums = input[0] == last && input[1] == 0;
  if (spatial < 1 || spatial > 3 || !(isForward || sums) || (sums && conv.getWindowReversal()))
    return std::nullopt;
  std::optional<WindowSide> left = imageOf(c, conv, sums);
  if (!left)
    return std::nullopt;
  Windows windows{*left, std::nullopt};
  if (sums) {
    windows.right = gradientOf(conv, *left);
    bool isPhased = llvm::any_of(left->phases, [](int64_t phases) { return phases > 1; });
    if (!windows.right || isPhased)
      return std::nullopt;
  }
  return windows;
}
