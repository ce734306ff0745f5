// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Shape.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace fluxion::ir;

LogicalResult ConstantOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                           ValueRange operands, DictionaryAttr attributes,
                                           OpaqueProperties properties, RegionRange regions,
                                           SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  types.push_back(op.getValue().getShapedType());
  return success();
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult IotaOp::verify() {
  if ((int64_t)getDim() < 0 || (int64_t)getDim() >= getType().getRank())
    return emitOpError("iota_c1: dimension ")
           << (int64_t)getDim() << " is out of range for " << getType();
  return success();
}

LogicalResult ReshapeOp::verify() {
  if (getX().getType().getNumElements() != getType().getNumElements())
    return emitOpError("reshape_c1: ")
           << getX().getType() << " has " << getX().getType().getNumElements() << " elements but "
           << getType() << " has " << getType().getNumElements();
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getType())
    return getX();
  if (auto elements = dyn_cast_or_null<DenseElementsAttr>(adaptor.getX()))
    return elements.reshape(getType());
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                            ValueRange operands, DictionaryAttr attributes,
                                            OpaqueProperties properties, RegionRange regions,
                                            SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  auto x = cast<RankedTensorType>(op.getX().getType());
  SmallVector<int64_t> shape, sorted(op.getPermutation());
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, x.getRank())))
    return emitOptionalError(loc, "transpose_c1: [", op.getPermutation(),
                             "] is not a permutation of the ", x.getRank(), " dimensions of ", x);
  for (int64_t dim : op.getPermutation())
    shape.push_back(x.getDimSize(dim));
  types.push_back(RankedTensorType::get(shape, x.getElementType()));
  return success();
}

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  if (llvm::equal(getPermutation(), llvm::seq<int64_t>(0, getType().getRank())))
    return getX();
  if (auto splat = dyn_cast_or_null<SplatElementsAttr>(adaptor.getX()))
    return splat.resizeSplat(getType());
  if (auto inner = getX().getDefiningOp<TransposeOp>()) {
    SmallVector<int64_t> composed;
    for (int64_t dim : getPermutation())
      composed.push_back(inner.getPermutation()[dim]);
    setPermutation(composed);
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

LogicalResult BroadcastInDimOp::verify() {
  ArrayRef<int64_t> dims = getDims();
  auto x = getX().getType();
  if ((int64_t)dims.size() != x.getRank())
    return emitOpError("broadcast_in_dim_c1: ")
           << dims.size() << " dimensions for an operand of rank " << x.getRank();
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (dim < 0 || dim >= getType().getRank() || (i > 0 && dims[i - 1] >= dim))
      return emitOpError("broadcast_in_dim_c1: dimensions must be increasing and below the rank ")
             << getType().getRank();
    if (x.getDimSize(i) != 1 && x.getDimSize(i) != getType().getDimSize(dim))
      return emitOpError("broadcast_in_dim_c2: operand dimension ")
             << i << " of size " << x.getDimSize(i) << " does not repeat to "
             << getType().getDimSize(dim);
  }
  return success();
}

OpFoldResult BroadcastInDimOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getType())
    return getX();
  if (auto splat = dyn_cast_or_null<SplatElementsAttr>(adaptor.getX()))
    return splat.resizeSplat(getType());
  return {};
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                        ValueRange operands, DictionaryAttr attributes,
                                        OpaqueProperties properties, RegionRange regions,
                                        SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  auto x = cast<RankedTensorType>(op.getX().getType());
  ArrayRef<int64_t> start = op.getStart(), limit = op.getLimit(), stride = op.getStride();
  size_t rank = x.getRank();
  if (start.size() != rank || limit.size() != rank || stride.size() != rank)
    return emitOptionalError(loc, "slice_c1: ", x, " needs ", rank, " starts, limits and strides");
  SmallVector<int64_t> shape;
  for (size_t d = 0; d < rank; ++d) {
    if (start[d] < 0 || limit[d] < start[d] || limit[d] > x.getDimSize(d) || stride[d] < 1)
      return emitOptionalError(loc, "slice_c2: [", start[d], ", ", limit[d], ") by ", stride[d],
                               " is not a slice of dimension ", d, " with size ", x.getDimSize(d));
    shape.push_back((limit[d] - start[d] + stride[d] - 1) / stride[d]);
  }
  types.push_back(RankedTensorType::get(shape, x.getElementType()));
  return success();
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                      ValueRange operands, DictionaryAttr attributes,
                                      OpaqueProperties properties, RegionRange regions,
                                      SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  auto x = cast<RankedTensorType>(op.getX().getType()),
       value = cast<RankedTensorType>(op.getValue().getType());
  ArrayRef<int64_t> low = op.getLow(), high = op.getHigh(), interior = op.getInterior();
  size_t rank = x.getRank();
  if (low.size() != rank || high.size() != rank || interior.size() != rank ||
      llvm::any_of(interior, [](int64_t n) { return n < 0; }))
    return emitOptionalError(loc, "pad_c1: ", x, " needs ", rank,
                             " lows, highs and interiors, the interiors at least 0");
  SmallVector<int64_t> shape;
  for (size_t d = 0; d < rank; ++d) {
    int64_t size = x.getDimSize(d);
    shape.push_back(size + std::max<int64_t>(size - 1, 0) * interior[d] + low[d] + high[d]);
    if (shape.back() < 0)
      return emitOptionalError(loc, "pad_c2: dimension ", d, " would have size ", shape.back());
  }
  if (value.getRank() != 0 || value.getElementType() != x.getElementType())
    return emitOptionalError(loc, "pad_c2: the padding value ", value,
                             " is not a scalar of the element type of ", x);
  types.push_back(RankedTensorType::get(shape, x.getElementType()));
  return success();
}

LogicalResult ConcatenateOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                              ValueRange operands, DictionaryAttr attributes,
                                              OpaqueProperties properties, RegionRange regions,
                                              SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  int64_t dim = op.getDim();
  if (operands.empty())
    return emitOptionalError(loc, "concatenate_c1: no operands");
  auto first = cast<RankedTensorType>(operands[0].getType());
  if (dim < 0 || dim >= first.getRank())
    return emitOptionalError(loc, "concatenate_c1: dimension ", dim, " is out of range for ",
                             first);
  SmallVector<int64_t> shape(first.getShape());
  shape[dim] = 0;
  for (Value operand : operands) {
    auto type = cast<RankedTensorType>(operand.getType());
    bool agrees =
        type.getRank() == first.getRank() && type.getElementType() == first.getElementType();
    for (int64_t d = 0; agrees && d < first.getRank(); ++d)
      agrees = d == dim || type.getDimSize(d) == first.getDimSize(d);
    if (!agrees)
      return emitOptionalError(loc, "concatenate_c2: ", type, " and ", first,
                               " differ outside dimension ", dim);
    shape[dim] += type.getDimSize(dim);
  }
  types.push_back(RankedTensorType::get(shape, first.getElementType()));
  return success();
}

LogicalResult ReverseOp::verify() {
  for (auto [i, dim] : llvm::enumerate(getDims()))
    if (dim < 0 || dim >= getType().getRank() || (i > 0 && getDims()[i - 1] >= dim))
      return emitOpError("reverse_c1: dimensions must be increasing and below the rank ")
             << getType().getRank();
  return success();
}

#define GET_OP_CLASSES
#include "ir/ops/Shape.cpp.inc"

void fluxion::ir::registerShapeOps(FluxionDialect *dialect) {
  dialect->add<
#define GET_OP_LIST
#include "ir/ops/Shape.cpp.inc"
      >();
}
