// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementary functions as vector code, never a call. f32 results are within 2 ulp over the full range, with
// subnormals, infinities, NaN and signed zeros as IEEE 754 recommends. Where no f32 form is given below the
// f64 form is rounded once.
#pragma once

#include "mlir/IR/Builders.h"

namespace fluxion::codegen {

class VectorEmitter;

class VectorMath {
public:
  VectorMath(VectorEmitter &emit, mlir::Type element); // f32 or f64

  using Value = mlir::Value;
  Value exp(Value x), expm1(Value x), log(Value x), log1p(Value x), tanh(Value x), sin(Value x), cos(Value x), erf(Value x);
  Value pow(Value x, Value y), atan2(Value y, Value x), remainder(Value x, Value y);

private:
  VectorEmitter &emit;
  mlir::Type element, integer; // integer of the same width
  bool isF32;

  Value c(double number);
  Value n(int64_t number);
  Value add(Value x, Value y), sub(Value x, Value y), mul(Value x, Value y), div(Value x, Value y), fma(Value x, Value y, Value z);
  Value neg(Value x), abs(Value x), round(Value x), sqrt(Value x);
  Value lt(Value x, Value y), gt(Value x, Value y), eq(Value x, Value y), isNan(Value x);
  Value select(Value pred, Value x, Value y);
  Value both(Value p, Value q), either(Value p, Value q);
  Value bits(Value x), fromBits(Value x);
  Value copySign(Value magnitude, Value sign);
  Value polynomial(Value x, llvm::ArrayRef<double> highestFirst);
  Value scale(Value x, Value exponent); // x * 2^exponent, exponent an integer as a float, full range
  Value viaF64(llvm::function_ref<Value(VectorMath &, llvm::ArrayRef<Value>)> f, llvm::ArrayRef<Value> x);

  Value expF32(Value x);
  std::pair<Value, Value> reduceHalfPi(Value x);
  Value sinCos(Value x, bool isCos);
  Value atanPositive(Value x);
};

} // namespace fluxion::codegen
