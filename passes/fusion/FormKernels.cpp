// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/fusion/Groups.h"

#include "ir/ops/Control.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

ir::KernelOp fluxion::passes::buildKernel(const Groups &groups, ArrayRef<Operation *> ops,
                                          OpBuilder &builder, SmallVectorImpl<Value> &outputs) {
  SmallVector<Value> inputs = groups.inputsOf(ops);
  outputs = groups.outputsOf(ops);
  auto types = llvm::map_to_vector(outputs, [](Value v) { return v.getType(); });
  auto kernel =
      ir::KernelOp::create(builder, ops.front()->getLoc(), types, inputs, kindOf(groups, ops),
                           nameOf(groups, ops), ir::ScheduleAttr(), ArrayAttr());
  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&kernel.getBody());
  IRMapping map;
  for (Value input : inputs)
    map.map(input, body->addArgument(input.getType(), input.getLoc()));
  // Free ops are cloned right before their first user.
  auto copy = [&](auto &&self, Operation *op) -> void {
    for (Value operand : op->getOperands())
      if (!map.contains(operand))
        self(self, operand.getDefiningOp());
    builder.clone(*op, map);
  };
  for (Operation *op : ops)
    copy(copy, op);
  ir::YieldOp::create(builder, kernel.getLoc(),
                      llvm::map_to_vector(outputs, [&](Value v) { return map.lookup(v); }));
  return kernel;
}

namespace {

// Puts kernels and the ops that stay outside in an order where each follows what it reads.
class Former {
public:
  explicit Former(Groups &groups) : groups(groups), block(groups.function.front()) {}

  void run() {
    SmallVector<Operation *> original;
    for (Operation &op : block.without_terminator())
      original.push_back(&op);
    for (Operation *op : original)
      visit(op);
    for (Operation *op : llvm::reverse(original))
      if (groups.groupOf(op) >= 0 || groups.isFree(op)) {
        op->dropAllUses();
        op->erase();
      }
  }

private:
  Groups &groups;
  Block &block;
  DenseSet<Operation *> done;
  DenseSet<int> doneGroups;

  void visit(Operation *op) {
    if (!op || !done.insert(op).second)
      return;
    if (groups.isFree(
            op)) // computed inside the kernels that use it, so what it reads must come first
      return visitOperands(op);
    int group = groups.groupOf(op);
    if (group < 0) {
      visitOperands(op);
      op->moveBefore(block.getTerminator());
      return;
    }
    if (!doneGroups.insert(group).second)
      return;
    ArrayRef<Operation *> ops = groups.groups[group].ops;
    for (Operation *member : ops)
      done.insert(member);
    for (Value input : groups.inputsOf(ops))
      visit(input.getDefiningOp());
    OpBuilder builder(block.getTerminator());
    SmallVector<Value> outputs;
    ir::KernelOp kernel = buildKernel(groups, ops, builder, outputs);
    done.insert(kernel);
    for (auto [output, result] : llvm::zip_equal(outputs, kernel.getResults()))
      output.replaceAllUsesWith(result);
  }

  void visitOperands(Operation *op) {
    for (Value operand : op->getOperands())
      visit(operand.getDefiningOp());
  }
};

} // namespace

void fluxion::passes::formKernels(Groups &groups) { Former(groups).run(); }

ir::KernelKind fluxion::passes::kindOf(const Groups &groups, ArrayRef<Operation *> ops) {
  bool reduces = false;
  for (Operation *op : ops)
    switch (classify(op)) {
    case OpClass::Contract:
      return ir::KernelKind::Contract;
    case OpClass::Window:
      return ir::KernelKind::Window;
    case OpClass::Index:
      return ir::KernelKind::Index;
    case OpClass::Reduce:
      reduces = true;
      break;
    default:
      break;
    }
  if (reduces)
    return ir::KernelKind::Row;
  auto module = groups.function->getParentOfType<ModuleOp>();
  for (Value output : groups.outputsOf(ops))
    for (Operation *user : output.getUsers())
      if (auto write = dyn_cast<ir::WriteOp>(user)) {
        auto item = module.lookupSymbol<ir::StateOp>(write.getState());
        if (item &&
            (item.getRole() == ir::StateRole::Param || item.getRole() == ir::StateRole::Slot))
          return ir::KernelKind::Update;
      }
  return ir::KernelKind::Map;
}
