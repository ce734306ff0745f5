// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/simplify/Patterns.h"

#include "ir/ops/Elementwise.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion::ir;
using fluxion::passes::splatNumber;

namespace {

// f(reshape(x), reshape(y)) = reshape(f(x, y)): pointwise ops meet their producers in one shape.
struct PointwiseOfReshapes : RewritePattern {
  PointwiseOfReshapes(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!op->hasTrait<Pointwise>() || op->getNumResults() != 1)
      return failure();
    ReshapeOp first;
    for (Value operand : op->getOperands()) {
      auto reshape = operand.getDefiningOp<ReshapeOp>();
      bool same = reshape && (!first || reshape.getX().getType().getShape() ==
                                            first.getX().getType().getShape());
      if (!same && !splatNumber(operand))
        return failure();
      if (reshape)
        first = reshape;
    }
    if (!first)
      return failure();
    ArrayRef<int64_t> shape = first.getX().getType().getShape();
    auto result = cast<RankedTensorType>(op->getResult(0).getType());
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      if (auto reshape = operand.getDefiningOp<ReshapeOp>()) {
        operands.push_back(reshape.getX());
        continue;
      }
      auto splat = cast<SplatElementsAttr>(operand.getDefiningOp<ConstantOp>().getValue());
      auto type = RankedTensorType::get(shape, splat.getElementType());
      operands.push_back(ConstantOp::create(rewriter, op->getLoc(), splat.resizeSplat(type)));
    }
    OperationState state(op->getLoc(), op->getName(), operands,
                         RankedTensorType::get(shape, result.getElementType()), op->getAttrs());
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, result, rewriter.create(state)->getResult(0));
    return success();
  }
};

// The dimensions of a reshape between shapes that differ by unit dimensions only: for each
// dimension of `from` that is not 1 its position in `to`.
std::optional<SmallVector<std::pair<int64_t, int64_t>>> unitReshape(RankedTensorType from,
                                                                    RankedTensorType to) {
  SmallVector<std::pair<int64_t, int64_t>> pairs;
  int64_t j = 0;
  for (int64_t i = 0; i < from.getRank(); ++i) {
    if (from.getDimSize(i) == 1)
      continue;
    while (j < to.getRank() && to.getDimSize(j) == 1)
      ++j;
    if (j == to.getRank() || to.getDimSize(j) != from.getDimSize(i))
      return std::nullopt;
    pairs.push_back({i, j++});
  }
  return pairs;
}

// broadcast(reshape(x)) = broadcast(x) where the reshape adds unit dimensions.
struct BroadcastOfUnitReshape : OpRewritePattern<BroadcastInDimOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BroadcastInDimOp op, PatternRewriter &rewriter) const override {
    auto reshape = op.getX().getDefiningOp<ReshapeOp>();
    if (!reshape)
      return failure();
    auto x = reshape.getX().getType();
    auto pairs = unitReshape(x, cast<RankedTensorType>(reshape.getType()));
    if (!pairs || (int64_t)pairs->size() != x.getRank())
      return failure();
    SmallVector<int64_t> dims;
    for (auto [from, to] : *pairs)
      dims.push_back(op.getDims()[to]);
    rewriter.replaceOpWithNewOp<BroadcastInDimOp>(op, op.getType(), reshape.getX(), dims);
    return success();
  }
};

} // namespace

void fluxion::passes::populateReshapePatterns(RewritePatternSet &patterns) {
  patterns.add<PointwiseOfReshapes, BroadcastOfUnitReshape>(patterns.getContext());
}
