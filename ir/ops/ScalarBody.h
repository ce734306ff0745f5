// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The meaning of every pointwise primitive on one element, written once. The evaluator, the LLVM
// loops and Halide each supply an emitter for the atoms below and derive the ops from it.
//
// An emitter has a type `Value` (a number, an SSA vector, an expression) and
//   Value constant(double number, Type element);
//   Value integer(int64_t number, Type element);
//   Value apply(Atom atom, ArrayRef<Value> operands, Type element);      // element type of the
//   operands Value compare(CompareDirection direction, Value x, Value y, Type element); Value
//   select(Value pred, Value onTrue, Value onFalse); Value convert(Value x, Type from, Type to); //
//   rules of fluxion.convert Value bitcast(Value x, Type from, Type to);
#pragma once

#include "ir/ops/Elementwise.h"
#include "ir/ops/Random.h"

#include "llvm/ADT/TypeSwitch.h"

namespace fluxion::ir {

// What an emitter must know how to do on elements; the IEEE 754 or integer meaning of the name.
enum class Atom {
  Exp,
  Expm1,
  Log,
  Log1p,
  Sqrt,
  Rsqrt,
  Tanh,
  Sin,
  Cos,
  Erf,
  Floor,
  Ceil,
  Round,
  Neg,
  Abs,
  Not,
  Add,
  Sub,
  Mul,
  Div,
  Remainder,
  Pow,
  Max,
  Min,
  Atan2,
  And,
  Or,
  Xor,
  ShiftLeft,
  ShiftRightLogical,
  ShiftRightArithmetic,
};

namespace detail {
// The atom an op is, when it is just one.
inline std::optional<Atom> atomOf(mlir::Operation *op) {
  return llvm::TypeSwitch<mlir::Operation *, std::optional<Atom>>(op)
      .Case([](ExpOp) { return Atom::Exp; })
      .Case([](Expm1Op) { return Atom::Expm1; })
      .Case([](LogOp) { return Atom::Log; })
      .Case([](Log1pOp) { return Atom::Log1p; })
      .Case([](SqrtOp) { return Atom::Sqrt; })
      .Case([](RsqrtOp) { return Atom::Rsqrt; })
      .Case([](TanhOp) { return Atom::Tanh; })
      .Case([](SinOp) { return Atom::Sin; })
      .Case([](CosOp) { return Atom::Cos; })
      .Case([](ErfOp) { return Atom::Erf; })
      .Case([](FloorOp) { return Atom::Floor; })
      .Case([](CeilOp) { return Atom::Ceil; })
      .Case([](RoundOp) { return Atom::Round; })
      .Case([](NegOp) { return Atom::Neg; })
      .Case([](AbsOp) { return Atom::Abs; })
      .Case([](NotOp) { return Atom::Not; })
      .Case([](AddOp) { return Atom::Add; })
      .Case([](SubOp) { return Atom::Sub; })
      .Case([](MulOp) { return Atom::Mul; })
      .Case([](DivOp) { return Atom::Div; })
      .Case([](RemainderOp) { return Atom::Remainder; })
      .Case([](PowOp) { return Atom::Pow; })
      .Case([](MaxOp) { return Atom::Max; })
      .Case([](MinOp) { return Atom::Min; })
      .Case([](Atan2Op) { return Atom::Atan2; })
      .Case([](AndOp) { return Atom::And; })
      .Case([](OrOp) { return Atom::Or; })
      .Case([](XorOp) { return Atom::Xor; })
      .Case([](ShiftLeftOp) { return Atom::ShiftLeft; })
      .Case([](ShiftRightLogicalOp) { return Atom::ShiftRightLogical; })
      .Case([](ShiftRightArithmeticOp) { return Atom::ShiftRightArithmetic; })
      .Default([](mlir::Operation *) { return std::nullopt; });
}
} // namespace detail

// One element of the result of a pointwise primitive from one element of each operand.
template <typename E>
typename E::Value scalarBody(E &emit, mlir::Operation *op, llvm::ArrayRef<typename E::Value> x) {
  using Value = typename E::Value;
  mlir::Type element = mlir::getElementTypeOrSelf(op->getOperand(0));
  if (std::optional<Atom> atom = detail::atomOf(op))
    return emit.apply(*atom, x, element);
  return llvm::TypeSwitch<mlir::Operation *, Value>(op)
      .Case([&](SignOp) {
        Value zero = emit.integer(0, element), one = emit.integer(1, element),
              minus = emit.integer(-1, element);
        Value positive = emit.compare(CompareDirection::GT, x[0], zero, element);
        Value negative = emit.compare(CompareDirection::LT, x[0], zero, element);
        return emit.select(positive, one, emit.select(negative, minus, x[0]));
      })
      .Case([&](IsFiniteOp) {
        Value magnitude = emit.apply(Atom::Abs, {x[0]}, element);
        return emit.compare(CompareDirection::LT, magnitude, emit.constant(INFINITY, element),
                            element);
      })
      .Case([&](CompareOp compare) {
        return emit.compare(compare.getDirection(), x[0], x[1], element);
      })
      .Case([&](SelectOp) { return emit.select(x[0], x[1], x[2]); })
      .Case([&](ClampOp) {
        Value atLeast = emit.apply(Atom::Max, {x[1], x[0]}, element);
        return emit.apply(Atom::Min, {atLeast, x[2]}, element);
      })
      .Case([&](ConvertOp convert) {
        return emit.convert(x[0], element, convert.getType().getElementType());
      })
      .Case([&](BitcastConvertOp cast) {
        return emit.bitcast(x[0], element, cast.getType().getElementType());
      })
      .Case([&](AccumulateOp) {
        Value sum = x[0];
        for (const Value &next : x.drop_front())
          sum = emit.apply(Atom::Add, {sum, next}, element);
        return sum;
      })
      .Case([&](StopGradientOp) { return x[0]; });
}

// True for the ops scalarBody knows.
inline bool hasScalarBody(mlir::Operation *op) {
  return op->hasTrait<Pointwise>() && !llvm::isa<CompositeOpInterface>(op);
}

// Word `element mod 4` of Philox4x32-10 (Salmon et al. 2011) for element `index` (i64): see
// fluxion.random_bits.
template <typename E>
typename E::Value philoxWord(E &emit, typename E::Value index, typename E::Value seed,
                             typename E::Value step, int64_t stream, mlir::Type i32,
                             mlir::Type i64) {
  using Value = typename E::Value;
  auto word = [&](int64_t number) { return emit.integer((int32_t)number, i32); };
  auto low = [&](Value x) { return emit.convert(x, i64, i32); };
  auto high = [&](Value x) {
    return low(emit.apply(Atom::ShiftRightLogical, {x, emit.integer(32, i64)}, i64));
  };
  auto wide = [&](Value x) {
    return emit.apply(Atom::And, {emit.convert(x, i32, i64), emit.integer(0xffffffffLL, i64)}, i64);
  };
  auto product = [&](Value x, int64_t m) {
    return emit.apply(Atom::Mul, {wide(x), emit.integer(m, i64)}, i64);
  };
  auto exclusive = [&](Value x, Value y) { return emit.apply(Atom::Xor, {x, y}, i32); };

  Value block = emit.apply(Atom::ShiftRightLogical, {index, emit.integer(2, i64)}, i64);
  Value c0 = low(block), c1 = word(stream), c2 = low(step), c3 = high(step);
  Value k0 = low(seed), k1 = high(seed);
  for (int round = 0; round < 10; ++round) {
    Value p0 = product(c0, 0xD2511F53LL), p1 = product(c2, 0xCD9E8D57LL);
    Value n0 = exclusive(exclusive(high(p1), c1), k0), n2 = exclusive(exclusive(high(p0), c3), k1);
    c1 = low(p1), c3 = low(p0), c0 = n0, c2 = n2;
    k0 = emit.apply(Atom::Add, {k0, word(0x9E3779B9LL)}, i32);
    k1 = emit.apply(Atom::Add, {k1, word(0xBB67AE85LL)}, i32);
  }
  Value lane = emit.apply(Atom::And, {low(index), word(3)}, i32);
  auto is = [&](int64_t n) { return emit.compare(CompareDirection::EQ, lane, word(n), i32); };
  return emit.select(is(0), c0, emit.select(is(1), c1, emit.select(is(2), c2, c3)));
}

} // namespace fluxion::ir
