// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementwise operations: broadcasting and element types as NumPy, without implicit conversion.
#include "frontend/dsl/Trace.h"

#include <cmath>
#include <sstream>

using namespace mlir;

namespace fluxion {
using namespace dsl;

namespace {

[[noreturn]] void mixedTypes(const char *op, Tensor x, Tensor y, Loc loc) {
  throw Error("dtype-mismatch",
              std::string(op) + " of " + name(x.dtype(loc)) + " and " + name(y.dtype(loc)), loc,
              {"the left side is " + describe(x), "the right side is " + describe(y)},
              std::string("convert one side: convert(x, ") + name(x.dtype(loc)) + ")");
}

Shape broadcastShape(const char *op, Tensor x, Tensor y, Loc loc) {
  Shape a = x.shape(loc), b = y.shape(loc), shape(std::max(a.size(), b.size()));
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t p = i < a.size() ? a[a.size() - 1 - i] : 1, q = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (p != q && p != 1 && q != 1)
      throw Error("shape-mismatch",
                  std::string(op) + " of " + x.type(loc).str() + " and " + y.type(loc).str(), loc,
                  {"the left side is " + describe(x), "the right side is " + describe(y)},
                  "sizes, counted from the last dimension, must be equal or 1: " +
                      std::to_string(p) + " meets " + std::to_string(q));
    shape[shape.size() - 1 - i] = p == 1 ? q : p;
  }
  return shape;
}

// The number as a tensor like `other`.
Tensor numberLike(const char *op, double number, Tensor other, Loc loc) {
  Type type = other.type(loc);
  if (!isFloat(type.dtype) && number != std::floor(number)) {
    std::ostringstream text;
    text << op << " of " << type.str() << " and " << number;
    throw Error(
        "dtype-mismatch", text.str(), loc, {"the tensor is " + describe(other)},
        "a number takes the tensor's element type; convert the tensor first: convert(x, f32)");
  }
  return full(type, number, loc);
}

// Both operands as tensors of one shape and element type.
std::pair<Tensor, Tensor> together(const char *op, const Operand &x, const Operand &y) {
  Loc loc = x.loc;
  if (x.isNumber && y.isNumber)
    throw Error("no-tensor", std::string(op) + " of two numbers", loc, {},
                "compute it in C++, or make one side a tensor: full(f32(), 1)");
  if (x.isNumber)
    return {numberLike(op, x.number, y.tensor, loc), y.tensor};
  if (y.isNumber)
    return {x.tensor, numberLike(op, y.number, x.tensor, loc)};
  if (x.tensor.dtype(loc) != y.tensor.dtype(loc))
    mixedTypes(op, x.tensor, y.tensor, loc);
  Shape shape = broadcastShape(op, x.tensor, y.tensor, loc);
  return {broadcast_to(x.tensor, shape, loc), broadcast_to(y.tensor, shape, loc)};
}

Tensor result(Trace &trace, Operation *op, Loc loc) {
  return trace.tensor(trace.verified(op, loc)->getResult(0));
}

template <typename Op> Tensor binary(const char *name, const Operand &x, const Operand &y) {
  auto [a, b] = together(name, x, y);
  Trace &trace = Trace::current(x.loc);
  Value left = trace.value(a, x.loc), right = trace.value(b, x.loc);
  return result(
      trace, Op::create(trace.builder, trace.location(x.loc), left.getType(), left, right), x.loc);
}

Tensor compare(const char *name, ir::CompareDirection direction, const Operand &x,
               const Operand &y) {
  auto [a, b] = together(name, x, y);
  Trace &trace = Trace::current(x.loc);
  return result(trace,
                ir::CompareOp::create(trace.builder, trace.location(x.loc), direction,
                                      trace.value(a, x.loc), trace.value(b, x.loc)),
                x.loc);
}

template <typename Op> Tensor unary(Tensor x, Loc loc) {
  Trace &trace = Trace::current(loc);
  Value value = trace.value(x, loc);
  return result(trace, Op::create(trace.builder, trace.location(loc), value.getType(), value), loc);
}

Tensor isFinite(Tensor x, Loc loc) {
  Trace &trace = Trace::current(loc);
  return trace.tensor(
      ir::IsFiniteOp::create(trace.builder, trace.location(loc), trace.value(x, loc)));
}

using UnaryRule = Tensor (*)(Tensor, Loc);
const std::map<std::string, UnaryRule> &unaryRules() {
  static const std::map<std::string, UnaryRule> rules = {
      {"identity", [](Tensor x, Loc) { return x; }},
      {"abs", unary<ir::AbsOp>},
      {"ceil", unary<ir::CeilOp>},
      {"cos", unary<ir::CosOp>},
      {"erf", unary<ir::ErfOp>},
      {"exp", unary<ir::ExpOp>},
      {"expm1", unary<ir::Expm1Op>},
      {"floor", unary<ir::FloorOp>},
      {"gelu", unary<ir::GeluOp>},
      {"is_finite", isFinite},
      {"log", unary<ir::LogOp>},
      {"log1p", unary<ir::Log1pOp>},
      {"neg", unary<ir::NegOp>},
      {"not", unary<ir::NotOp>},
      {"relu", unary<ir::ReluOp>},
      {"round", unary<ir::RoundOp>},
      {"rsqrt", unary<ir::RsqrtOp>},
      {"sigmoid", unary<ir::SigmoidOp>},
      {"sign", unary<ir::SignOp>},
      {"silu", unary<ir::SiluOp>},
      {"sin", unary<ir::SinOp>},
      {"sqrt", unary<ir::SqrtOp>},
      {"stop_gradient", unary<ir::StopGradientOp>},
      {"tanh", unary<ir::TanhOp>},
      {"square", [](Tensor x, Loc loc) { return mul({x, loc}, {x, loc}); }},
      {"flatten",
       [](Tensor x, Loc loc) { return reshape(x, {x.rank(loc) ? x.dim(0, loc) : 1, -1}, loc); }},
      {"global_avg_pool", [](Tensor x, Loc loc) {
         if (x.rank(loc) < 3)
           throw Error("rank-mismatch",
                       "global_avg_pool expects [N, C, spatial...], but got " + x.type(loc).str(),
                       loc, {"the input is " + describe(x)}, "use mean() over the axes you want");
         Shape axes;
         for (int64_t d = 2; d < x.rank(loc); ++d)
           axes.push_back(d);
         return mean(x, axes, {}, loc);
       }}};
  return rules;
}

// Ops on floats alone, for a message before the verifier's.
bool takesIntegers(const std::string &op) {
  static const std::vector<std::string> names = {"identity", "abs",    "neg",           "not",
                                                 "sign",     "square", "stop_gradient", "flatten"};
  return llvm::is_contained(names, op);
}

} // namespace

