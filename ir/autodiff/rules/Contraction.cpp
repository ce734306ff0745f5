// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Contraction.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {

SmallVector<int64_t> freeDims(ArrayRef<int64_t> batching, ArrayRef<int64_t> contracting,
                              int64_t rank) {
  SmallVector<int64_t> dims;
  for (int64_t d = 0; d < rank; ++d)
    if (!llvm::is_contained(batching, d) && !llvm::is_contained(contracting, d))
      dims.push_back(d);
  return dims;
}

// Cotangent of one operand: contract dz with the other operand over the other's free dimensions.
// The product's dimensions are batch, own free, then the other's contracting dimensions in its own
// order.
Value operandCotangent(Emitter &emit, Value dz, int64_t dzFree, Value other,
                       ArrayRef<int64_t> batching, ArrayRef<int64_t> contracting,
                       ArrayRef<int64_t> otherBatching, ArrayRef<int64_t> otherContracting,
                       int64_t rank, Precision precision) {
  int64_t batch = batching.size();
  SmallVector<int64_t> free = freeDims(batching, contracting, rank);
  SmallVector<int64_t> otherFree =
      freeDims(otherBatching, otherContracting, cast<RankedTensorType>(other.getType()).getRank());
  SmallVector<int64_t> dzBatch = llvm::to_vector(llvm::seq<int64_t>(0, batch)), dzContracting;
  for (size_t i = 0; i < otherFree.size(); ++i)
    dzContracting.push_back(dzFree + i);
  Expr product = emit(DotGeneralOp::create(emit.builder, emit.loc, dz, other, dzBatch,
                                           otherBatching, dzContracting, otherFree, precision));

  // Where each dimension of the operand stands in the product.
  SmallVector<int64_t> permutation(rank),
      order = llvm::to_vector(llvm::seq<int64_t>(0, contracting.size()));
  llvm::sort(order,
             [&](int64_t a, int64_t b) { return otherContracting[a] < otherContracting[b]; });
  for (auto [i, d] : llvm::enumerate(batching))
    permutation[d] = i;
  for (auto [i, d] : llvm::enumerate(free))
    permutation[d] = batch + i;
  for (auto [i, pair] : llvm::enumerate(order))
    permutation[contracting[pair]] = batch + free.size() + i;
  return emit.transpose(product, permutation);
}

} // namespace

// z = x . y  =>  dx = dz . y over y's free dimensions, dy = dz . x over x's
SmallVector<Value> DotGeneralOp::adjoint(Emitter &emit, ValueRange grads) {
  int64_t lhsRank = cast<RankedTensorType>(getLhs().getType()).getRank(),
          rhsRank = cast<RankedTensorType>(getRhs().getType()).getRank();
  int64_t batch = getLhsBatching().size(), lhsFree = lhsRank - batch - getLhsContracting().size();
  // A wide result's cotangent is wide: so are the products with it.
  Type narrow = getElementTypeOrSelf(getLhs()), wide = getElementTypeOrSelf(getResult());
  Expr lhs = emit.convert(emit(getLhs()), wide), rhs = emit.convert(emit(getRhs()), wide);
  Value dx =
      operandCotangent(emit, grads[0], batch + lhsFree, rhs, getLhsBatching(), getLhsContracting(),
                       getRhsBatching(), getRhsContracting(), lhsRank, getPrecision());
  Value dy = operandCotangent(emit, grads[0], batch, lhs, getRhsBatching(), getRhsContracting(),
                              getLhsBatching(), getLhsContracting(), rhsRank, getPrecision());
  return {emit.convert(emit(dx), narrow), emit.convert(emit(dy), narrow)};
}
