// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions of any dimensions: a block takes neighbouring results and a chunk of what is summed.
// Chunks leave partial results in scratch, which a second launch combines in order.
#include "codegen/nvptx/BlockEmitter.h"

#include "codegen/common/Shapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

void BlockEmitter::emitReductions() {
  const Reduction &r = phase.reductions[0];
  if (std::optional<WindowGrid> windows = windowGrid(r))
    return emitWindows(*windows);
  ReduceGrid grid = reduceGrid(r);
  launch.block[0] = grid.threads();
  leastBlocks = ReduceGrid::threadsOfProcessor / grid.threads();
  launch.grid = {std::max<int64_t>(1, grid.tiles), r.chunks, 1};
  if (grid.along)
    emitAlong(grid);
  else
    emitColumns(grid);
}

void BlockEmitter::finish(const Index &kept, Values values) {
  Values results;
  size_t next = 0;
  for (const Reduction &r : phase.reductions) {
    results.push_back(values[r.isArg() ? next + 1 : next]);
    next += r.width();
  }
  bool isPart = phase.kind == Phase::Reduce && phase.reductions[0].chunks > 1;
  finishElement(kept, isPart ? access.dimension(blockIndex(1)) : AffineExpr(), results);
  for (const Reduction &r : phase.reductions)
    puller.release(r.result);
}

// Threads along the summed positions.
void BlockEmitter::emitAlong(const ReduceGrid &grid) {
  const Reduction &first = phase.reductions[0];
  SmallVector<const Reduction *> group;
  for (const Reduction &r : phase.reductions)
    group.push_back(&r);
  int64_t results = product(first.kept);
  Value result = plus(times(blockIndex(0), grid.resultsPerBlock), over(thread(), grid.groups)),
        lane = modulo(thread(), grid.groups);
  auto one = [&] {
    Index kept = positions(result, first.kept);
    Value start = times(blockIndex(1), grid.chunkLength);
    Value end =
        arith::MinUIOp::create(b, loc, plus(start, number(grid.chunkLength)), number(grid.summed));
    access.alignedLanes = grid.lanes > 1;
    Values parts = reduceStrided(group, kept, plus(start, lane), end, grid, grid.lanes);
    access.alignedLanes = false;
    Values values =
        joinParts(group, parts, [&](ArrayRef<const Reduction *> some, ValueRange of, bool) {
          Values sums = acrossLanes(some, Values(of));
          access.emit.lanes = 1;
          sums = acrossThreads(some, sums, grid.groups);
          access.emit.lanes = grid.lanes;
          return sums;
        });
    access.setScalar();
    branch(isBelow(lane, 1), [&] { finish(kept, values); });
  };
  if (results % grid.resultsPerBlock == 0)
    return one();
  branch(isBelow(result, results), one);
}

// Threads along neighbouring results; groups of them share the chunk, whose parts meet in shared
// memory.
void BlockEmitter::emitColumns(const ReduceGrid &grid) {
  const Reduction &first = phase.reductions[0];
  SmallVector<const Reduction *> group;
  for (const Reduction &r : phase.reductions)
    group.push_back(&r);
  int64_t results = product(first.kept) / grid.lanes; // blocks of lanes
  Value column = modulo(thread(), grid.columns), part = over(thread(), grid.columns);
  Value result = plus(times(blockIndex(0), grid.columns), column);
  // Threads beyond the last result sum the last one again and store nothing.
  Value last = arith::MinUIOp::create(b, loc, result, number(std::max<int64_t>(0, results - 1)));
  access.alignedLanes = grid.lanes > 1;
  Index kept = lanePositions(results % grid.columns ? last : result, first.kept, grid.lanes);
  Value start = times(blockIndex(1), grid.chunkLength);
  Value end =
      arith::MinUIOp::create(b, loc, plus(start, number(grid.chunkLength)), number(grid.summed));
  Values parts = reduceStrided(group, kept, plus(start, part), end, grid);
  Values values =
      joinParts(group, parts, [&](ArrayRef<const Reduction *> some, ValueRange of, bool inAll) {
        return acrossGroups(some, of, grid, inAll);
      });
  auto store = [&] {
    if (results % grid.columns)
      branch(isBelow(result, results), [&] { finish(kept, values); });
    else
      finish(kept, values);
  };
  if (grid.groups == 1)
    store();
  else
    branch(isBelow(thread(), grid.columns), store);
  access.setScalar();
  access.alignedLanes = false;
}

