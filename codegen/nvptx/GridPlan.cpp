// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/GridPlan.h"

#include "codegen/common/Shapes.h"
#include "codegen/nvptx/Walk.h"
#include "codegen/nvptx/contract/ContractPlan.h"
#include "codegen/nvptx/hopper/HopperPlan.h"
#include "ir/ops/Convolution.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

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

namespace {

// Threads that share a row of so many elements and read it more than once.
int64_t rowThreads(int64_t elements) { return powerOfTwo(ceilDiv(elements, 8), warpSize, 512); }

// Operands that are as large as all rows, and the bytes of the widest element among them and the
// results.
struct RowMemory {
  int64_t operands = 0, widest = 2;
};
RowMemory rowMemory(const Phase &phase, int64_t elements) {
  RowMemory memory;
  auto note = [&](Value value) {
    bool isWhole = typeOf(value).getNumElements() >= elements;
    if (isWhole)
      memory.widest = std::max<int64_t>(memory.widest, typeOf(value).getElementTypeBitWidth() / 8);
    return isWhole;
  };
  SmallVector<Value> open;
  for (auto *list : {&phase.reductions, &phase.columns})
    for (const Reduction &r : *list)
      llvm::append_range(open, r.op->getOperands());
  for (const StoredValue &stored : phase.stores) {
    open.push_back(stored.value);
    note(stored.value);
  }
  DenseSet<Value> seen;
  while (!open.empty()) {
    Value value = open.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    if (Operation *op = value.getDefiningOp())
      llvm::append_range(open, op->getOperands());
    else
      memory.operands += note(value);
  }
  return memory;
}

} // namespace

namespace {

// Blocks that also reduce over the rows: sums and rows share the registers, and every block's sums
// are one more row for a second launch to add.
void holdColumns(RowGrid &grid, int64_t lanes, bool alike, const ir::TargetInfo &target) {
  constexpr int64_t mostThreads = 512, mostElements = 16;
  int64_t blocks = grid.elements / lanes;
  grid.threads = powerOfTwo(blocks, warpSize, mostThreads);
  grid.lanes = lanes;
  grid.held = ceilDiv(blocks, grid.threads);
  grid.blocksOfRows = std::clamp<int64_t>(
      grid.rows / 4, 1,
      target.cores * std::min<int64_t>(8, RowGrid::threadsOfProcessor / grid.threads));
  // Many short rows would take too few threads.
  bool tooShort = grid.threads < 2 * warpSize && grid.rows > (int64_t(1) << 12);
  if (!alike || grid.held * lanes > mostElements || tooShort)
    grid.held = 0;
}

} // namespace

RowGrid fluxion::codegen::rowGrid(const Phase &phase, const ir::TargetInfo &target) {
  RowGrid grid;
  const Reduction &first = phase.reductions[0];
  grid.rows = product(first.kept);
  bool alike = true, hasArg = false;
  for (const Reduction &r : phase.reductions) {
    alike &= r.extents == first.extents;
    hasArg |= r.isArg();
    grid.elements = std::max(grid.elements, product(r.extents));
  }
  grid.threads = rowThreads(grid.elements);
  RowMemory memory = rowMemory(phase, grid.rows * grid.elements);
  int64_t lanes = 16 / memory.widest;
  if (hasArg || first.extents.back() != grid.elements || grid.elements % lanes)
    lanes = 1;
  // Elements of a row that a thread has: as many as fill its registers once all operands do.
  int64_t most = (memory.operands > 2 ? 8 : 16) * 4 / std::max<int64_t>(4, memory.widest);
  int64_t blocks = grid.elements / lanes,
          threads = powerOfTwo(ceilDiv(blocks * lanes, most), warpSize, 512);
  if (int64_t held = ceilDiv(blocks, threads); alike && held * lanes <= 2 * most)
    grid.threads = threads, grid.lanes = lanes, grid.held = held;
  if (!phase.columns.empty()) {
    holdColumns(grid, lanes, alike, target);
    return grid;
  }
  // Every multiprocessor is given rows before one is given several.
  if (grid.threads == warpSize)
    grid.rowsPerBlock = powerOfTwo(grid.rows / (4 * target.cores), 1, 8);
  return grid;
}

