// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Elementwise.h"

#include "ir/ops/Random.h"
#include "ir/ops/ScalarBody.h"
#include "ir/reference/Ops.h"

#include <cmath>

using namespace mlir;

namespace fluxion::ir::reference {
namespace {

struct Number {
  double f = 0;
  int64_t i = 0;
};

// The atoms on one element: C's mathematics in f64, integers wrapped to their width.
class NumberEmitter {
public:
  using Value = Number;

  Number constant(double number, Type element) {
    return isa<FloatType>(element) ? Number{number, 0} : integer((int64_t)number, element);
  }
  Number integer(int64_t number, Type element) {
    return isa<FloatType>(element) ? Number{(double)number, 0} : Number{0, wrapTo(element, number)};
  }
  Number select(Number pred, Number x, Number y) { return pred.i ? x : y; }
  Number apply(Atom atom, ArrayRef<Number> x, Type element) {
    return isa<FloatType>(element) ? Number{floatAtom(atom, x), 0}
                                   : integer(integerAtom(atom, x, element), element);
  }
  Number compare(CompareDirection direction, Number x, Number y, Type element) {
    bool isFloat = isa<FloatType>(element);
    auto order = [&](auto a, auto b) -> int64_t {
      switch (direction) {
      case CompareDirection::EQ:
        return a == b;
      case CompareDirection::NE:
        return a != b;
      case CompareDirection::LT:
        return a < b;
      case CompareDirection::LE:
        return a <= b;
      case CompareDirection::GT:
        return a > b;
      case CompareDirection::GE:
        return a >= b;
      }
      return 0;
    };
    return {0, isFloat ? order(x.f, y.f) : order(x.i, y.i)};
  }
  Number convert(Number x, Type from, Type to) {
    bool fromFloat = isa<FloatType>(from), toFloat = isa<FloatType>(to);
    if (to.isInteger(1))
      return {0, fromFloat ? x.f != 0 : x.i != 0};
    if (toFloat)
      return {fromFloat ? x.f : (double)x.i, 0};
    if (!fromFloat)
      return integer(x.i, to);
    if (std::isnan(x.f))
      return {0, 0};
    unsigned width = to.getIntOrFloatBitWidth();
    double top = to.isUnsignedInteger() ? std::ldexp(1.0, width) - 1 : std::ldexp(1.0, width - 1),
           bottom = to.isUnsignedInteger() ? 0 : -top;
    double whole = std::trunc(x.f);
    if (!to.isUnsignedInteger() && whole >= top)
      return {0, width == 64 ? INT64_MAX : (int64_t(1) << (width - 1)) - 1};
    return {0, (int64_t)std::max(bottom, std::min(to.isUnsignedInteger() ? top : whole, whole))};
  }
  Number bitcast(Number x, Type from, Type to) {
    unsigned width = from.getIntOrFloatBitWidth();
    APInt bits(width, (uint64_t)x.i, /*isSigned=*/false, /*implicitTrunc=*/true);
    bool lost;
    if (auto type = dyn_cast<FloatType>(from)) {
      APFloat number(x.f);
      number.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven, &lost);
      bits = number.bitcastToAPInt();
    }
    auto type = dyn_cast<FloatType>(to);
    if (!type)
      return integer((int64_t)bits.getZExtValue(), to);
    APFloat number(type.getFloatSemantics(), bits);
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
    return {number.convertToDouble(), 0};
  }

private:
  double floatAtom(Atom atom, ArrayRef<Number> x);
  int64_t integerAtom(Atom atom, ArrayRef<Number> x, Type element);
};

double NumberEmitter::floatAtom(Atom atom, ArrayRef<Number> x) {
  double a = x[0].f, b = x.size() > 1 ? x[1].f : 0;
  switch (atom) {
  case Atom::Exp:
    return std::exp(a);
  case Atom::Expm1:
    return std::expm1(a);
  case Atom::Log:
    return std::log(a);
  case Atom::Log1p:
    return std::log1p(a);
  case Atom::Sqrt:
    return std::sqrt(a);
  case Atom::Rsqrt:
    return 1 / std::sqrt(a);
  case Atom::Tanh:
    return std::tanh(a);
  case Atom::Sin:
    return std::sin(a);
  case Atom::Cos:
    return std::cos(a);
  case Atom::Erf:
    return std::erf(a);
  case Atom::Floor:
    return std::floor(a);
  case Atom::Ceil:
    return std::ceil(a);
  case Atom::Round:
    return std::nearbyint(a);
  case Atom::Neg:
    return -a;
  case Atom::Abs:
    return std::fabs(a);
  case Atom::Add:
    return a + b;
  case Atom::Sub:
    return a - b;
  case Atom::Mul:
    return a * b;
  case Atom::Div:
    return a / b;
  case Atom::Remainder:
    return std::fmod(a, b);
  case Atom::Pow:
    return std::pow(a, b);
  case Atom::Atan2:
    return std::atan2(a, b);
  case Atom::Max:
    return std::isnan(a) ? a : std::isnan(b) ? b : std::max(a, b);
  case Atom::Min:
    return std::isnan(a) ? a : std::isnan(b) ? b : std::min(a, b);
  default:
    llvm_unreachable("an integer atom on floats");
  }
}

int64_t NumberEmitter::integerAtom(Atom atom, ArrayRef<Number> x, Type element) {
  int64_t a = x[0].i, b = x.size() > 1 ? x[1].i : 0;
  uint64_t width = element.getIntOrFloatBitWidth(),
           mask = width == 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1;
  uint64_t ua = (uint64_t)a & mask, ub = (uint64_t)b & mask;
  switch (atom) {
  case Atom::Neg:
    return (int64_t)(0 - (uint64_t)a);
  case Atom::Abs:
    return a < 0 ? (int64_t)(0 - (uint64_t)a) : a;
  case Atom::Not:
    return ~a;
  case Atom::Add:
    return (int64_t)((uint64_t)a + (uint64_t)b);
  case Atom::Sub:
    return (int64_t)((uint64_t)a - (uint64_t)b);
  case Atom::Mul:
    return (int64_t)((uint64_t)a * (uint64_t)b);
  case Atom::Div:
    return b == 0 ? 0 : b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
  case Atom::Remainder:
    return b == 0 || b == -1 ? 0 : a % b;
  case Atom::Max:
    return std::max(a, b);
  case Atom::Min:
    return std::min(a, b);
  case Atom::And:
    return a & b;
  case Atom::Or:
    return a | b;
  case Atom::Xor:
    return a ^ b;
  case Atom::ShiftLeft:
    return ub >= width ? 0 : (int64_t)(ua << ub);
  case Atom::ShiftRightLogical:
    return ub >= width ? 0 : (int64_t)(ua >> ub);
  case Atom::ShiftRightArithmetic:
    return a >> std::min<uint64_t>(ub, width - 1);
  default:
    llvm_unreachable("a float atom on integers");
  }
}

} // namespace

