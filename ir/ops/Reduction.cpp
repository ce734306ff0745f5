// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Reduction.h"
#include "ir/ops/Window.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {
RankedTensorType withoutDims(RankedTensorType type, ArrayRef<int64_t> dims, Type element) {
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(type.getShape()))
    if (!llvm::is_contained(dims, (int64_t)dim))
      shape.push_back(size);
  return RankedTensorType::get(shape, element);
}

LogicalResult inferArg(std::optional<Location> loc, StringRef clause, Value x, int64_t dim,
                       SmallVectorImpl<Type> &types) {
  auto type = cast<RankedTensorType>(x.getType());
  if (dim < 0 || dim >= type.getRank() || type.getDimSize(dim) == 0)
    return emitOptionalError(loc, clause, ": dimension ", dim, " of ", type,
                             " is out of range or empty");
  types.push_back(withoutDims(type, dim, IntegerType::get(type.getContext(), 32)));
  return success();
}
} // namespace

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  auto x = cast<RankedTensorType>(op.getX().getType());
  ArrayRef<int64_t> dims = op.getDims();
  for (auto [i, dim] : llvm::enumerate(dims))
    if (dim < 0 || dim >= x.getRank() || (i > 0 && dims[i - 1] >= dim))
      return emitOptionalError(loc, "reduce_c1: dimensions must be increasing and below the rank ",
                               x.getRank());
  bool logical = op.getKind() == ReduceKind::And || op.getKind() == ReduceKind::Or;
  if (logical ? !x.getElementType().isInteger() : x.getElementType().isInteger(1))
    return emitOptionalError(loc, "reduce_c2: ", stringifyReduceKind(op.getKind()),
                             " does not take elements of type ", x.getElementType());
  types.push_back(withoutDims(x, dims, x.getElementType()));
  return success();
}

LogicalResult ArgmaxOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  return inferArg(loc, "argmax_c1", op.getX(), op.getDim(), types);
}

LogicalResult ArgminOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  return inferArg(loc, "argmin_c1", op.getX(), op.getDim(), types);
}

LogicalResult ReduceWindowOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                               ValueRange operands, DictionaryAttr attributes,
                                               OpaqueProperties properties, RegionRange regions,
                                               SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  auto x = cast<RankedTensorType>(op.getX().getType());
  if (op.getKind() != ReduceKind::Sum && op.getKind() != ReduceKind::Max &&
      op.getKind() != ReduceKind::Min)
    return emitOptionalError(loc, "reduce_window_c1: the kind must be sum, max or min");
  FailureOr<SmallVector<int64_t>> shape =
      windowShape(loc, x, op.getWindow(), op.getStrides(), op.getPadding(), op.getDilation());
  if (failed(shape))
    return failure();
  types.push_back(RankedTensorType::get(*shape, x.getElementType()));
  return success();
}

LogicalResult WindowArgmaxOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                               ValueRange operands, DictionaryAttr attributes,
                                               OpaqueProperties properties, RegionRange regions,
                                               SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  auto x = cast<RankedTensorType>(op.getX().getType());
  FailureOr<SmallVector<int64_t>> shape =
      windowShape(loc, x, op.getWindow(), op.getStrides(), op.getPadding(), op.getDilation());
  if (failed(shape))
    return failure();
  types.push_back(RankedTensorType::get(*shape, IntegerType::get(context, 32)));
  return success();
}

LogicalResult WindowGatherOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                               ValueRange operands, DictionaryAttr attributes,
                                               OpaqueProperties properties, RegionRange regions,
                                               SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  auto x = cast<RankedTensorType>(op.getX().getType());
  FailureOr<SmallVector<int64_t>> shape =
      windowShape(loc, x, op.getWindow(), op.getStrides(), op.getPadding(), op.getDilation());
  if (failed(shape))
    return failure();
  if (cast<RankedTensorType>(op.getIndex().getType()).getShape() != ArrayRef<int64_t>(*shape))
    return emitOptionalError(loc, "window_gather_c1: index ", op.getIndex().getType(),
                             " does not have the result's shape");
  types.push_back(RankedTensorType::get(*shape, x.getElementType()));
  return success();
}

LogicalResult WindowScatterOp::verify() {
  FailureOr<SmallVector<int64_t>> shape = windowShape(getLoc(), getX().getType(), getWindow(),
                                                      getStrides(), getPadding(), getDilation());
  if (failed(shape))
    return failure();
  if (getY().getType().getShape() != ArrayRef<int64_t>(*shape) ||
      getIndex().getType().getShape() != ArrayRef<int64_t>(*shape))
    return emitOpError("window_scatter_c1: y and index must have the shape that the window over ")
           << getX().getType() << " gives";
  return success();
}

#define GET_OP_CLASSES
#include "ir/ops/Reduction.cpp.inc"

void fluxion::ir::registerReductionOps(FluxionDialect *dialect) {
  dialect->add<
#define GET_OP_LIST
#include "ir/ops/Reduction.cpp.inc"
      >();
}
