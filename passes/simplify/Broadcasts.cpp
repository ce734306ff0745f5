// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/simplify/Patterns.h"

#include "ir/ops/Elementwise.h"
#include "ir/ops/Reduction.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {

// broadcast(broadcast(x)) composes.
struct BroadcastOfBroadcast : OpRewritePattern<BroadcastInDimOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BroadcastInDimOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getX().getDefiningOp<BroadcastInDimOp>();
    if (!inner)
      return failure();
    SmallVector<int64_t> dims;
    for (int64_t dim : inner.getDims())
      dims.push_back(op.getDims()[dim]);
    rewriter.replaceOpWithNewOp<BroadcastInDimOp>(op, op.getType(), inner.getX(), dims);
    return success();
  }
};

// Unit dimensions that repeat are dropped first, so that a broadcast only inserts dimensions.
struct DropUnitDims : OpRewritePattern<BroadcastInDimOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BroadcastInDimOp op, PatternRewriter &rewriter) const override {
    auto x = op.getX().getType();
    SmallVector<int64_t> shape, dims;
    for (auto [i, dim] : llvm::enumerate(op.getDims()))
      if (x.getDimSize(i) == op.getType().getDimSize(dim)) {
        shape.push_back(x.getDimSize(i));
        dims.push_back(dim);
      }
    if ((int64_t)shape.size() == x.getRank())
      return failure();
    Value narrow = ReshapeOp::create(rewriter, op.getLoc(),
                                     RankedTensorType::get(shape, x.getElementType()), op.getX());
    rewriter.replaceOpWithNewOp<BroadcastInDimOp>(op, op.getType(), narrow, dims);
    return success();
  }
};

// A broadcast that only adds unit dimensions moves no data.
struct BroadcastToReshape : OpRewritePattern<BroadcastInDimOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BroadcastInDimOp op, PatternRewriter &rewriter) const override {
    if (op.getX().getType().getNumElements() != op.getType().getNumElements())
      return failure();
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getX());
    return success();
  }
};

// Reducing what was repeated: max and min give it back, a sum multiplies by the count.
struct ReduceOfBroadcast : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    auto broadcast = op.getX().getDefiningOp<BroadcastInDimOp>();
    if (!broadcast || op.getKind() == ReduceKind::Prod ||
        !isa<FloatType>(getElementTypeOrSelf(op.getType())))
      return failure();
    // All reduced dimensions must be inserted ones.
    int64_t count = 1;
    for (int64_t dim : op.getDims()) {
      if (llvm::is_contained(broadcast.getDims(), dim))
        return failure();
      count *= broadcast.getType().getDimSize(dim);
    }
    if (count == 0)
      return failure();
    SmallVector<int64_t> dims;
    for (int64_t dim : broadcast.getDims())
      dims.push_back(dim - llvm::count_if(op.getDims(), [&](int64_t d) { return d < dim; }));
    Value y = BroadcastInDimOp::create(rewriter, op.getLoc(), op.getType(), broadcast.getX(), dims);
    if (op.getKind() == ReduceKind::Sum) {
      auto type = cast<RankedTensorType>(op.getType());
      Value factor = ConstantOp::create(
          rewriter, op.getLoc(),
          DenseElementsAttr::get(type,
                                 rewriter.getFloatAttr(type.getElementType(), (double)count)));
      y = MulOp::create(rewriter, op.getLoc(), y, factor);
    }
    rewriter.replaceOp(op, y);
    return success();
  }
};

// A reduction over unit dimensions, or over none, moves no data.
struct ReduceOfUnitDims : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    auto x = cast<RankedTensorType>(op.getX().getType());
    if (llvm::any_of(op.getDims(), [&](int64_t dim) { return x.getDimSize(dim) != 1; }))
      return failure();
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getX());
    return success();
  }
};

} // namespace

void fluxion::passes::populateBroadcastPatterns(RewritePatternSet &patterns) {
  patterns.add<BroadcastOfBroadcast, DropUnitDims, BroadcastToReshape, ReduceOfBroadcast,
               ReduceOfUnitDims>(patterns.getContext());
}