Tensor abs(Tensor x, Loc loc) { return Unary("abs")(x, loc); }
Tensor ceil(Tensor x, Loc loc) { return Unary("ceil")(x, loc); }
Tensor cos(Tensor x, Loc loc) { return Unary("cos")(x, loc); }
Tensor erf(Tensor x, Loc loc) { return Unary("erf")(x, loc); }
Tensor exp(Tensor x, Loc loc) { return Unary("exp")(x, loc); }
Tensor expm1(Tensor x, Loc loc) { return Unary("expm1")(x, loc); }
Tensor floor(Tensor x, Loc loc) { return Unary("floor")(x, loc); }
Tensor log(Tensor x, Loc loc) { return Unary("log")(x, loc); }
Tensor log1p(Tensor x, Loc loc) { return Unary("log1p")(x, loc); }
Tensor round(Tensor x, Loc loc) { return Unary("round")(x, loc); }
Tensor sin(Tensor x, Loc loc) { return Unary("sin")(x, loc); }
Tensor sqrt(Tensor x, Loc loc) { return Unary("sqrt")(x, loc); }
Tensor tanh(Tensor x, Loc loc) { return Unary("tanh")(x, loc); }

Unary::Unary(Tensor (*function)(Tensor, Loc)) : mnemonic("function"), function(function) {
  static const std::pair<Tensor (*)(Tensor, Loc), const char *> known[] = {
      {abs, "abs"},     {ceil, "ceil"},   {cos, "cos"},  {erf, "erf"},     {exp, "exp"},
      {expm1, "expm1"}, {floor, "floor"}, {log, "log"},  {log1p, "log1p"}, {round, "round"},
      {sin, "sin"},     {sqrt, "sqrt"},   {tanh, "tanh"}};
  for (auto [pointer, name] : known)
    if (pointer == function)
      mnemonic = name;
}

