// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/VectorMath.h"

#include "codegen/llvm/loops/VectorEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;
using D = ir::CompareDirection;

VectorMath::VectorMath(VectorEmitter &emit, Type element)
    : emit(emit), element(element), integer(IntegerType::get(element.getContext(), element.getIntOrFloatBitWidth())),
      isF32(element.isF32()) {}

Value VectorMath::c(double number) { return emit.constant(number, element); }
Value VectorMath::n(int64_t number) { return emit.integer(number, integer); }
Value VectorMath::add(Value x, Value y) { return arith::AddFOp::create(emit.b, emit.loc, x, y); }
Value VectorMath::sub(Value x, Value y) { return arith::SubFOp::create(emit.b, emit.loc, x, y); }
Value VectorMath::mul(Value x, Value y) { return arith::MulFOp::create(emit.b, emit.loc, x, y); }
Value VectorMath::div(Value x, Value y) { return arith::DivFOp::create(emit.b, emit.loc, x, y); }
Value VectorMath::fma(Value x, Value y, Value z) {
  return emit.hasFma ? LLVM::FMAOp::create(emit.b, emit.loc, x.getType(), x, y, z).getResult() : add(mul(x, y), z);
}
Value VectorMath::neg(Value x) { return arith::NegFOp::create(emit.b, emit.loc, x); }
Value VectorMath::abs(Value x) { return LLVM::FAbsOp::create(emit.b, emit.loc, x.getType(), x); }
Value VectorMath::sqrt(Value x) { return LLVM::SqrtOp::create(emit.b, emit.loc, x.getType(), x); }
// Nearest integer for |x| < 2^51 (2^22): the sum with 1.5 * 2^52 (2^23) has no fraction bits.
Value VectorMath::round(Value x) {
  Value magic = c(isF32 ? 0x1.8p23 : 0x1.8p52);
  return sub(add(x, magic), magic);
}
Value VectorMath::lt(Value x, Value y) { return emit.compare(D::LT, x, y, element); }
Value VectorMath::gt(Value x, Value y) { return emit.compare(D::GT, x, y, element); }
Value VectorMath::eq(Value x, Value y) { return emit.compare(D::EQ, x, y, element); }
Value VectorMath::isNan(Value x) { return emit.compare(D::NE, x, x, element); }
Value VectorMath::select(Value pred, Value x, Value y) { return emit.select(pred, x, y); }
Value VectorMath::both(Value p, Value q) { return arith::AndIOp::create(emit.b, emit.loc, p, q); }
Value VectorMath::either(Value p, Value q) { return arith::OrIOp::create(emit.b, emit.loc, p, q); }
Value VectorMath::bits(Value x) { return emit.bitcast(x, element, integer); }
Value VectorMath::fromBits(Value x) { return emit.bitcast(x, integer, element); }
Value VectorMath::copySign(Value magnitude, Value sign) {
  return LLVM::CopySignOp::create(emit.b, emit.loc, magnitude.getType(), magnitude, sign);
}

Value VectorMath::polynomial(Value x, ArrayRef<double> highestFirst) {
  Value sum = c(highestFirst.front());
  for (double coefficient : highestFirst.drop_front())
    sum = fma(sum, x, c(coefficient));
  return sum;
}

// Two factors of about half the exponent each, so that subnormal results round once and none overflows early.
Value VectorMath::scale(Value x, Value exponent) {
  int64_t mantissa = isF32 ? 23 : 52, bias = isF32 ? 127 : 1023;
  Value whole = arith::FPToSIOp::create(emit.b, emit.loc, emit.typeOf(integer), exponent);
  Value half = arith::ShRSIOp::create(emit.b, emit.loc, whole, n(1));
  Value rest = arith::SubIOp::create(emit.b, emit.loc, whole, half);
  auto power = [&](Value e) {
    Value biased = arith::AddIOp::create(emit.b, emit.loc, e, n(bias));
    return fromBits(arith::ShLIOp::create(emit.b, emit.loc, biased, n(mantissa)));
  };
  return mul(mul(x, power(half)), power(rest));
}

