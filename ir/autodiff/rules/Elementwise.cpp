// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Adjoints of pointwise ops. y or z is the result, dy or dz its cotangent.
#include "ir/ops/Elementwise.h"

using namespace mlir;
using namespace fluxion::ir;

using Cotangents = SmallVector<Value>;

// y = e^x  =>  dx = dy * y
Cotangents ExpOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr y = emit(getY()), dy = emit(grads[0]);
  return {dy * y};
}

// y = e^x - 1  =>  dx = dy * (y + 1)
Cotangents Expm1Op::adjoint(Emitter &emit, ValueRange grads) {
  Expr y = emit(getY()), dy = emit(grads[0]);
  return {dy * (y + 1.0)};
}

// y = ln x  =>  dx = dy / x
Cotangents LogOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX()), dy = emit(grads[0]);
  return {dy / x};
}

// y = ln(1 + x)  =>  dx = dy / (1 + x)
Cotangents Log1pOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX()), dy = emit(grads[0]);
  return {dy / (1.0 + x)};
}

// y = sqrt x  =>  dx = dy / (2 y)
Cotangents SqrtOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr y = emit(getY()), dy = emit(grads[0]);
  return {dy / (2.0 * y)};
}

// y = 1 / sqrt x  =>  dx = -dy * y / (2 x)
Cotangents RsqrtOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX()), y = emit(getY()), dy = emit(grads[0]);
  return {-0.5 * (dy * y) / x};
}

// y = tanh x  =>  dx = dy * (1 - y^2)
Cotangents TanhOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr y = emit(getY()), dy = emit(grads[0]);
  return {dy * (1.0 - y * y)};
}

// y = sin x  =>  dx = dy * cos x
Cotangents SinOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX()), dy = emit(grads[0]);
  return {dy * emit.cos(x)};
}

// y = cos x  =>  dx = -dy * sin x
Cotangents CosOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX()), dy = emit(grads[0]);
  return {-(dy * emit.sin(x))};
}

// y = erf x  =>  dx = dy * 2/sqrt(pi) * e^(-x^2)
Cotangents ErfOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX()), dy = emit(grads[0]);
  return {M_2_SQRTPI * dy * emit.exp(-(x * x))};
}

// y = -x  =>  dx = -dy
Cotangents NegOp::adjoint(Emitter &emit, ValueRange grads) { return {-emit(grads[0])}; }

// y = |x|  =>  dx = dy * sign x
Cotangents AbsOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX()), dy = emit(grads[0]);
  return {dy * emit.sign(x)};
}

// z = x + y  =>  dx = dz, dy = dz
Cotangents AddOp::adjoint(Emitter &, ValueRange grads) { return {grads[0], grads[0]}; }

// z = x - y  =>  dx = dz, dy = -dz
Cotangents SubOp::adjoint(Emitter &emit, ValueRange grads) { return {grads[0], -emit(grads[0])}; }

// z = x * y  =>  dx = dz * y, dy = dz * x
Cotangents MulOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX()), y = emit(getY()), dz = emit(grads[0]);
  return {dz * y, dz * x};
}

// z = x / y  =>  dx = dz / y, dy = -dz * z / y
Cotangents DivOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr y = emit(getY()), z = emit(getZ()), dz = emit(grads[0]);
  Expr dx = dz / y;
  return {dx, -(dx * z)};
}

// z = x - y * trunc(x / y)  =>  dx = dz, dy = -dz * trunc(x / y), with trunc(x / y) = (x - z) / y
Cotangents RemainderOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX()), y = emit(getY()), z = emit(getZ()), dz = emit(grads[0]);
  return {dz, -(dz * ((x - z) / y))};
}

// z = x^y  =>  dx = dz * y * x^(y - 1), 0 where x = y = 0; dy = dz * z * ln x, 0 where x = 0
Cotangents PowOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX()), y = emit(getY()), z = emit(getZ()), dz = emit(grads[0]);
  Expr zero = emit.like(0, x), one = emit.like(1, x);
  Expr atZero = emit.compare(CompareDirection::EQ, x, zero);
  Expr flat = emit.and_(atZero, emit.compare(CompareDirection::EQ, y, zero));
  Expr dx = emit.select(flat, zero, dz * y * emit.pow(x, y - one));
  Expr dy = emit.select(atZero, zero, dz * z * emit.log(emit.select(atZero, one, x)));
  return {dx, dy};
}

