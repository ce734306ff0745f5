// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The error function and the remainder.
#include "codegen/llvm/VectorMath.h"

#include "codegen/llvm/loops/VectorEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;
using D = ir::CompareDirection;

// f32, AVX-512: polynomials of degree 5 about 16 points, whose coefficients are looked up within
// registers. About 0 erf x = x + x p(x), so that a small x keeps its precision. Each was fitted for
// the least relative error, its lower coefficients rounded before the higher.
Value VectorMath::erfByTable(Value x) {
  constexpr double step = 65.0 / 256; // the last interval reaches the numbers whose erf is 1
  static const float byPower[6][16] = {
      {0, 0.28046301f, 0.527338445f, 0.718623817f, 0.849086046f, 0.927408159f, 0.968796372f,
       0.988047481f, 0.995929182f, 0.998769462f, 0.999670327f, 0.999921799f, 0.999983609f,
       0.99999696f, 0.999999523f, 0.99999994f},
      {0.128379166f, 1.05792975f, 0.871890545f, 0.631641567f, 0.402237773f, 0.225163758f,
       0.110794343f, 0.0479225703f, 0.0182207488f, 0.00608969759f, 0.00178907614f, 0.000462024967f,
       0.000104883169f, 2.09290683e-05f, 3.67111443e-06f, 5.66043752e-07f},
      {2.8342501e-07f, -0.268610924f, -0.442736506f, -0.481133699f, -0.408526242f, -0.285857916f,
       -0.168795317f, -0.0851692483f, -0.0370105132f, -0.0139225908f, -0.00454743579f,
       -0.00128963101f, -0.000322768232f, -6.94249466e-05f, -1.82853964e-05f, -5.22118989e-06f},
      {-0.376141757f, -0.30719772f, -0.14070195f, 0.0337691493f, 0.142521262f, 0.166876107f,
       0.134494305f, 0.0849514082f, 0.0440456048f, 0.0191701651f, 0.00709272968f, 0.00224859198f,
       0.000614077668f, 0.000145008264f, 2.96907911e-05f, 5.28234932e-06f},
      {0.000286653813f, 0.12764807f, 0.181330875f, 0.147134915f, 0.0640767515f, -0.0100046163f,
       -0.0455206409f, -0.0472788475f, -0.0324236564f, -0.0169847347f, -0.00729416125f,
       -0.00277421856f, -0.000680824276f, -0.000202901443f, 0.000210147758f, 0.000142396661f},
      {0.110968955f, 0.0800510645f, 0.00288289646f, -0.0542553626f, -0.0682498366f, -0.044531215f,
       -0.0123023046f, 0.00778858038f, 0.0130416099f, 0.0100210793f, 0.00549812894f, 0.00237025111f,
       0.000835910847f, 0.000246078678f, 6.12377771e-05f, 1.29867622e-05f},
  };
  auto type = VectorType::get({16}, element);
  Value a = atMost(abs(x), c(3.934));
  Rounded k = round(a, c(1 / step));
  Value t = fma(k.number, c(-step), a); // exact
  auto lookUp = [&](ArrayRef<float> table) {
    Value entries =
        arith::ConstantOp::create(emit.b, emit.loc, DenseElementsAttr::get(type, table));
    return x86("avx512.permvar.sf.512", {entries, k.integer}); // low four bits count
  };
  Value p = lookUp(byPower[5]);
  for (int power = 4; power > 0; --power)
    p = fma(p, t, lookUp(byPower[power]));
  return copySign(fma(p, t, select(gt(k.number, c(0)), lookUp(byPower[0]), t)), x); // NaN stays
}