Value VectorMath::viaF64(llvm::function_ref<Value(VectorMath &, ArrayRef<Value>)> f, ArrayRef<Value> x) {
  Type f64 = emit.b.getF64Type();
  VectorMath wide(emit, f64);
  SmallVector<Value> arguments;
  for (Value value : x)
    arguments.push_back(emit.convert(value, element, f64));
  return emit.convert(f(wide, arguments), f64, element);
}

// ---- Exponentials --------------------------------------------------------------------------------

// e^r - 1 for |r| <= ln(2) / 2 by its Taylor series, which at this length is below the rounding error.
static SmallVector<double> expSeries(int degree) {
  SmallVector<double> highestFirst;
  double factorial = 1;
  for (int k = 2; k <= degree; ++k)
    factorial *= k;
  for (int k = degree; k >= 1; --k) {
    highestFirst.push_back(1 / factorial);
    factorial /= k;
  }
  return highestFirst;
}

Value VectorMath::expF32(Value x) {
  Value clamped = select(lt(x, c(-104)), c(-104), select(gt(x, c(89)), c(89), x));
  Value k = round(mul(clamped, c(M_LOG2E)));
  Value r = fma(k, c(-0.693359375), clamped);
  r = fma(k, c(2.12194440054690583e-4), r);
  Value p = polynomial(r, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1});
  Value y = add(fma(mul(r, r), p, r), c(1)); // Cephes' minimax polynomial
  return select(isNan(x), x, scale(y, k));
}

Value VectorMath::exp(Value x) {
  if (isF32)
    return expF32(x);
  Value clamped = select(lt(x, c(-746)), c(-746), select(gt(x, c(710)), c(710), x));
  Value k = round(mul(clamped, c(M_LOG2E)));
  Value r = fma(k, c(-6.93147180369123816490e-01), clamped);
  r = fma(k, c(-1.90821492927058770002e-10), r);
  Value y = fma(r, polynomial(r, expSeries(13)), c(1));
  return select(isNan(x), x, scale(y, k));
}

Value VectorMath::expm1(Value x) {
  if (isF32)
    return viaF64([](VectorMath &m, ArrayRef<Value> a) { return m.expm1(a[0]); }, x);
  Value clamped = select(lt(x, c(-40)), c(-40), select(gt(x, c(40)), c(40), x));
  Value k = round(mul(clamped, c(M_LOG2E)));
  Value r = fma(k, c(-6.93147180369123816490e-01), clamped);
  r = fma(k, c(-1.90821492927058770002e-10), r);
  Value power = scale(c(1), k);
  Value small = fma(power, mul(r, polynomial(r, expSeries(13))), sub(power, c(1)));
  Value y = select(gt(x, c(40)), sub(exp(x), c(1)), small);
  // Tiny arguments and zeros of either sign are their own result; NaN stays.
  return select(lt(abs(x), c(0x1p-54)), x, select(isNan(x), x, y));
}

Value VectorMath::tanh(Value x) {
  if (isF32)
    return viaF64([](VectorMath &m, ArrayRef<Value> a) { return m.tanh(a[0]); }, x);
  Value magnitude = abs(x);
  Value bounded = select(gt(magnitude, c(20)), c(20), magnitude);
  Value t = expm1(add(bounded, bounded));
  Value y = copySign(div(t, add(t, c(2))), x);
  return select(isNan(x), x, y);
}

// ---- Logarithms ----------------------------------------------------------------------------------

