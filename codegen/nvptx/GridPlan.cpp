// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/GridPlan.h"

#include "codegen/nvptx/contract/ContractPlan.h"
#include "codegen/nvptx/hopper/Engines.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
int64_t ceilDiv(int64_t x, int64_t y) { return (x + y - 1) / y; }
int64_t product(ArrayRef<int64_t> sizes) {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  return count;
}
// Is the operand's last dimension, along which memory is contiguous, summed over?
bool sumsLastDimension(const Reduction &r) {
  int64_t last = typeOf(r.op->getOperand(0)).getRank() - 1;
  if (auto reduce = dyn_cast<ir::ReduceOp>(r.op))
    return llvm::is_contained(reduce.getDims(), last);
  if (auto argmax = dyn_cast<ir::ArgmaxOp>(r.op))
    return (int64_t)argmax.getDim() == last;
  if (auto argmin = dyn_cast<ir::ArgminOp>(r.op))
    return (int64_t)argmin.getDim() == last;
  return false;
}

// The smallest power of two from `least` to `most` that is not below `value`.
int64_t powerOfTwo(int64_t value, int64_t least, int64_t most) {
  int64_t power = least;
  while (power < value && power < most)
    power *= 2;
  return power;
}

} // namespace

int64_t fluxion::codegen::rowThreads(int64_t elements) {
  return powerOfTwo(ceilDiv(elements, 8), warpSize, 512);
}

ReduceGrid fluxion::codegen::reduceGrid(const Reduction &r) {
  ReduceGrid grid;
  int64_t results = product(r.kept), summed = product(r.extents);
  grid.chunkLength = ceilDiv(summed, r.chunks);
  if (sumsLastDimension(r)) {
    grid.columns = 1;
    grid.groups = rowThreads(grid.chunkLength);
    if (grid.groups == warpSize)
      grid.resultsPerBlock = std::clamp<int64_t>(results, 1, 8);
  } else {
    grid.columns = 32;
    grid.groups = powerOfTwo(ceilDiv(grid.chunkLength, 8), 1, 16);
  }
  grid.tiles = ceilDiv(results, grid.columns * grid.resultsPerBlock);
  return grid;
}

int64_t fluxion::codegen::gridChunks(const Reduction &r, const ir::TargetInfo &target,
                                     ScheduleKeys *keys) {
  if (r.isArg() || product(r.kept) == 0 || product(r.extents) == 0)
    return 1;
  if (isContraction(r.op)) {
    Contraction c = describeContraction(r);
    if (std::optional<HopperPlan> engines = enginesFor(c, target, keys))
      return engines->chunks;
    return planContraction(c, target, keys).chunks;
  }
  int64_t most = 256, tiles, shortest; // chunks, blocks that there are, positions of a chunk
  int64_t summed = product(r.extents);
  Reduction whole(r);
  whole.chunks = 1;
  ReduceGrid grid = reduceGrid(whole);
  tiles = grid.tiles;
  shortest = grid.columns == 1 ? 4096 : 16 * 16;
  int64_t chunks =
      std::clamp<int64_t>(2 * target.cores / tiles, 1, std::max<int64_t>(1, summed / shortest));
  return ceilDiv(summed, ceilDiv(summed, std::min(chunks, most)));
}
