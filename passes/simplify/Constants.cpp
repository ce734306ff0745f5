// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/simplify/Patterns.h"

#include "ir/ops/Control.h"
#include "ir/ops/Elementwise.h"
#include "ir/ops/ScalarBody.h"
#include "ir/ops/Shape.h"
#include "ir/reference/Eval.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {

// One number of an element type, with the operations that IEEE 754 or the integers define exactly.
// Others stay for run time, so that folding changes no bit.
class ExactEmitter {
public:
  using Value = std::optional<Attribute>; // FloatAttr or IntegerAttr; none: not known exactly

  Value constant(double number, Type element) { return FloatAttr::get(element, number); }
  Value integer(int64_t number, Type element) {
    if (isa<FloatType>(element))
      return FloatAttr::get(element, (double)number);
    return IntegerAttr::get(element, APInt(element.getIntOrFloatBitWidth(), number,
                                           /*isSigned=*/true, /*implicitTrunc=*/true));
  }
  Value apply(Atom atom, ArrayRef<Value> x, Type element);
  Value compare(CompareDirection direction, Value x, Value y, Type element);
  Value select(Value pred, Value onTrue, Value onFalse) {
    if (!pred)
      return std::nullopt;
    return cast<IntegerAttr>(*pred).getValue().isZero() ? onFalse : onTrue;
  }
  Value convert(Value x, Type from, Type to);
  Value bitcast(Value x, Type from, Type to) { return std::nullopt; }
};

ExactEmitter::Value ExactEmitter::apply(Atom atom, ArrayRef<Value> x, Type element) {
  if (llvm::any_of(x, [](const Value &v) { return !v; }))
    return std::nullopt;
  if (auto type = dyn_cast<FloatType>(element)) {
    APFloat a = cast<FloatAttr>(*x[0]).getValue();
    std::optional<APFloat> b =
        x.size() > 1 ? std::optional(cast<FloatAttr>(*x[1]).getValue()) : std::nullopt;
    switch (atom) {
    case Atom::Neg:
      a.changeSign();
      break;
    case Atom::Abs:
      a.clearSign();
      break;
    case Atom::Add:
      a.add(*b, APFloat::rmNearestTiesToEven);
      break;
    case Atom::Sub:
      a.subtract(*b, APFloat::rmNearestTiesToEven);
      break;
    case Atom::Mul:
      a.multiply(*b, APFloat::rmNearestTiesToEven);
      break;
    case Atom::Div:
      a.divide(*b, APFloat::rmNearestTiesToEven);
      break;
    case Atom::Max:
      a = llvm::maximum(a, *b);
      break;
    case Atom::Min:
      a = llvm::minimum(a, *b);
      break;
    default:
      return std::nullopt;
    }
    return FloatAttr::get(type, a);
  }
  APInt a = cast<IntegerAttr>(*x[0]).getValue();
  std::optional<APInt> b =
      x.size() > 1 ? std::optional(cast<IntegerAttr>(*x[1]).getValue()) : std::nullopt;
  switch (atom) {
  case Atom::Neg:
    a = -a;
    break;
  case Atom::Not:
    a = ~a;
    break;
  case Atom::Add:
    a += *b;
    break;
  case Atom::Sub:
    a -= *b;
    break;
  case Atom::Mul:
    a *= *b;
    break;
  case Atom::And:
    a &= *b;
    break;
  case Atom::Or:
    a |= *b;
    break;
  case Atom::Xor:
    a ^= *b;
    break;
  default:
    return std::nullopt;
  }
  return IntegerAttr::get(element, a);
}

ExactEmitter::Value ExactEmitter::compare(CompareDirection direction, Value x, Value y,
                                          Type element) {
  if (!x || !y)
    return std::nullopt;
  bool less, equal, unordered = false;
  if (isa<FloatType>(element)) {
    APFloat::cmpResult order =
        cast<FloatAttr>(*x).getValue().compare(cast<FloatAttr>(*y).getValue());
    less = order == APFloat::cmpLessThan, equal = order == APFloat::cmpEqual,
    unordered = order == APFloat::cmpUnordered;
  } else {
    APInt a = cast<IntegerAttr>(*x).getValue(), b = cast<IntegerAttr>(*y).getValue();
    bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
    less = isUnsigned ? a.ult(b) : a.slt(b), equal = a == b;
  }
  bool holds = false;
  switch (direction) {
  case CompareDirection::EQ:
    holds = equal;
    break;
  case CompareDirection::NE:
    holds = !equal;
    break;
  case CompareDirection::LT:
    holds = less;
    break;
  case CompareDirection::LE:
    holds = less || equal;
    break;
  case CompareDirection::GT:
    holds = !less && !equal && !unordered;
    break;
  case CompareDirection::GE:
    holds = !less && !unordered;
    break;
  }
  return IntegerAttr::get(IntegerType::get(element.getContext(), 1), holds);
}

