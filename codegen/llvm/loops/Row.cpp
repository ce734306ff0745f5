// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rows: several reductions and maps over the same trailing dimensions, one row after another, so
// that a row stays in cache from its first reduction to its last result.
#include "codegen/llvm/loops/PhaseEmitter.h"

#include "ir/ops/Nn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {
RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
} // namespace

// One row a task: its reductions one after another, those that are ready together in one pass, then
// its results.
void PhaseEmitter::emitRow() {
  ArrayRef<int64_t> rows = phase.reductions[0].kept;
  SmallVector<SmallVector<const Reduction *>> sweeps = rowSweeps();
  SmallVector<Stash> stashes = planStashes(sweeps);
  loop(begin(), end(), 1, [&](Value row) {
    Index at;
    for (auto [size, position] : llvm::zip_equal(rows, decode(row, rows))) // as broadcasts index it
      at.push_back(size == 1 ? access.constant(0) : access.dimension(position));
    for (auto [i, group] : llvm::enumerate(sweeps)) {
      for (const Stash &stash : stashes)
        if (stash.sweep == (int64_t)i)
          stashing.push_back({stash.value, rowOrigin(stash, row)});
      SmallVector<Index> kept(group.size(), at);
      Values results = reduceOver(group, kept, !group[0]->isArg(), phase.tile.lanes);
      for (auto &[value, origin] : stashing)
        buffers[value] = origin;
      stashing.clear();
      for (auto [k, r] : llvm::enumerate(group)) {
        Value value = results[r->isArg() ? 1 : k];
        if (!r->isArg())
          value = access.emit.convert(value, accumulatorElement(*r),
                                      typeOf(r->result).getElementType());
        puller.hold(r->result, at, value);
      }
    }
    puller.newScope();
    emitRowResults(at);
    for (const Reduction &r : phase.reductions)
      puller.release(r.result);
    for (const Stash &stash : stashes)
      buffers.erase(stash.value);
  });
}

void PhaseEmitter::emitRowResults(const Index &at) {
  for (auto &group : groupByShape(phase.stores)) {
    ArrayRef<int64_t> inner = typeOf(group[0].value).getShape().drop_front(at.size());
    if (inner.empty()) {
      storeAll(group, at);
      continue;
    }
    std::function<void(Index, size_t)> nest = [&](Index index, size_t d) {
      if (d + 1 == inner.size()) {
        index.push_back({});
        emitLanes(group, index, at.size() + d, number(0), inner[d]);
        return;
      }
      loop(number(0), number(inner[d]), 1, [&](Value iv) {
        Index next(index);
        next.push_back(access.dimension(iv));
        nest(next, d + 1);
      });
    };
    nest(at, 0);
  }
}

// Reductions in passes over the row, each as early as its operands allow.
SmallVector<SmallVector<const Reduction *>> PhaseEmitter::rowSweeps() {
  SmallVector<SmallVector<const Reduction *>> sweeps;
  DenseSet<Value> done;
  auto ready = [&](const Reduction &r) {
    SmallVector<Value> open(r.op->getOperands());
    DenseSet<Operation *> seen;
    while (!open.empty()) {
      Operation *op = open.pop_back_val().getDefiningOp();
      if (!op || !seen.insert(op).second || (isReduction(op) && done.contains(op->getResult(0))))
        continue;
      if (isReduction(op))
        return false;
      llvm::append_range(open, op->getOperands());
    }
    return true;
  };
  while (done.size() < phase.reductions.size()) {
    SmallVector<const Reduction *> group;
    for (const Reduction &r : phase.reductions)
      if (!done.contains(r.result) && ready(r) &&
          (group.empty() || (r.extents == group[0]->extents && !r.isArg() && !group[0]->isArg())))
        group.push_back(&r);
    for (const Reduction *r : group)
      done.insert(r->result);
    sweeps.push_back(group);
  }
  return sweeps;
}

