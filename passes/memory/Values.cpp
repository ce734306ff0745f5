// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/memory/Values.h"

#include "passes/fusion/OpClass.h"

#include "ir/KernelModel.h"
#include "ir/ops/Control.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

Value fluxion::passes::rootOf(Value value) {
  while (auto view = value.getDefiningOp<ir::ReshapeOp>())
    value = view.getX();
  return value;
}

// All that happens to the operand inside is elementwise, up to the values that are stored. Kernels with
// reductions store in several sweeps: there the operand may reach other results through this one only.
bool fluxion::passes::mayOverwrite(ir::KernelOp kernel, unsigned input, unsigned output) {
  bool sweeps = kernel.getKind() != ir::KernelKind::Map && kernel.getKind() != ir::KernelKind::Update;
  if (sweeps && kernel.getKind() != ir::KernelKind::Row && !kernel->hasAttr(ir::inPlaceAttrName))
    return false;
  auto type = cast<RankedTensorType>(kernel.getResult(output).getType());
  auto operandType = cast<RankedTensorType>(kernel.getInputs()[input].getType());
  if (operandType.getShape() != type.getShape() || operandType.getElementTypeBitWidth() != type.getElementTypeBitWidth())
    return false;
  Value stored = kernel.getBody().front().getTerminator()->getOperand(output);
  SmallVector<Value> stack{kernel.getBody().getArgument(input)};
  DenseSet<Operation *> seen;
  while (!stack.empty()) {
    Value value = stack.pop_back_val();
    if (sweeps && value == stored)
      continue;
    for (Operation *user : value.getUsers()) {
      if (isa<ir::YieldOp>(user)) {
        if (sweeps)
          return false;
        continue;
      }
      if (!seen.insert(user).second)
        continue;
      auto shape = cast<RankedTensorType>(user->getResult(0).getType()).getShape();
      if (classify(user) != OpClass::Pointwise || shape != type.getShape())
        return false;
      stack.push_back(user->getResult(0));
    }
  }
  // The operand passed in twice would be read at another index through the other argument.
  Value root = rootOf(kernel.getInputs()[input]);
  for (auto [i, other] : llvm::enumerate(kernel.getInputs()))
    if (i != input && rootOf(other) == root)
      return false;
  return true;
}
