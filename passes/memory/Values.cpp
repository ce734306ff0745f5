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

// Is every op that the value reaches elementwise over its shape, or a reduction? The search ends at
// `stop`; other values may be yielded only if `mayYield`.
static bool reachesElementwise(Value from, Value stop, bool mayYield) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(from.getType()).getShape();
  SmallVector<Value> stack{from};
  DenseSet<Operation *> seen;
  while (!stack.empty()) {
    Value value = stack.pop_back_val();
    if (value == stop)
      continue;
    for (Operation *user : value.getUsers()) {
      if (isa<ir::YieldOp>(user)) {
        if (!mayYield)
          return false;
        continue;
      }
      if (!seen.insert(user).second || (mayYield && classify(user) == OpClass::Reduce))
        continue;
      auto type = cast<RankedTensorType>(user->getResult(0).getType());
      if (classify(user) != OpClass::Pointwise || type.getShape() != shape)
        return false;
      stack.push_back(user->getResult(0));
    }
  }
  return true;
}

// The operand goes into this result element by element, and into others only by way of it. Those
// others are made in the loop that stores this result, or by reductions, which kernels finish
// before that loop: a value that repeats along rows, say, might be made again from the operand
// after it has been overwritten.
bool fluxion::passes::mayOverwrite(ir::KernelOp kernel, unsigned input, unsigned output) {
  bool loops = kernel.getKind() == ir::KernelKind::Map ||
               kernel.getKind() == ir::KernelKind::Update ||
               kernel.getKind() == ir::KernelKind::Row;
  if (!loops && !kernel->hasAttr(ir::inPlaceAttrName))
    return false;
  auto type = cast<RankedTensorType>(kernel.getResult(output).getType());
  auto operandType = cast<RankedTensorType>(kernel.getInputs()[input].getType());
  if (operandType.getShape() != type.getShape() ||
      operandType.getElementTypeBitWidth() != type.getElementTypeBitWidth())
    return false;
  Value stored = kernel.getBody().front().getTerminator()->getOperand(output);
  if (!reachesElementwise(kernel.getBody().getArgument(input), stored, /*mayYield=*/false) ||
      !reachesElementwise(stored, Value(), /*mayYield=*/true))
    return false;
  // The operand passed in twice would be read at another index through the other argument.
  Value root = rootOf(kernel.getInputs()[input]);
  for (auto [i, other] : llvm::enumerate(kernel.getInputs()))
    if (i != input && rootOf(other) == root)
      return false;
  return true;
}
