// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/VectorMath.h"

#include "codegen/llvm/loops/VectorEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;
using D = ir::CompareDirection;

static constexpr double infinity = std::numeric_limits<double>::infinity();
static constexpr double quietNan = std::numeric_limits<double>::quiet_NaN();

VectorMath::VectorMath(VectorEmitter &emit, Type element)
    : emit(emit), element(element),
      integer(IntegerType::get(element.getContext(), element.getIntOrFloatBitWidth())),
      isF32(element.isF32()) {}

// ---- Notation
// ------------------------------------------------------------------------------------

Value VectorMath::c(double number) { return emit.constant(number, element); }
Value VectorMath::n(int64_t number) { return emit.integer(number, integer); }
Value VectorMath::add(Value x, Value y) { return arith::AddFOp::create(emit.b, emit.loc, x, y); }
Value VectorMath::sub(Value x, Value y) { return arith::SubFOp::create(emit.b, emit.loc, x, y); }
Value VectorMath::mul(Value x, Value y) { return arith::MulFOp::create(emit.b, emit.loc, x, y); }
Value VectorMath::div(Value x, Value y) { return arith::DivFOp::create(emit.b, emit.loc, x, y); }
Value VectorMath::fma(Value x, Value y, Value z) {
  return emit.hasFma ? LLVM::FMAOp::create(emit.b, emit.loc, x.getType(), x, y, z).getResult()
                     : add(mul(x, y), z);
}
Value VectorMath::neg(Value x) { return arith::NegFOp::create(emit.b, emit.loc, x); }
Value VectorMath::abs(Value x) { return LLVM::FAbsOp::create(emit.b, emit.loc, x.getType(), x); }
Value VectorMath::floor(Value x) {
  return LLVM::FFloorOp::create(emit.b, emit.loc, x.getType(), x);
}
Value VectorMath::trunc(Value x) {
  return LLVM::FTruncOp::create(emit.b, emit.loc, x.getType(), x);
}
Value VectorMath::lt(Value x, Value y) { return emit.compare(D::LT, x, y, element); }
Value VectorMath::gt(Value x, Value y) { return emit.compare(D::GT, x, y, element); }
Value VectorMath::ge(Value x, Value y) { return emit.compare(D::GE, x, y, element); }
Value VectorMath::eq(Value x, Value y) { return emit.compare(D::EQ, x, y, element); }
Value VectorMath::isNan(Value x) { return emit.compare(D::NE, x, x, element); }
Value VectorMath::atMost(Value x, Value bound) { return select(gt(x, bound), bound, x); }
Value VectorMath::atLeast(Value x, Value bound) { return select(lt(x, bound), bound, x); }
Value VectorMath::select(Value pred, Value x, Value y) { return emit.select(pred, x, y); }
Value VectorMath::both(Value p, Value q) { return arith::AndIOp::create(emit.b, emit.loc, p, q); }
Value VectorMath::either(Value p, Value q) { return arith::OrIOp::create(emit.b, emit.loc, p, q); }
Value VectorMath::any(Value pred) {
  return emit.lanes == 1
             ? pred
             : vector::ReductionOp::create(emit.b, emit.loc, vector::CombiningKind::OR, pred)
                   .getResult();
}
Value VectorMath::bits(Value x) { return emit.bitcast(x, element, integer); }
Value VectorMath::fromBits(Value x) { return emit.bitcast(x, integer, element); }
Value VectorMath::addBits(Value x, Value y) {
  return arith::AddIOp::create(emit.b, emit.loc, x, y);
}
Value VectorMath::subBits(Value x, Value y) {
  return arith::SubIOp::create(emit.b, emit.loc, x, y);
}
Value VectorMath::andBits(Value x, Value y) {
  return arith::AndIOp::create(emit.b, emit.loc, x, y);
}
Value VectorMath::xorBits(Value x, Value y) {
  return arith::XOrIOp::create(emit.b, emit.loc, x, y);
}
Value VectorMath::shiftLeft(Value x, int64_t by) {
  return arith::ShLIOp::create(emit.b, emit.loc, x, n(by));
}
Value VectorMath::shiftRight(Value x, int64_t by) {
  return arith::ShRUIOp::create(emit.b, emit.loc, x, n(by));
}
Value VectorMath::copySign(Value magnitude, Value sign) {
  return LLVM::CopySignOp::create(emit.b, emit.loc, magnitude.getType(), magnitude, sign);
}

