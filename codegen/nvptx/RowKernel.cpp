// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rows: several reductions and maps over the same trailing dimensions. A row belongs to a warp, or
// to a block where it is long; threads stride over it, so that neighbours read neighbours.
#include "codegen/nvptx/BlockEmitter.h"

#include "codegen/common/Shapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

void BlockEmitter::emitRows() {
  RowGrid grid = rowGrid(phase, target);
  launch.block[0] = grid.threads * grid.rowsPerBlock;
  launch.grid[0] = std::max<int64_t>(1, (grid.rows + grid.rowsPerBlock - 1) / grid.rowsPerBlock);
  Value row = plus(times(blockIndex(0), grid.rowsPerBlock), over(thread(), grid.threads)),
        lane = modulo(thread(), grid.threads);
  if (grid.rows % grid.rowsPerBlock == 0)
    return emitOneRow(row, lane, grid);
  branch(isBelow(row, grid.rows), [&] { emitOneRow(row, lane, grid); });
}

// Reductions at positions from, from + step, ... of the flattened summed dimensions, in blocks of
// lanes where these run along them.
BlockEmitter::Values BlockEmitter::reduceStrided(ArrayRef<const Reduction *> group,
                                                 const Index &kept, Value from, Value to,
                                                 int64_t step, int64_t lanes) {
  if (lanes > 1)
    access.setLanes(lanes, {}, lanes);
  Values initial;
  for (const Reduction *r : group)
    initial.append(identities(*r));
  SmallVector<int64_t> extents = phase.kind == Phase::Combine
                                     ? SmallVector<int64_t>{group[0]->chunks}
                                     : SmallVector<int64_t>(group[0]->extents);
  Values sums = foldBetween(from, to, step, initial, [&](Value position, ValueRange carried) {
    Index reduced = lanePositions(position, extents, lanes);
    Values next;
    for (const Reduction *r : group)
      next.append(this->step(*r, carried.slice(next.size(), r->isArg() ? 2 : 1), kept, reduced));
    return next;
  });
  if (lanes == 1)
    return sums;
  for (auto [sum, r] : llvm::zip_equal(sums, group))
    sum = acrossLanes(*r, sum);
  access.setScalar();
  return sums;
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
      next.append(step(*r, ValueRange(sums).slice(next.size(), r->isArg() ? 2 : 1), kept, reduced));
    for (auto [sum, value] : llvm::zip_equal(sums, next))
      sum = block.exists ? arith::SelectOp::create(b, loc, block.exists, value, sum).getResult()
                         : value;
  }
  if (lanes > 1)
    for (auto [sum, r] : llvm::zip_equal(sums, group))
      sum = acrossLanes(*r, sum);
  access.setScalar();
  return sums;
}

void BlockEmitter::emitOneRow(Value row, Value lane, const RowGrid &grid) {
  Index at = positions(row, phase.reductions[0].kept);
  access.alignedLanes = grid.lanes > 1;
  for (int64_t i = 0; i < grid.held; ++i) {
    // Beyond the row its last block stands in, and counts for nothing.
    bool isWhole = (i + 1) * grid.threads <= grid.blocks();
    Value number = plus(lane, this->number(i * grid.threads)),
          last = this->number(grid.blocks() - 1);
    Value position = isWhole ? number : arith::MinUIOp::create(b, loc, number, last).getResult();
    heldBlocks.push_back({access.dimension(times(position, grid.lanes)),
                          isWhole ? Value() : isBelow(number, grid.blocks())});
  }
  for (auto &group : rowSweeps()) {
    Values values = grid.held ? reduceHeld(group, at, grid.lanes)
                              : reduceStrided(group, at, lane, number(product(group[0]->extents)),
                                              grid.threads);
    values = acrossThreads(group, values, grid.threads);
    size_t next = 0;
    for (const Reduction *r : group) {
      Value value = values[r->isArg() ? next + 1 : next];
      next += r->isArg() ? 2 : 1;
      if (!r->isArg())
        value =
            access.emit.convert(value, accumulatorElement(*r), typeOf(r->result).getElementType());
      puller.hold(r->result, at, value);
    }
  }
  emitResults(at, lane, grid);
  for (const Reduction &r : phase.reductions)
    puller.release(r.result);
  access.alignedLanes = false;
  heldBlocks.clear();
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

// The barrier of the last reduction lies between all reads of the row and these stores.
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
