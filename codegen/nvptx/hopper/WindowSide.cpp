// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/hopper/WindowSide.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Convolution.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

int64_t WindowSide::tapCount() const {
  int64_t count = 1;
  for (int64_t along : taps)
    count *= along;
  return count;
}

SmallVector<int64_t> WindowSide::boxOf(int64_t rows) const {
  SmallVector<int64_t> box;
  for (int64_t size : ArrayRef<int64_t>(result).drop_back()) {
    box.push_back(std::min<int64_t>(rows, llvm::PowerOf2Ceil(size)));
    rows /= box.back();
  }
  box.push_back(rows);
  return box;
}

SmallVector<int64_t> WindowSide::tilesOf(int64_t rows) const {
  SmallVector<int64_t> tiles;
  for (auto [size, box] : llvm::zip_equal(result, boxOf(rows)))
    tiles.push_back((size + box - 1) / box);
  return tiles;
}

TensorMap WindowSide::map(uint32_t dataType, int64_t elementBytes, int64_t lineBytes,
                          int64_t rows) const {
  TensorMap map;
  map.buffer = buffer, map.dataType = dataType;
  map.rank = 1 + input.size();
  map.dims[0] = channels, map.box[0] = lineBytes / elementBytes;
  uint64_t stride = channels * elementBytes;
  for (auto [d, box] : llvm::enumerate(boxOf(rows))) {
    map.dims[1 + d] = input[d], map.box[1 + d] = box;
    map.strides[d] = stride, stride *= input[d];
  }
  map.swizzle = llvm::Log2_64(lineBytes) - 4; // 1, 2, 3 are 32, 64, 128 bytes
  return map;
}

std::optional<WindowSide> fluxion::codegen::describeWindow(const Contraction &c) {
  auto conv = dyn_cast<ir::ConvolutionOp>(c.reduction->op);
  if (!conv || conv.getFeatureGroupCount() * conv.getBatchGroupCount() > 1 || c.reduction->phased())
    return std::nullopt;
  auto operand = dyn_cast<BlockArgument>(conv.getInput());
  int64_t spatial = conv.spatialRank(), last = spatial + 1;
  auto input = conv.getInputDims(), output = conv.getOutputDims();
  if (!operand || spatial < 1 || spatial > 3 || input[1] != last || input[0] != 0)
    return std::nullopt;
  WindowSide side;
  side.buffer = operand.getArgNumber();
  side.channels = typeOf(operand).getDimSize(last);
  side.reversed = conv.getWindowReversal();
  // Innermost first; groups of the contraction must walk them in the same order.
  ContractDims rows(llvm::reverse(c.mDims)), summed(llvm::reverse(c.kDims));
  if ((int64_t)rows.size() != spatial + 1 || (int64_t)summed.size() != spatial + 1 ||
      summed[0].dim != c.reduction->featureExtent)
    return std::nullopt;
  for (int64_t at = spatial; at >= 1; --at) { // a dimension of the input
    int64_t d = llvm::find(input.drop_front(2), at) - input.drop_front(2).begin();
    int64_t i = spatial - at;
    if (conv.getWindowStrides()[d] != 1 || conv.getLhsDilation()[d] != 1 ||
        rows[i].dim != output[d + 2])
      return std::nullopt;
    side.input.push_back(typeOf(operand).getDimSize(at));
    side.result.push_back(rows[i].size);
    side.taps.push_back(summed[1 + i].size);
    side.dilation.push_back(conv.getRhsDilation()[d]);
    side.low.push_back(conv.getPadding()[2 * d]);
  }
  if (rows[spatial].dim != output[0])
    return std::nullopt;
  side.input.push_back(typeOf(operand).getDimSize(0));
  side.result.push_back(rows[spatial].size);
  return side;
}
