// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rows: several reductions and maps over the same trailing dimensions, one row after another, so
// that a row stays in cache from its first reduction to its last result.
#include "codegen/llvm/loops/PhaseEmitter.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Nn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

void PhaseEmitter::emitRow() {
  SmallVector<SmallVector<const Reduction *>> sweeps = rowSweeps();
  SmallVector<Stash> stashes = planStashes(sweeps);
  planReadsAhead(stashes);
  auto walk = [&](Value from, Value to) {
    loop(from, to, 1, [&](Value row) { emitOneRow(row, sweeps, stashes); });
  };
  if (phase.columns.empty())
    return walk(begin(), end());
  loop(begin(), end(), 1, [&](Value task) {
    rowTask = access.dimension(task);
    startColumns();
    Value from = arith::MulIOp::create(b, loc, task, number(phase.rowsPerTask));
    Value to = arith::AddIOp::create(b, loc, from, number(phase.rowsPerTask));
    walk(from, arith::MinSIOp::create(b, loc, to, number(product(phase.reductions[0].kept))));
  });
}

// The reductions of a row, those that are ready together in one pass, then its results.
void PhaseEmitter::emitOneRow(Value row, ArrayRef<SmallVector<const Reduction *>> sweeps,
                              ArrayRef<Stash> stashes) {
  ArrayRef<int64_t> rows = phase.reductions[0].kept;
  Index at;
  for (auto [size, position] : llvm::zip_equal(rows, decode(row, rows))) // as broadcasts index it
    at.push_back(size == 1 ? access.constant(0) : access.dimension(position));
  for (auto [i, group] : llvm::enumerate(sweeps)) {
    for (const Stash &stash : stashes)
      if (stash.sweep == (int64_t)i)
        stashing.push_back({stash.value, rowOrigin(stash, row)});
    SmallVector<Index> kept(group.size(), at);
    sweep = i;
    Values results = reduceOver(group, kept, !group[0]->isArg(), phase.tile.lanes);
    for (auto &[value, origin] : stashing)
      buffers[value] = origin;
    stashing.clear();
    for (auto [k, r] : llvm::enumerate(group)) {
      Value value = results[r->isArg() ? 1 : k];
      if (!r->isArg())
        value =
            access.emit.convert(value, accumulatorElement(*r), typeOf(r->result).getElementType());
      puller.hold(r->result, at, value);
    }
  }
  sweep = -1;
  puller.newScope();
  emitRowResults(at);
  for (const Reduction &r : phase.reductions)
    puller.release(r.result);
  for (const Stash &stash : stashes)
    buffers.erase(stash.value);
}

void PhaseEmitter::emitRowResults(const Index &at) {
  ArrayRef<int64_t> extents = phase.reductions[0].extents;
  bool columnsLeft = !phase.columns.empty();
  for (auto &group : groupByShape(phase.stores)) {
    ArrayRef<int64_t> inner = typeOf(group[0].value).getShape().drop_front(at.size());
    if (inner.empty()) {
      storeAll(group, at);
      continue;
    }
    emitRowNest(at, group, columnsLeft && inner == extents);
    columnsLeft &= inner != extents;
  }
  if (columnsLeft)
    emitRowNest(at, {}, true);
}

// The positions within a row, of results and of column reductions.
void PhaseEmitter::emitRowNest(const Index &at, ArrayRef<StoredValue> stores, bool columns) {
  ArrayRef<int64_t> inner = columns ? ArrayRef<int64_t>(phase.reductions[0].extents)
                                    : typeOf(stores[0].value).getShape().drop_front(at.size());
  int64_t lanes = lanesOf(stores);
  if (columns)
    lanes = std::min(lanes, lanesOf(phase.partials));
  std::function<void(const Index &)> nest = [&](const Index &index) {
    int64_t d = index.size() - at.size(), size = inner[d];
    auto with = [&](AffineExpr position) {
      Index longer(index);
      longer.push_back(position);
      return longer;
    };
    if (d + 1 == (int64_t)inner.size())
      alongLanes(lanes, number(0), size,
                 [&](AffineExpr position) { emitRowBlock(with(position), stores, columns); });
    else
      loop(number(0), number(size), 1, [&](Value iv) { nest(with(access.dimension(iv))); });
  };
  nest(at);
}