namespace {

// Elements of an operand that fill 128 bits; bits and bytes are taken one by one.
int64_t loadLanes(const Reduction &r) {
  unsigned width = typeOf(r.op->getOperand(0)).getElementTypeBitWidth();
  return r.isArg() || width < 16 ? 1 : 128 / width;
}

// Threads that share columns of so many positions: whole warps, and each has four positions in
// flight at least where there are as many.
int64_t groupsOf(int64_t positions, int64_t columns) {
  constexpr int64_t mostThreads = 512;
  return powerOfTwo(ceilDiv(positions, 4), std::max<int64_t>(1, warpSize / columns),
                    mostThreads / columns);
}

// A convolution of every channel by itself, channels last: neighbouring results read neighbours.
bool isDepthwise(const Reduction &r) {
  auto conv = dyn_cast<ir::ConvolutionOp>(r.op);
  if (!conv)
    return false;
  int64_t last = (int64_t)r.kept.size() - 1, groups = conv.getFeatureGroupCount();
  ArrayRef<int64_t> behind = shapeOf(conv.getKernel()).drop_front(conv.getKernelDims()[0] + 1);
  return conv.getOutputDims()[1] == last && conv.getInputDims()[1] == last &&
         product(behind) == 1 && groups == r.kept[last] &&
         groups == typeOf(conv.getInput()).getDimSize(last);
}

} // namespace

bool fluxion::codegen::takesTiles(const Reduction &r) {
  return isContraction(r.op) && !isDepthwise(r);
}

std::optional<WindowGrid> fluxion::codegen::windowGrid(const Reduction &r) {
  constexpr int64_t mostTaps = 32; // written out
  if (!isDepthwise(r) || r.chunks > 1 || product(r.extents) > mostTaps ||
      llvm::any_of(cast<ir::ConvolutionOp>(r.op).getLhsDilation(),
                   [](int64_t by) { return by > 1; }))
    return std::nullopt;
  WindowGrid grid;
  grid.dim = (int64_t)r.kept.size() - 2;
  int64_t lanes = loadLanes(r), size = r.kept[grid.dim];
  if (r.kept.back() % lanes == 0)
    grid.lanes = lanes;
  for (int64_t steps : {2, 3, 4})
    if (size % steps == 0)
      grid.steps = steps;
  if (grid.steps == 1 && size <= 7)
    grid.steps = size;
  grid.threads = product(r.kept) / (grid.lanes * grid.steps);
  return grid;
}

ReduceGrid fluxion::codegen::reduceGrid(const Reduction &r) {
  ReduceGrid grid;
  int64_t results = product(r.kept), lanes = loadLanes(r);
  grid.summed = product(r.extents);
  grid.joined.assign(r.extents.size(), false);
  if (auto reduce = dyn_cast<ir::ReduceOp>(r.op)) {
    Walk walk = walkOf(reduce.getX());
    ArrayRef<int64_t> dims = reduce.getDims();
    for (size_t i = 1; i < dims.size(); ++i)
      grid.joined[i] = dims[i] == dims[i - 1] + 1 && walk.joined[dims[i]];
    if (!walk.inOrder)
      lanes = 1;
  }
  if (sumsLastDimension(r)) {
    grid.along = true;
    if (product(runsOf(r.extents, grid.joined).back()) % lanes == 0)
      grid.lanes = lanes;
    grid.summed /= grid.lanes;
    grid.chunkLength = ceilDiv(grid.summed, r.chunks);
    grid.groups = rowThreads(grid.chunkLength);
    if (grid.groups == warpSize)
      grid.resultsPerBlock = std::clamp<int64_t>(results, 1, 8);
    grid.tiles = ceilDiv(results, grid.resultsPerBlock);
    return grid;
  }
  if (!r.kept.empty() && r.kept.back() % lanes == 0)
    grid.lanes = lanes;
  grid.chunkLength = ceilDiv(grid.summed, r.chunks);
  int64_t columns = std::max<int64_t>(1, results / grid.lanes);
  grid.columns = powerOfTwo(columns, 1, grid.summed > 16 ? warpSize : mapThreads);
  // Narrow tiles where blocks would be few: still lines of memory.
  constexpr int64_t enough = 128, lineColumns = 8, chunk = 512;
  while (grid.columns > lineColumns &&
         ceilDiv(columns, grid.columns) * ceilDiv(grid.summed, chunk) < enough)
    grid.columns /= 2;
  grid.groups = groupsOf(grid.chunkLength, grid.columns);
  grid.tiles = ceilDiv(columns, grid.columns);
  return grid;
}