Tensor Unary::operator()(Tensor x, Loc loc) const {
  if (function)
    return function(x, loc);
  if (!isFloat(x.dtype(loc)) && !takesIntegers(mnemonic))
    throw Error("dtype-mismatch",
                std::string(mnemonic) + " expects a float tensor, but got " + x.type(loc).str(),
                loc, {"the input is " + describe(x)}, "convert it first: convert(x, f32)");
  return unaryRules().at(mnemonic)(x, loc);
}

Tensor add(Operand x, Operand y) { return binary<ir::AddOp>("add", x, y); }
Tensor sub(Operand x, Operand y) { return binary<ir::SubOp>("sub", x, y); }
Tensor mul(Operand x, Operand y) { return binary<ir::MulOp>("mul", x, y); }
Tensor div(Operand x, Operand y) { return binary<ir::DivOp>("div", x, y); }
Tensor max(Operand x, Operand y) { return binary<ir::MaxOp>("max", x, y); }
Tensor min(Operand x, Operand y) { return binary<ir::MinOp>("min", x, y); }
Tensor pow(Operand x, Operand y) { return binary<ir::PowOp>("pow", x, y); }
Tensor remainder(Operand x, Operand y) { return binary<ir::RemainderOp>("remainder", x, y); }
Tensor atan2(Operand y, Operand x) { return binary<ir::Atan2Op>("atan2", y, x); }
Tensor and_(Operand x, Operand y) { return binary<ir::AndOp>("and", x, y); }
Tensor or_(Operand x, Operand y) { return binary<ir::OrOp>("or", x, y); }
Tensor xor_(Operand x, Operand y) { return binary<ir::XorOp>("xor", x, y); }
Tensor operator+(Operand x, Operand y) { return add(x, y); }
Tensor operator-(Operand x, Operand y) { return sub(x, y); }
Tensor operator*(Operand x, Operand y) { return mul(x, y); }
Tensor operator/(Operand x, Operand y) { return div(x, y); }
Tensor operator-(Operand x) { return x.isNumber ? sub({0, x.loc}, x) : neg(x.tensor, x.loc); }
Tensor eq(Operand x, Operand y) { return compare("eq", ir::CompareDirection::EQ, x, y); }
Tensor ne(Operand x, Operand y) { return compare("ne", ir::CompareDirection::NE, x, y); }
Tensor lt(Operand x, Operand y) { return compare("lt", ir::CompareDirection::LT, x, y); }
Tensor le(Operand x, Operand y) { return compare("le", ir::CompareDirection::LE, x, y); }
Tensor gt(Operand x, Operand y) { return compare("gt", ir::CompareDirection::GT, x, y); }
Tensor ge(Operand x, Operand y) { return compare("ge", ir::CompareDirection::GE, x, y); }

Tensor select(Tensor pred, Operand on_true, Operand on_false) {
  Loc loc = on_true.loc;
  if (pred.dtype(loc) != DType::i1)
    throw Error("dtype-mismatch", "select expects a predicate, but got " + pred.type(loc).str(),
                loc, {"it is " + describe(pred)}, "compare it: ne(x, 0)");
  if (on_true.isNumber && on_false.isNumber)
    throw Error("no-tensor", "select of two numbers has no element type", loc, {},
                "make one a tensor: full(f32(...), value)");
  auto [a, b] = together("select", on_true, on_false);
  Shape shape = broadcastShape("select", pred, a, loc);
  Trace &trace = Trace::current(loc);
  Value yes = trace.value(broadcast_to(a, shape, loc), loc),
        no = trace.value(broadcast_to(b, shape, loc), loc);
  Value mask = trace.value(broadcast_to(pred, shape, loc), loc);
  return result(
      trace, ir::SelectOp::create(trace.builder, trace.location(loc), yes.getType(), mask, yes, no),
      loc);
}

