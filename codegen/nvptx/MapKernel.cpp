// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Maps: a thread an element, or a 128-bit block of elements where all of a kernel's memory is read
// and written in order, or squares that are turned in registers.
#include "codegen/nvptx/BlockEmitter.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Random.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// Elements that fill 128 bits of the widest result; narrow ones are computed in f32, of which more
// than eight would fill too many registers.
int64_t blockLanes(const MapGroup &group) {
  int64_t widest = 2;
  for (const StoredValue &stored : group.stores)
    widest = std::max<int64_t>(widest, typeOf(stored.value).getElementTypeBitWidth() / 8);
  return 16 / widest;
}

} // namespace

// Every shape has a range of the blocks of its own.
void BlockEmitter::emitMaps(ArrayRef<StoredValue> stores) {
  // Squares of what is computed at length rather than read would fill the registers.
  bool isRandom = !kernel.getBody().front().getOps<ir::RandomBitsOp>().empty();
  std::vector<MapPart> parts;
  int64_t blocks = 0, most = 1;
  for (const MapGroup &group : mapGroups(stores, target)) {
    MapPart part;
    part.group = group;
    part.count = typeOf(group.stores[0].value).getNumElements();
    part.lanes = blockLanes(group);
    if (!isRandom)
      part.squares = squareGrid(group);
    if (!group.flat && !part.squares)
      part.lines = lineGrid(group, part.lanes, target);
    if (!group.flat)
      part.lanes = 1;
    part.first = blocks;
    most = std::max(most, part.takesBlocks() ? mapThreads : part.threads());
    parts.push_back(part);
    blocks += part.squares ? part.squares->blocks()
              : part.lines ? part.lines->blocks()
                           : ceilDiv(part.threads(), mapThreads);
  }
  launch.block[0] = std::min(mapThreads, ceilDiv(most, warpSize) * warpSize);
  launch.grid[0] = std::max<int64_t>(1, blocks);
  std::function<void(size_t, size_t)> choose = [&](size_t low, size_t high) {
    if (high - low == 1)
      return emitMapPart(parts[low]);
    size_t middle = (low + high) / 2;
    branch(
        isBelow(blockIndex(0), parts[middle].first), [&] { choose(low, middle); },
        [&] { choose(middle, high); });
  };
  choose(0, parts.size());
}

void BlockEmitter::emitMapPart(const MapPart &part) {
  Value local = arith::SubIOp::create(b, loc, blockIndex(0), number(part.first));
  if (part.squares)
    return emitSquarePart(part, local);
  if (part.lines)
    return emitLinePart(part, local);
  Value position = plus(times(local, launch.block[0]), thread());
  if (!part.group.flat) {
    branch(isBelow(position, part.count), [&] {
      storeAll(part.group.stores, positions(position, shapeOf(part.group.stores[0].value)));
    });
    return;
  }
  auto scalar = [&](Value at) {
    branch(isBelow(at, part.count),
           [&] { storeAll(part.group.stores, Index{access.dimension(at)}); });
  };
  if (part.lanes == 1)
    return scalar(position);
  auto vector = [&] {
    AffineExpr first = access.dimension(times(position, part.lanes));
    access.setLanes(part.lanes, first, part.lanes);
    access.alignedLanes = true;
    storeAll(part.group.stores, Index{first});
    access.alignedLanes = false;
    access.setScalar();
  };
  branch(isBelow(position, part.vectors()), vector, [&] {
    if (part.count % part.lanes)
      scalar(plus(position, number(part.vectors() * (part.lanes - 1))));
  });
}