// x = 2^k * (1 + f), 1 + f in [sqrt(1/2), sqrt(2)); ln(1 + f) = f - (f^2/2 - s (f^2/2 + R(s^2))), s = f / (2 + f).
// Coefficients of R from fdlibm (Sun Microsystems, 1993).
Value VectorMath::log(Value x) {
  int64_t mantissa = isF32 ? 23 : 52, bias = isF32 ? 127 : 1023;
  double tiny = isF32 ? 0x1p-126 : 0x1p-1022, lift = isF32 ? 0x1p25 : 0x1p54;
  Value subnormal = lt(x, c(tiny));
  Value normal = select(subnormal, mul(x, c(lift)), x);
  Value word = bits(normal);
  // Adding the distance from sqrt(1/2) to 1 moves the split of the exponent there.
  int64_t rootBits = isF32 ? 0x3f3504f3 : 0x3fe6a09e667f3bcdLL, oneBits = isF32 ? 0x3f800000 : 0x3ff0000000000000LL;
  Value moved = arith::AddIOp::create(emit.b, emit.loc, word, n(oneBits - rootBits));
  Value exponent = arith::SubIOp::create(emit.b, emit.loc, arith::ShRUIOp::create(emit.b, emit.loc, moved, n(mantissa)), n(bias));
  Value fraction = arith::AndIOp::create(emit.b, emit.loc, moved, n((int64_t(1) << mantissa) - 1));
  Value f = sub(fromBits(arith::AddIOp::create(emit.b, emit.loc, fraction, n(rootBits))), c(1));
  Value k = arith::SIToFPOp::create(emit.b, emit.loc, emit.typeOf(element), exponent);
  k = sub(k, select(subnormal, c(isF32 ? 25 : 54), c(0)));

  Value s = div(f, add(f, c(2))), z = mul(s, s), half = mul(mul(f, f), c(0.5));
  Value r = isF32 ? polynomial(z, {0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693})
                  : polynomial(z, {1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01, 2.222219843214978396e-01,
                                   2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01});
  r = mul(r, z);
  double high = isF32 ? 6.9313812256e-01 : 6.93147180369123816490e-01, low = isF32 ? 9.0580006145e-06 : 1.90821492927058770002e-10;
  Value tail = fma(s, add(half, r), mul(k, c(low)));
  Value y = add(mul(k, c(high)), sub(f, sub(half, tail)));
  double infinity = std::numeric_limits<double>::infinity();
  y = select(eq(x, c(infinity)), x, y);
  y = select(eq(x, c(0)), c(-infinity), y);
  return select(either(lt(x, c(0)), isNan(x)), c(std::numeric_limits<double>::quiet_NaN()), y);
}

// ln(u) x / (u - 1) with u the rounded 1 + x: the rounding errors of u cancel (Kahan).
Value VectorMath::log1p(Value x) {
  if (isF32)
    return viaF64([](VectorMath &m, ArrayRef<Value> a) { return m.log1p(a[0]); }, x);
  Value u = add(x, c(1)), d = sub(u, c(1));
  Value y = div(mul(log(u), x), d);
  Value exact = either(eq(d, c(0)), eq(x, c(std::numeric_limits<double>::infinity())));
  return select(exact, x, select(eq(x, c(-1)), c(-std::numeric_limits<double>::infinity()), y));
}

// x^y = e^(y ln |x|), with IEEE 754's exceptional cases. f64 loses |y ln x| ulp.
Value VectorMath::pow(Value x, Value y) {
  if (isF32)
    return viaF64([](VectorMath &m, ArrayRef<Value> a) { return m.pow(a[0], a[1]); }, {x, y});
  double infinity = std::numeric_limits<double>::infinity();
  Value magnitude = abs(x);
  Value z = exp(mul(y, log(magnitude)));
  Value whole = LLVM::FTruncOp::create(emit.b, emit.loc, y.getType(), y);
  Value isInteger = eq(whole, y);
  Value halfY = mul(y, c(0.5));
  Value isOdd = both(isInteger, emit.compare(D::NE, LLVM::FTruncOp::create(emit.b, emit.loc, y.getType(), halfY), halfY, element));
  Value negative = lt(x, c(0));
  // Signed zero bases keep their sign under odd powers.
  Value signedResult = select(isOdd, copySign(z, x), z);
  Value nan = c(std::numeric_limits<double>::quiet_NaN());
  Value infiniteX = eq(magnitude, c(infinity)), infiniteY = eq(abs(y), c(infinity));
  z = select(both(negative, both(emit.compare(D::NE, whole, y, element), emit.compare(D::NE, magnitude, c(infinity), element))), nan,
             signedResult);
  z = select(both(infiniteY, eq(magnitude, c(1))), c(1), z);
  z = select(both(infiniteX, both(negative, isOdd)), select(gt(y, c(0)), c(-infinity), c(-0.0)), z);
  z = select(either(eq(y, c(0)), eq(x, c(1))), c(1), select(either(isNan(x), isNan(y)), nan, z));
  return z;
}