// A block of lanes: results may lie in the memory of operands, so all that needs the row's elements
// is computed before they are stored.
void PhaseEmitter::emitRowBlock(const Index &at, ArrayRef<StoredValue> stores, bool columns) {
  SmallVector<std::pair<AffineExpr, Value>> sums; // place, value
  for (auto [r, partial] : llvm::zip_equal(phase.columns, phase.partials)) {
    if (!columns)
      break;
    SmallVector<int64_t> shape{r.chunks};
    shape.append(r.kept.begin(), r.kept.end());
    Index index{rowTask};
    llvm::append_range(index, ArrayRef<AffineExpr>(at).drop_front(phase.reductions[0].kept.size()));
    AffineExpr place = access.linear(shape, index);
    Value sum = access.load(addressOf(partial), accumulatorElement(r), place, {});
    sums.push_back({place, combine(r, sum, puller.pull(r.op->getOperand(0), at))});
  }
  storeAll(stores, at);
  for (auto [i, sum] : llvm::enumerate(sums))
    access.store(addressOf(phase.partials[i]), accumulatorElement(phase.columns[i]), sum.first,
                 sum.second);
  if (aheadSweep < 0)
    readAhead(at);
}

// Nothing is summed yet.
void PhaseEmitter::startColumns() {
  for (auto [r, partial] : llvm::zip_equal(phase.columns, phase.partials)) {
    int64_t count = product(r.kept);
    alongLanes(lanesOf(partial), number(0), count, [&](AffineExpr position) {
      access.store(addressOf(partial), accumulatorElement(r), rowTask * count + position,
                   identity(r));
    });
  }
}

// A row's first loads would wait for memory, for its end is where the machine's own look-ahead
// stops: long rows of more than fits in cache are asked for while the ones before them are at work.
void PhaseEmitter::planReadsAhead(ArrayRef<Stash> stashes) {
  constexpr int64_t leastRowBytes = 1 << 10;
  const Reduction &r = phase.reductions[0];
  int64_t elements = product(r.extents), bytes = 0;
  for (Value operand : kernel.getBody().getArguments()) {
    RankedTensorType type = typeOf(operand);
    int64_t rowBytes = elements * type.getElementTypeBitWidth() / 8;
    if (type.getNumElements() != product(r.kept) * elements || rowBytes < leastRowBytes)
      continue;
    rowReads.push_back(operand);
    bytes += rowBytes * product(r.kept);
  }
  if (bytes < target.l2Bytes)
    rowReads.clear();
  aheadSweep = stashes.empty() ? -1 : stashes.back().sweep; // where most is computed
}

void PhaseEmitter::readAhead(const Index &index) {
  for (Value operand : rowReads)
    if (RankedTensorType type = typeOf(operand); type.getRank() == (int64_t)index.size())
      access.prefetch(buffers.lookup(operand), type.getElementType(),
                      access.linear(type.getShape(), index) + product(phase.reductions[0].extents));
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

static void costlyWithin(Value value, ArrayRef<int64_t> shape, llvm::SetVector<Value> &found,
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

llvm::SetVector<Value> fluxion::codegen::costlyValues(Value value) {
  llvm::SetVector<Value> found;
  DenseSet<Value> seen;
  costlyWithin(value, typeOf(value).getShape(), found, seen);
  return found;
}

namespace {
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
    if (!group[0]->isArg() && phase.tile.lanes > 1)
      for (const Reduction *r : group)
        costly.insert_range(costlyValues(r->op->getOperand(0)));
    for (Value value : costly) {
      bool again =
          llvm::any_of(phase.stores, [&](const StoredValue &s) { return needs(s.value, value); });
      for (auto &later : sweeps.drop_front(i + 1))
        for (const Reduction *r : later)
          again |= needs(r->op->getOperand(0), value);
      bool known = llvm::any_of(stashes, [&](const Stash &s) { return s.value == value; });
      RankedTensorType type = typeOf(value);
      int64_t elements = product(type.getShape().drop_front(group[0]->kept.size()));
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
  Index index(kept);
  index.append(reduced);
  if (sweep >= 0 && sweep == aheadSweep)
    readAhead(index);
  if (stashing.empty())
    return;
  for (auto &[value, origin] : stashing)
    access.store(origin, typeOf(value).getElementType(),
                 access.linear(typeOf(value).getShape(), index), puller.pull(value, index));
}
