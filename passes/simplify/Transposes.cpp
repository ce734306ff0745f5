// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/simplify/Patterns.h"

#include "ir/ops/Contraction.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {

// A transpose that moves unit dimensions only is a reshape.
struct UnitTranspose : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    SmallVector<int64_t> moved;
    for (int64_t dim : op.getPermutation())
      if (op.getX().getType().getDimSize(dim) != 1)
        moved.push_back(dim);
    if (!llvm::is_sorted(moved) || llvm::is_sorted(op.getPermutation()))
      return failure();
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getX());
    return success();
  }
};

// A contraction reads its operands in any order of dimensions, as long as the free ones keep
// theirs.
struct DotOfTranspose : OpRewritePattern<DotGeneralOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DotGeneralOp op, PatternRewriter &rewriter) const override {
    for (bool left : {true, false}) {
      Value operand = left ? op.getLhs() : op.getRhs();
      auto transpose = operand.getDefiningOp<TransposeOp>();
      if (!transpose)
        continue;
      ArrayRef<int64_t> permutation = transpose.getPermutation();
      ArrayRef<int64_t> batching = left ? op.getLhsBatching() : op.getRhsBatching();
      ArrayRef<int64_t> contracting = left ? op.getLhsContracting() : op.getRhsContracting();
      SmallVector<int64_t> free, newBatching, newContracting;
      for (int64_t dim = 0; dim < (int64_t)permutation.size(); ++dim)
        if (!llvm::is_contained(batching, dim) && !llvm::is_contained(contracting, dim))
          free.push_back(permutation[dim]);
      if (!llvm::is_sorted(free))
        continue;
      for (int64_t dim : batching)
        newBatching.push_back(permutation[dim]);
      for (int64_t dim : contracting)
        newContracting.push_back(permutation[dim]);
      rewriter.modifyOpInPlace(op, [&] {
        if (left) {
          op.getLhsMutable().assign(transpose.getX());
          op.setLhsBatching(newBatching), op.setLhsContracting(newContracting);
        } else {
          op.getRhsMutable().assign(transpose.getX());
          op.setRhsBatching(newBatching), op.setRhsContracting(newContracting);
        }
      });
      return success();
    }
    return failure();
  }
};

// transpose(dot(a, b)) = dot(b, a) where the transpose swaps the free dimensions of both sides.
struct TransposeOfDot : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    auto dot = op.getX().getDefiningOp<DotGeneralOp>();
    if (!dot || !dot->hasOneUse())
      return failure();
    int64_t batch = dot.getLhsBatching().size(), rank = op.getType().getRank();
    int64_t lhsFree =
        dot.getLhs().getType().getRank() - batch - (int64_t)dot.getLhsContracting().size();
    SmallVector<int64_t> swapped = llvm::to_vector(llvm::seq<int64_t>(0, batch));
    llvm::append_range(swapped, llvm::seq<int64_t>(batch + lhsFree, rank));
    llvm::append_range(swapped, llvm::seq<int64_t>(batch, batch + lhsFree));
    if (op.getPermutation() != ArrayRef<int64_t>(swapped))
      return failure();
    rewriter.replaceOpWithNewOp<DotGeneralOp>(
        op, op.getType(), dot.getRhs(), dot.getLhs(), dot.getRhsBatching(), dot.getLhsBatching(),
        dot.getRhsContracting(), dot.getLhsContracting(), dot.getPrecision(), dot.getWideResult());
    return success();
  }
};

} // namespace

void fluxion::passes::populateTransposePatterns(RewritePatternSet &patterns) {
  patterns.add<UnitTranspose, DotOfTranspose, TransposeOfDot>(patterns.getContext());
}