// Groups of a warp exchange what they hold; the first threads add the warps' parts, or the groups'.
BlockEmitter::Values BlockEmitter::acrossGroups(ArrayRef<const Reduction *> group,
                                                ValueRange values, const ReduceGrid &grid,
                                                bool inAll) {
  if (grid.groups == 1)
    return Values(values);
  Values sums(values);
  for (int64_t by = warpSize / 2; by >= grid.columns; by /= 2) {
    Values other;
    for (Value value : sums)
      other.push_back(shuffleDown(value, by));
    sums = combineAll(group, sums, other);
  }
  int64_t apart = std::max(grid.columns, warpSize), parts = grid.threads() / apart;
  Value column = modulo(thread(), apart);
  Values slots;
  for (Value value : sums)
    slots.push_back(shared(getElementTypeOrSelf(value), parts * apart * grid.lanes));
  auto keep = [&](ValueRange kept) {
    for (auto [slot, value] : llvm::zip_equal(slots, kept))
      storeShared(slot, getElementTypeOrSelf(value), narrow(times(thread(), grid.lanes)), value);
  };
  auto partOf = [&](int64_t part, Value column) {
    Values loaded;
    Value index = narrow(times(plus(column, number(part * apart)), grid.lanes));
    for (auto [slot, value] : llvm::zip_equal(slots, sums))
      loaded.push_back(loadShared(slot, getElementTypeOrSelf(value), index, grid.lanes));
    return loaded;
  };
  keep(sums);
  barrier();
  Value isFirst = isBelow(thread(), grid.columns);
  Values total = choose(
      isFirst,
      [&] {
        Values all(sums);
        for (int64_t part = 1; part < parts; ++part)
          all = combineAll(group, all, partOf(part, column));
        return all;
      },
      sums);
  if (!inAll)
    return total;
  branch(isFirst, [&] { keep(total); });
  barrier();
  return partOf(0, modulo(thread(), grid.columns));
}

// Windows of neighbouring positions, tap by tap: what they read in common is read once.
void BlockEmitter::emitWindows(const WindowGrid &grid) {
  const Reduction &r = phase.reductions[0];
  launch.block[0] = std::min(mapThreads, ceilDiv(grid.threads, warpSize) * warpSize);
  launch.grid[0] = ceilDiv(grid.threads, launch.block[0]);
  Value position = plus(times(blockIndex(0), launch.block[0]), thread());
  branch(isBelow(position, grid.threads), [&] {
    SmallVector<int64_t> sizes(r.kept);
    sizes[grid.dim] /= grid.steps;
    access.alignedLanes = grid.lanes > 1;
    Index first = lanePositions(position, sizes, grid.lanes);
    std::vector<Index> places(grid.steps, first);
    for (int64_t i = 0; i < grid.steps; ++i)
      places[i][grid.dim] = first[grid.dim] * grid.steps + i;
    Values sums(grid.steps, identity(r));
    for (int64_t tap = 0; tap < product(r.extents); ++tap) {
      Index reduced(r.extents.size());
      int64_t rest = tap;
      for (int64_t d = (int64_t)r.extents.size() - 1; d >= 0; rest /= r.extents[d--])
        reduced[d] = access.constant(rest % r.extents[d]);
      for (auto [sum, place] : llvm::zip_equal(sums, places))
        sum = step(r, sum, place, reduced)[0];
    }
    for (auto [sum, place] : llvm::zip_equal(sums, places))
      finish(place, {sum});
    access.alignedLanes = false;
    access.setScalar();
  });
}

// Parts are added by one thread a result, or by groups of threads where they are many.
void BlockEmitter::emitCombine() {
  ReduceGrid grid = combineGrid(phase.reductions[0]);
  launch.block[0] = grid.threads();
  launch.grid[0] = grid.tiles;
  emitColumns(grid);
}