Results evalElementwise(Operation *op, ArrayRef<Tensor> x) {
  NumberEmitter emit;
  auto get = [](const Tensor &t, int64_t i) {
    return t.isFloat() ? Number{t.floats[i], 0} : Number{0, t.integers[i]};
  };
  auto set = [](Tensor &t, int64_t i, Number value) {
    if (t.isFloat())
      t.floats[i] = value.f;
    else
      t.setInteger(i, value.i);
  };
  if (auto random = dyn_cast<RandomBitsOp>(op)) {
    Tensor y(random.getType());
    Type i32 = IntegerType::get(op->getContext(), 32), i64 = IntegerType::get(op->getContext(), 64);
    for (int64_t i = 0; i < y.size(); ++i)
      set(y, i,
          philoxWord(emit, Number{0, i}, get(x[0], 0), get(x[1], 0), (int64_t)random.getStream(),
                     i32, i64));
    return SmallVector<Tensor>{y};
  }
  if (!hasScalarBody(op))
    return std::nullopt;
  Tensor y(op->getResult(0).getType());
  SmallVector<Number> operands(x.size());
  for (int64_t i = 0; i < y.size(); ++i) {
    for (auto [slot, operand] : llvm::zip_equal(operands, x))
      slot = get(operand, i);
    set(y, i, scalarBody(emit, op, ArrayRef<Number>(operands)));
  }
  return SmallVector<Tensor>{y};
}

} // namespace fluxion::ir::reference