namespace {
// Elementwise values that cost more than a load, between `value` and what is in memory or reduced.
void costlyWithin(Value value, ArrayRef<int64_t> shape, llvm::SetVector<Value> &found,
                  DenseSet<Value> &seen) {
  Operation *op = value.getDefiningOp();
  if (!seen.insert(value).second || !op || isReduction(op) || !ir::hasScalarBody(op) ||
      typeOf(value).getShape() != shape)
    return;
  if (isa<ir::ExpOp, ir::Expm1Op, ir::LogOp, ir::Log1pOp, ir::TanhOp, ir::ErfOp, ir::PowOp,
          ir::SinOp, ir::CosOp, ir::SigmoidOp>(op)) {
    found.insert(value);
    return;
  }
  for (Value operand : op->getOperands())
    costlyWithin(operand, shape, found, seen);
}

// Is `target` computed for `value`, other than in an earlier reduction?
bool needs(Value value, Value target) {
  DenseSet<Value> seen;
  SmallVector<Value> open{value};
  while (!open.empty()) {
    Value next = open.pop_back_val();
    if (next == target)
      return true;
    Operation *op = next.getDefiningOp();
    if (seen.insert(next).second && op && !isReduction(op))
      llvm::append_range(open, op->getOperands());
  }
  return false;
}
} // namespace

// Costly values of one sweep that a later one needs again wait in a row of their own.
SmallVector<PhaseEmitter::Stash>
PhaseEmitter::planStashes(ArrayRef<SmallVector<const Reduction *>> sweeps) {
  constexpr int64_t mostBytes = 16 << 10; // half of a first-level cache
  SmallVector<Stash> stashes;
  for (auto [i, group] : llvm::enumerate(sweeps)) {
    llvm::SetVector<Value> costly;
    DenseSet<Value> seen;
    if (!group[0]->isArg() && phase.tile.lanes > 1)
      for (const Reduction *r : group)
        costlyWithin(r->op->getOperand(0), typeOf(r->op->getOperand(0)).getShape(), costly, seen);
    for (Value value : costly) {
      bool again =
          llvm::any_of(phase.stores, [&](const StoredValue &s) { return needs(s.value, value); });
      for (auto &later : sweeps.drop_front(i + 1))
        for (const Reduction *r : later)
          again |= needs(r->op->getOperand(0), value);
      bool known = llvm::any_of(stashes, [&](const Stash &s) { return s.value == value; });
      RankedTensorType type = typeOf(value);
      int64_t elements = 1;
      for (int64_t size : type.getShape().drop_front(group[0]->kept.size()))
        elements *= size;
      int64_t bytes = elements * type.getElementTypeBitWidth() / 8;
      if (!again || known || bytes > mostBytes || type.getElementType().isInteger(1))
        continue;
      Value memory = LLVM::AllocaOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()),
                                            b.getI8Type(), number(bytes), /*alignment=*/64);
      stashes.push_back({value, (int64_t)i, memory, elements});
    }
  }
  return stashes;
}

// Where element 0 of the whole value would lie, were its row `row` in the stash.
Value PhaseEmitter::rowOrigin(const Stash &stash, Value row) {
  Value before = arith::MulIOp::create(b, loc, row, number(-stash.elements));
  return LLVM::GEPOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()),
                             VectorEmitter::storage(typeOf(stash.value).getElementType()),
                             stash.memory, ArrayRef<LLVM::GEPArg>{before});
}

// Stores what this sweep computes for later ones, at the position of its reduction's operand.
void PhaseEmitter::keepStashed(const Reduction &r, const Index &kept, const Index &reduced) {
  if (stashing.empty())
    return;
  Index index(kept);
  index.append(reduced);
  for (auto &[value, origin] : stashing)
    access.store(origin, typeOf(value).getElementType(),
                 access.linear(typeOf(value).getShape(), index), puller.pull(value, index));
}
