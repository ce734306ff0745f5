// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// sin, cos and atan2. Arguments of any size are reduced without loss: by parts of pi/2 where that
// is exact (Cody and Waite), by the digits of 2/pi that matter beyond (Payne and Hanek), in a
// branch of the block.
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

// The binary digits of 2/pi, 24 a number, after two zeros.
static const uint32_t twoOverPi[] = {
    0,        0,        0xA2F983, 0x6E4E44, 0x1529FC, 0x2757D1, 0xF534DD, 0xC0DB62, 0x95993C,
    0x439041, 0xFE5163, 0xABDEBB, 0xC561B7, 0x246E3A, 0x424DD2, 0xE00649, 0x2EEA09, 0xD1921C,
    0xFE1DEB, 0x1CB129, 0xA73EE8, 0x8235F5, 0x2EBB44, 0x84E99C, 0x7026B4, 0x5F7E41, 0x3991D6,
    0x398353, 0x39F49C, 0x845F8B, 0xBDF928, 0x3B1FF8, 0x97FFDE, 0x05980F, 0xEF2F11, 0x8B5A0A,
    0x6D1F6D, 0x367ECF, 0x27CB09, 0xB74F46, 0x3F669E, 0x5FEA2D, 0x7527BA, 0xC7EBE5, 0xF17B3D,
    0x0739F7, 0x8A5292, 0xEA6BFB, 0x5FB11F, 0x8D5D08, 0x560330, 0x46FC7B, 0x6BABF0, 0xCFBC20};

Value VectorMath::twoOverPiTable() {
  SmallVector<double> digits(std::begin(twoOverPi), std::end(twoOverPi));
  auto type = RankedTensorType::get({(int64_t)digits.size()}, emit.b.getF64Type());
  return emit.table(DenseElementsAttr::get(type, ArrayRef<double>(digits)));
}

Value VectorMath::tableEntry(Value table, Value index) {
  OpBuilder &b = emit.b;
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  if (emit.lanes > 1)
    pointer = VectorType::get({emit.lanes}, pointer);
  Value at =
      LLVM::GEPOp::create(b, emit.loc, pointer, element, table, ArrayRef<LLVM::GEPArg>{index});
  if (emit.lanes == 1)
    return LLVM::LoadOp::create(b, emit.loc, element, at, 8);
  Value all = arith::ConstantOp::create(
      b, emit.loc, DenseElementsAttr::get(VectorType::get({emit.lanes}, b.getI1Type()), true));
  return LLVM::masked_gather::create(b, emit.loc, emit.typeOf(element), at, all, c(0), 8);
}

// |x| up to 2^15 in f32, 2^40 in f64 (2^19 without a fused multiply-add): the products that cancel
// are exact.
VectorMath::Angle VectorMath::reduceModerate(Value x) {
  Rounded k = round(x, c(M_2_PI));
  ArrayRef<double> parts;
  static const double f32Parts[] = {1.5707963705062866, -4.371138828673793e-08,
                                    -1.7151245100058819e-15};
  static const double f64Parts[] = {1.5707963267948966, 6.123233995736766e-17,
                                    -1.4973849048591698e-33};
  static const double shortParts[] = {1.5707963267341256, 6.077100506303966e-11,
                                      2.0222662487111665e-21, 8.4784276603689e-32};
  parts = isF32         ? ArrayRef<double>(f32Parts)
          : emit.hasFma ? ArrayRef<double>(f64Parts)
                        : ArrayRef<double>(shortParts);
  if (isF32 || emit.hasFma) {
    for (double part : parts)
      x = fma(k.number, c(-part), x);
    return {x, k.integer};
  }
  Pair sum{sub(x, mul(k.number, c(parts[0]))), c(0)};
  for (double part : parts.drop_front()) {
    Pair next = twoSum(sum.high, mul(k.number, c(-part)));
    sum = {next.high, add(sum.low, next.low)};
  }
  return {add(sum.high, sum.low), k.integer};
}

