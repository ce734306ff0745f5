// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What contractions take along: the pointwise ops behind them, and the sums over what these make.
#include "passes/fusion/Planner.h"

#include "ir/Shapes.h"
#include "ir/ops/Ops.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

void Planner::growEpilogues() {
  for (int group = 0; group < (int)groups.groups.size(); ++group)
    if (Operation *anchor = groups.groups[group].anchor;
        anchor && classify(anchor) == OpClass::Contract) {
      growEpilogue(group);
      pruneEpilogue(group);
    }
}

// An op whose operand is written anyway, for the loop kernel that also takes the op's result, is
// computed there: storing both would only add traffic.
void Planner::pruneEpilogue(int group) {
  auto readsOnlyElements = [&](Operation *user) {
    OpClass kind = classify(user);
    return groups.groupOf(user) != group && (kind == OpClass::Pointwise || kind == OpClass::Reduce);
  };
  for (bool pruned = true; pruned;) {
    pruned = false;
    SmallVector<Operation *> ops(groups.groups[group].ops);
    for (Operation *op : llvm::reverse(ops)) {
      if (op == groups.groups[group].anchor || !llvm::all_of(op->getUsers(), readsOnlyElements))
        continue;
      bool written = llvm::all_of(op->getOperands(), [&](Value operand) {
        Operation *def = operand.getDefiningOp();
        return !def || groups.groupOf(def) != group ||
               llvm::any_of(def->getUsers(), [&](Operation *user) {
                 return user != op && !groups.isFree(user) && groups.groupOf(user) != group;
               });
      });
      if (!written)
        continue;
      groups.moveTo(op, -1);
      groups.add(op);
      pruned = true;
    }
  }
}

bool Planner::fitsEpilogue(Operation *op, int group) {
  Operation *anchor = groups.groups[group].anchor;
  if (classify(op) != OpClass::Pointwise ||
      ir::shapeOf(op->getResult(0)) != ir::shapeOf(anchor->getResult(0)))
    return false;
  int other = groups.groupOf(op);
  if (other < 0 || groups.groups[other].ops.size() != 1 || groups.groups[other].anchor)
    return false;
  if (llvm::is_contained(op->getUsers(), anchor)) // made before the contraction, not behind it
    return false;
  if (options.model && !options.model->fusesInto(op, anchor, target))
    return false;
  // Reading another element of what the kernel makes (a broadcast of it, say) is no epilogue.
  for (Value operand : op->getOperands())
    if (Operation *def = operand.getDefiningOp(); def && groups.isFree(def))
      for (Value input : groups.inputsOf({def}))
        if (input.getDefiningOp() && groups.groupOf(input.getDefiningOp()) == group)
          return false;
  return !groups.mergeMakesCycle(group, other);
}

// Pointwise work on data in memory that only the epilogue uses comes along.
void Planner::pullOperands(Operation *op, int group) {
  for (Value operand : op->getOperands()) {
    Operation *def = operand.getDefiningOp();
    if (!def || groups.isFree(def) || groups.groupOf(def) < 0 || groups.groupOf(def) == group)
      continue;
    bool usedHere = llvm::all_of(def->getUsers(),
                                 [&](Operation *user) { return groups.groupOf(user) == group; });
    if (usedHere && fitsEpilogue(def, group)) {
      groups.moveTo(def, group);
      pullOperands(def, group);
    }
  }
}

void Planner::growEpilogue(int group) {
  for (bool grown = true; grown;) {
    grown = false;
    SmallVector<Operation *> candidates;
    for (Operation *op : groups.groups[group].ops)
      for (Operation *user : op->getUsers())
        if (groups.groupOf(user) != group && !llvm::is_contained(candidates, user))
          candidates.push_back(user);
    inBlockOrder(candidates);
    for (Operation *user : candidates) {
      if ((int64_t)groups.groups[group].ops.size() >= options.maxOps || !fitsEpilogue(user, group))
        continue;
      groups.moveTo(user, group);
      pullOperands(user, group);
      grown = true;
    }
  }
}

// Sums of what the contraction makes over all but the last dimension (the gradient of a bias), and
// what follows from them alone.
bool Planner::isSumOfResults(int group, int contraction) {
  Operation *anchor = groups.groups[contraction].anchor;
  ArrayRef<int64_t> whole = ir::shapeOf(anchor->getResult(0));
  bool sums = false, reads = false;
  for (Operation *op : groups.groups[group].ops) {
    OpClass kind = classify(op);
    sums |= kind == OpClass::Reduce;
    ArrayRef<int64_t> shape = ir::shapeOf(op->getResult(0));
    bool follows = kind == OpClass::Pointwise && shape == whole.take_back(1);
    bool leads = kind == OpClass::Pointwise && shape == whole && !sums;
    if (!follows && !leads &&
        !(kind == OpClass::Reduce && options.model->sumsResults(op, anchor, target)))
      return false;
    for (Value operand : op->getOperands())
      reads |= operand.getDefiningOp() && groups.groupOf(operand.getDefiningOp()) == contraction;
  }
  return sums && reads;
}

void Planner::joinColumnSums() {
  if (!options.model)
    return;
  for (int group = 0, count = (int)groups.groups.size(); group < count; ++group) {
    Operation *anchor = groups.groups[group].anchor;
    if (!anchor || classify(anchor) != OpClass::Contract)
      continue;
    for (int other : neighbours(group)) {
      if (!isSumOfResults(other, group) || groups.mergeMakesCycle(group, other))
        continue;
      SmallVector<Operation *> together = groups.opsOf(group, other);
      if (!fitsKernel(together) || backendFor(together) != backendFor(groups.groups[group].ops))
        continue;
      groups.merge(group, other);
      break;
    }
  }
}