Value VectorMath::x86(StringRef name, ArrayRef<Value> x) {
  return LLVM::CallIntrinsicOp::create(emit.b, emit.loc, x[0].getType(),
                                       emit.b.getStringAttr("llvm.x86." + name), ValueRange(x))
      .getResult(0);
}

Value VectorMath::polynomial(Value x, ArrayRef<double> highestFirst) {
  Value sum = c(highestFirst.front());
  for (double coefficient : highestFirst.drop_front())
    sum = fma(sum, x, c(coefficient));
  return sum;
}

Value VectorMath::viaF64(llvm::function_ref<Value(VectorMath &, ArrayRef<Value>)> f,
                         ArrayRef<Value> x) {
  Type f64 = emit.b.getF64Type();
  VectorMath wide(emit, f64);
  SmallVector<Value> arguments;
  for (Value value : x)
    arguments.push_back(emit.convert(value, element, f64));
  return emit.convert(f(wide, arguments), f64, element);
}

// The sum with 1.5 * 2^52 (2^23) has no fraction bits, and its low bits are the integer. No
// conversion instruction: AVX2 has none between f64 and i64.
VectorMath::Rounded VectorMath::round(Value x, Value factor) {
  Value magic = c(isF32 ? 0x1.8p23 : 0x1.8p52), moved = fma(x, factor, magic);
  return {sub(moved, magic), subBits(bits(moved), n(isF32 ? 0x4b400000 : 0x4338000000000000LL))};
}

Value VectorMath::toFloat(Value x) {
  return sub(fromBits(addBits(x, n(isF32 ? 0x4b400000 : 0x4338000000000000LL))),
             c(isF32 ? 0x1.8p23 : 0x1.8p52));
}

Value VectorMath::powerOfTwo(Value exponent) {
  return fromBits(shiftLeft(addBits(exponent, n(isF32 ? 127 : 1023)), isF32 ? 23 : 52));
}

VectorMath::Pair VectorMath::twoSum(Value x, Value y) {
  Value high = add(x, y), part = sub(high, x);
  return {high, add(sub(x, sub(high, part)), sub(y, part))};
}

// |x| >= |y|
VectorMath::Pair VectorMath::quickTwoSum(Value x, Value y) {
  Value high = add(x, y);
  return {high, sub(y, sub(high, x))};
}

VectorMath::Pair VectorMath::twoProduct(Value x, Value y) {
  Value high = mul(x, y);
  if (emit.hasFma)
    return {high, fma(x, y, neg(high))};
  // Halves of the mantissas multiply exactly (Dekker, Veltkamp).
  auto upper = [&](Value v) {
    Value scaled = mul(v, c(isF32 ? 0x1.002p12 : 0x1.0000002p27));
    return sub(scaled, sub(scaled, v));
  };
  Value xh = upper(x), yh = upper(y), xl = sub(x, xh), yl = sub(y, yh);
  Value rest = add(sub(mul(xh, yh), high), add(mul(xh, yl), mul(xl, yh)));
  return {high, add(rest, mul(xl, yl))};
}

// ---- Exponentials
// --------------------------------------------------------------------------------

// ln 2 in two parts, the first short enough for an exact product with k.
VectorMath::Reduced VectorMath::reduceLn2(Value x) {
  Rounded k = round(x, c(M_LOG2E));
  double high = isF32 ? 0.693359375 : 0x1.62e42feep-1,
         low = isF32 ? -2.12194440054690583e-4 : 1.9082149292705877e-10;
  Value rough = fma(k.number, c(-high), x), r = fma(k.number, c(-low), rough);
  return {k, r, fma(k.number, c(-low), sub(rough, r))};
}

