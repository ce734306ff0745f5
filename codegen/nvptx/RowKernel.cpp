// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rows: several reductions and maps over the same trailing dimensions. A row belongs to a warp, or
// to a block where it is long; threads stride over it, so that neighbours read neighbours.
#include "codegen/nvptx/BlockEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {
RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
int64_t product(ArrayRef<int64_t> sizes) {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  return count;
}
} // namespace

void BlockEmitter::emitRows() {
  int64_t rows = product(phase.reductions[0].kept), longest = 1;
  for (const Reduction &r : phase.reductions)
    longest = std::max(longest, product(r.extents));
  int64_t threads = rowThreads(longest),
          perBlock = threads == warpSize ? std::min<int64_t>(8, rows) : 1;
  launch.block[0] = threads * perBlock;
  launch.grid[0] = std::max<int64_t>(1, (rows + perBlock - 1) / perBlock);
  Value row = plus(times(blockIndex(0), perBlock), over(thread(), threads)),
        lane = modulo(thread(), threads);
  if (rows % perBlock == 0)
    return emitOneRow(row, lane, threads);
  branch(isBelow(row, rows), [&] { emitOneRow(row, lane, threads); });
}

// Reductions at positions from, from + step, ... of the flattened summed dimensions.
BlockEmitter::Values BlockEmitter::reduceStrided(ArrayRef<const Reduction *> group,
                                                 const Index &kept, Value from, Value to,
                                                 int64_t step) {
  Values initial;
  for (const Reduction *r : group)
    initial.append(identities(*r));
  return foldBetween(from, to, step, initial, [&](Value position, ValueRange carried) {
    Index reduced = split(access.dimension(position), group[0]->extents);
    Values next;
    for (const Reduction *r : group)
      next.append(this->step(*r, carried.slice(next.size(), r->isArg() ? 2 : 1), kept, reduced));
    return next;
  });
}

void BlockEmitter::emitOneRow(Value row, Value lane, int64_t threads) {
  Index at = positions(row, phase.reductions[0].kept);
  for (auto &group : rowSweeps()) {
    Values values = reduceStrided(group, at, lane, number(product(group[0]->extents)), threads);
    values = acrossThreads(group, values, threads);
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
  puller.newScope();
  emitResults(at, lane, threads);
  for (const Reduction &r : phase.reductions)
    puller.release(r.result);
}

// The barrier of the last reduction lies between all reads of the row and these stores.
void BlockEmitter::emitResults(const Index &at, Value lane, int64_t threads) {
  for (auto &group : groupByShape(phase.stores)) {
    ArrayRef<int64_t> inner = typeOf(group[0].value).getShape().drop_front(at.size());
    if (inner.empty()) {
      branch(isBelow(lane, 1), [&] { storeAll(group, at); });
      continue;
    }
    loop(lane, number(product(inner)), threads, [&](Value position) {
      Index index(at);
      index.append(split(access.dimension(position), inner));
      storeAll(group, index);
    });
  }
}
