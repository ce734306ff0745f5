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
  ReduceGrid grid = reduceGrid(r);
  launch.block[0] = grid.threads();
  launch.grid = {std::max<int64_t>(1, grid.tiles), r.chunks, 1};
  if (grid.columns == 1)
    emitAlong(grid);
  else
    emitColumns(grid);
}

void BlockEmitter::finish(const Index &kept, Values values) {
  Values results;
  size_t next = 0;
  for (const Reduction &r : phase.reductions) {
    results.push_back(values[r.isArg() ? next + 1 : next]);
    next += r.isArg() ? 2 : 1;
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
    Values values = reduceStrided(group, kept, plus(start, lane), end, grid.groups, grid.lanes);
    access.alignedLanes = false;
    values = acrossThreads(group, values, grid.groups);
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
  Values values = reduceStrided(group, kept, plus(start, part), end, grid.groups);
  auto store = [&](Values all) {
    if (results % grid.columns)
      branch(isBelow(result, results), [&] { finish(kept, all); });
    else
      finish(kept, all);
  };
  if (grid.groups == 1) {
    store(values);
    access.setScalar();
    access.alignedLanes = false;
    return;
  }
  Values slots;
  for (Value value : values)
    slots.push_back(shared(getElementTypeOrSelf(value), grid.threads() * grid.lanes));
  for (auto [slot, value] : llvm::zip_equal(slots, values))
    storeShared(slot, getElementTypeOrSelf(value), narrow(times(thread(), grid.lanes)), value);
  barrier();
  branch(isBelow(thread(), grid.columns), [&] {
    Values total = values;
    for (int64_t g = 1; g < grid.groups; ++g) {
      Values other, combined;
      Value index = narrow(times(plus(column, number(g * grid.columns)), grid.lanes));
      for (auto [slot, value] : llvm::zip_equal(slots, values))
        other.push_back(loadShared(slot, getElementTypeOrSelf(value), index, grid.lanes));
      for (const Reduction *r : group) {
        size_t at = combined.size(), width = r->isArg() ? 2 : 1;
        combined.append(combinePair(*r, ValueRange(total).slice(at, width),
                                    ValueRange(other).slice(at, width)));
      }
      total = combined;
    }
    store(total);
  });
  access.setScalar();
  access.alignedLanes = false;
}

// A result's parts are added in order by one thread, or by a warp where they are many.
void BlockEmitter::emitCombine() {
  const Reduction &r = phase.reductions[0];
  int64_t results = product(r.kept), threads = r.chunks > 16 ? warpSize : 1;
  int64_t perBlock = std::min<int64_t>(mapThreads / threads, results);
  launch.block[0] = (perBlock * threads + warpSize - 1) / warpSize * warpSize;
  perBlock = launch.block[0] / threads;
  launch.grid[0] = std::max<int64_t>(1, (results + perBlock - 1) / perBlock);
  Value result = plus(times(blockIndex(0), perBlock), over(thread(), threads)),
        lane = modulo(thread(), threads);
  branch(isBelow(result, results), [&] {
    Index kept = positions(result, r.kept);
    Values sums = reduceStrided({&r}, kept, lane, number(r.chunks), threads);
    if (threads == 1)
      return finish(kept, sums);
    sums = acrossThreads({&r}, sums, threads);
    branch(isBelow(lane, 1), [&] { finish(kept, sums); });
  });
}
