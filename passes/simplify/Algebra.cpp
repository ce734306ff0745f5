// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/simplify/Patterns.h"

#include "ir/ops/Elementwise.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion::ir;

std::optional<double> fluxion::passes::splatNumber(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  auto splat = constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : SplatElementsAttr();
  if (!splat)
    return std::nullopt;
  if (isa<FloatType>(splat.getElementType())) {
    APFloat number = splat.getSplatValue<APFloat>();
    bool exact;
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &exact);
    return number.convertToDouble();
  }
  APInt number = splat.getSplatValue<APInt>();
  return splat.getElementType().isUnsignedInteger() || number.getBitWidth() == 1
             ? (double)number.getZExtValue()
             : (double)number.getSExtValue();
}

using fluxion::passes::splatNumber;

namespace {

// accumulate(a, b, c) = (a + b) + c
struct AccumulateToAdds : OpRewritePattern<AccumulateOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AccumulateOp op, PatternRewriter &rewriter) const override {
    Value sum = op.getCotangents().front();
    for (Value next : op.getCotangents().drop_front())
      sum = AddOp::create(rewriter, op.getLoc(), sum, next);
    rewriter.replaceOp(op, sum);
    return success();
  }
};

struct DropStopGradient : OpRewritePattern<StopGradientOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(StopGradientOp op, PatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, op.getX());
    return success();
  }
};

// -(-x) = x
struct NegOfNeg : OpRewritePattern<NegOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(NegOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getX().getDefiningOp<NegOp>();
    if (!inner)
      return failure();
    rewriter.replaceOp(op, inner.getX());
    return success();
  }
};

// x + (-y) = x - y, (-x) + y = y - x
struct AddOfNeg : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op, PatternRewriter &rewriter) const override {
    if (auto y = op.getY().getDefiningOp<NegOp>())
      return rewriter.replaceOpWithNewOp<SubOp>(op, op.getX(), y.getX()), success();
    if (auto x = op.getX().getDefiningOp<NegOp>())
      return rewriter.replaceOpWithNewOp<SubOp>(op, op.getY(), x.getX()), success();
    return failure();
  }
};

// x - (-y) = x + y
struct SubOfNeg : OpRewritePattern<SubOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SubOp op, PatternRewriter &rewriter) const override {
    auto y = op.getY().getDefiningOp<NegOp>();
    if (!y)
      return failure();
    rewriter.replaceOpWithNewOp<AddOp>(op, op.getX(), y.getX());
    return success();
  }
};

// x / c = x * (1 / c) where c is a power of two, exactly.
struct DivByPowerOfTwo : OpRewritePattern<DivOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DivOp op, PatternRewriter &rewriter) const override {
    std::optional<double> divisor = splatNumber(op.getY());
    int exponent;
    if (!isa<FloatType>(op.getType().getElementType()) || !divisor ||
        std::abs(std::frexp(*divisor, &exponent)) != 0.5 || std::abs(exponent) > 14)
      return failure();
    auto type = cast<RankedTensorType>(op.getType());
    auto inverse = ConstantOp::create(
        rewriter, op.getLoc(),
        DenseElementsAttr::get(type, rewriter.getFloatAttr(type.getElementType(), 1 / *divisor)));
    rewriter.replaceOpWithNewOp<MulOp>(op, op.getX(), inverse);
    return success();
  }
};

// The mask of a rectifier is read off its result, so that its operand need not be kept:
// x > 0 = max(x, 0) > 0.
struct MaskOfRectifier : OpRewritePattern<CompareOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(CompareOp op, PatternRewriter &rewriter) const override {
    if (op.getDirection() != CompareDirection::GT || splatNumber(op.getY()) != 0.0)
      return failure();
    for (Operation *user : op.getX().getUsers()) {
      auto max = dyn_cast<MaxOp>(user);
      if (!max || max->getBlock() != op->getBlock() || !max->isBeforeInBlock(op))
        continue;
      Value other = max.getX() == op.getX() ? max.getY() : max.getX();
      if (splatNumber(other) != 0.0)
        continue;
      rewriter.modifyOpInPlace(op, [&] { op.getXMutable().assign(max.getZ()); });
      return success();
    }
    return failure();
  }
};

// Conversions that lose nothing on the way: i1 -> i32 -> f32, f32 -> f64 -> f32.
struct ConvertOfConvert : OpRewritePattern<ConvertOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvertOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getX().getDefiningOp<ConvertOp>();
    if (!inner)
      return failure();
    Type from = getElementTypeOrSelf(inner.getX()), middle = getElementTypeOrSelf(inner.getType()),
         to = getElementTypeOrSelf(op.getType());
    bool widensFloat = isa<FloatType>(from) && isa<FloatType>(middle) && isa<FloatType>(to) &&
                       cast<FloatType>(middle).getFPMantissaWidth() >=
                           cast<FloatType>(from).getFPMantissaWidth() &&
                       middle.getIntOrFloatBitWidth() > from.getIntOrFloatBitWidth() && to == from;
    bool fromPredicate = from.isInteger(1) && !middle.isInteger(1);
    if (!widensFloat && !fromPredicate)
      return failure();
    rewriter.replaceOpWithNewOp<ConvertOp>(op, op.getType(), inner.getX());
    return success();
  }
};

// x^2 = x * x, the correctly rounded square.
struct PowTwo : OpRewritePattern<PowOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PowOp op, PatternRewriter &rewriter) const override {
    if (splatNumber(op.getY()) != 2.0)
      return failure();
    rewriter.replaceOpWithNewOp<MulOp>(op, op.getX(), op.getX());
    return success();
  }
};

} // namespace

void fluxion::passes::populateAlgebraPatterns(RewritePatternSet &patterns) {
  patterns.add<AccumulateToAdds, DropStopGradient, NegOfNeg, AddOfNeg, SubOfNeg, DivByPowerOfTwo,
               MaskOfRectifier, ConvertOfConvert, PowTwo>(patterns.getContext());
}