// f32: an odd minimax polynomial up to 0.93; above, 1 - e^(-x R(x)), R fitted to -ln(erfc x) / x.
// f64: below 1 the Taylor series; above, erfc x = e^(-x^2) g(t), t = 1 / (1 + x/2), g fitted on
// [1, 6.5] by Chebyshev interpolation to 1e-19.
Value VectorMath::erf(Value x) {
  Value magnitude = abs(x);
  if (isF32 && emit.hasAvx512 && emit.lanes == 16)
    return erfByTable(x);
  if (isF32) {
    Value z = mul(x, x);
    Value near = fma(x,
                     polynomial(z, {8.31678117e-05, -8.13001438e-4, 5.19990686e-3, -2.68589416e-2,
                                    0.112836872, -0.376126332, 0.128379167}),
                     x);
    Value bounded = atMost(magnitude, c(3.95));
    Value r = polynomial(bounded, {1.12326947e-05, -3.22816932e-4, 3.64250906e-3, -2.37621627e-2,
                                   0.106236987, 0.635151254, 1.1286485});
    Value far = sub(c(1), expOfNormal(neg(mul(bounded, r))));
    return copySign(select(gt(magnitude, c(0.93)), far, near), x); // NaN is near
  }
  Value small = atMost(magnitude, c(1)), z = mul(small, small);
  Value series =
      polynomial(z, {-9.06397084280867248e-17, 1.63426140953671519e-15, -2.78351620721092135e-14,
                     4.46322426328647734e-13, -6.71136685516411038e-12, 9.42275906465041097e-11,
                     -1.22905553017179274e-9, 1.48071928158792172e-8, -1.63658446912349243e-7,
                     1.64621143658892474e-6, -0.000014925650358406251, 0.000120553329817896643,
                     -0.000854832702345085283, 0.00522397762544218784, -0.0268661706451312518,
                     0.112837916709551257, -0.376126389031837525, 0.128379167095512574});
  Value near = fma(small, series, small); // 2/sqrt(pi) = 1 + 0.128...
  Value far = atLeast(atMost(magnitude, c(6.5)), c(1));
  Value t = div(c(1), fma(far, c(0.5), c(1)));
  Value u = mul(sub(t, c(0.4509803921568627451)), c(1 / 0.21568627450980392157));
  Value g =
      polynomial(u, {5.16032032387150635e-14, 2.21922408518972996e-13, -1.97788547078623111e-12,
                     8.39192925292319278e-13, 3.61610343625985653e-11, -1.32912517146897964e-10,
                     -3.526472613304784e-10, 3.998791921810757e-9, -2.30353106605560145e-9,
                     -9.51868945125918998e-8, 2.45086988523714081e-7, 2.46071942756164743e-6,
                     -9.63364204835765492e-6, -0.000094182277857546084, 0.000242697297910159828,
                     0.00616971156177503396, 0.0406978788896413178, 0.164811054342065144,
                     0.215763438119802735});
  Value tail = sub(c(1), mul(expOfNormal(neg(mul(far, far))), g));
  return copySign(select(gt(magnitude, c(1)), tail, near), x);
}

// Long division: each round subtracts the multiple of y 2^s that leaves less than that, exactly.
// One round is enough while the quotient has fewer bits than a digit.
Value VectorMath::remainder(Value x, Value y) {
  if (isF32)
    return viaF64([](VectorMath &m, ArrayRef<Value> a) { return m.remainder(a[0], a[1]); }, {x, y});
  OpBuilder &b = emit.b;
  double infinity = std::numeric_limits<double>::infinity();
  Value ax = abs(x), ay = abs(y);
  Value bad = either(either(isNan(x), isNan(y)), either(eq(ax, c(infinity)), eq(ay, c(0))));
  Value divisor = select(either(bad, eq(ay, c(infinity))), c(infinity), ay);
  int64_t digitBits = emit.hasFma ? 50 : 25;
  auto exponentOf = [&](Value v) {
    Value tiny = lt(v, c(0x1p-960));
    Value normal = select(tiny, mul(v, c(0x1p120)), v);
    return subBits(shiftRight(bits(normal), 52), emit.select(tiny, n(120), n(0)));
  };
  Value divisorExponent = exponentOf(divisor);
  Value start = select(bad, c(0), ax);
  auto loop = scf::WhileOp::create(
      b, emit.loc, TypeRange{start.getType()}, ValueRange{start},
      [&](OpBuilder &, Location, ValueRange carried) {
        scf::ConditionOp::create(b, emit.loc, any(ge(carried[0], divisor)), carried);
      },
      [&](OpBuilder &, Location, ValueRange carried) {
        Value r = carried[0];
        Value shift = subBits(subBits(exponentOf(r), divisorExponent), n(digitBits));
        shift = emit.select(emit.compare(D::LT, shift, n(0), integer), n(0), shift);
        // 2^shift in three factors: it may be beyond the range of one number, the product is not.
        Value third = emit.select(emit.compare(D::GT, shift, n(900), integer), n(900), shift);
        Value rest = subBits(shift, third);
        Value second = emit.select(emit.compare(D::GT, rest, n(900), integer), n(900), rest);
        Value shifted = mul(mul(mul(divisor, powerOfTwo(third)), powerOfTwo(second)),
                            powerOfTwo(subBits(rest, second)));
        Value quotient = trunc(div(r, shifted)), next;
        if (emit.hasFma) {
          next = fma(neg(quotient), shifted, r);
        } else {
          Value high = fromBits(andBits(bits(shifted), n(~((int64_t(1) << 27) - 1))));
          next = sub(sub(r, mul(quotient, high)), mul(quotient, sub(shifted, high)));
        }
        next = select(lt(next, c(0)), add(next, shifted), next); // the division may have rounded up
        next = select(ge(r, divisor), next, r);
        scf::YieldOp::create(b, emit.loc, ValueRange{next});
      });
  return select(bad, c(std::numeric_limits<double>::quiet_NaN()), copySign(loop.getResult(0), x));
}