// A warp reads runs of four squares and writes runs of eight, so that both fill sectors of memory.
void BlockEmitter::emitSquarePart(const MapPart &part, Value block) {
  const SquareGrid &grid = *part.squares;
  ArrayRef<int64_t> shape = typeOf(part.group.stores[0].value).getShape();
  int64_t warpColumns = std::min<int64_t>(8, grid.tileColumns), warpLines = warpSize / warpColumns,
          warpsAlong = grid.tileColumns / warpColumns;
  Value warp = over(thread(), warpSize), inWarp = modulo(thread(), warpSize);
  Value line = plus(modulo(inWarp, warpLines), times(over(warp, warpsAlong), warpLines)),
        column = plus(over(inWarp, warpLines), times(modulo(warp, warpsAlong), warpColumns));
  column = plus(column, times(modulo(block, grid.tilesOfColumns()), grid.tileColumns));
  block = over(block, grid.tilesOfColumns());
  line = plus(line, times(modulo(block, grid.tilesOfLines()), grid.tileLines));
  block = over(block, grid.tilesOfLines());
  SmallVector<int64_t> others(shape);
  others.back() = 1;
  for (int64_t d : part.group.squares.lineDims)
    others[d] = 1;
  Index index = positions(block, others);
  auto square = [&] {
    access.alignedLanes = true;
    emitSquare(part.group, index, times(line, grid.lanes), grid.lanes,
               access.dimension(times(column, grid.lanes)), grid.lanes);
    access.alignedLanes = false;
  };
  bool wholeLines = grid.lines % grid.tileLines == 0,
       wholeColumns = grid.columns % grid.tileColumns == 0;
  if (wholeLines && wholeColumns)
    return square();
  branch(arith::AndIOp::create(b, loc, isBelow(line, grid.lines), isBelow(column, grid.columns)),
         square);
}

// Where all steps of a thread exist, everything is read before anything is stored, so that their
// loads are in flight at once.
void BlockEmitter::emitLinePart(const MapPart &part, Value block) {
  const LineGrid &grid = *part.lines;
  bool alongRun = grid.alongRun();
  struct Step {
    AffineExpr lane;
    Index index;
    Value exists; // null: always
  };
  SmallVector<Step> steps;
  ArrayRef<SmallVector<int64_t>> runs(grid.runs);
  Value across = modulo(thread(), grid.across), row = over(thread(), grid.across);
  Value outer =
            alongRun ? over(block, grid.tiles) : plus(times(block, grid.rows * grid.steps), row),
        vector = alongRun ? plus(times(modulo(block, grid.tiles), grid.across * grid.steps), across)
                          : across;
  int64_t stride = alongRun ? grid.across : grid.rows, end = alongRun ? grid.vectors : grid.outer;
  bool isWhole = end % (stride * grid.steps) == 0;
  AffineExpr lane = access.dimension(times(vector, grid.lanes));
  Index rows = runPositions(outer, runs.drop_back());
  for (int64_t i = 0; i < grid.steps; ++i) {
    Value at = plus(alongRun ? vector : outer, number(i * stride));
    if (alongRun)
      lane = access.dimension(times(at, grid.lanes));
    else
      rows = runPositions(at, runs.drop_back());
    Index index(rows);
    index.append(split(lane, runs.back()));
    steps.push_back({lane, index, isWhole ? Value() : isBelow(at, end)});
  }
  auto storeStep = [&](const Step &step) {
    access.setLanes(grid.lanes, step.lane, grid.lanes);
    storeAll(part.group.stores, step.index);
  };
  auto together = [&] {
    for (const Step &step : steps) {
      access.setLanes(grid.lanes, step.lane, grid.lanes);
      for (const StoredValue &stored : part.group.stores)
        puller.pull(stored.value, step.index);
    }
    llvm::for_each(steps, storeStep);
  };
  auto oneByOne = [&] {
    for (const Step &step : steps)
      branch(step.exists, [&] { storeStep(step); });
  };
  auto all = [&] {
    if (isWhole)
      together();
    else
      branch(steps.back().exists, together, oneByOne);
  };
  access.alignedLanes = grid.lanes > 1;
  if (grid.rows * grid.across == mapThreads)
    all();
  else
    branch(isBelow(thread(), grid.rows * grid.across), all);
  access.alignedLanes = false;
  access.setScalar();
}
