// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a kernel computes again rather than reads: elements of what is in memory already, and masks.
#include "passes/fusion/Loops.h"
#include "passes/fusion/Planner.h"

#include "ir/ops/Ops.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

// Elements that a chain of cheap ops makes of one large value that is in memory already are made
// again by their users, of the same memory: a store less. What else the chain needs, a mean and a
// deviation a row say, is stored instead: little.
void Planner::recomputeElements() {
  for (Operation &op : llvm::make_early_inc_range(groups.function.front().without_terminator())) {
    int group = groups.groupOf(&op);
    if (group < 0 || groups.groups[group].anchor)
      continue;
    SmallVector<Operation *> chain = chainOf(&op, group);
    SmallVector<OpOperand *> outside;
    bool isKept = false;
    for (OpOperand &use : op.getUses()) {
      int user = groups.groupOf(use.getOwner());
      if (user == group)
        continue;
      outside.push_back(&use);
      // A contraction's epilogue is given no more than an op to compute again.
      isKept |= readsMemory(use) || groups.isFree(use.getOwner()) ||
                (chain.size() > 1 && user >= 0 && groups.groups[user].anchor);
    }
    if (chain.empty() || outside.empty() || isKept)
      continue;
    OpBuilder builder(&op);
    builder.setInsertionPointAfter(&op);
    IRMapping again;
    for (Operation *link : chain)
      groups.setFree(builder.clone(*link, again));
    for (OpOperand *use : outside)
      use->set(again.lookup(op.getResult(0)));
  }
}

// The ops of the group that make the result of `op`, in block order, if they are few and cheap and
// read one large value at most, of another kernel; else none.
SmallVector<Operation *> Planner::chainOf(Operation *op, int group) {
  // Sums of a sweep on a CPU leave few registers for what is made on the way.
  const size_t mostOps = target.isGpu() ? 3 : 1;
  SmallVector<Operation *> chain{op};
  DenseSet<Value> large;
  for (size_t i = 0; i < chain.size(); ++i) {
    if (chain.size() > mostOps || classify(chain[i]) != OpClass::Pointwise ||
        ir::flopsOf(chain[i]) > elementsOf(chain[i]))
      return {};
    for (Value input : groups.inputsOf({chain[i]})) {
      Operation *def = input.getDefiningOp();
      if (ir::byteSize(input.getType()) * 8 <= ir::byteSize(op->getResult(0).getType()))
        continue;
      if (!def || groups.groupOf(def) != group)
        large.insert(input);
      else if (!llvm::is_contained(chain, def))
        chain.push_back(def);
    }
  }
  if (large.size() > 1)
    return {};
  inBlockOrder(chain);
  return chain;
}

void Planner::placeMasks() {
  for (Operation &op : groups.function.front().without_terminator())
    if (isa<ir::CompareOp>(op) && groups.groupOf(&op) >= 0 && !(target.isGpu() && storesMask(&op)))
      recomputeMask(&op);
}

// A predicate whose operands are in memory anyway costs its users a comparison instead of traffic.
void Planner::recomputeMask(Operation *mask) {
  int group = groups.groupOf(mask);
  bool crosses = false, toMemory = false;
  for (OpOperand &use : mask->getUses()) {
    crosses |= groups.groupOf(use.getOwner()) != group;
    toMemory |= readsMemory(use);
  }
  if (!crosses || toMemory)
    return;
  auto inMemory = [&](Value value) {
    Operation *def = value.getDefiningOp();
    if (!def || groups.isFree(def) || groups.groupOf(def) < 0)
      return true;
    return groups.groupOf(def) != group || llvm::any_of(value.getUsers(), [&](Operation *user) {
             return user != mask && groups.groupOf(user) != group && !groups.isFree(user);
           });
  };
  if (!llvm::all_of(mask->getOperands(), inMemory))
    return;
  groups.moveTo(mask, -1);
  groups.setFree(mask);
}

// True where the kernel that makes what the mask compares now makes the mask too, and stores it: a
// byte an element, where its users would read the elements for nothing else.
bool Planner::storesMask(Operation *mask) {
  SmallVector<Value> inputs = groups.inputsOf({mask});
  Operation *def = inputs.size() == 1 ? inputs[0].getDefiningOp() : nullptr;
  int maker = def ? groups.groupOf(def) : -1;
  if (maker < 0 || groups.groups[maker].anchor)
    return false;
  SmallVector<int> readers;
  for (Operation *user : mask->getUsers()) {
    int reader = groups.groupOf(user);
    if (reader < 0)
      return false;
    if (reader != maker && !llvm::is_contained(readers, reader))
      readers.push_back(reader);
  }
  int64_t elements = ir::byteSize(inputs[0].getType()), reads = 0;
  for (int reader : readers) {
    SmallVector<Operation *> others(groups.groups[reader].ops);
    llvm::erase(others, mask);
    reads += !llvm::is_contained(groups.inputsOf(others), inputs[0]);
  }
  bool isStored = llvm::any_of(inputs[0].getUsers(), [&](Operation *user) {
    return user != mask && groups.groupOf(user) != maker;
  });
  int64_t stored = ir::byteSize(mask->getResult(0).getType()) * (1 + (int64_t)readers.size());
  if (readers.empty() || elements * (reads + !isStored) <= stored)
    return false;
  SmallVector<Operation *> together(groups.groups[maker].ops);
  if (!llvm::is_contained(together, mask))
    together.push_back(mask);
  inBlockOrder(together);
  if (!sharedLoops(groups, together))
    return false;
  groups.moveTo(mask, maker);
  return true;
}
