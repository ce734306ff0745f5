// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Control.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {
bool sameTypes(TypeRange a, TypeRange b) { return llvm::equal(a, b); }
Operation *terminator(Region &region) { return region.front().getTerminator(); }

bool wrtInRange(ArrayRef<int64_t> wrt, ValueRange inputs) {
  for (auto [i, index] : llvm::enumerate(wrt))
    if (index < 0 || index >= (int64_t)inputs.size() || (i > 0 && wrt[i - 1] >= index) ||
        !isa<FloatType>(getElementTypeOrSelf(inputs[index])))
      return false;
  return true;
}
} // namespace

LogicalResult VjpOp::verify() {
  TypeRange yielded = terminator(getBody())->getOperandTypes();
  if (!sameTypes(getBody().getArgumentTypes(), getInputs().getTypes()) ||
      getCotangents().size() > yielded.size() ||
      !sameTypes(getCotangents().getTypes(), yielded.take_front(getCotangents().size())))
    return emitOpError("vjp_c1: region arguments must have the inputs' types, cotangents those of "
                       "the first results");
  if (!wrtInRange(getWrt(), getInputs()))
    return emitOpError("vjp_c2: wrt must be increasing and name float inputs");
  SmallVector<Type> expected(yielded);
  for (int64_t index : getWrt())
    expected.push_back(getInputs()[index].getType());
  if (!sameTypes(getResultTypes(), expected))
    return emitOpError(
        "vjp_c3: results must be the region's results, then the wrt inputs' cotangents");
  return success();
}

LogicalResult JvpOp::verify() {
  TypeRange yielded = terminator(getBody())->getOperandTypes();
  if (!sameTypes(getBody().getArgumentTypes(), getInputs().getTypes()) ||
      !wrtInRange(getWrt(), getInputs()) || getTangents().size() != getWrt().size() ||
      llvm::any_of(llvm::zip_equal(getWrt(), getTangents()), [&](auto pair) {
        return getInputs()[std::get<0>(pair)].getType() != std::get<1>(pair).getType();
      }))
    return emitOpError(
        "jvp_c1: region arguments must have the inputs' types, tangents those of the wrt inputs");
  SmallVector<Type> expected(yielded);
  if (getNumTangents() > yielded.size()) // unsigned: a negative number is one too large
    return emitOpError("jvp_c2: num_tangents exceeds the region's results");
  llvm::append_range(expected, yielded.take_front(getNumTangents()));
  if (!sameTypes(getResultTypes(), expected))
    return emitOpError("jvp_c2: results must be the region's results, then the tangents of the "
                       "first num_tangents");
  return success();
}

LogicalResult BarrierOp::verify() {
  return sameTypes(getXs().getTypes(), getYs().getTypes())
             ? success()
             : emitOpError("barrier_c1: result types must be the operands' types");
}

LogicalResult CheckpointOp::verify() {
  if (!sameTypes(getBody().getArgumentTypes(), getInputs().getTypes()) ||
      !sameTypes(getResultTypes(), terminator(getBody())->getOperandTypes()))
    return emitOpError(
        "checkpoint_c1: region arguments must have the inputs' types, results those of the yield");
  return success();
}

LogicalResult CustomVjpOp::verify() {
  SmallVector<Type> arguments(getInputs().getTypes());
  llvm::append_range(arguments, getResultTypes());
  llvm::append_range(arguments, getResultTypes());
  if (!sameTypes(getPrimal().getArgumentTypes(), getInputs().getTypes()) ||
      !sameTypes(getResultTypes(), terminator(getPrimal())->getOperandTypes()) ||
      !sameTypes(getBackward().getArgumentTypes(), arguments) ||
      !sameTypes(terminator(getBackward())->getOperandTypes(), getInputs().getTypes()))
    return emitOpError(
        "custom_vjp_c1: primal maps inputs to results; backward maps inputs, results and their "
        "cotangents to one cotangent for each input");
  return success();
}

// A yield of nothing.
void YieldOp::build(OpBuilder &, OperationState &) {}

#define GET_OP_CLASSES
#include "ir/ops/Control.cpp.inc"

void fluxion::ir::registerControlOps(FluxionDialect *dialect) {
  dialect->add<
#define GET_OP_LIST
#include "ir/ops/Control.cpp.inc"
      >();
}
