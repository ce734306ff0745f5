// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every op on every element type it takes, compiled for every target this machine runs, against the
// reference evaluator.
#include "tests/codegen/Harness.h"

#include "frontend/dsl/Trace.h"
#include "ir/Dialect.h"

#include <gtest/gtest.h>

#include <set>

using namespace fluxion_testing;

namespace {

using Names = std::vector<std::string>;

const Names floats = {"f64", "f32", "bf16", "f16"};
const Names integers = {"i64", "i32", "i16", "i8", "ui8"};
const Names predicate = {"i1"};

Names operator+(Names left, const Names &right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// An op, its operands' and result's types. In types and attributes @ stands for the element type,
// in Pointwise cases # for the shape.
struct OpCase {
  std::string op;
  Names dtypes;
  Names operands;
  std::string result;
  std::string attributes = "";
  Inputs inputs = {-3, 3, -100, 100};
};

std::string filled(std::string text, const std::string &dtype, const std::string &shape) {
  for (auto [sign, value] : {std::pair{"@", &dtype}, {"#", &shape}})
    for (size_t at; (at = text.find(sign)) != std::string::npos;)
      text.replace(at, 1, *value);
  return text;
}

// One function with an application of the op for each element type and shape.
std::string programOf(const OpCase &c, const Names &shapes) {
  std::string arguments, body, results, types;
  int count = 0;
  auto listed = [](std::string &list, const std::string &item) {
    list += (list.empty() ? "" : ", ") + item;
  };
  for (const std::string &dtype : c.dtypes)
    for (const std::string &shape : shapes) {
      std::string operands, operandTypes, id = std::to_string(count++);
      for (size_t i = 0; i < c.operands.size(); ++i) {
        std::string name = "%x" + id + "_" + std::to_string(i),
                    type = "tensor<" + filled(c.operands[i], dtype, shape) + ">";
        listed(arguments, name + ": " + type);
        listed(operands, name);
        listed(operandTypes, type);
      }
      std::string type = "tensor<" + filled(c.result, dtype, shape) + ">";
      body += "  %y" + id + " = \"fluxion." + c.op + "\"(" + operands + ")" +
              (c.attributes.empty() ? "" : " <{" + c.attributes + "}>") + " : (" + operandTypes +
              ") -> " + type + "\n";
      listed(results, "%y" + id);
      listed(types, type);
    }
  return "func.func @main(" + arguments + ") -> (" + types + ") attributes {fluxion.entry} {\n" +
         body + "  return " + results + " : " + types + "\n}\n";
}

// Of a correctly rounded result, and of sums of a few dozen: the evaluator computes in f64.
double toleranceOf(mlir::Type type) {
  mlir::Type element = mlir::cast<mlir::RankedTensorType>(type).getElementType();
  return element.isF64()    ? 1e-13
         : element.isF32()  ? 3e-6
         : element.isF16()  ? 2e-3
         : element.isBF16() ? 1.6e-2
                            : 0;
}

void expectEqual(const OpCase &c, const Names &shapes) {
  Case program(programOf(c, shapes));
  SCOPED_TRACE(c.op);
  expectReference(program, program.inputsOf("main", c.inputs), toleranceOf);
}

OpCase unary(std::string op, Names dtypes, Inputs inputs = {-3, 3, -100, 100}) {
  return {op, dtypes, {"#@"}, "#@", "", inputs};
}
OpCase binary(std::string op, Names dtypes, Inputs inputs = {-3, 3, -100, 100}) {
  return {op, dtypes, {"#@", "#@"}, "#@", "", inputs};
}
OpCase compare(const char *direction) {
  return {"compare",
          floats + integers + predicate,
          {"#@", "#@"},
          "#i1",
          "direction = #fluxion<direction " + std::string(direction) + ">",
          {-3, 3, -3, 3}};
}
OpCase convert(std::string from) {
  return {"convert", floats + integers + predicate, {"#" + from}, "#@", "", {-300, 300, -300, 300}};
}
OpCase bitcast(std::string from, Names to) { return {"bitcast_convert", to, {"#" + from}, "#@"}; }

const Inputs positive{0.1, 30, 1, 100}, near{-0.9, 3, 0, 9};

std::vector<OpCase> pointwiseCases() {
  Names numbers = floats + integers, bits = integers + predicate, all = numbers + predicate;
  std::vector<OpCase> cases = {unary("exp", floats),
                               unary("expm1", floats),
                               unary("log", floats, positive),
                               unary("log1p", floats, near),
                               unary("sqrt", floats, positive),
                               unary("rsqrt", floats, positive),
                               unary("tanh", floats),
                               unary("sin", floats),
                               unary("cos", floats),
                               unary("erf", floats),
                               unary("floor", floats),
                               unary("ceil", floats),
                               unary("round", floats),
                               {"is_finite", floats, {"#@"}, "#i1"},
                               unary("neg", numbers),
                               unary("abs", numbers),
                               unary("sign", numbers),
                               unary("not", bits),
                               unary("stop_gradient", all),
                               unary("relu", floats),
                               unary("sigmoid", floats),
                               unary("silu", floats),
                               unary("gelu", floats),
                               binary("add", numbers),
                               binary("sub", numbers),
                               binary("mul", numbers),
                               binary("div", numbers),
                               binary("remainder", numbers, {1, 9, -9, 9}),
                               binary("pow", floats, {0.2, 3}),
                               binary("max", numbers),
                               binary("min", numbers),
                               binary("atan2", floats),
                               binary("and", bits),
                               binary("or", bits),
                               binary("xor", bits),
                               binary("shift_left", integers, {0, 1, 0, 70}),
                               binary("shift_right_logical", integers, {0, 1, 0, 70}),
                               binary("shift_right_arithmetic", integers, {0, 1, 0, 70}),
                               {"select", all, {"#i1", "#@", "#@"}, "#@"},
                               {"clamp", numbers, {"#@", "#@", "#@"}, "#@"},
                               {"accumulate", numbers, {"#@", "#@", "#@"}, "#@"}};
  for (const char *direction : {"eq", "ne", "lt", "le", "gt", "ge"})
    cases.push_back(compare(direction));
  for (const std::string &from : all)
    cases.push_back(convert(from));
  for (auto [from, to] : std::vector<std::pair<std::string, Names>>{{"f64", {"i64"}},
                                                                    {"i64", {"f64"}},
                                                                    {"f32", {"i32"}},
                                                                    {"i32", {"f32"}},
                                                                    {"bf16", {"f16", "i16"}},
                                                                    {"i16", {"bf16", "f16"}},
                                                                    {"i8", {"ui8"}},
                                                                    {"ui8", {"i8"}}})
    cases.push_back(bitcast(from, to));
  return cases;
}

TEST(Dtypes, PointwiseOps) {
  for (const OpCase &c : pointwiseCases())
    expectEqual(c, {"", "3x37x"});
}

TEST(Dtypes, NoPointwiseOpIsLeftOut) {
  std::set<std::string> covered;
  for (const OpCase &c : pointwiseCases())
    covered.insert("fluxion." + c.op);
  auto context = fluxion::dsl::makeContext();
  for (mlir::RegisteredOperationName op : context->getRegisteredOperations())
    if (op.hasTrait<fluxion::ir::Pointwise>())
      EXPECT_TRUE(covered.count(op.getStringRef().str())) << op.getStringRef().str();
}

TEST(Dtypes, Reductions) {
  Names numbers = floats + integers;
  auto reduce = [](std::string kind, Names dtypes, Inputs inputs) {
    return OpCase{"reduce",
                  dtypes,
                  {"5x23x@"},
                  "5x@",
                  "kind = #fluxion<reduce " + kind + ">, dims = array<i64: 1>",
                  inputs};
  };
  for (auto &[kind, dtypes, inputs] :
       std::vector<std::tuple<std::string, Names, Inputs>>{{"sum", numbers, {-1, 1, -100, 100}},
                                                           {"prod", numbers, {0.8, 1.2, 1, 3}},
                                                           {"max", numbers, {-3, 3, -100, 100}},
                                                           {"min", numbers, {-3, 3, -100, 100}},
                                                           {"and", predicate, {}},
                                                           {"or", predicate, {}}})
    expectEqual(reduce(kind, dtypes, inputs), {""});
  for (const char *op : {"argmax", "argmin"})
    expectEqual({op, numbers, {"5x23x@"}, "5xi32", "dim = 1 : i64", {-3, 3, -9, 9}}, {""});
  std::string window =
      "window = array<i64: 1, 3>, strides = array<i64: 1, 2>, padding = array<i64: "
      "0, 0, 1, 0>, dilation = array<i64: 1, 1>";
  for (const char *kind : {"sum", "max", "min"})
    expectEqual({"reduce_window",
                 numbers,
                 {"5x22x@"},
                 "5x11x@",
                 "kind = #fluxion<reduce " + std::string(kind) + ">, " + window},
                {""});
}

TEST(Dtypes, ShapeOps) {
  Names all = floats + integers + predicate;
  for (const OpCase &c : std::vector<OpCase>{
           {"reshape", all, {"6x10x@"}, "4x15x@"},
           {"transpose", all, {"3x17x5x@"}, "5x3x17x@", "permutation = array<i64: 2, 0, 1>"},
           {"broadcast_in_dim", all, {"17x@"}, "3x17x5x@", "dims = array<i64: 1>"},
           {"slice",
            all,
            {"9x20x@"},
            "4x9x@",
            "start = array<i64: 1, 2>, limit = array<i64: 9, 20>, stride = array<i64: 2, 2>"},
           {"pad",
            all,
            {"3x7x@", "@"},
            "5x15x@",
            "low = array<i64: 1, 0>, high = array<i64: 1, 2>, interior = array<i64: 0, 1>"},
           {"concatenate", all, {"3x7x@", "3x11x@"}, "3x18x@", "dim = 1 : i64"},
           {"reverse", all, {"3x19x@"}, "3x19x@", "dims = array<i64: 1>"},
           {"iota", floats + integers, {}, "3x19x@", "dim = 1 : i64"},
           {"gather", all, {"12x5x@", "7xi32"}, "7x5x@", "axis = 0 : i64", {-3, 3, 0, 9}},
           {"scatter",
            floats + integers,
            {"12x5x@", "7xi32", "7x5x@"},
            "12x5x@",
            "axis = 0 : i64",
            {-3, 3, 0, 9}}})
    expectEqual(c, {""});
}

TEST(Dtypes, Contractions) {
  Names numbers = floats + integers;
  expectEqual(
      {"dot_general",
       numbers,
       {"9x20x@", "20x33x@"},
       "9x33x@",
       "lhs_batching = array<i64>, rhs_batching = array<i64>, lhs_contracting = array<i64: 1>, "
       "rhs_contracting = array<i64: 0>",
       {-1, 1, -9, 9}},
      {""});
  expectEqual(
      {"convolution",
       floats,
       {"2x3x7x8x@", "5x3x3x3x@"},
       "2x5x7x8x@",
       "window_strides = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, lhs_dilation = "
       "array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 0, 1, 2, "
       "3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>",
       {-1, 1}},
      {""});
}

} // namespace
