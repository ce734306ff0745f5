// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rows: several reductions and maps over the same trailing dimensions. A row belongs to a warp, or
// to a block where it is long; threads stride over it, so that neighbours read neighbours.
#include "codegen/nvptx/BlockEmitter.h"

#include "codegen/common/Shapes.h"
#include "codegen/nvptx/Walk.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

void BlockEmitter::emitRows() {
  RowGrid grid = rowGrid(phase, target);
  access.alignedLanes = grid.lanes > 1;
  if (!phase.columns.empty()) {
    emitRowsAndColumns(grid);
  } else {
    launch.block[0] = grid.threads * grid.rowsPerBlock;
    launch.grid[0] = std::max<int64_t>(1, (grid.rows + grid.rowsPerBlock - 1) / grid.rowsPerBlock);
    Value row = plus(times(blockIndex(0), grid.rowsPerBlock), over(thread(), grid.threads)),
          lane = modulo(thread(), grid.threads);
    auto one = [&] {
      holdBlocks(lane, grid);
      emitOneRow(positions(row, phase.reductions[0].kept), lane, grid);
    };
    if (grid.rows % grid.rowsPerBlock == 0)
      one();
    else
      branch(isBelow(row, grid.rows), one);
  }
  access.alignedLanes = false;
}

// A block takes one row after another and keeps its part of the sums over them in registers.
void BlockEmitter::emitRowsAndColumns(const RowGrid &grid) {
  launch.block[0] = grid.threads;
  launch.grid[0] = phase.tasks;
  leastBlocks = RowGrid::threadsOfProcessor / grid.threads;
  holdBlocks(thread(), grid);
  access.setLanes(grid.lanes, {}, grid.lanes);
  Values initial;
  for (const Reduction &r : phase.columns)
    initial.append(heldBlocks.size(), identity(r));
  access.setScalar();
  Value from = times(blockIndex(0), phase.rowsPerTask);
  Value to =
      arith::MinUIOp::create(b, loc, plus(from, number(phase.rowsPerTask)), number(grid.rows));
  bool oneSweep = rowSweeps().size() == 1;
  Values sums = foldBetween(from, to, 1, initial, [&](Value row, ValueRange carried) {
    Values next;
    Index at = positions(row, phase.reductions[0].kept);
    emitOneRow(at, thread(), grid, [&] { next = addColumns(at, carried, grid.lanes); });
    // Shared memory of the only sweep is read by all before the next row's is written.
    if (oneSweep && grid.threads > warpSize)
      barrier();
    return next;
  });
  storeColumns(sums, grid.lanes);
}

// What the row at `at` adds to the sums over rows: of every reduction, of every block.
BlockEmitter::Values BlockEmitter::addColumns(const Index &at, ValueRange sums, int64_t lanes) {
  Values next;
  for (const Reduction &r : phase.columns)
    for (const HeldBlock &block : heldBlocks) {
      access.setLanes(lanes, block.first, lanes);
      Index index(at);
      index.append(split(block.first, r.kept));
      Value term =
          access.emit.convert(puller.pull(r.op->getOperand(0), index),
                              typeOf(r.op->getOperand(0)).getElementType(), accumulatorElement(r));
      next.push_back(combine(r, sums[next.size()], term));
    }
  access.setScalar();
  return next;
}

void BlockEmitter::storeColumns(ValueRange sums, int64_t lanes) {
  AffineExpr task = access.dimension(blockIndex(0));
  for (auto [i, r] : llvm::enumerate(phase.columns))
    for (auto [j, block] : llvm::enumerate(heldBlocks)) {
      access.setLanes(lanes, block.first, lanes);
      SmallVector<int64_t> shape{r.chunks};
      shape.append(r.kept.begin(), r.kept.end());
      Index index{task};
      index.append(split(block.first, r.kept));
      auto store = [&] {
        access.store(addressOf(phase.partials[i]), accumulatorElement(r),
                     access.linear(shape, index), sums[i * heldBlocks.size() + j]);
      };
      if (block.exists)
        branch(block.exists, store);
      else
        store();
    }
  access.setScalar();
}

