// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Contraction.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {
bool namesOnce(ArrayRef<int64_t> batching, ArrayRef<int64_t> contracting, int64_t rank) {
  SmallVector<bool> seen(rank, false);
  for (ArrayRef<int64_t> list : {batching, contracting})
    for (int64_t dim : list) {
      if (dim < 0 || dim >= rank || seen[dim])
        return false;
      seen[dim] = true;
    }
  return true;
}

SmallVector<std::pair<int64_t, int64_t>> pairs(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  return llvm::map_to_vector(llvm::zip_equal(a, b), [](auto p) {
    return std::pair<int64_t, int64_t>(std::get<0>(p), std::get<1>(p));
  });
}
} // namespace

Type fluxion::ir::contractionElement(Type element, Precision precision, bool wideResult) {
  bool isNarrow = element.isBF16() || element.isF16();
  if ((precision == Precision::Tf32 && !element.isF32()) || (wideResult && !isNarrow))
    return {};
  return wideResult ? Float32Type::get(element.getContext()) : element;
}

LogicalResult DotGeneralOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                             ValueRange operands, DictionaryAttr attributes,
                                             OpaqueProperties properties, RegionRange regions,
                                             SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  auto lhs = cast<RankedTensorType>(op.getLhs().getType()),
       rhs = cast<RankedTensorType>(op.getRhs().getType());
  ArrayRef<int64_t> lb = op.getLhsBatching(), rb = op.getRhsBatching(), lc = op.getLhsContracting(),
                    rc = op.getRhsContracting();
  if (lb.size() != rb.size() || lc.size() != rc.size())
    return emitOptionalError(loc, "dot_general_c1: ", lb.size(), " and ", rb.size(), " batching, ",
                             lc.size(), " and ", rc.size(),
                             " contracting dimensions; the lists must have equal lengths");
  if (!namesOnce(lb, lc, lhs.getRank()) || !namesOnce(rb, rc, rhs.getRank()))
    return emitOptionalError(loc, "dot_general_c2: a dimension is out of range or named twice");
  SmallVector<std::pair<int64_t, int64_t>> paired = pairs(lb, rb);
  llvm::append_range(paired, pairs(lc, rc));
  for (auto [a, b] : paired)
    if (lhs.getDimSize(a) != rhs.getDimSize(b))
      return emitOptionalError(loc, "dot_general_c3: lhs dimension ", a, " has size ",
                               lhs.getDimSize(a), " but rhs dimension ", b, " has size ",
                               rhs.getDimSize(b));
  if (lhs.getElementType() != rhs.getElementType())
    return emitOptionalError(loc, "dot_general_c4: element types ", lhs.getElementType(), " and ",
                             rhs.getElementType(), " differ");
  Type element = contractionElement(lhs.getElementType(), op.getPrecision(), op.getWideResult());
  if (!element)
    return emitOptionalError(loc, "dot_general_c5: ", lhs.getElementType(), " operands have no ",
                             op.getWideResult() ? "wide result" : "precision tf32");
  SmallVector<int64_t> shape;
  for (int64_t dim : lb)
    shape.push_back(lhs.getDimSize(dim));
  for (int64_t dim = 0; dim < lhs.getRank(); ++dim)
    if (!llvm::is_contained(lb, dim) && !llvm::is_contained(lc, dim))
      shape.push_back(lhs.getDimSize(dim));
  for (int64_t dim = 0; dim < rhs.getRank(); ++dim)
    if (!llvm::is_contained(rb, dim) && !llvm::is_contained(rc, dim))
      shape.push_back(rhs.getDimSize(dim));
  types.push_back(RankedTensorType::get(shape, element));
  return success();
}

#define GET_OP_CLASSES
#include "ir/ops/Contraction.cpp.inc"

void fluxion::ir::registerContractionOps(FluxionDialect *dialect) {
  dialect->add<
#define GET_OP_LIST
#include "ir/ops/Contraction.cpp.inc"
      >();
}