ExactEmitter::Value ExactEmitter::convert(Value x, Type from, Type to) {
  if (!x)
    return std::nullopt;
  bool exact;
  if (auto number = dyn_cast<FloatAttr>(*x)) {
    auto type = dyn_cast<FloatType>(to);
    if (!type)
      return std::nullopt;
    APFloat value = number.getValue();
    value.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven, &exact);
    return FloatAttr::get(type, value);
  }
  APInt value = cast<IntegerAttr>(*x).getValue();
  bool isSigned = !from.isUnsignedInteger() && !from.isInteger(1);
  if (auto type = dyn_cast<FloatType>(to)) {
    APFloat number(type.getFloatSemantics());
    number.convertFromAPInt(value, isSigned, APFloat::rmNearestTiesToEven);
    return FloatAttr::get(type, number);
  }
  if (to.isInteger(1))
    return IntegerAttr::get(to, !value.isZero());
  unsigned width = to.getIntOrFloatBitWidth();
  return IntegerAttr::get(to, isSigned ? value.sextOrTrunc(width) : value.zextOrTrunc(width));
}

// A pointwise op on constants with one number each is such a constant.
struct FoldSplats : RewritePattern {
  FoldSplats(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 2, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!hasScalarBody(op) || op->getNumOperands() == 0)
      return failure();
    SmallVector<ExactEmitter::Value> operands;
    for (mlir::Value operand : op->getOperands()) {
      auto constant = operand.getDefiningOp<ConstantOp>();
      auto splat =
          constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : SplatElementsAttr();
      if (!splat)
        return failure();
      operands.push_back(splat.getSplatValue<Attribute>());
    }
    ExactEmitter emit;
    ExactEmitter::Value number = scalarBody(emit, op, ArrayRef<ExactEmitter::Value>(operands));
    if (!number)
      return failure();
    rewriter.replaceOpWithNewOp<ConstantOp>(
        op, DenseElementsAttr::get(cast<ShapedType>(op->getResult(0).getType()),
                                   ArrayRef<Attribute>(*number)));
    return success();
  }
};

// Shape ops on constants with one number.
struct FoldShapeOfSplat : RewritePattern {
  FoldShapeOfSplat(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 2, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isa<BroadcastInDimOp, TransposeOp, ReshapeOp, SliceOp, ReverseOp>(op))
      return failure();
    auto constant = op->getOperand(0).getDefiningOp<ConstantOp>();
    auto splat = constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : SplatElementsAttr();
    if (!splat)
      return failure();
    rewriter.replaceOpWithNewOp<ConstantOp>(
        op, splat.resizeSplat(cast<ShapedType>(op->getResult(0).getType())));
    return success();
  }
};

// Any op on small constants, by its definition. What would grow the data is left to run time.
struct FoldSmall : RewritePattern {
  static constexpr int64_t mostElements = 4096, mostMade = 64;
  FoldSmall(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (op->getNumOperands() == 0 || op->getNumResults() != 1 || !isPure(op) ||
        isa<RandomBitsOp, BarrierOp>(op) || op->getNumRegions() > 0 ||
        !isa<FluxionDialect>(op->getDialect()))
      return failure();
    SmallVector<reference::Tensor> operands;
    int64_t largest = mostMade;
    for (mlir::Value operand : op->getOperands()) {
      auto constant = operand.getDefiningOp<ConstantOp>();
      auto elements =
          constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
      if (!elements || elements.getNumElements() > mostElements)
        return failure();
      largest = std::max(largest, elements.getNumElements());
      operands.push_back(reference::Tensor::fromAttr(elements));
    }
    if (cast<RankedTensorType>(op->getResult(0).getType()).getNumElements() > largest)
      return failure();
    FailureOr<SmallVector<reference::Tensor>> results = reference::evaluateOp(op, operands);
    if (failed(results))
      return failure();
    rewriter.replaceOpWithNewOp<ConstantOp>(op, results->front().toAttr());
    return success();
  }
};

// select(p, 1, 0) = convert(p)
struct SelectToConvert : OpRewritePattern<SelectOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SelectOp op, PatternRewriter &rewriter) const override {
    bool zeros =
        matchPattern(op.getOnFalse(), m_PosZeroFloat()) || matchPattern(op.getOnFalse(), m_Zero());
    if (!zeros || fluxion::passes::splatNumber(op.getOnTrue()) != 1.0 ||
        cast<RankedTensorType>(op.getType()).getElementType().isInteger(1))
      return failure();
    rewriter.replaceOpWithNewOp<ConvertOp>(op, op.getType(), op.getPred());
    return success();
  }
};

} // namespace

void fluxion::passes::populateConstantPatterns(RewritePatternSet &patterns) {
  patterns.add<FoldSplats, FoldShapeOfSplat, FoldSmall, SelectToConvert>(patterns.getContext());
}
