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
  if (!group.flat)
    return 1;
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
    part.first = blocks;
    most = std::max(most, part.squares ? mapThreads : part.threads());
    parts.push_back(part);
    blocks += part.squares ? part.squares->blocks() : ceilDiv(part.threads(), mapThreads);
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
  Value position = plus(times(local, launch.block[0]), thread());
  if (!part.group.flat) {
    branch(isBelow(position, part.count), [&] {
      storeAll(part.group.stores,
               positions(position, typeOf(part.group.stores[0].value).getShape()));
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
