// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/loops/VectorEmitter.h"

#include "codegen/llvm/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;
using ir::Atom;

Type VectorEmitter::storage(Type element) {
  return element.isUnsignedInteger()
             ? IntegerType::get(element.getContext(), element.getIntOrFloatBitWidth())
             : element;
}

Type VectorEmitter::typeOf(Type element) const {
  return lanes == 1 ? storage(element) : VectorType::get({lanes}, storage(element));
}

Value VectorEmitter::constant(double number, Type element) {
  if (!isa<FloatType>(element))
    return integer((int64_t)number, element);
  Type type = typeOf(element);
  TypedAttr scalar = b.getFloatAttr(element, number);
  TypedAttr value =
      lanes == 1 ? scalar : (TypedAttr)DenseElementsAttr::get(cast<VectorType>(type), scalar);
  return arith::ConstantOp::create(b, loc, value);
}

Value VectorEmitter::integer(int64_t number, Type element) {
  if (isa<FloatType>(element))
    return constant((double)number, element);
  Type type = typeOf(element);
  APInt bits(storage(element).getIntOrFloatBitWidth(), (uint64_t)number, /*isSigned=*/true,
             /*implicitTrunc=*/true);
  TypedAttr scalar = b.getIntegerAttr(storage(element), bits);
  TypedAttr value =
      lanes == 1 ? scalar
                 : (TypedAttr)DenseElementsAttr::get(cast<VectorType>(type), (Attribute)scalar);
  return arith::ConstantOp::create(b, loc, value);
}

// Where a machine lacks 16-bit floats, LLVM would widen and narrow one that is only moved, by a
// call.
Type VectorEmitter::movedAs(Type element) {
  return element.isBF16() || element.isF16() ? IntegerType::get(element.getContext(), 16) : element;
}

Value VectorEmitter::splat(Value scalar) {
  if (lanes == 1 || isa<VectorType>(scalar.getType()))
    return scalar;
  Type type = scalar.getType(), moved = movedAs(type);
  if (moved != type)
    scalar = arith::BitcastOp::create(b, loc, moved, scalar);
  Value all = vector::BroadcastOp::create(b, loc, VectorType::get({lanes}, moved), scalar);
  return bitcast(all, moved, type);
}

Value VectorEmitter::laneNumbers(Type element) {
  if (lanes == 1)
    return integer(0, element);
  SmallVector<Attribute> numbers;
  for (int64_t i = 0; i < lanes; ++i)
    numbers.push_back(b.getIntegerAttr(storage(element), i));
  return arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(cast<VectorType>(typeOf(element)), numbers));
}

Value VectorEmitter::table(DenseElementsAttr elements) {
  LLVM::GlobalOp global;
  int64_t number = 0;
  for (auto known : module.getOps<LLVM::GlobalOp>()) {
    if (!known.getSymName().starts_with("fx_table_"))
      continue;
    ++number;
    if (known.getValueOrNull() == elements)
      global = known;
  }
  if (!global) {
    OpBuilder::InsertionGuard restore(b);
    b.setInsertionPointToStart(module.getBody());
    auto type = LLVM::LLVMArrayType::get(elements.getElementType(), elements.getNumElements());
    global = LLVM::GlobalOp::create(b, loc, type, true, LLVM::Linkage::Internal,
                                    "fx_table_" + std::to_string(number), elements, 64);
  }
  return LLVM::AddressOfOp::create(b, loc, global);
}

Value VectorEmitter::apply(Atom atom, ArrayRef<Value> x, Type element) {
  if (!isa<FloatType>(element))
    return integerAtom(atom, x, element);
  if (element.isF32() || element.isF64())
    return floatAtom(atom, x, element);
  SmallVector<Value> wide;
  for (Value value : x)
    wide.push_back(convert(value, element, b.getF32Type()));
  return convert(floatAtom(atom, wide, b.getF32Type()), b.getF32Type(), element);
}

Value VectorEmitter::extremum(bool isMax, Value x, Value y) {
  // NaN of either side wins. Less than arith.maximumf costs: the first two are one instruction of
  // x86, in which x stays where either is NaN.
  Value wins = arith::CmpFOp::create(
      b, loc, isMax ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT, y, x);
  Value chosen = arith::SelectOp::create(b, loc, wins, y, x);
  Value yIsNan = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, y, y);
  return arith::SelectOp::create(b, loc, yIsNan, y, chosen);
}

