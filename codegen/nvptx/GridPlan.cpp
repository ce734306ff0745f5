// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/GridPlan.h"

#include "ir/ops/Contraction.h"
#include "ir/ops/Convolution.h"

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
int64_t productOf(ArrayRef<int64_t> sizes, ArrayRef<int64_t> dims) {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= sizes[dim];
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
  if (isContraction(r.op)) { // no tile form: a thread a result
    grid.columns = 128, grid.groups = 1;
  } else if (sumsLastDimension(r)) {
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

std::optional<ContractDims> fluxion::codegen::contractDims(const Reduction &r) {
  ContractDims dims;
  if (auto dot = dyn_cast<ir::DotGeneralOp>(r.op)) {
    int64_t batch = dot.getLhsBatching().size(),
            left = typeOf(dot.getLhs()).getRank() - dot.getLhsContracting().size();
    for (int64_t d = 0; d < (int64_t)r.kept.size(); ++d)
      (d < batch ? dims.batch : d < left ? dims.m : dims.n).push_back(d);
    return dims;
  }
  auto conv = dyn_cast<ir::ConvolutionOp>(r.op);
  if (!conv || conv.getFeatureGroupCount() > 1 || conv.getBatchGroupCount() > 1)
    return std::nullopt;
  for (int64_t d = 0; d < (int64_t)r.kept.size(); ++d)
    (d == conv.getOutputDims()[1] ? dims.n : dims.m).push_back(d);
  return dims;
}

ContractGrid fluxion::codegen::contractGrid(const Reduction &r, const ContractDims &dims,
                                            const ir::TargetInfo &target) {
  ContractGrid grid;
  grid.batches = productOf(r.kept, dims.batch);
  grid.m = productOf(r.kept, dims.m);
  grid.n = productOf(r.kept, dims.n);
  grid.k = product(r.extents);
  struct Shape {
    int64_t tileM, tileN, threadM, threadN;
  };
  // Largest first: the first that fits the product and gives most multiprocessors a tile.
  bool wide = typeOf(r.op->getOperand(0)).getElementTypeBitWidth() > 32;
  const Shape shapes[] = {{128, 128, 8, 8}, {128, 64, 8, 4}, {64, 64, 4, 4}, {64, 32, 4, 2},
                          {64, 16, 4, 1},   {32, 32, 2, 2},  {32, 16, 2, 1}};
  double least = INFINITY;
  for (const Shape &shape : shapes) {
    if (wide && shape.threadM * shape.threadN > 16)
      continue;
    int64_t tiles = ceilDiv(grid.m, shape.tileM) * ceilDiv(grid.n, shape.tileN) * grid.batches;
    // Work of a multiprocessor, in tiles; small thread tiles wait for shared memory.
    double flops = (double)shape.tileM * shape.tileN,
           loads =
               8.0 * (shape.tileM * shape.tileN) * (1.0 / shape.threadM + 1.0 / shape.threadN) / 2,
           cost = ceilDiv(tiles, target.cores) * (flops + loads);
    if (cost < least) {
      least = cost;
      grid.tileM = shape.tileM, grid.tileN = shape.tileN;
      grid.threadM = shape.threadM, grid.threadN = shape.threadN;
    }
  }
  grid.chunkLength = grid.k;
  if (r.chunks > 1)
    grid.chunkLength = ceilDiv(ceilDiv(grid.k, r.chunks), grid.tileK) * grid.tileK;
  return grid;
}

int64_t fluxion::codegen::gridChunks(const Reduction &r, const ir::TargetInfo &target) {
  if (r.isArg() || product(r.kept) == 0 || product(r.extents) == 0)
    return 1;
  int64_t most = 256, tiles, shortest; // chunks, blocks that there are, positions of a chunk
  int64_t summed = product(r.extents);
  Reduction whole(r);
  whole.chunks = 1;
  if (std::optional<ContractDims> dims = contractDims(r)) {
    ContractGrid grid = contractGrid(whole, *dims, target);
    tiles = grid.tilesM() * grid.tilesN() * grid.batches;
    shortest = 8 * grid.tileK;
    // Chunks are whole steps of a tile.
    int64_t chunks =
        std::clamp<int64_t>(target.cores / tiles, 1, std::max<int64_t>(1, summed / shortest));
    int64_t length = ceilDiv(ceilDiv(summed, std::min(chunks, most)), grid.tileK) * grid.tileK;
    return ceilDiv(summed, length);
  }
  if (isContraction(r.op))
    return 1;
  ReduceGrid grid = reduceGrid(whole);
  tiles = grid.tiles;
  shortest = grid.columns == 1 ? 4096 : 16 * 16;
  int64_t chunks =
      std::clamp<int64_t>(2 * target.cores / tiles, 1, std::max<int64_t>(1, summed / shortest));
  return ceilDiv(summed, ceilDiv(summed, std::min(chunks, most)));
}