// f32: minimax; f64: Taylor's series, below the rounding error at this length.
Value VectorMath::expTail(Value r) {
  if (isF32)
    return polynomial(
        r, {2.05508662e-4, 1.39306591e-3, 8.33226841e-3, 4.16665098e-2, 0.166666702, 0.5});
  SmallVector<double> series(12);
  double factorial = 1;
  for (int k = 2; k <= 13; ++k)
    series[13 - k] = 1 / (factorial *= k);
  return polynomial(r, series);
}

// e^r for |r| <= ln(2) / 2. f32: minimax; f64: Taylor's series.
Value VectorMath::expOfReduced(Value r) {
  if (isF32)
    return polynomial(r,
                      {0.00138212577, 0.00836866815, 0.0416682586, 0.166665211, 0.49999994, 1, 1});
  return add(fma(mul(r, r), expTail(r), r), c(1));
}

// x 2^k, rounded once where the result is subnormal. Two factors of about half the exponent each:
// neither overflows early.
Value VectorMath::scale(Value x, const Rounded &k) {
  if (emit.hasAvx512 && 64 / (isF32 ? 4 : 8) == emit.lanes) {
    Type i32 = emit.b.getI32Type(), mask = isF32 ? emit.b.getI16Type() : emit.b.getI8Type();
    Value all = LLVM::ConstantOp::create(emit.b, emit.loc, mask, emit.b.getIntegerAttr(mask, -1));
    Value rounding = LLVM::ConstantOp::create(emit.b, emit.loc, i32, 4); // as the machine is set
    return x86(isF32 ? "avx512.mask.scalef.ps.512" : "avx512.mask.scalef.pd.512",
               {x, k.number, x, all, rounding});
  }
  Value half = arith::ShRSIOp::create(emit.b, emit.loc, k.integer, n(1));
  return mul(mul(x, powerOfTwo(half)), powerOfTwo(subBits(k.integer, half)));
}

Value VectorMath::exp(Value x) { // NaN stays
  Reduced r = reduceLn2(atMost(atLeast(x, c(isF32 ? -104 : -746)), c(isF32 ? 89 : 710)));
  return scale(expOfReduced(r.high), r.k);
}

Value VectorMath::expOfNormal(Value x) {
  Reduced r = reduceLn2(x);
  return mul(expOfReduced(r.high), powerOfTwo(r.k.integer));
}

// e^(high + low) where the result may be exceptional; high is not NaN.
Value VectorMath::expOfPair(Pair x) {
  Value clamped = atMost(atLeast(x.high, c(-746)), c(710));
  Reduced r = reduceLn2(clamped);
  Value low = add(r.low, select(eq(clamped, x.high), x.low, c(0)));
  Value tail = mul(mul(r.high, r.high), expTail(r.high));
  Value y =
      add(add(fma(low, add(tail, r.high), add(tail, low)), r.high), c(1)); // low counts e^r times
  return scale(y, r.k);
}

// 2^k (e^r - 1) + 2^k - 1, halved until the end so that 2^k itself may overflow.
Value VectorMath::expm1(Value x) {
  Value clamped = atMost(atLeast(x, c(isF32 ? -18 : -38)), c(isF32 ? 89 : 710));
  Reduced r = reduceLn2(clamped);
  Value halfPower = powerOfTwo(subBits(r.k.integer, n(1)));
  Value tail = fma(mul(r.high, r.high), expTail(r.high), r.low);
  Value y = fma(halfPower, tail, fma(halfPower, r.high, sub(halfPower, c(0.5))));
  y = add(y, y);
  y = select(isNan(x), x, y);
  return select(lt(abs(x), c(isF32 ? 0x1p-26 : 0x1p-55)), x, y); // zeros keep their sign
}

