// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/simplify/Patterns.h"

#include "ir/Shapes.h"
#include "ir/ops/Elementwise.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion::ir;
using fluxion::passes::splatNumber;

namespace {

// f(move(x), move(y), splat) = move(f(x, y, splat)), where a move is a reshape or a broadcast:
// pointwise ops meet their producers in one shape, and work on what is not yet repeated.
struct PointwiseOfMoves : RewritePattern {
  PointwiseOfMoves(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  static bool isMove(Operation *op) { return isa_and_nonnull<ReshapeOp, BroadcastInDimOp>(op); }
  static bool alike(Operation *a, Operation *b) {
    return a->getName() == b->getName() && a->getAttrDictionary() == b->getAttrDictionary() &&
           shapeOf(a->getOperand(0)) == shapeOf(b->getOperand(0));
  }

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!op->hasTrait<Pointwise>() || op->getNumResults() != 1)
      return failure();
    Operation *move = nullptr;
    for (Value operand : op->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      if (isMove(producer) && (!move || alike(producer, move)))
        move = producer;
      else if (!splatNumber(operand))
        return failure();
    }
    RankedTensorType result = typeOf(op->getResult(0));
    if (!move || (isa<BroadcastInDimOp>(move) &&
                  typeOf(move->getOperand(0)).getNumElements() == result.getNumElements()))
      return failure();
    ArrayRef<int64_t> shape = shapeOf(move->getOperand(0));
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      if (isMove(operand.getDefiningOp())) {
        operands.push_back(operand.getDefiningOp()->getOperand(0));
        continue;
      }
      auto splat = cast<SplatElementsAttr>(operand.getDefiningOp<ConstantOp>().getValue());
      auto type = RankedTensorType::get(shape, splat.getElementType());
      operands.push_back(ConstantOp::create(rewriter, op->getLoc(), splat.resizeSplat(type)));
    }
    OperationState before(op->getLoc(), op->getName(), operands,
                          RankedTensorType::get(shape, result.getElementType()), op->getAttrs());
    OperationState moved(op->getLoc(), move->getName(), rewriter.create(before)->getResults(),
                         result, move->getAttrs());
    rewriter.replaceOp(op, rewriter.create(moved));
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
  patterns.add<PointwiseOfMoves, BroadcastOfUnitReshape>(patterns.getContext());
}
