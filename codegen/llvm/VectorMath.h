// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementary functions as vector code, never a call: within 2 ulp in f32 and 4 ulp in f64 over the
// full range, with subnormals, infinities, NaN and signed zeros as IEEE 754 recommends.
// VectorMath.cpp: exponentials, logarithms, powers. VectorMathCircular.cpp: sin, cos, atan2.
// VectorMathSpecial.cpp: erf, remainder.
#pragma once

#include "mlir/IR/Builders.h"

namespace fluxion::codegen {

class VectorEmitter;

class VectorMath {
public:
  VectorMath(VectorEmitter &emit, mlir::Type element); // f32 or f64

  using Value = mlir::Value;
  Value exp(Value x), expm1(Value x), log(Value x), log1p(Value x), tanh(Value x), sin(Value x),
      cos(Value x), erf(Value x);
  Value pow(Value x, Value y), atan2(Value y, Value x), remainder(Value x, Value y);

private:
  VectorEmitter &emit;
  mlir::Type element, integer; // integer of the same width
  bool isF32;

  Value c(double number);
  Value n(int64_t number);
  Value add(Value x, Value y), sub(Value x, Value y), mul(Value x, Value y), div(Value x, Value y),
      fma(Value x, Value y, Value z);
  Value neg(Value x), abs(Value x), floor(Value x), trunc(Value x);
  Value lt(Value x, Value y), gt(Value x, Value y), ge(Value x, Value y), eq(Value x, Value y),
      isNan(Value x);
  Value atMost(Value x, Value bound), atLeast(Value x, Value bound); // NaN stays
  Value select(Value pred, Value x, Value y);
  Value both(Value p, Value q), either(Value p, Value q);
  Value any(Value pred); // one i1 for all lanes
  Value bits(Value x), fromBits(Value x);
  Value addBits(Value x, Value y), subBits(Value x, Value y), andBits(Value x, Value y),
      xorBits(Value x, Value y);
  Value shiftLeft(Value x, int64_t by), shiftRight(Value x, int64_t by);
  Value copySign(Value magnitude, Value sign);
  Value polynomial(Value x, llvm::ArrayRef<double> highestFirst);
  Value viaF64(llvm::function_ref<Value(VectorMath &, llvm::ArrayRef<Value>)> f,
               llvm::ArrayRef<Value> x);

  // An intrinsic of x86: only where the machine has it.
  Value x86(llvm::StringRef name, llvm::ArrayRef<Value> x);

  // The integer nearest to x * factor as a float and as an integer, for one below 2^22 (f32) or
  // 2^51 (f64).
  struct Rounded {
    Value number, integer;
  };
  Rounded round(Value x, Value factor);
  Value toFloat(Value x);          // an integer below the same bounds
  Value powerOfTwo(Value integer); // in the range of normal numbers

  // An unevaluated sum, |low| <= ulp(high) / 2.
  struct Pair {
    Value high, low;
  };
  Pair twoSum(Value x, Value y), quickTwoSum(Value x, Value y), twoProduct(Value x, Value y);

  struct Reduced { // x = k ln 2 + high + low
    Rounded k;
    Value high, low;
  };
  Reduced reduceLn2(Value x);
  Value expTail(Value r); // (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2
  Value expOfReduced(Value r);
  Value scale(Value x, const Rounded &k);
  Value expOfNormal(Value x); // e^x where neither x nor the result is exceptional
  Value expOfPair(Pair x);

  struct Split { // x = 2^k (1 + f), 1 + f in [sqrt(1/2), sqrt(2))
    Value f, k;
  };
  Split splitPositive(Value x, bool subnormals);
  Value logOfSplit(const Split &x, Value correction);
  Pair logAsPair(Value x);

  struct Angle {       // x = (quadrant + 4 j) pi/2 + r
    Value r, quadrant; // quadrant: integer of which the low two bits count
  };
  Angle reduceHalfPi(Value x);
  Angle reduceModerate(Value x);
  Angle reduceHuge(Value x, int chunks);
  Value erfByTable(Value x);
  Value tableEntry(Value table, Value index);
  Value twoOverPiTable();
  Value sinCos(Value x, bool isCos);
  Value atanOfRatio(Value x);
};

} // namespace fluxion::codegen