// z = max or min(x, y)  =>  all of dz to the operand that won, half to each at a tie
static Cotangents extremumAdjoint(Emitter &emit, CompareDirection wins, Value first, Value second,
                                  Value grad) {
  Expr x = emit(first), y = emit(second), dz = emit(grad), zero = emit.like(0, x), half = dz * 0.5;
  Expr tie = emit.compare(CompareDirection::EQ, x, y);
  Expr dx = emit.select(emit.compare(wins, x, y), dz, emit.select(tie, half, zero));
  Expr dy = emit.select(emit.compare(wins, y, x), dz, emit.select(tie, half, zero));
  return {dx, dy};
}
Cotangents MaxOp::adjoint(Emitter &emit, ValueRange grads) {
  return extremumAdjoint(emit, CompareDirection::GT, getX(), getY(), grads[0]);
}
Cotangents MinOp::adjoint(Emitter &emit, ValueRange grads) {
  return extremumAdjoint(emit, CompareDirection::LT, getX(), getY(), grads[0]);
}

// z = atan2(a, b)  =>  da = dz * b / (a^2 + b^2), db = -dz * a / (a^2 + b^2)
Cotangents Atan2Op::adjoint(Emitter &emit, ValueRange grads) {
  Expr a = emit(getX()), b = emit(getY()), dz = emit(grads[0]);
  Expr scaled = dz / (a * a + b * b);
  return {scaled * b, -(scaled * a)};
}

// z = p ? a : b  =>  da = p ? dz : 0, db = p ? 0 : dz (strong zero)
Cotangents SelectOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr pred = emit(getPred()), dz = emit(grads[0]), zero = emit.like(0, dz);
  return {Value(), emit.select(pred, dz, zero), emit.select(pred, zero, dz)};
}

// y = clamp(low, x, high)  =>  the bound that binds takes dy, else x does
Cotangents ClampOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr low = emit(getLow()), x = emit(getX()), high = emit(getHigh()), dy = emit(grads[0]),
       zero = emit.like(0, x);
  Expr below = emit.compare(CompareDirection::LT, x, low);
  Expr capped = emit.compare(CompareDirection::GT, emit.select(below, low, x), high);
  Expr passed = emit.select(capped, zero, dy);
  return {emit.select(below, passed, zero), emit.select(below, zero, passed),
          emit.select(capped, dy, zero)};
}

// y = convert x between floats  =>  dx = convert dy; integers have no cotangent
Cotangents ConvertOp::adjoint(Emitter &emit, ValueRange grads) {
  Type element = getX().getType().getElementType();
  if (!isa<FloatType>(element) || !isa<FloatType>(getType().getElementType()))
    return {Value()};
  return {emit.convert(emit(grads[0]), element)};
}

// s = sum of c_i  =>  dc_i = ds
Cotangents AccumulateOp::adjoint(Emitter &, ValueRange grads) {
  return Cotangents(getCotangents().size(), grads[0]);
}

// y = max(x, 0)  =>  dx = dy where y > 0, else 0
Cotangents ReluOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr y = emit(getY()), dy = emit(grads[0]), zero = emit.like(0, y);
  return {emit.select(emit.compare(CompareDirection::GT, y, zero), dy, zero)};
}

// y = sigmoid x  =>  dx = dy * y * (1 - y)
Cotangents SigmoidOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr y = emit(getY()), dy = emit(grads[0]);
  return {dy * (y * (1.0 - y))};
}

// y = x s, s = sigmoid x  =>  dx = dy * (s + y (1 - s))
Cotangents SiluOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX()), y = emit(getY()), dy = emit(grads[0]);
  Expr s = emit.sigmoid(x);
  return {dy * (s + y * (1.0 - s))};
}

// y = x P(x), P the normal distribution function, p its density  =>  dx = dy * (P + x p)
Cotangents GeluOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr x = emit(getX()), dy = emit(grads[0]);
  Expr distribution = 0.5 * (1.0 + emit.erf(x * M_SQRT1_2));
  Expr density = (0.5 * M_2_SQRTPI * M_SQRT1_2) * emit.exp(-0.5 * (x * x));
  return {dy * (distribution + x * density)};
}