ReduceGrid fluxion::codegen::combineGrid(const Reduction &r) {
  ReduceGrid grid;
  int64_t results = product(r.kept);
  grid.summed = grid.chunkLength = r.chunks;
  if (r.chunks > 16) {
    grid.columns = powerOfTwo(results / 128, 8, warpSize);
    grid.groups = groupsOf(r.chunks, grid.columns);
  } else {
    grid.columns = ceilDiv(std::clamp<int64_t>(results, warpSize, mapThreads), warpSize) * warpSize;
    grid.groups = 1;
  }
  grid.tiles = std::max<int64_t>(1, ceilDiv(results, grid.columns));
  return grid;
}

std::optional<SquareGrid> fluxion::codegen::squareGrid(const MapGroup &group) {
  ArrayRef<int64_t> shape = typeOf(group.stores[0].value).getShape();
  int64_t last = (int64_t)shape.size() - 1, lanes = group.lanes;
  if (!group.turns() || group.squares.laneDim != last ||
      shape[group.squares.lineDims.back()] % lanes || shape[last] % lanes)
    return std::nullopt;
  SquareGrid grid;
  grid.lanes = lanes;
  grid.lines = group.lines() / lanes, grid.columns = shape[last] / lanes;
  grid.others = product(shape) / (group.lines() * shape[last]);
  grid.tileColumns = powerOfTwo(grid.columns, 1, 16);
  grid.tileLines = mapThreads / grid.tileColumns;
  return grid;
}

std::optional<LineGrid> fluxion::codegen::lineGrid(const MapGroup &group, int64_t lanes,
                                                   const ir::TargetInfo &target) {
  SmallVector<Value> values;
  for (const StoredValue &stored : group.stores)
    values.push_back(stored.value);
  ArrayRef<int64_t> shape = shapeOf(values[0]);
  Walk walk = walkOf(values);
  if (!walk.inOrder || product(shape) == 0)
    return std::nullopt;
  LineGrid grid;
  grid.runs = runsOf(shape, walk.joined);
  int64_t length = product(grid.runs.back());
  grid.lanes = length % lanes ? 1 : lanes;
  grid.vectors = length / grid.lanes;
  grid.outer = product(shape) / length;
  // Steps share what differs from run to run only; blocks enough come first.
  int64_t most = walk.isPlain ? std::max<int64_t>(1, 4 / group.stores.size()) : 1,
          blocks = product(shape) / grid.lanes / mapThreads,
          wanted = std::clamp<int64_t>(blocks / (4 * target.cores), 1, most);
  if (grid.vectors > mapThreads) { // steps of a run of equal length
    int64_t whole = ceilDiv(grid.vectors, mapThreads);
    grid.steps = std::min(whole, wanted);
    grid.tiles = ceilDiv(whole, grid.steps);
    grid.across = ceilDiv(grid.vectors, grid.tiles * grid.steps);
  } else {
    grid.across = grid.vectors;
    grid.rows = mapThreads / grid.across;
    grid.steps = std::min(ceilDiv(grid.outer, grid.rows), wanted);
  }
  return grid;
}

GridParts fluxion::codegen::gridParts(const Reduction &r, const ir::TargetInfo &target,
                                      ScheduleKeys *keys) {
  if (r.isArg() || product(r.kept) == 0 || product(r.extents) == 0)
    return {};
  if (takesTiles(r)) {
    Contraction c = describeContraction(r);
    if (std::optional<HopperPlan> plan = planHopper(c, target, keys))
      return {plan->chunks, plan->streamedBytes()};
    ContractPlan plan = planContraction(c, target, keys);
    return {plan.chunks, plan.streamedBytes(c)};
  }
  constexpr int64_t most = 256;
  Reduction whole(r);
  whole.chunks = 1;
  // As many blocks as run at once.
  ReduceGrid grid = reduceGrid(whole);
  int64_t wanted = target.cores * (ReduceGrid::threadsOfProcessor / grid.threads());
  int64_t shortest = grid.along ? 4096 / grid.lanes : 4 * grid.groups; // positions of a chunk
  int64_t chunks = std::clamp<int64_t>(wanted / std::max<int64_t>(1, grid.tiles), 1,
                                       std::max<int64_t>(1, grid.summed / shortest));
  return {ceilDiv(grid.summed, ceilDiv(grid.summed, std::min(chunks, most)))};
}
