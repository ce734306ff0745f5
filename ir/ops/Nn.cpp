// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Nn.h"
#include "ir/ops/Window.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {
LogicalResult verifyDim(Operation *op, StringRef clause, Value x, int64_t dim) {
  auto type = cast<RankedTensorType>(x.getType());
  if (dim < 0 || dim >= type.getRank())
    return op->emitOpError(clause) << ": dimension " << dim << " is out of range for " << type;
  return success();
}

LogicalResult inferPool(std::optional<Location> loc, Value value, ArrayRef<int64_t> window,
                        ArrayRef<int64_t> strides, ArrayRef<int64_t> padding,
                        SmallVectorImpl<Type> &types) {
  auto x = cast<RankedTensorType>(value.getType());
  FailureOr<SmallVector<int64_t>> shape =
      windowShape(loc, x, window, strides, padding, SmallVector<int64_t>(x.getRank(), 1));
  if (failed(shape))
    return failure();
  types.push_back(RankedTensorType::get(*shape, x.getElementType()));
  return success();
}
} // namespace

LogicalResult SoftmaxOp::verify() { return verifyDim(*this, "softmax_c1", getX(), getDim()); }
LogicalResult LogSoftmaxOp::verify() {
  return verifyDim(*this, "log_softmax_c1", getX(), getDim());
}

LogicalResult CrossEntropyOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                               ValueRange operands, DictionaryAttr attributes,
                                               OpaqueProperties properties, RegionRange regions,
                                               SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  auto logits = cast<RankedTensorType>(op.getLogits().getType()),
       labels = cast<RankedTensorType>(op.getLabels().getType());
  if (logits.getRank() == 0 || labels.getShape() != logits.getShape().drop_back() ||
      !(labels.getElementType().isInteger(32) || labels.getElementType().isInteger(64)))
    return emitOptionalError(loc, "cross_entropy_c1: labels ", labels,
                             " must be i32 or i64 with the shape of logits ", logits,
                             " without the last dimension");
  types.push_back(RankedTensorType::get(labels.getShape(), logits.getElementType()));
  return success();
}

LogicalResult LayerNormOp::verify() {
  auto x = getX().getType(), scale = getScale().getType();
  if (scale != getOffset().getType() || scale.getElementType() != x.getElementType() ||
      scale.getRank() > x.getRank() || x.getShape().take_back(scale.getRank()) != scale.getShape())
    return emitOpError("layer_norm_c1: scale ") << scale << " and offset " << getOffset().getType()
                                                << " must have the trailing dimensions of " << x;
  return success();
}

LogicalResult BatchNormOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                            ValueRange operands, DictionaryAttr attributes,
                                            OpaqueProperties properties, RegionRange regions,
                                            SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  auto x = cast<RankedTensorType>(op.getX().getType()),
       scale = cast<RankedTensorType>(op.getScale().getType());
  int64_t dim = op.getFeatureDim();
  if (dim < 0 || dim >= x.getRank() || scale != op.getOffset().getType() ||
      scale != RankedTensorType::get({x.getDimSize(dim)}, x.getElementType()))
    return emitOptionalError(
        loc, "batch_norm_c1: scale ", scale, " and offset ", op.getOffset().getType(),
        " must have one element for each feature (dimension ", dim, ") of ", x);
  types.append({x, scale, scale});
  return success();
}

LogicalResult DropoutOp::verify() {
  double rate = getRate().convertToDouble();
  if (!(rate >= 0 && rate < 1))
    return emitOpError("dropout_c1: the rate must be in [0, 1), got ") << rate;
  return success();
}

LogicalResult MaxPoolOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                          ValueRange operands, DictionaryAttr attributes,
                                          OpaqueProperties properties, RegionRange regions,
                                          SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  return inferPool(loc, op.getX(), op.getWindow(), op.getStrides(), op.getPadding(), types);
}

LogicalResult AvgPoolOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                          ValueRange operands, DictionaryAttr attributes,
                                          OpaqueProperties properties, RegionRange regions,
                                          SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  return inferPool(loc, op.getX(), op.getWindow(), op.getStrides(), op.getPadding(), types);
}

#define GET_OP_CLASSES
#include "ir/ops/Nn.cpp.inc"

void fluxion::ir::registerNnOps(FluxionDialect *dialect) {
  dialect->add<
#define GET_OP_LIST
#include "ir/ops/Nn.cpp.inc"
      >();
}