// Reductions at positions from, from + grid.groups, ... of the flattened summed dimensions, in
// blocks of lanes where these run along them.
BlockEmitter::Values BlockEmitter::reduceStrided(ArrayRef<const Reduction *> group,
                                                 const Index &kept, Value from, Value to,
                                                 const ReduceGrid &grid, int64_t lanes) {
  constexpr int64_t together = 4; // positions whose loads are in flight at once
  if (lanes > 1)
    access.setLanes(lanes, {}, lanes);
  bool isCombine = phase.kind == Phase::Combine;
  SmallVector<SmallVector<int64_t>> runs{{group[0]->chunks}};
  if (!isCombine)
    runs = runsOf(group[0]->extents, grid.joined);
  Values initial, pivots; // a pivot of every mean
  Value first = arith::MinUIOp::create(b, loc, from, number(grid.summed - 1));
  for (auto [i, r] : llvm::enumerate(group)) {
    initial.append(identities(*r));
    if (r->moment != Reduction::Mean)
      continue;
    Index at = runPositions(first, runs, lanes);
    if (isCombine) {
      initial.push_back(identity(*r));
      pivots.push_back(partMoments(*r, *group[i + 1], kept, at[0])[1]);
    } else {
      pivots.push_back(momentTerm(*r, kept, at));
    }
  }
  auto add = [&](Value position, ValueRange carried) {
    return addStrided(group, carried, pivots, kept, runPositions(position, runs, lanes));
  };
  int64_t step = grid.groups;
  to = arith::MaxUIOp::create(b, loc, from, to);
  Value count = over(plus(arith::SubIOp::create(b, loc, to, from), number(step - 1)), step);
  Value rest = plus(from, times(over(count, together), step * together));
  Values sums =
      foldBetween(from, rest, step * together, initial, [&](Value first, ValueRange carried) {
        Values next(carried);
        for (int64_t i = 0; i < together; ++i)
          next = add(plus(first, number(i * step)), next);
        return next;
      });
  sums = foldBetween(rest, to, step, sums, add);
  return pivots.empty() ? sums : strideParts(group, sums, pivots, count);
}

// One more position, or chunk.
BlockEmitter::Values BlockEmitter::addStrided(ArrayRef<const Reduction *> group, ValueRange carried,
                                              ValueRange pivots, const Index &kept,
                                              const Index &reduced) {
  Values next;
  for (auto [i, r] : llvm::enumerate(group)) {
    ValueRange sums = carried.drop_front(next.size());
    if (r->moment == Reduction::Alone) {
      next.append(this->step(*r, sums.take_front(r->width()), kept, reduced));
    } else if (r->moment == Reduction::Mean) {
      next.append(phase.kind == Phase::Combine
                      ? addPartToMoments(*r, sums, pivots[0],
                                         partMoments(*r, *group[i + 1], kept, reduced[0]))
                      : addToMoments(*r, sums, pivots[0], kept, reduced));
      pivots = pivots.drop_front();
    }
  }
  return next;
}

// What a thread leaves of `count` positions (i64): of a mean and its spread a part.
BlockEmitter::Values BlockEmitter::strideParts(ArrayRef<const Reduction *> group, ValueRange sums,
                                               ValueRange pivots, Value count) {
  Values parts;
  for (const Reduction *r : group) {
    if (r->moment == Reduction::Mean) {
      bool isCombine = phase.kind == Phase::Combine;
      Value of = isCombine
                     ? sums[2]
                     : arith::SIToFPOp::create(b, loc, accumulatorElement(*r), count).getResult();
      parts.append(momentsOf(*r, sums, pivots[0], of));
      sums = sums.drop_front(isCombine ? 3 : 2);
      pivots = pivots.drop_front();
    } else if (r->moment == Reduction::Alone) {
      parts.append(sums.begin(), sums.begin() + r->width());
      sums = sums.drop_front(r->width());
    }
  }
  return parts;
}

