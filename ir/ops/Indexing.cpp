// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Indexing.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {
FailureOr<SmallVector<int64_t>> gatherShape(std::optional<Location> loc, StringRef clause,
                                            RankedTensorType x, RankedTensorType indices,
                                            int64_t axis) {
  if (axis < 0 || axis >= x.getRank() || x.getDimSize(axis) == 0 ||
      !(indices.getElementType().isInteger(32) || indices.getElementType().isInteger(64)))
    return emitOptionalError(loc, clause, ": axis ", axis, " of ", x,
                             " must be in range and not empty, indices ", indices, " i32 or i64");
  SmallVector<int64_t> shape(x.getShape().take_front(axis));
  llvm::append_range(shape, indices.getShape());
  llvm::append_range(shape, x.getShape().drop_front(axis + 1));
  return shape;
}
} // namespace

LogicalResult GatherOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  auto x = cast<RankedTensorType>(op.getX().getType());
  FailureOr<SmallVector<int64_t>> shape = gatherShape(
      loc, "gather_c1", x, cast<RankedTensorType>(op.getIndices().getType()), op.getAxis());
  if (failed(shape))
    return failure();
  types.push_back(RankedTensorType::get(*shape, x.getElementType()));
  return success();
}

LogicalResult ScatterOp::verify() {
  FailureOr<SmallVector<int64_t>> shape =
      gatherShape(getLoc(), "scatter_c1", getX().getType(), getIndices().getType(), getAxis());
  if (failed(shape))
    return failure();
  auto expected = RankedTensorType::get(*shape, getX().getType().getElementType());
  if (getUpdates().getType() != expected)
    return emitOpError("scatter_c2: updates are ")
           << getUpdates().getType() << " but must be " << expected;
  return success();
}

#define GET_OP_CLASSES
#include "ir/ops/Indexing.cpp.inc"

void fluxion::ir::registerIndexingOps(FluxionDialect *dialect) {
  dialect->add<
#define GET_OP_LIST
#include "ir/ops/Indexing.cpp.inc"
      >();
}