Tensor clamp(Operand low, Operand x, Operand high) {
  Loc loc = x.loc;
  Tensor value = together("clamp", x, low).first;
  auto [middle, highest] = together("clamp", Operand(value, loc), high);
  Tensor lowest = together("clamp", low, Operand(middle, loc)).first;
  Trace &trace = Trace::current(loc);
  Value v = trace.value(middle, loc);
  return result(trace,
                ir::ClampOp::create(trace.builder, trace.location(loc), v.getType(),
                                    trace.value(lowest, loc), v, trace.value(highest, loc)),
                loc);
}

Tensor convert(Tensor x, DType type, Loc loc) {
  return x.dtype(loc) == type ? x
                              : emitTyped<ir::ConvertOp>(loc, {type, x.shape(loc)},
                                                         Trace::current(loc).value(x, loc));
}

Tensor full(Type type, double value, Loc loc) {
  Trace &trace = Trace::current(loc);
  ir::Emitter emit(trace.builder, trace.location(loc));
  return trace.tensor(emit.constant(value, toMlir(trace.builder.getContext(), type)));
}
Tensor zeros(Type type, Loc loc) { return full(type, 0, loc); }
Tensor ones(Type type, Loc loc) { return full(type, 1, loc); }
Tensor iota(Type type, int64_t dim, Loc loc) {
  dim = axisOf(dim, (int64_t)type.shape.size(), "iota", loc);
  return emitTyped<ir::IotaOp>(loc, type, dim);
}

Tensor constant(Type type, std::vector<double> values, Loc loc) {
  if ((int64_t)values.size() != type.elements())
    throw Error("shape-mismatch",
                "constant of " + type.str() + " expects " + std::to_string(type.elements()) +
                    " values, but got " + std::to_string(values.size()),
                loc, {}, "give one value an element, in row-major order");
  Trace &trace = Trace::current(loc);
  RankedTensorType ranked = toMlir(trace.builder.getContext(), type);
  SmallVector<Attribute> elements;
  for (double value : values)
    elements.push_back(
        isFloat(type.dtype)
            ? (Attribute)trace.builder.getFloatAttr(ranked.getElementType(), value)
            : (Attribute)trace.builder.getIntegerAttr(ranked.getElementType(), (int64_t)value));
  return trace.tensor(ir::ConstantOp::create(trace.builder, trace.location(loc),
                                             DenseElementsAttr::get(ranked, elements)));
}

// Types.

const char *name(DType type) {
  static const char *names[] = {"f64", "f32", "bf16", "f16", "i64", "i32", "i16", "i8", "u8", "i1"};
  return names[(int)type];
}
int64_t bytesOf(DType type) {
  static const int64_t bytes[] = {8, 4, 2, 2, 8, 4, 2, 1, 1, 1};
  return bytes[(int)type];
}
bool isFloat(DType type) { return type <= DType::f16; }
int64_t Type::elements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}
std::string Type::str() const {
  std::string text = std::string(name(dtype)) + "[";
  for (size_t d = 0; d < shape.size(); ++d)
    text += (d ? ", " : "") + std::to_string(shape[d]);
  return text + "]";
}
Type Tensor::type(Loc loc) const {
  if (!value)
    throw Error("empty-tensor", "a tensor that was never given a value", loc, {},
                "assign the result of an operation to it first");
  if (!Trace::isLive(trace))
    throw Error(
        "escaped-tensor", "a tensor of another program", loc, {},
        "return tensors from the traced function in place of keeping them in outer variables");
  return fromMlir(Value::getFromOpaquePointer(value).getType());
}
int64_t Tensor::dim(int64_t axis, Loc loc) const {
  Shape sizes = shape(loc);
  return sizes[axisOf(axis, (int64_t)sizes.size(), "dim", loc)];
}

} // namespace fluxion