Value VectorMath::tanh(Value x) {
  Value magnitude = abs(x);
  if (!isF32) {
    Value t = expm1(mul(atMost(magnitude, c(20)), c(2)));
    return copySign(div(t, add(t, c(2))), x);
  }
  Value z = mul(x, x);
  Value near = fma(
      mul(x, z),
      polynomial(z, {-5.70499004e-3, 2.06390918e-2, -5.37397174e-2, 0.133314422, -0.333332819}), x);
  Value e = expOfNormal(mul(atMost(magnitude, c(10)), c(2)));
  Value far = sub(c(1), div(c(2), add(e, c(1))));
  return copySign(select(gt(magnitude, c(0.625)), far, near), x); // NaN is near
}

// ---- Logarithms
// ----------------------------------------------------------------------------------

VectorMath::Split VectorMath::splitPositive(Value x, bool subnormals) {
  int64_t mantissa = isF32 ? 23 : 52;
  Value tiny = lt(x, c(isF32 ? 0x1p-126 : 0x1p-1022));
  Value normal = subnormals ? select(tiny, mul(x, c(isF32 ? 0x1p25 : 0x1p54)), x) : x;
  // Adding the distance from sqrt(1/2) to 1 moves the split of the exponent there.
  int64_t root = isF32 ? 0x3f3504f3 : 0x3fe6a09e667f3bcdLL,
          one = isF32 ? 0x3f800000 : 0x3ff0000000000000LL;
  Value moved = addBits(bits(normal), n(one - root));
  Value fraction = andBits(moved, n((int64_t(1) << mantissa) - 1));
  Value f = sub(fromBits(addBits(fraction, n(root))), c(1));
  Value k = toFloat(subBits(shiftRight(moved, mantissa), n(isF32 ? 127 : 1023)));
  if (subnormals)
    k = sub(k, select(tiny, c(isF32 ? 25 : 54), c(0)));
  return {f, k};
}

// ln of the split number plus a small correction. f32: f - f^2/2 + f^3 P(f), minimax; f64: with s =
// f / (2 + f), ln(1 + f) = f - (f^2/2 - s (f^2/2 + R(s^2))), whose R is from fdlibm (Sun
// Microsystems, 1993).
Value VectorMath::logOfSplit(const Split &x, Value correction) {
  double high = isF32 ? 0.693359375 : 0x1.62e42feep-1,
         low = isF32 ? -2.12194440054690583e-4 : 1.9082149292705877e-10;
  Value f = x.f, square = mul(f, f);
  Value tail = mul(x.k, c(low));
  if (correction)
    tail = add(tail, correction);
  if (isF32) {
    Value p = polynomial(f, {6.7464956e-2, -0.116755379, 0.118881643, -0.124056084, 0.14219555,
                             -0.166679948, 0.200021185, -0.250000096, 0.333333126});
    Value y = fma(square, c(-0.5), fma(mul(square, f), p, tail));
    return fma(x.k, c(high), add(f, y));
  }
  Value s = div(f, add(f, c(2))), z = mul(s, s), half = mul(square, c(0.5));
  Value r = mul(z, polynomial(z, {1.479819860511658591e-01, 1.531383769920937332e-01,
                                  1.818357216161805012e-01, 2.222219843214978396e-01,
                                  2.857142874366239149e-01, 3.999999999940941908e-01,
                                  6.666666666666735130e-01}));
  return add(mul(x.k, c(high)), sub(f, sub(half, fma(s, add(half, r), tail))));
}

Value VectorMath::log(Value x) {
  Value y = logOfSplit(splitPositive(x, true), {});
  y = select(eq(x, c(infinity)), x, y);
  y = select(eq(x, c(0)), c(-infinity), y);
  return select(ge(x, c(0)), y, c(quietNan));
}

// u = 1 + x rounded; what the rounding lost, relative to u, corrects the logarithm.
Value VectorMath::log1p(Value x) {
  Pair u = twoSum(c(1), x);
  Split split = splitPositive(u.high, false);
  Value plain = eq(split.k, c(0)); // then x itself is the fraction
  Value correction = select(plain, c(0), div(u.low, u.high));
  split.f = select(plain, x, split.f);
  Value y = logOfSplit(split, correction);
  y = select(eq(x, c(infinity)), x, y);
  y = select(eq(x, c(-1)), c(-infinity), y);
  y = select(ge(x, c(-1)), y, c(quietNan));
  return select(lt(abs(x), c(isF32 ? 0x1p-26 : 0x1p-55)), x, y);
}