// f64: |x| = 2^q (x0 + x1 2^-24 + ...) with integers of 24 bits; of the products with the digits of
// 2/pi those above a full turn are left out. `chunks`: how many x_i are not 0.
VectorMath::Angle VectorMath::reduceHuge(Value x, int chunks) {
  int digits =
      chunks == 1 ? 5 : 7; // an argument closest to a multiple of pi/2 keeps 53 bits (24 of an f32)
  Value word =
      bits(abs(x)); // an x below 2^26 is scaled as if it were not: its parts are then smaller
  Value field = shiftRight(word, 52);
  Value exponent =
      subBits(emit.select(emit.compare(D::LT, field, n(1023 + 26), integer), n(1023 + 26), field),
              n(1023 + 23));
  Value rest = mul(abs(x), powerOfTwo(subBits(n(0), exponent)));
  SmallVector<Value> parts;
  for (int i = 0; i < chunks; ++i) {
    Value part = i + 1 < chunks ? trunc(rest) : rest;
    parts.push_back(part);
    rest = mul(sub(rest, part), c(0x1p24));
  }
  Value start = floor(
      mul(add(toFloat(exponent), c(-2.5)), c(1 / 24.0))); // (exponent - 3) / 24 in whole numbers
  Value startInteger = round(start, c(1)).integer;
  Value scale = powerOfTwo(subBits(
      exponent, arith::MulIOp::create(emit.b, emit.loc, addBits(startInteger, n(1)), n(24))));
  Value table = twoOverPiTable();
  SmallVector<Value> entries; // number 2 + start - (chunks - 1) on
  for (int i = 0; i < digits + chunks - 1; ++i)
    entries.push_back(tableEntry(table, addBits(startInteger, n(3 - chunks + i))));
  SmallVector<Value> q;
  for (int i = 0; i < digits; ++i) {
    Value sum;
    for (int j = 0; j < chunks; ++j) {
      Value product = mul(parts[j], entries[i - j + chunks - 1]);
      sum = sum ? add(sum, product) : product;
    }
    q.push_back(sum);
  }
  for (int i = digits - 1; i > 0; --i) {
    Value carry = floor(mul(q[i], c(0x1p-24)));
    q[i] = sub(q[i], mul(carry, c(0x1p24)));
    q[i - 1] = add(q[i - 1], carry);
  }
  Value turns = mul(q[0], scale);
  turns = sub(turns, mul(floor(mul(turns, c(0.125))), c(8)));
  auto digit = [&](int i) { return mul(mul(q[i], scale), c(std::ldexp(1.0, -24 * i))); };
  Rounded quadrant = round(add(turns, digit(1)), c(1));
  Pair leading = twoSum(sub(turns, quadrant.number), digit(1));
  Value trailing = digit(digits - 1);
  for (int i = digits - 2; i >= 4; --i)
    trailing = add(digit(i), trailing);
  Pair fraction = twoSum(leading.high, add(digit(2), digit(3)));
  fraction = quickTwoSum(fraction.high, add(add(leading.low, fraction.low), trailing));
  Pair angle = twoProduct(fraction.high, c(1.5707963267948966));
  Value low = add(angle.low, fma(fraction.high, c(6.123233995736766e-17),
                                 mul(fraction.low, c(1.5707963267948966))));
  Value r = add(angle.high, low);
  Value negative = lt(x, c(0));
  return {select(negative, neg(r), r),
          emit.select(negative, subBits(n(0), quadrant.integer), quadrant.integer)};
}

VectorMath::Angle VectorMath::reduceHalfPi(Value x) {
  OpBuilder &b = emit.b;
  if (isF32 && !emit.hasFma) { // by parts only with exact products: in f64
    VectorMath wide(emit, b.getF64Type());
    Angle angle = wide.reduceHalfPi(emit.convert(x, element, b.getF64Type()));
    return {emit.convert(angle.r, b.getF64Type(), element),
            emit.convert(angle.quadrant, wide.integer, integer)};
  }
  double bound = isF32 ? 0x1p15 : emit.hasFma ? 0x1p40 : 0x1p19;
  Angle moderate = reduceModerate(x);
  Value isHuge = gt(abs(x), c(bound));
  auto chosen = scf::IfOp::create(
      b, emit.loc, any(isHuge),
      [&](OpBuilder &, Location) {
        Angle huge;
        if (isF32) {
          VectorMath wide(emit, b.getF64Type());
          Angle angle = wide.reduceHuge(emit.convert(x, element, b.getF64Type()), 1);
          huge = {emit.convert(angle.r, b.getF64Type(), element),
                  emit.convert(angle.quadrant, wide.integer, integer)};
        } else {
          huge = reduceHuge(x, 3);
        }
        scf::YieldOp::create(b, emit.loc,
                             ValueRange{select(isHuge, huge.r, moderate.r),
                                        select(isHuge, huge.quadrant, moderate.quadrant)});
      },
      [&](OpBuilder &, Location) {
        scf::YieldOp::create(b, emit.loc, ValueRange{moderate.r, moderate.quadrant});
      });
  return {chosen.getResult(0), chosen.getResult(1)};
}