// ---- Circular functions --------------------------------------------------------------------------

namespace {
// 2/pi in 24-bit words (fdlibm).
const uint32_t twoOverPi[] = {0xA2F983, 0x6E4E44, 0x1529FC, 0x2757D1, 0xF534DD, 0xC0DB62, 0x95993C, 0x439041,
                              0xFE5163, 0xABDEBB, 0xC561B7, 0x246E3A, 0x424DD2, 0xE00649, 0x2EEA09, 0xD1921C};

// `count` bits of 2/pi from binary place `first` on (place 1 is worth 1/2), as an integer.
uint64_t bitsOfTwoOverPi(int first, int count) {
  uint64_t value = 0;
  for (int place = first; place < first + count; ++place) {
    int index = place - 1;
    value = value << 1 | (index < 0 ? 0 : twoOverPi[index / 24] >> (23 - index % 24) & 1);
  }
  return value;
}
} // namespace

// x = (quadrant + r) pi/2 with |r| a little above 1/2 at most, given as the angle r pi/2. Up to 2^40 by
// pi/2 in three parts (Cody and Waite); the first product is exact because it is a multiple of 2^-52.
std::pair<Value, Value> VectorMath::reduceHalfPi(Value x) {
  Value quadrant = round(mul(x, c(M_2_PI)));
  Value r = fma(quadrant, c(-1.5707963267948966), x);
  r = fma(quadrant, c(-6.123233995736766e-17), r);
  r = fma(quadrant, c(1.4973849048591698e-33), r);
  Value big = gt(abs(x), c(0x1p40));
  Value any = emit.lanes == 1 ? big : vector::ReductionOp::create(emit.b, emit.loc, vector::CombiningKind::OR, big).getResult();
  // Beyond: x = m 2^e with an integer m of 24 significant bits (an f32, or an f64 cut to that); chunks of
  // 2^e 2/pi mod 4 times m are exact and reduced one by one (Payne and Hanek).
  auto guarded = scf::IfOp::create(
      emit.b, emit.loc, any,
      [&](OpBuilder &, Location) {
        Value word = bits(abs(x));
        Value exponent = arith::SubIOp::create(emit.b, emit.loc, arith::ShRUIOp::create(emit.b, emit.loc, word, n(52)), n(1023));
        Value inRange = both(emit.compare(D::GE, exponent, n(40), integer), emit.compare(D::LE, exponent, n(127), integer));
        Value e = emit.select(inRange, exponent, n(40));
        Value m = fromBits(arith::AddIOp::create(
            emit.b, emit.loc, arith::AndIOp::create(emit.b, emit.loc, word, n(0x000fffffe0000000LL)), n(0x3ff0000000000000LL + (23LL << 52))));
        Value turns = c(0);
        for (int chunk = 0; chunk < 4; ++chunk) {
          // Selected from the table by a chain: this path is rare and short code matters more.
          Value part = c(0);
          for (int64_t at = 40; at <= 127; ++at) {
            double number = (double)bitsOfTwoOverPi((int)at - 23 - 1 + chunk * 28, 28) * std::ldexp(1.0, 2 - 28 * (chunk + 1));
            part = emit.select(emit.compare(D::EQ, e, n(at), integer), c(number), part);
          }
          Value product = mul(m, part);
          Value cut = mul(LLVM::FFloorOp::create(emit.b, emit.loc, product.getType(), mul(product, c(0.25))), c(4));
          turns = add(turns, sub(product, cut));
        }
        Value q = round(turns);
        Value angle = mul(sub(turns, q), c(1.5707963267948966));
        Value sign = lt(x, c(0));
        Value signedQ = emit.select(sign, neg(q), q), signedAngle = emit.select(sign, neg(angle), angle);
        scf::YieldOp::create(emit.b, emit.loc, ValueRange{emit.select(big, signedAngle, r), emit.select(big, signedQ, quadrant)});
      },
      [&](OpBuilder &, Location) { scf::YieldOp::create(emit.b, emit.loc, ValueRange{r, quadrant}); });
  return {guarded.getResult(0), guarded.getResult(1)};
}

