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

// f32, AVX-512: polynomials of degree 4 about 32 points, whose coefficients are looked up within
// two registers. About 0 erf x = x + x p(x), so that a small x keeps its precision. Each was fitted
// for the least relative error, its lower coefficients rounded before the higher.
Value VectorMath::erfByTable(Value x) {
  constexpr double step = 65.0 / 512; // the last interval reaches the numbers whose erf is 1
  static const float byPower[5][32] = {
      {0,
       0.142485365f,
       0.28046301f,
       0.409848481f,
       0.527338505f,
       0.630651355f,
       0.718623817f,
       0.791163743f,
       0.849086046f,
       0.893873155f,
       0.927408159f,
       0.951723576f,
       0.968796372f,
       0.980404556f,
       0.988047481f,
       0.992920518f,
       0.995929182f,
       0.99772799f,
       0.998769462f,
       0.99935329f,
       0.999670327f,
       0.999836981f,
       0.999921799f,
       0.999963641f,
       0.999983609f,
       0.999992847f,
       0.99999696f,
       0.999998748f,
       0.999999523f,
       0.999999821f,
       0.99999994f,
       1},
      {0.128379151f,    1.11033833f,     1.0579294f,      0.976020515f,    0.871890664f,
       0.754164159f,    0.631641567f,    0.51224339f,     0.402237773f,    0.305837154f,
       0.225163758f,    0.16051203f,     0.110794343f,    0.0740505755f,   0.047922574f,
       0.0300298203f,   0.0182207022f,   0.0107048275f,   0.00608969759f,  0.00335437641f,
       0.00178907579f,  0.00092394586f,  0.000462024705f, 0.000223709649f, 0.000104882958f,
       4.76123132e-05f, 2.09290029e-05f, 8.90782121e-06f, 3.67097118e-06f, 1.46488378e-06f,
       5.66012375e-07f, 9.18740261e-06f},
      {7.77588684e-06f,  -0.140952364f,    -0.268613726f,    -0.371701926f,    -0.442803621f,
       -0.47868529f,     -0.481141895f,    -0.455238819f,    -0.40853405f,     -0.349465162f,
       -0.285870105f,    -0.224141836f,    -0.168826535f,    -0.122264072f,    -0.0851355791f,
       -0.057174474f,    -0.0370104015f,   -0.0231023598f,   -0.0139706545f,   -0.00804512389f,
       -0.00458304724f,  -0.00250754133f,  -0.00128575356f,  -0.000679485674f, -0.000345591106f,
       -0.000192784704f, -7.19780364e-05f, -2.71199206e-05f, -5.49050637e-05f, -3.20939835e-05f,
       -2.6642334e-05f,  0.000642586034f},
      {-0.376722336f,   -0.357694477f,   -0.306815594f,   -0.230819866f,   -0.140766859f,
       -0.0488504618f,  0.0335850976f,   0.0987241641f,   0.142290905f,    0.164049059f,
       0.16674374f,     0.155098498f,    0.134466574f,    0.109781496f,    0.0849719197f,
       0.0626181588f,   0.044105228f,    0.029721532f,    0.0191965252f,   0.0119088134f,
       0.00710410159f,  0.00408243155f,  0.00225379202f,  0.00120179914f,  0.00061696046f,
       0.000305672031f, 0.000145853002f, 6.72202805e-05f, 2.99438452e-05f, 1.28631391e-05f,
       5.33633465e-06f, 0.0155474441f},
      {0.0146446191f,   0.0675455481f,   0.127856851f,     0.162247181f,    0.193921074f,
       0.168024823f,    0.149070457f,    0.112383567f,     0.0659551919f,   0.0273246281f,
       -0.00690714084f, -0.0357218049f,  -0.0369582064f,   -0.0370067768f,  -0.0566712283f,
       -0.0429872908f,  -0.0324763693f,  -0.0244697575f,   -0.00391792925f, -0.0228296593f,
       0.00236510858f,  0.00633584475f,  -0.00380345597f,  0.00496315537f,  0.00560610602f,
       0.00988119468f,  0.000498731446f, -0.000949455018f, 0.0103133442f,   0.00658839568f,
       0.00605265703f,  0.119539715f},
  };
  auto type = VectorType::get({16}, element);
  Value a = atMost(abs(x), c(3.934));
  Value moved = fma(a, c(1 / step), c(0x1.8p23)), k = sub(moved, c(0x1.8p23));
  Value t = fma(k, c(-step), a); // exact
  auto lookUp = [&](ArrayRef<float> table) {
    auto half = [&](ArrayRef<float> entries) -> Value {
      return arith::ConstantOp::create(emit.b, emit.loc, DenseElementsAttr::get(type, entries));
    };
    return x86("avx512.vpermi2var.ps.512", // low five bits count
               {half(table.take_front(16)), bits(moved), half(table.drop_front(16))});
  };
  Value p = lookUp(byPower[4]);
  for (int power = 3; power > 0; --power)
    p = fma(p, t, lookUp(byPower[power]));
  Value constant = lookUp(byPower[0]); // 0 about 0, elsewhere above any t
  return copySign(fma(p, t, select(gt(constant, t), constant, t)), x); // NaN stays
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