Value VectorEmitter::floatAtom(Atom atom, ArrayRef<Value> x, Type element) {
  VectorMath math(*this, element);
  switch (atom) {
  case Atom::Exp:
    return math.exp(x[0]);
  case Atom::Expm1:
    return math.expm1(x[0]);
  case Atom::Log:
    return math.log(x[0]);
  case Atom::Log1p:
    return math.log1p(x[0]);
  case Atom::Tanh:
    return math.tanh(x[0]);
  case Atom::Sin:
    return math.sin(x[0]);
  case Atom::Cos:
    return math.cos(x[0]);
  case Atom::Erf:
    return math.erf(x[0]);
  case Atom::Pow:
    return math.pow(x[0], x[1]);
  case Atom::Atan2:
    return math.atan2(x[0], x[1]);
  case Atom::Remainder:
    return math.remainder(x[0], x[1]);
  case Atom::Sqrt:
    return LLVM::SqrtOp::create(b, loc, x[0].getType(), x[0]);
  case Atom::Rsqrt: {
    Value root = LLVM::SqrtOp::create(b, loc, x[0].getType(), x[0]);
    return arith::DivFOp::create(b, loc, constant(1, element), root);
  }
  case Atom::Floor:
    return LLVM::FFloorOp::create(b, loc, x[0].getType(), x[0]);
  case Atom::Ceil:
    return LLVM::FCeilOp::create(b, loc, x[0].getType(), x[0]);
  case Atom::Round:
    return LLVM::RoundEvenOp::create(b, loc, x[0].getType(), x[0]);
  case Atom::Neg:
    return arith::NegFOp::create(b, loc, x[0]);
  case Atom::Abs:
    return LLVM::FAbsOp::create(b, loc, x[0].getType(), x[0]);
  case Atom::Add:
    return arith::AddFOp::create(b, loc, x[0], x[1]);
  case Atom::Sub:
    return arith::SubFOp::create(b, loc, x[0], x[1]);
  case Atom::Mul:
    return arith::MulFOp::create(b, loc, x[0], x[1]);
  case Atom::Div:
    return arith::DivFOp::create(b, loc, x[0], x[1]);
  case Atom::Max:
    return extremum(true, x[0], x[1]);
  case Atom::Min:
    return extremum(false, x[0], x[1]);
  default:
    llvm_unreachable("an integer atom on floats");
  }
}