// Minimax in f32; coefficients of f64 from fdlibm (Sun Microsystems, 1993).
Value VectorMath::sinCos(Value x, bool isCos) {
  Angle angle = reduceHalfPi(x);
  Value r = angle.r, z = mul(r, r);
  Value sine = isF32 ? polynomial(z, {-1.95152011e-4, 8.33216017e-3, -0.166666546})
                     : polynomial(z, {1.58969099521155010221e-10, -2.50507602534068634195e-08,
                                      2.75573137070700676789e-06, -1.98412698298579493134e-04,
                                      8.33333333332248946124e-03, -1.66666666666666324348e-01});
  sine = fma(mul(z, r), sine, r);
  Value cosine = isF32 ? polynomial(z, {2.44330614e-5, -1.38873154e-3, 4.16666457e-2})
                       : polynomial(z, {-1.13596475577881948265e-11, 2.08757232129817482790e-09,
                                        -2.75573143513906633035e-07, 2.48015872894767294178e-05,
                                        -1.38888888888741095749e-03, 4.16666666666666019037e-02});
  cosine = fma(mul(z, z), cosine, fma(z, c(-0.5), c(1)));
  // The quadrant's low bits decide function and sign.
  Value turn = isCos ? addBits(angle.quadrant, n(1)) : angle.quadrant;
  Value isOdd = emit.compare(D::NE, andBits(turn, n(1)), n(0), integer);
  Value y = select(isOdd, cosine, sine);
  y = fromBits(xorBits(bits(y), shiftLeft(andBits(turn, n(2)), isF32 ? 30 : 62)));
  double infinity = std::numeric_limits<double>::infinity();
  y = select(lt(abs(x), c(infinity)), y, c(std::numeric_limits<double>::quiet_NaN()));
  return isCos ? y : select(eq(x, c(0)), x, y);
}

Value VectorMath::sin(Value x) { return sinCos(x, false); }
Value VectorMath::cos(Value x) { return sinCos(x, true); }

// For 0 <= x <= 1: above tan(pi/8) by atan x = pi/4 + atan((x - 1) / (x + 1)). Coefficients from
// fdlibm.
Value VectorMath::atanOfRatio(Value x) {
  Value upper = gt(x, c(0.41421356237309503));
  Value t = select(upper, div(sub(x, c(1)), add(x, c(1))), x), z = mul(t, t);
  Value p = polynomial(
      z, {1.62858201153657823623e-02, -3.65315727442169155270e-02, 4.97687799461593236017e-02,
          -5.83357013379057348645e-02, 6.66107313738753120669e-02, -7.69187620504482999495e-02,
          9.09088713343650656196e-02, -1.11111104054623557880e-01, 1.42857142725034663711e-01,
          -1.99999999998764832476e-01, 3.33333333333329318027e-01});
  Value y = fma(mul(neg(t), z), p, t);
  return select(upper, add(add(y, c(3.061616997868383e-17)), c(M_PI_4)), y);
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
  Value angle = atanOfRatio(ratio);
  angle = select(steep, sub(c(M_PI_2), sub(angle, c(6.123233995736766e-17))), angle);
  Value isLeft = emit.compare(D::LT, bits(x), n(0), integer); // -0 counts as left
  angle = select(isLeft, sub(c(M_PI), sub(angle, c(1.2246467991473532e-16))), angle);
  Value nan = either(isNan(x), isNan(y));
  return select(nan, c(std::numeric_limits<double>::quiet_NaN()), copySign(angle, y));
}
