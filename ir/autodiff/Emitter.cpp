// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/autodiff/Emitter.h"

#include "ir/ops/Elementwise.h"
#include "ir/ops/Reduction.h"
#include "ir/ops/Shape.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace fluxion::ir {
namespace {

template <typename Op> Expr unary(Emitter &e, Expr x) {
  return e(Op::create(e.builder, e.loc, x.type(), x));
}
template <typename Op> Expr binary(Emitter &e, Expr x, Expr y) {
  return e(Op::create(e.builder, e.loc, x.type(), x, y));
}

bool isSplat(Value value, double number) {
  SplatElementsAttr splat;
  if (!matchPattern(value, m_Constant(&splat)))
    return false;
  return isa<FloatType>(splat.getElementType())
             ? splat.getSplatValue<APFloat>().isExactlyValue(number)
             : splat.getSplatValue<APInt>().getSExtValue() == (int64_t)number;
}

} // namespace

Expr Emitter::constant(double value, RankedTensorType type) {
  Type element = type.getElementType();
  Attribute number = isa<FloatType>(element)
                         ? (Attribute)builder.getFloatAttr(element, value)
                         : (Attribute)builder.getIntegerAttr(element, (int64_t)value);
  return (*this)(ConstantOp::create(builder, loc, DenseElementsAttr::get(type, number)));
}

Expr Emitter::exp(Expr x) { return unary<ExpOp>(*this, x); }
Expr Emitter::expm1(Expr x) { return unary<Expm1Op>(*this, x); }
Expr Emitter::log(Expr x) { return unary<LogOp>(*this, x); }
Expr Emitter::log1p(Expr x) { return unary<Log1pOp>(*this, x); }
Expr Emitter::sqrt(Expr x) { return unary<SqrtOp>(*this, x); }
Expr Emitter::rsqrt(Expr x) { return unary<RsqrtOp>(*this, x); }
Expr Emitter::tanh(Expr x) { return unary<TanhOp>(*this, x); }
Expr Emitter::sin(Expr x) { return unary<SinOp>(*this, x); }
Expr Emitter::cos(Expr x) { return unary<CosOp>(*this, x); }
Expr Emitter::erf(Expr x) { return unary<ErfOp>(*this, x); }
Expr Emitter::neg(Expr x) { return unary<NegOp>(*this, x); }
Expr Emitter::abs(Expr x) { return unary<AbsOp>(*this, x); }
Expr Emitter::sign(Expr x) { return unary<SignOp>(*this, x); }
Expr Emitter::floor(Expr x) { return unary<FloorOp>(*this, x); }
Expr Emitter::sigmoid(Expr x) { return unary<SigmoidOp>(*this, x); }
Expr Emitter::add(Expr x, Expr y) { return binary<AddOp>(*this, x, y); }
Expr Emitter::sub(Expr x, Expr y) { return binary<SubOp>(*this, x, y); }
Expr Emitter::mul(Expr x, Expr y) {
  if (isSplat(x, 1.0))
    return y;
  if (isSplat(y, 1.0))
    return x;
  return binary<MulOp>(*this, x, y);
}
Expr Emitter::div(Expr x, Expr y) { return binary<DivOp>(*this, x, y); }
Expr Emitter::pow(Expr x, Expr y) { return binary<PowOp>(*this, x, y); }
Expr Emitter::max(Expr x, Expr y) { return binary<MaxOp>(*this, x, y); }
Expr Emitter::min(Expr x, Expr y) { return binary<MinOp>(*this, x, y); }
Expr Emitter::and_(Expr x, Expr y) { return binary<AndOp>(*this, x, y); }
Expr Emitter::or_(Expr x, Expr y) { return binary<OrOp>(*this, x, y); }

Expr Emitter::compare(CompareDirection direction, Expr x, Expr y) {
  return (*this)(CompareOp::create(builder, loc, direction, x, y));
}
Expr Emitter::select(Expr pred, Expr on_true, Expr on_false) {
  return (*this)(SelectOp::create(builder, loc, on_true.type(), pred, on_true, on_false));
}
Expr Emitter::convert(Expr x, Type element) {
  return x.type().getElementType() == element
             ? x
             : (*this)(
                   ConvertOp::create(builder, loc, RankedTensorType::get(x.shape(), element), x));
}

Expr Emitter::reshape(Expr x, ArrayRef<int64_t> shape) {
  return x.shape() == shape
             ? x
             : (*this)(ReshapeOp::create(
                   builder, loc, RankedTensorType::get(shape, x.type().getElementType()), x));
}
Expr Emitter::transpose(Expr x, ArrayRef<int64_t> permutation) {
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
    return x;
  return (*this)(TransposeOp::create(builder, loc, x, permutation));
}
Expr Emitter::broadcast(Expr x, ArrayRef<int64_t> shape, ArrayRef<int64_t> dims) {
  if (x.shape() == shape)
    return x;
  return (*this)(BroadcastInDimOp::create(
      builder, loc, RankedTensorType::get(shape, x.type().getElementType()), x, dims));
}
Expr Emitter::slice(Expr x, ArrayRef<int64_t> start, ArrayRef<int64_t> limit,
                    ArrayRef<int64_t> stride) {
  return (*this)(SliceOp::create(builder, loc, x, start, limit, stride));
}
Expr Emitter::pad(Expr x, double value, ArrayRef<int64_t> low, ArrayRef<int64_t> high,
                  ArrayRef<int64_t> interior) {
  Expr scalar = constant(value, RankedTensorType::get({}, x.type().getElementType()));
  return (*this)(PadOp::create(builder, loc, x, scalar, low, high, interior));
}
Expr Emitter::iota(RankedTensorType type, int64_t dim) {
  return (*this)(IotaOp::create(builder, loc, type, dim));
}

Expr Emitter::reduce(ReduceKind kind, Expr x, ArrayRef<int64_t> dims) {
  return dims.empty() ? x : (*this)(ReduceOp::create(builder, loc, kind, x, dims));
}
Expr Emitter::sum(Expr x, ArrayRef<int64_t> dims) { return reduce(ReduceKind::Sum, x, dims); }
Expr Emitter::broadcastReduced(Expr y, ArrayRef<int64_t> shape, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> kept;
  for (int64_t d = 0; d < (int64_t)shape.size(); ++d)
    if (!llvm::is_contained(dims, d))
      kept.push_back(d);
  return broadcast(y, shape, kept);
}

Expr operator+(Expr x, Expr y) { return x.emitter().add(x, y); }
Expr operator-(Expr x, Expr y) { return x.emitter().sub(x, y); }
Expr operator*(Expr x, Expr y) { return x.emitter().mul(x, y); }
Expr operator/(Expr x, Expr y) { return x.emitter().div(x, y); }
Expr operator-(Expr x) { return x.emitter().neg(x); }
Expr operator+(Expr x, double y) { return x + x.emitter().like(y, x); }
Expr operator-(Expr x, double y) { return x - x.emitter().like(y, x); }
Expr operator*(Expr x, double y) { return x * x.emitter().like(y, x); }
Expr operator/(Expr x, double y) { return x / x.emitter().like(y, x); }
Expr operator+(double x, Expr y) { return y.emitter().like(x, y) + y; }
Expr operator-(double x, Expr y) { return y.emitter().like(x, y) - y; }
Expr operator*(double x, Expr y) { return y.emitter().like(x, y) * y; }
Expr operator/(double x, Expr y) { return y.emitter().like(x, y) / y; }

} // namespace fluxion::ir