Value VectorEmitter::integerAtom(Atom atom, ArrayRef<Value> x, Type element) {
  bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
  int64_t width = storage(element).getIntOrFloatBitWidth();
  auto zero = [&] { return integer(0, element); };
  auto cmp = [&](arith::CmpIPredicate predicate, Value a, Value c) -> Value {
    return arith::CmpIOp::create(b, loc, predicate, a, c);
  };
  auto pick = [&](Value pred, Value a, Value c) -> Value {
    return arith::SelectOp::create(b, loc, pred, a, c);
  };
  auto extreme = [&](arith::CmpIPredicate unsignedWins, arith::CmpIPredicate signedWins) {
    return pick(cmp(isUnsigned ? unsignedWins : signedWins, x[0], x[1]), x[0], x[1]);
  };
  // Division by 0 gives 0; the smallest number divided by -1 wraps. Both are kept from the
  // instruction.
  auto safeDivisor = [&]() -> Value {
    Value bad = cmp(arith::CmpIPredicate::eq, x[1], zero());
    if (!isUnsigned)
      bad = arith::OrIOp::create(b, loc, bad,
                                 cmp(arith::CmpIPredicate::eq, x[1], integer(-1, element)));
    return pick(bad, integer(1, element), x[1]);
  };
  auto isZero = [&] { return cmp(arith::CmpIPredicate::eq, x[1], zero()); };
  auto isMinusOne = [&] { return cmp(arith::CmpIPredicate::eq, x[1], integer(-1, element)); };
  auto shift = [&](auto make, Value beyond) {
    Value inRange = cmp(arith::CmpIPredicate::ult, x[1], integer(width, element));
    return pick(inRange, make(pick(inRange, x[1], zero())), beyond);
  };
  switch (atom) {
  case Atom::Neg:
    return arith::SubIOp::create(b, loc, zero(), x[0]);
  case Atom::Abs:
    return isUnsigned ? x[0]
                      : pick(cmp(arith::CmpIPredicate::slt, x[0], zero()),
                             arith::SubIOp::create(b, loc, zero(), x[0]), x[0]);
  case Atom::Not:
    return arith::XOrIOp::create(b, loc, x[0], integer(-1, element));
  case Atom::Add:
    return arith::AddIOp::create(b, loc, x[0], x[1]);
  case Atom::Sub:
    return arith::SubIOp::create(b, loc, x[0], x[1]);
  case Atom::Mul:
    return arith::MulIOp::create(b, loc, x[0], x[1]);
  case Atom::Div: {
    if (isUnsigned)
      return pick(isZero(), zero(), arith::DivUIOp::create(b, loc, x[0], safeDivisor()));
    Value quotient = arith::DivSIOp::create(b, loc, x[0], safeDivisor());
    Value negated = arith::SubIOp::create(b, loc, zero(), x[0]);
    return pick(isZero(), zero(), pick(isMinusOne(), negated, quotient));
  }
  case Atom::Remainder: {
    if (isUnsigned)
      return pick(isZero(), zero(), arith::RemUIOp::create(b, loc, x[0], safeDivisor()));
    Value rest = arith::RemSIOp::create(b, loc, x[0], safeDivisor());
    return pick(isZero(), zero(), pick(isMinusOne(), zero(), rest));
  }
  case Atom::Max:
    return extreme(arith::CmpIPredicate::ugt, arith::CmpIPredicate::sgt);
  case Atom::Min:
    return extreme(arith::CmpIPredicate::ult, arith::CmpIPredicate::slt);
  case Atom::And:
    return arith::AndIOp::create(b, loc, x[0], x[1]);
  case Atom::Or:
    return arith::OrIOp::create(b, loc, x[0], x[1]);
  case Atom::Xor:
    return arith::XOrIOp::create(b, loc, x[0], x[1]);
  case Atom::ShiftLeft:
    return shift([&](Value by) -> Value { return arith::ShLIOp::create(b, loc, x[0], by); },
                 zero());
  case Atom::ShiftRightLogical:
    return shift([&](Value by) -> Value { return arith::ShRUIOp::create(b, loc, x[0], by); },
                 zero());
  case Atom::ShiftRightArithmetic: {
    Value signs = arith::ShRSIOp::create(b, loc, x[0], integer(width - 1, element));
    return shift([&](Value by) -> Value { return arith::ShRSIOp::create(b, loc, x[0], by); },
                 signs);
  }
  default:
    llvm_unreachable("a float atom on integers");
  }
}

Value VectorEmitter::compare(ir::CompareDirection direction, Value x, Value y, Type element) {
  using D = ir::CompareDirection;
  if (isa<FloatType>(element)) {
    static const std::map<D, arith::CmpFPredicate> predicates = {
        {D::EQ, arith::CmpFPredicate::OEQ}, {D::NE, arith::CmpFPredicate::UNE},
        {D::LT, arith::CmpFPredicate::OLT}, {D::LE, arith::CmpFPredicate::OLE},
        {D::GT, arith::CmpFPredicate::OGT}, {D::GE, arith::CmpFPredicate::OGE}};
    return arith::CmpFOp::create(b, loc, predicates.at(direction), x, y);
  }
  bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
  using P = arith::CmpIPredicate;
  static const std::map<D, std::pair<P, P>> predicates = {
      {D::EQ, {P::eq, P::eq}},   {D::NE, {P::ne, P::ne}},   {D::LT, {P::slt, P::ult}},
      {D::LE, {P::sle, P::ule}}, {D::GT, {P::sgt, P::ugt}}, {D::GE, {P::sge, P::uge}}};
  auto [signedOne, unsignedOne] = predicates.at(direction);
  return arith::CmpIOp::create(b, loc, isUnsigned ? unsignedOne : signedOne, x, y);
}

Value VectorEmitter::bound(bool largest, Type element) {
  if (isa<FloatType>(element))
    return constant(largest ? INFINITY : -INFINITY, element);
  if (element.isUnsignedInteger())
    return integer(largest ? -1 : 0, element);
  int64_t width = storage(element).getIntOrFloatBitWidth(),
          most = width == 64 ? INT64_MAX : (int64_t(1) << (width - 1)) - 1;
  return integer(largest ? most : -most - 1, element);
}