// The same over the blocks that a thread holds: what they pull is kept for later sweeps.
BlockEmitter::Values BlockEmitter::reduceHeld(ArrayRef<const Reduction *> group, const Index &kept,
                                              int64_t lanes) {
  access.setLanes(lanes, {}, lanes);
  Values sums;
  for (const Reduction *r : group)
    sums.append(identities(*r));
  for (const HeldBlock &block : heldBlocks) {
    access.setLanes(lanes, block.first, lanes);
    Index reduced = split(block.first, group[0]->extents);
    Values next;
    for (const Reduction *r : group)
      next.append(step(*r, ValueRange(sums).slice(next.size(), r->width()), kept, reduced));
    for (auto [sum, value] : llvm::zip_equal(sums, next))
      sum = block.exists ? arith::SelectOp::create(b, loc, block.exists, value, sum).getResult()
                         : value;
  }
  if (lanes > 1)
    for (auto [sum, r] : llvm::zip_equal(sums, group))
      sum = PhaseEmitter::acrossLanes(*r, sum);
  access.setScalar();
  return sums;
}

void BlockEmitter::holdBlocks(Value lane, const RowGrid &grid) {
  for (int64_t i = 0; i < grid.held; ++i) {
    // Beyond the row its last block stands in, and counts for nothing.
    bool isWhole = (i + 1) * grid.threads <= grid.blocks();
    Value number = plus(lane, this->number(i * grid.threads)),
          last = this->number(grid.blocks() - 1);
    Value position = isWhole ? number : arith::MinUIOp::create(b, loc, number, last).getResult();
    heldBlocks.push_back({access.dimension(times(position, grid.lanes)),
                          isWhole ? Value() : isBelow(number, grid.blocks())});
  }
}

void BlockEmitter::emitOneRow(const Index &at, Value lane, const RowGrid &grid, Body beforeStores) {
  for (auto &group : rowSweeps()) {
    ReduceGrid strided;
    strided.groups = grid.threads;
    strided.joined.assign(group[0]->extents.size(), false);
    Values values =
        grid.held ? reduceHeld(group, at, grid.lanes)
                  : reduceStrided(group, at, lane, number(product(group[0]->extents)), strided);
    values = acrossThreads(group, values, grid.threads);
    size_t next = 0;
    for (const Reduction *r : group) {
      Value value = values[r->isArg() ? next + 1 : next];
      next += r->width();
      if (!r->isArg())
        value =
            access.emit.convert(value, accumulatorElement(*r), typeOf(r->result).getElementType());
      puller.hold(r->result, at, value);
    }
  }
  if (beforeStores)
    beforeStores();
  if (grid.threads == warpSize) // whose reductions have no barrier
    warpBarrier();
  emitResults(at, lane, grid);
  for (const Reduction &r : phase.reductions)
    puller.release(r.result);
}

void BlockEmitter::emitHeldResults(ArrayRef<StoredValue> group, const Index &at, int64_t lanes) {
  for (const HeldBlock &block : heldBlocks) {
    access.setLanes(lanes, block.first, lanes);
    Index index(at);
    index.append(split(block.first, phase.reductions[0].extents));
    auto store = [&] { storeAll(group, index); };
    if (block.exists)
      branch(block.exists, store);
    else
      store();
  }
  access.setScalar();
}

// A barrier lies between all reads of the row and these stores.
void BlockEmitter::emitResults(const Index &at, Value lane, const RowGrid &grid) {
  for (auto &group : groupByShape(phase.stores)) {
    ArrayRef<int64_t> inner = typeOf(group[0].value).getShape().drop_front(at.size());
    if (inner.empty()) {
      branch(isBelow(lane, 1), [&] { storeAll(group, at); });
      continue;
    }
    if (grid.held && inner == ArrayRef<int64_t>(phase.reductions[0].extents)) {
      emitHeldResults(group, at, grid.lanes);
      continue;
    }
    loop(lane, number(product(inner)), grid.threads, [&](Value position) {
      Index index(at);
      index.append(split(access.dimension(position), inner));
      storeAll(group, index);
    });
  }
}
