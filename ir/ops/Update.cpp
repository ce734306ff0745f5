// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Update.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {
LogicalResult verifyUse(Operation *op, StringRef clause, FlatSymbolRefAttr name, Type type,
                        SymbolTableCollection &symbols) {
  auto state = symbols.lookupNearestSymbolFrom<StateOp>(op, name);
  if (!state)
    return op->emitOpError(clause) << ": no state named @" << name.getValue();
  if (state.getType() != type)
    return op->emitOpError(clause)
           << ": state @" << name.getValue() << " is " << state.getType() << ", not " << type;
  return success();
}
} // namespace

LogicalResult ReadOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyUse(*this, "read_c1", getStateAttr(), getType(), symbols);
}

LogicalResult WriteOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyUse(*this, "write_c1", getStateAttr(), getValue().getType(), symbols);
}

LogicalResult KernelOp::verify() {
  if (!llvm::equal(getBody().getArgumentTypes(), getInputs().getTypes()) ||
      !llvm::equal(getResultTypes(), getBody().front().getTerminator()->getOperandTypes()))
    return emitOpError("kernel_c1: block arguments must have the operands' types, yielded values "
                       "the results' types");
  if (getPlaces() && getPlaces()->size() != getNumResults())
    return emitOpError("kernel_c2: ")
           << getPlaces()->size() << " places for " << getNumResults() << " results";
  return success();
}

#define GET_OP_CLASSES
#include "ir/ops/Update.cpp.inc"

void fluxion::ir::registerUpdateOps(FluxionDialect *dialect) {
  dialect->add<
#define GET_OP_LIST
#include "ir/ops/Update.cpp.inc"
      >();
}