Value VectorEmitter::select(Value pred, Value onTrue, Value onFalse) {
  Type element = getElementTypeOrSelf(onTrue), moved = movedAs(element);
  if (moved != element) {
    Value chosen = select(pred, bitcast(onTrue, element, moved), bitcast(onFalse, element, moved));
    return bitcast(chosen, moved, element);
  }
  return arith::SelectOp::create(b, loc, pred, onTrue, onFalse);
}

// Truncates towards zero, saturates, NaN to 0: the meaning of llvm.fptosi.sat.
Value VectorEmitter::floatToInteger(Value x, Type to) {
  bool isUnsigned = to.isUnsignedInteger();
  return LLVM::CallIntrinsicOp::create(
             b, loc, typeOf(to),
             b.getStringAttr(isUnsigned ? "llvm.fptoui.sat" : "llvm.fptosi.sat"), ValueRange{x})
      .getResult(0);
}

// bf16 is the upper half of f32; machines without an instruction for it would call a library.
Value VectorEmitter::convertBf16(Value x, Type from, Type to) {
  Type f32 = b.getF32Type(), i32 = b.getI32Type(), i16 = b.getI16Type(), bf16 = b.getBF16Type();
  Value sixteen = integer(16, i32);
  if (from.isBF16()) {
    Value bits = arith::ExtUIOp::create(b, loc, typeOf(i32), bitcast(x, bf16, i16));
    return convert(bitcast(apply(Atom::ShiftLeft, {bits, sixteen}, i32), i32, f32), f32, to);
  }
  x = convert(x, from, f32);
  if (hasBf16)
    return arith::TruncFOp::create(b, loc, typeOf(bf16), x);
  Value bits = bitcast(x, f32, i32), high = apply(Atom::ShiftRightLogical, {bits, sixteen}, i32);
  Value odd = apply(Atom::And, {high, integer(1, i32)}, i32); // to nearest, ties to even
  Value up = apply(Atom::Add, {apply(Atom::Add, {bits, integer(0x7fff, i32)}, i32), odd}, i32);
  Value rounded = apply(Atom::ShiftRightLogical, {up, sixteen}, i32);
  Value quiet = apply(Atom::Or, {high, integer(0x40, i32)}, i32);
  Value chosen = select(compare(ir::CompareDirection::NE, x, x, f32), quiet, rounded);
  return bitcast(arith::TruncIOp::create(b, loc, typeOf(i16), chosen), i16, bf16);
}

Value VectorEmitter::convert(Value x, Type from, Type to) {
  if (from == to)
    return x;
  bool fromFloat = isa<FloatType>(from), toFloat = isa<FloatType>(to);
  if (to.isInteger(1)) {
    return compare(ir::CompareDirection::NE, x, fromFloat ? constant(0, from) : integer(0, from),
                   from);
  }
  if (fromFloat && toFloat) {
    unsigned a = from.getIntOrFloatBitWidth(), c = to.getIntOrFloatBitWidth();
    if (a == c) // bf16 and f16 meet in f32
      return convert(convert(x, from, b.getF32Type()), b.getF32Type(), to);
    if (from.isBF16() || to.isBF16())
      return convertBf16(x, from, to);
    if (a < c)
      return arith::ExtFOp::create(b, loc, typeOf(to), x);
    return arith::TruncFOp::create(b, loc, typeOf(to), x);
  }
  bool fromUnsigned = from.isUnsignedInteger() || from.isInteger(1);
  if (to.isBF16())
    return convertBf16(x, from, to);
  if (toFloat)
    return fromUnsigned ? arith::UIToFPOp::create(b, loc, typeOf(to), x).getResult()
                        : arith::SIToFPOp::create(b, loc, typeOf(to), x).getResult();
  if (fromFloat)
    return floatToInteger(x, to);
  unsigned a = storage(from).getIntOrFloatBitWidth(), c = storage(to).getIntOrFloatBitWidth();
  if (a == c)
    return x;
  if (a > c)
    return arith::TruncIOp::create(b, loc, typeOf(to), x);
  return fromUnsigned ? arith::ExtUIOp::create(b, loc, typeOf(to), x).getResult()
                      : arith::ExtSIOp::create(b, loc, typeOf(to), x).getResult();
}

Value VectorEmitter::bitcast(Value x, Type from, Type to) {
  return storage(from) == storage(to) ? x
                                      : arith::BitcastOp::create(b, loc, typeOf(to), x).getResult();
}