Value VectorMath::sinCos(Value x, bool isCos) {
  if (isF32)
    return viaF64([&](VectorMath &m, ArrayRef<Value> a) { return m.sinCos(a[0], isCos); }, x);
  auto [angle, quadrant] = reduceHalfPi(x);
  Value r = angle, z = mul(r, r);
  Value sine = fma(mul(z, r), polynomial(z, {1.58969099521155010221e-10, -2.50507602534068634195e-08, 2.75573137070700676789e-06,
                                             -1.98412698298579493134e-04, 8.33333333332248946124e-03, -1.66666666666666324348e-01}), r);
  Value cosine = polynomial(z, {-1.13596475577881948265e-11, 2.08757232129817482790e-09, -2.75573143513906633035e-07, 2.48015872894767294178e-05,
                                -1.38888888888741095749e-03, 4.16666666666666019037e-02});
  cosine = fma(mul(z, z), cosine, fma(z, c(-0.5), c(1)));
  // quadrant mod 4 decides function and sign.
  Value folded = sub(quadrant, mul(LLVM::FFloorOp::create(emit.b, emit.loc, quadrant.getType(), mul(quadrant, c(0.25))), c(4)));
  Value turn = isCos ? add(folded, c(1)) : folded;
  turn = select(gt(turn, c(3.5)), sub(turn, c(4)), turn);
  Value isOne = eq(turn, c(1)), isTwo = eq(turn, c(2)), isThree = eq(turn, c(3));
  Value y = select(either(isOne, isThree), cosine, sine);
  y = select(either(isTwo, isThree), neg(y), y);
  Value infinite = eq(abs(x), c(std::numeric_limits<double>::infinity()));
  y = select(either(infinite, isNan(x)), c(std::numeric_limits<double>::quiet_NaN()), y);
  return isCos ? y : select(eq(x, c(0)), x, y);
}

Value VectorMath::sin(Value x) { return sinCos(x, false); }
Value VectorMath::cos(Value x) { return sinCos(x, true); }

// For 0 <= x <= 1: above tan(pi/8) by atan x = pi/4 + atan((x - 1) / (x + 1)). Coefficients from fdlibm.
Value VectorMath::atanPositive(Value x) {
  Value upper = gt(x, c(0.41421356237309503));
  Value t = select(upper, div(sub(x, c(1)), add(x, c(1))), x), z = mul(t, t);
  Value p = polynomial(z, {1.62858201153657823623e-02, -3.65315727442169155270e-02, 4.97687799461593236017e-02, -5.83357013379057348645e-02,
                           6.66107313738753120669e-02, -7.69187620504482999495e-02, 9.09088713343650656196e-02, -1.11111104054623557880e-01,
                           1.42857142725034663711e-01, -1.99999999998764832476e-01, 3.33333333333329318027e-01});
  Value y = fma(mul(neg(t), z), p, t);
  return select(upper, add(y, c(M_PI_4)), y);
}

