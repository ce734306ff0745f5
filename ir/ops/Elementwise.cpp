// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Elementwise.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {
RankedTensorType predicateType(Type operand) {
  auto type = cast<RankedTensorType>(operand);
  return RankedTensorType::get(type.getShape(), IntegerType::get(type.getContext(), 1));
}

bool isSplat(Attribute attr, double value) {
  auto elements = dyn_cast_or_null<SplatElementsAttr>(attr);
  if (!elements)
    return false;
  if (isa<FloatType>(elements.getElementType()))
    return elements.getSplatValue<APFloat>().isExactlyValue(value);
  return elements.getSplatValue<APInt>().getSExtValue() == (int64_t)value;
}
} // namespace

LogicalResult IsFiniteOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                           ValueRange operands, DictionaryAttr, OpaqueProperties,
                                           RegionRange, SmallVectorImpl<Type> &types) {
  types.push_back(predicateType(operands[0].getType()));
  return success();
}

LogicalResult CompareOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                          ValueRange operands, DictionaryAttr, OpaqueProperties,
                                          RegionRange, SmallVectorImpl<Type> &types) {
  types.push_back(predicateType(operands[0].getType()));
  return success();
}

LogicalResult BitcastConvertOp::verify() {
  unsigned from = getX().getType().getElementTypeBitWidth(),
           to = getY().getType().getElementTypeBitWidth();
  if (from != to)
    return emitOpError() << "bitcast_convert_c1: element widths differ, " << from << " and " << to
                         << " bits";
  return success();
}

// Only identities that hold for every value, NaN, infinities and signed zeros included.
OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  return isSplat(adaptor.getY(), -0.0) ||
                 (isa<IntegerType>(getType().getElementType()) && isSplat(adaptor.getY(), 0))
             ? OpFoldResult(getX())
             : OpFoldResult();
}
OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  return isSplat(adaptor.getY(), 0.0) ? OpFoldResult(getX()) : OpFoldResult();
}
OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  return isSplat(adaptor.getY(), 1.0) ? OpFoldResult(getX()) : OpFoldResult();
}
OpFoldResult DivOp::fold(FoldAdaptor adaptor) {
  return isSplat(adaptor.getY(), 1.0) ? OpFoldResult(getX()) : OpFoldResult();
}
OpFoldResult AccumulateOp::fold(FoldAdaptor) {
  return getCotangents().size() == 1 ? OpFoldResult(getCotangents()[0]) : OpFoldResult();
}
OpFoldResult ConvertOp::fold(FoldAdaptor) {
  return getX().getType() == getType() ? OpFoldResult(getX()) : OpFoldResult();
}
OpFoldResult SelectOp::fold(FoldAdaptor adaptor) {
  if (getOnTrue() == getOnFalse())
    return getOnTrue();
  if (auto pred = dyn_cast_or_null<SplatElementsAttr>(adaptor.getPred()))
    return pred.getSplatValue<bool>() ? getOnTrue() : getOnFalse();
  return {};
}

#define GET_OP_CLASSES
#include "ir/ops/Elementwise.cpp.inc"

void fluxion::ir::registerElementwiseOps(FluxionDialect *dialect) {
  dialect->add<
#define GET_OP_LIST
#include "ir/ops/Elementwise.cpp.inc"
      >();
}
