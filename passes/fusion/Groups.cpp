// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/fusion/Groups.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

int Groups::add(Operation *op) {
  int group = (int)groups.size();
  groups.push_back({{op}, nullptr});
  index[op] = group;
  OpClass kind = classify(op);
  if (kind == OpClass::Contract || kind == OpClass::Window || kind == OpClass::Index)
    groups[group].anchor = op;
  return group;
}

static void insertInOrder(SmallVectorImpl<Operation *> &ops, Operation *op) {
  ops.insert(
      llvm::upper_bound(ops, op, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); }),
      op);
}

void Groups::moveTo(Operation *op, int group) {
  int old = groupOf(op);
  if (old >= 0)
    llvm::erase(groups[old].ops, op);
  if (group < 0) {
    index.erase(op);
    return;
  }
  insertInOrder(groups[group].ops, op);
  index[op] = group;
}

void fluxion::passes::inBlockOrder(SmallVectorImpl<Operation *> &ops) {
  llvm::sort(ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
}

SmallVector<Operation *> Groups::opsOf(int a, int b) const {
  SmallVector<Operation *> together(groups[a].ops);
  llvm::append_range(together, groups[b].ops);
  inBlockOrder(together);
  return together;
}

void Groups::merge(int into, int from) {
  for (Operation *op : groups[from].ops) {
    insertInOrder(groups[into].ops, op);
    index[op] = into;
  }
  if (!groups[into].anchor)
    groups[into].anchor = groups[from].anchor;
  groups[from] = {};
}

bool Groups::reachesThroughOthers(int from, int to) const {
  DenseSet<Operation *> seen;
  SmallVector<std::pair<Operation *, bool>>
      stack; // an op whose users to follow, and whether it is outside
  Operation *last = groups[to].ops.back();
  for (Operation *op : groups[from].ops)
    stack.push_back({op, false});
  while (!stack.empty()) {
    auto [op, outside] = stack.pop_back_val();
    for (Operation *user : op->getUsers()) {
      int group = groupOf(user);
      if (group == from)
        continue;
      if (group == to) {
        if (outside)
          return true;
        continue;
      }
      bool transparent = isFree(user) && !outside;
      if (transparent) {
        stack.push_back({user, false});
        continue;
      }
      if (!seen.insert(user).second)
        continue;
      stack.push_back({user, true});
      if (group >= 0)
        for (Operation *member : groups[group].ops)
          if (seen.insert(member).second)
            stack.push_back({member, true});
    }
  }
  (void)last;
  return false;
}

bool Groups::mergeMakesCycle(int a, int b) const {
  return reachesThroughOthers(a, b) || reachesThroughOthers(b, a);
}

SmallVector<Value> Groups::inputsOf(ArrayRef<Operation *> ops) const {
  DenseSet<Operation *> inside(ops.begin(), ops.end()), visited;
  SmallVector<Value> inputs;
  DenseSet<Value> seen;
  SmallVector<Operation *> stack;
  auto visit = [&](auto &&self, Operation *op) -> void {
    for (Value operand : op->getOperands()) {
      Operation *def = operand.getDefiningOp();
      if (def && inside.contains(def))
        continue;
      if (def && isFree(def)) {
        if (visited.insert(def).second)
          self(self, def);
        continue;
      }
      if (seen.insert(operand).second)
        inputs.push_back(operand);
    }
  };
  for (Operation *op : ops)
    visit(visit, op);
  return inputs;
}

// Does anything outside need the value, directly or through free ops?
static bool neededOutside(const Groups &groups, const DenseSet<Operation *> &inside, Value value,
                          DenseSet<Operation *> &seenFree) {
  for (Operation *user : value.getUsers()) {
    if (inside.contains(user))
      continue;
    if (!groups.isFree(user))
      return true;
    if (seenFree.insert(user).second)
      for (Value result : user->getResults())
        if (neededOutside(groups, inside, result, seenFree))
          return true;
  }
  return false;
}

SmallVector<Value> Groups::outputsOf(Operation *op, const DenseSet<Operation *> &inside) const {
  SmallVector<Value> outputs;
  for (Value result : op->getResults()) {
    DenseSet<Operation *> seenFree;
    if (neededOutside(*this, inside, result, seenFree))
      outputs.push_back(result);
  }
  return outputs;
}

SmallVector<Value> Groups::outputsOf(ArrayRef<Operation *> ops) const {
  DenseSet<Operation *> inside(ops.begin(), ops.end());
  SmallVector<Value> outputs;
  for (Operation *op : ops)
    llvm::append_range(outputs, outputsOf(op, inside));
  return outputs;
}

double Groups::trafficOf(ArrayRef<Operation *> ops) const {
  double bytes = 0;
  for (Value value : inputsOf(ops))
    bytes += ir::byteSize(value.getType());
  for (Value value : outputsOf(ops))
    bytes += ir::byteSize(value.getType());
  return bytes;
}