Value VectorMath::atan2(Value y, Value x) {
  if (isF32)
    return viaF64([](VectorMath &m, ArrayRef<Value> a) { return m.atan2(a[0], a[1]); }, {y, x});
  double infinity = std::numeric_limits<double>::infinity();
  Value ax = abs(x), ay = abs(y), steep = gt(ay, ax);
  Value large = select(steep, ay, ax), small = select(steep, ax, ay);
  Value ratio = div(small, large);
  Value bothInfinite = both(eq(ax, c(infinity)), eq(ay, c(infinity)));
  ratio = select(bothInfinite, c(1), select(eq(large, c(0)), c(0), ratio));
  Value angle = atanPositive(ratio);
  angle = select(steep, sub(c(M_PI_2), angle), angle);
  Value leftSide = emit.compare(D::LT, bits(x), n(0), integer); // -0 counts as left
  angle = select(leftSide, sub(c(M_PI), angle), angle);
  Value nan = either(isNan(x), isNan(y));
  return select(nan, c(std::numeric_limits<double>::quiet_NaN()), copySign(angle, y));
}

// x - y trunc(x / y), the quotient corrected by one where its rounding crossed an integer; exact while
// |x / y| < 2^53.
Value VectorMath::remainder(Value x, Value y) {
  if (isF32)
    return viaF64([](VectorMath &m, ArrayRef<Value> a) { return m.remainder(a[0], a[1]); }, {x, y});
  double infinity = std::numeric_limits<double>::infinity();
  Value ax = abs(x), ay = abs(y);
  Value q = LLVM::FTruncOp::create(emit.b, emit.loc, x.getType(), div(ax, ay));
  Value r = fma(neg(q), ay, ax);
  r = select(lt(r, c(0)), add(r, ay), r);
  r = select(emit.compare(D::GE, r, ay, element), sub(r, ay), r);
  r = select(eq(ay, c(infinity)), ax, r);
  Value bad = either(either(isNan(x), isNan(y)), either(eq(ax, c(infinity)), eq(ay, c(0))));
  return select(bad, c(std::numeric_limits<double>::quiet_NaN()), copySign(r, x));
}

// ---- Error function ------------------------------------------------------------------------------

// Below 1 the Taylor series; above, erfc x = e^(-x^2) g(t), t = 1 / (1 + x/2), g fitted on [1, 6.5] by
// Chebyshev interpolation to 1e-19.
Value VectorMath::erf(Value x) {
  if (isF32)
    return viaF64([](VectorMath &m, ArrayRef<Value> a) { return m.erf(a[0]); }, x);
  Value magnitude = abs(x);
  Value small = select(gt(magnitude, c(1)), c(1), magnitude), z = mul(small, small);
  Value series = polynomial(z, {-9.06397084280867248e-17, 1.63426140953671519e-15, -2.78351620721092135e-14, 4.46322426328647734e-13,
                                -6.71136685516411038e-12, 9.42275906465041097e-11, -1.22905553017179274e-9, 1.48071928158792172e-8,
                                -1.63658446912349243e-7, 1.64621143658892474e-6, -0.000014925650358406251, 0.000120553329817896643,
                                -0.000854832702345085283, 0.00522397762544218784, -0.0268661706451312518, 0.112837916709551257,
                                -0.376126389031837525, 1.12837916709551257});
  Value near = mul(small, series);
  Value far = select(gt(magnitude, c(6.5)), c(6.5), select(lt(magnitude, c(1)), c(1), magnitude));
  Value t = div(c(1), fma(far, c(0.5), c(1)));
  Value u = mul(sub(t, c(0.4509803921568627451)), c(1 / 0.21568627450980392157));
  Value g = polynomial(u, {5.16032032387150635e-14, 2.21922408518972996e-13, -1.97788547078623111e-12, 8.39192925292319278e-13,
                           3.61610343625985653e-11, -1.32912517146897964e-10, -3.526472613304784e-10, 3.998791921810757e-9,
                           -2.30353106605560145e-9, -9.51868945125918998e-8, 2.45086988523714081e-7, 2.46071942756164743e-6,
                           -9.63364204835765492e-6, -0.000094182277857546084, 0.000242697297910159828, 0.00616971156177503396,
                           0.0406978788896413178, 0.164811054342065144, 0.215763438119802735});
  Value tail = sub(c(1), mul(exp(neg(mul(far, far))), g));
  Value y = copySign(select(gt(magnitude, c(1)), tail, near), x);
  return select(isNan(x), x, y);
}