// f64 ln x of x > 0 as a pair of about 2^-64 relative error: k ln 2 + 2 s + 2/3 s^3 + ... with s as
// a pair.
VectorMath::Pair VectorMath::logAsPair(Value x) {
  Split split = splitPositive(x, true);
  Pair sum = quickTwoSum(c(2), split.f); // 2 + f
  Value s = div(split.f, sum.high);
  Pair product = twoProduct(s, sum.high);
  Value rest = sub(sub(sub(split.f, product.high), product.low), mul(s, sum.low));
  Pair ratio = quickTwoSum(s, div(rest, sum.high));
  Pair square = twoProduct(ratio.high, ratio.high);
  square.low = add(square.low, mul(mul(ratio.high, ratio.low), c(2)));
  SmallVector<double> odd; // 2/27, 2/25, ..., 2/5
  for (int k = 27; k >= 5; k -= 2)
    odd.push_back(2.0 / k);
  // 2/3 + z Q(z) as a pair, times s^3.
  Value q = mul(square.high, polynomial(square.high, odd));
  Pair cubic = quickTwoSum(c(0.6666666666666666), q);
  cubic.low = add(cubic.low, c(3.700743415417188e-17));
  Pair factor = twoProduct(square.high, cubic.high);
  factor.low = add(factor.low, add(mul(square.high, cubic.low), mul(square.low, cubic.high)));
  Pair correction = twoProduct(ratio.high, factor.high);
  correction.low =
      add(correction.low, add(mul(ratio.high, factor.low), mul(ratio.low, factor.high)));
  Value twice = add(ratio.high, ratio.high), twiceLow = add(ratio.low, ratio.low);
  Pair whole = {mul(split.k, c(0x1.62e42feep-1)), mul(split.k, c(1.9082149292705877e-10))};
  Pair first = twoSum(whole.high, whole.low), second = twoSum(twice, correction.high);
  Pair both = twoSum(first.high, second.high);
  return quickTwoSum(both.high,
                     add(both.low, add(add(first.low, second.low), add(twiceLow, correction.low))));
}

// x^y = e^(y ln |x|), with IEEE 754's exceptional cases.
Value VectorMath::pow(Value x, Value y) {
  if (isF32)
    return viaF64([](VectorMath &m, ArrayRef<Value> a) { return m.pow(a[0], a[1]); }, {x, y});
  Value magnitude = abs(x);
  Value isZero = eq(magnitude, c(0)), isInfinite = eq(magnitude, c(infinity));
  Pair logarithm = logAsPair(select(either(isZero, isInfinite), c(1), magnitude));
  Pair product = twoProduct(logarithm.high, y);
  product.low = add(product.low, mul(logarithm.low, y));
  product.high = select(isZero, neg(y), select(isInfinite, y, product.high));
  product.high = mul(product.high, select(either(isZero, isInfinite), c(infinity), c(1)));
  // Beyond these bounds the result is exceptional or 1, and parts of the product overflow.
  product.low =
      select(both(lt(abs(product.high), c(1000)), lt(abs(y), c(0x1p70))), product.low, c(0));
  Value z = expOfPair(product);
  Value whole = trunc(y), isInteger = eq(whole, y), halfY = mul(y, c(0.5));
  Value isOdd = both(isInteger, emit.compare(D::NE, trunc(halfY), halfY, element));
  Value negative = lt(x, c(0));
  z = select(isOdd, copySign(z, x), z); // zeros keep their sign too
  Value noRoot =
      both(negative, both(emit.compare(D::NE, whole, y, element), lt(magnitude, c(infinity))));
  z = select(noRoot, c(quietNan), z);
  z = select(both(eq(abs(y), c(infinity)), eq(magnitude, c(1))), c(1), z);
  z = select(either(isNan(x), isNan(y)), c(quietNan), z);
  return select(either(eq(y, c(0)), eq(x, c(1))), c(1), z);
}
