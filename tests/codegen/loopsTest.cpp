// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Vector loops on numbers and shapes that ordinary programs avoid: element rules at their edges,
// sizes that fill no register, fused kernels of several shapes, and equal bits however the tasks
// are split.
#include "tests/codegen/Harness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace fluxion_testing;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity(),
                 nan = std::numeric_limits<double>::quiet_NaN();

std::string entry(const std::string &signature, const std::string &body) {
  return "func.func @main" + signature + " attributes {fluxion.entry} {\n" + body + "\n}";
}

// Every pair of the given numbers through a binary op.
template <typename Number>
void expectPairs(const std::string &op, const std::string &element,
                 const std::vector<Number> &numbers, bool exact = true) {
  int64_t count = numbers.size() * numbers.size();
  std::string t = "tensor<" + std::to_string(count) + "x" + element + ">";
  Case program(entry("(%x: " + t + ", %y: " + t + ") -> " + t,
                     "%z = fluxion." + op + " %x, %y : " + t + "\nreturn %z : " + t));
  std::vector<Tensor> inputs = program.inputsOf("main", {});
  int64_t at = 0;
  for (Number x : numbers)
    for (Number y : numbers) {
      for (auto [tensor, value] : {std::pair(&inputs[0], x), std::pair(&inputs[1], y)}) {
        if (tensor->isFloat())
          tensor->floats[at] = (double)value;
        else
          tensor->setInteger(at, (int64_t)value);
      }
      ++at;
    }
  for (Tensor &input : inputs)
    input = rounded(input);
  SCOPED_TRACE(op + " on " + element);
  expectReference(program, inputs, exact ? 0 : 1e-6);
}

TEST(ElementRules, IntegersAtTheirEdges) {
  const std::map<std::string, std::vector<int64_t>> edges = {
      {"i8", {-128, -127, -8, -1, 0, 1, 7, 8, 100, 127}},
      {"i16", {-32768, -16, -1, 0, 1, 15, 16, 32767}},
      {"i32", {INT32_MIN, INT32_MIN + 1, -32, -1, 0, 1, 31, 32, 33, INT32_MAX}},
      {"i64", {INT64_MIN, -64, -1, 0, 1, 3, 63, 64, INT64_MAX}},
      {"ui8", {0, 1, 7, 8, 127, 128, 255}}};
  for (auto &[element, numbers] : edges)
    for (const char *op : {"add", "sub", "mul", "div", "remainder", "max", "min"})
      expectPairs(op, element, numbers);
  for (const char *element : {"i8", "i32", "i64"})
    for (const char *op :
         {"shift_left", "shift_right_logical", "shift_right_arithmetic", "and", "or", "xor"})
      expectPairs(op, element, edges.at(element));
}

TEST(ElementRules, FloatsAtTheirEdges) {
  const std::vector<double> numbers = {0.0,   -0.0, 1,     -1,       0.5,       3,  -7.25,
                                       1e-40, 3e38, -3e38, infinity, -infinity, nan};
  for (const char *element : {"f32", "f64"})
    for (const char *op : {"add", "sub", "mul", "div", "max", "min"})
      expectPairs(op, element, numbers);
  for (const char *direction : {"eq", "ne", "lt", "le", "gt", "ge"}) {
    Case program(entry(
        "(%x: tensor<13xf32>, %y: tensor<13xf32>) -> tensor<13x13xi1>",
        std::string(
            "%a = fluxion.broadcast_in_dim %x dims [0] : (tensor<13xf32>) -> tensor<13x13xf32>\n"
            "%b = fluxion.broadcast_in_dim %y dims [1] : (tensor<13xf32>) -> tensor<13x13xf32>\n"
            "%c = fluxion.compare ") +
            direction + " %a, %b : tensor<13x13xf32>\nreturn %c : tensor<13x13xi1>"));
    std::vector<Tensor> inputs = program.inputsOf("main", {});
    inputs[0].floats = inputs[1].floats = numbers;
    inputs[0] = rounded(inputs[0]), inputs[1] = rounded(inputs[1]);
    expectReference(program, inputs, 0);
  }
}

TEST(ElementRules, ConversionsSaturateAndRound) {
  const std::vector<double> numbers = {
      0.0,      -0.0,      0.4, -0.6,       1.5,        2.5,   -2.5, 127.9, 128.5,
      -129,     255.5,     256, 65504,      65520,      70000, 1e10, -1e10, 3e38,
      infinity, -infinity, nan, 1.00390625, 1.01171875, 6e-8,  1e-40};
  std::string from = "tensor<" + std::to_string(numbers.size()) + "xf32>", signature, body,
              returned, types;
  int count = 0;
  for (const char *to : {"f64", "bf16", "f16", "i64", "i32", "i16", "i8", "ui8", "i1"}) {
    std::string type = "tensor<" + std::to_string(numbers.size()) + "x" + to + ">",
                name = "%r" + std::to_string(count++);
    body += name + " = fluxion.convert %x : (" + from + ") -> " + type + "\n";
    returned += (returned.empty() ? "" : ", ") + name;
    types += (types.empty() ? "" : ", ") + type;
  }
  Case program(
      entry("(%x: " + from + ") -> (" + types + ")", body + "return " + returned + " : " + types));
  std::vector<Tensor> inputs = program.inputsOf("main", {});
  inputs[0].floats = numbers;
  inputs[0] = rounded(inputs[0]);
  expectReference(program, inputs, 0);
}

TEST(Reductions, NanAndTies) {
  Case program(entry("(%x: tensor<6x19xf32>) -> (tensor<6xf32>, tensor<6xf32>, tensor<6xi32>, "
                     "tensor<6xi32>, tensor<19xi32>)",
                     "%a = fluxion.reduce max %x dims [1] : (tensor<6x19xf32>) -> tensor<6xf32>\n"
                     "%b = fluxion.reduce min %x dims [1] : (tensor<6x19xf32>) -> tensor<6xf32>\n"
                     "%c = fluxion.argmax %x dim 1 : (tensor<6x19xf32>) -> tensor<6xi32>\n"
                     "%d = fluxion.argmin %x dim 1 : (tensor<6x19xf32>) -> tensor<6xi32>\n"
                     "%e = fluxion.argmax %x dim 0 : (tensor<6x19xf32>) -> tensor<19xi32>\n"
                     "return %a, %b, %c, %d, %e : tensor<6xf32>, tensor<6xf32>, tensor<6xi32>, "
                     "tensor<6xi32>, tensor<19xi32>"));
  std::vector<Tensor> inputs = program.inputsOf("main", {});
  std::vector<double> &x = inputs[0].floats;
  for (int i = 0; i < 19; ++i) {
    x[i] = 1;              // all equal
    x[19 + i] = -infinity; // nothing above the identity
    x[2 * 19 + i] = infinity;
  }
  x[3 * 19 + 17] = nan;
  x[4 * 19 + 3] = nan, x[4 * 19 + 18] = nan;
  expectReference(program, inputs, 0);
}

// A sum of one term has no extent for lanes to run along.
TEST(Reductions, OfNothingButOneProduct) {
  Case program(
      entry("(%x: tensor<f64>, %y: tensor<f64>) -> tensor<f64>",
            "%p = fluxion.dot_general %x, %y contracting [] x [] : (tensor<f64>, tensor<f64>) -> "
            "tensor<f64>\n%z = fluxion.sub %p, %y : tensor<f64>\nreturn %z : tensor<f64>"));
  std::vector<Tensor> inputs = program.inputsOf("main", {});
  for (const std::vector<std::string> &skip : {std::vector<std::string>{}, {"simplify"}}) {
    driver::Request request;
    request.options.skip = skip;
    program.compile(request);
    EXPECT_EQ(
        difference(program.reference("main", inputs), program.compiled("main", inputs), 1e-15), "");
  }
}

// Each value of the chain is used twice by the next: walks over it visit a value once.
TEST(Reductions, OfALongChainCompileAtOnce) {
  std::string t = "tensor<16x40xf64>", r = "tensor<16xf64>",
              body =
                  "%half = fluxion.constant dense<0.5> : " + t + "\n%y0 = fluxion.tanh %x : " + t;
  int length = 60;
  for (int i = 0; i < length; ++i) {
    std::string y = "%y" + std::to_string(i), s = "%s" + std::to_string(i);
    body += "\n" + s + " = fluxion.mul " + y + ", " + y + " : " + t + "\n%y" +
            std::to_string(i + 1) + " = fluxion.sub " + s + ", %half : " + t;
  }
  std::string last = "%y" + std::to_string(length);
  body += "\n%a = fluxion.reduce sum " + last + " dims [1] : (" + t + ") -> " + r +
          "\n%b = fluxion.broadcast_in_dim %a dims [0] : (" + r + ") -> " + t +
          "\n%c = fluxion.mul %b, " + last + " : " + t +
          "\n%d = fluxion.reduce max %c dims [1] : (" + t + ") -> " + r +
          "\n%e = fluxion.reduce sum " + last + " dims [0] : (" + t +
          ") -> tensor<40xf64>\nreturn %d, %c, %e : " + r + ", " + t + ", tensor<40xf64>";
  Case program(entry("(%x: " + t + ") -> (" + r + ", " + t + ", tensor<40xf64>)", body));
  expectReference(program, program.inputsOf("main", {}), 1e-12);
}

// Softmax along the rows; over the rows its sum, the largest x and, where `alone`, nothing else.
std::string rowsAndColumns(const std::string &rows, const std::string &row,
                           const std::string &element, int rowRank, int rank, bool alone) {
  auto tensor = [&](const std::string &shape) { return "tensor<" + shape + element + ">"; };
  auto dims = [](int from, int to) {
    std::string list;
    for (int d = from; d < to; ++d)
      list += (d > from ? ", " : "") + std::to_string(d);
    return "[" + list + "]";
  };
  std::string t = tensor(rows + row), r = tensor(rows), c = tensor(row);
  auto reduce = [&](const char *result, const char *kind, const char *x, bool over) {
    return std::string(result) + " = fluxion.reduce " + kind + " " + x + " dims " +
           (over ? dims(0, rowRank) : dims(rowRank, rank)) + " : (" + t + ") -> " + (over ? c : r) +
           "\n";
  };
  auto repeated = [&](const char *result, const char *x) {
    return std::string(result) + " = fluxion.broadcast_in_dim " + x + " dims " + dims(0, rowRank) +
           " : (" + r + ") -> " + t + "\n";
  };
  return entry("(%x: " + t + ") -> (" + (alone ? "" : t + ", " + r + ", ") + c + ", " + c + ")",
               reduce("%m", "max", "%x", false) + repeated("%mb", "%m") +
                   "%d = fluxion.sub %x, %mb : " + t + "\n%e = fluxion.exp %d : " + t + "\n" +
                   reduce("%s", "sum", "%e", false) + repeated("%sb", "%s") +
                   "%p = fluxion.div %e, %sb : " + t + "\n" + reduce("%ps", "sum", "%p", true) +
                   reduce("%xm", "max", "%x", true) + "return " + (alone ? "" : "%p, %s, ") +
                   "%ps, %xm : " + (alone ? "" : t + ", " + r + ", ") + c + ", " + c);
}

TEST(Rows, AreReducedOverToo) {
  struct {
    const char *rows, *row, *element;
    int rowRank, rank;
    bool alone;
    double tolerance = 1e-5;
  } cases[] = {{"300x", "256x", "f32", 1, 2, false},    {"301x", "130x", "f32", 1, 2, false},
               {"37x", "37x", "f64", 1, 2, false},      {"6x50x", "9x40x", "f32", 2, 4, false},
               {"1x64x", "700x", "f32", 2, 3, true},    {"5000x", "3x", "f32", 1, 2, true},
               {"64x", "33x", "bf16", 1, 2, false, 0.3}};
  for (const auto &c : cases) {
    SCOPED_TRACE(std::string(c.rows) + c.row + c.element);
    Case program(rowsAndColumns(c.rows, c.row, c.element, c.rowRank, c.rank, c.alone));
    expectReference(program, program.inputsOf("main", {}),
                    c.element == std::string("f64") ? 1e-13 : c.tolerance);
    program.compile({});
    EXPECT_EQ(program.info().kernels, 1) << "the rows are read again";
  }
}

struct ShapeCase {
  const char *name, *signature, *body;
  double tolerance = 2e-6;
  Inputs inputs = {};
};
void PrintTo(const ShapeCase &c, std::ostream *out) { *out << c.name; }

class Shapes : public ::testing::TestWithParam<ShapeCase> {};
TEST_P(Shapes, EqualTheReference) {
  Case program(entry(GetParam().signature, GetParam().body));
  expectReference(program, program.inputsOf("main", GetParam().inputs), GetParam().tolerance);
}

#define CONV(padding, extra)                                                                       \
  "{window_strides = array<i64: 1, 1>, padding = array<i64: " padding                              \
  ">, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, "                          \
  "input_dims = array<i64: 0, 3, 1, 2>, kernel_dims = array<i64: 3, 2, 0, 1>, output_dims = "      \
  "array<i64: 0, 3, 1, 2>" extra "}"

INSTANTIATE_TEST_SUITE_P(
    Loops, Shapes,
    ::testing::Values(
        ShapeCase{
            "table_in_a_loop", "(%x: tensor<33x7xf32>) -> tensor<33x7xf32>",
            "%c = fluxion.constant dense<[1.0, -2.0, 3.0, 0.5, 7.0, 11.0, 13.0]> : tensor<7xf32>\n"
            "%b = fluxion.broadcast_in_dim %c dims [1] : (tensor<7xf32>) -> tensor<33x7xf32>\n%y = "
            "fluxion.mul %x, %b : tensor<33x7xf32>\nreturn %y : tensor<33x7xf32>"},
        ShapeCase{"huge_angles_in_a_loop",
                  "(%x: tensor<5x33xf32>) -> (tensor<5x33xf32>, tensor<5x33xf32>)",
                  "%y = fluxion.sin %x : tensor<5x33xf32>\n%z = fluxion.cos %x : "
                  "tensor<5x33xf32>\nreturn %y, %z : tensor<5x33xf32>, tensor<5x33xf32>",
                  3e-7,
                  {-1e30, 1e30}},
        ShapeCase{
            "mixed_types",
            "(%x: tensor<3x19xbf16>, %y: tensor<3x19xi8>, %p: tensor<3x19xi1>) -> "
            "(tensor<3x19xf64>, tensor<3x19xi1>)",
            "%a = fluxion.convert %x : (tensor<3x19xbf16>) -> tensor<3x19xf64>\n%b = "
            "fluxion.convert %y : (tensor<3x19xi8>) -> tensor<3x19xf64>\n"
            "%s = fluxion.select %p, %a, %b : tensor<3x19xi1>, tensor<3x19xf64>\n%n = fluxion.not "
            "%p : tensor<3x19xi1>\nreturn %s, %n : tensor<3x19xf64>, tensor<3x19xi1>",
            0,
            {-2, 2, 0, 1}},
        ShapeCase{
            "update_of_several_shapes",
            "(%a: tensor<7xf32>, %b: tensor<33x5xf32>, %c: tensor<20000xf32>, %ga: tensor<7xf32>, "
            "%gb: tensor<33x5xf32>, %gc: tensor<20000xf32>, %r: tensor<f32>) -> "
            "(tensor<7xf32>, tensor<33x5xf32>, tensor<20000xf32>)",
            "%ra = fluxion.broadcast_in_dim %r dims [] : (tensor<f32>) -> tensor<7xf32>\n%rb = "
            "fluxion.broadcast_in_dim %r dims [] : (tensor<f32>) -> tensor<33x5xf32>\n"
            "%rc = fluxion.broadcast_in_dim %r dims [] : (tensor<f32>) -> tensor<20000xf32>\n%sa = "
            "fluxion.mul %ga, %ra : tensor<7xf32>\n"
            "%sb = fluxion.mul %gb, %rb : tensor<33x5xf32>\n%sc = fluxion.mul %gc, %rc : "
            "tensor<20000xf32>\n%na = fluxion.sub %a, %sa : tensor<7xf32>\n"
            "%nb = fluxion.sub %b, %sb : tensor<33x5xf32>\n%nc = fluxion.sub %c, %sc : "
            "tensor<20000xf32>\n"
            "return %na, %nb, %nc : tensor<7xf32>, tensor<33x5xf32>, tensor<20000xf32>"},
        ShapeCase{"long_rows", "(%x: tensor<3x70000xf32>) -> (tensor<3x70000xf32>, tensor<3xf32>)",
                  "%y = fluxion.softmax %x dim 1 : tensor<3x70000xf32>\n%s = fluxion.reduce sum %x "
                  "dims [1] : (tensor<3x70000xf32>) -> tensor<3xf32>\n"
                  "return %y, %s : tensor<3x70000xf32>, tensor<3xf32>",
                  2e-4},
        ShapeCase{"statistics_channels_last",
                  "(%x: tensor<4x9x9x19xf32>, %s: tensor<19xf32>, %o: tensor<19xf32>) -> "
                  "(tensor<4x9x9x19xf32>, tensor<19xf32>, tensor<19xf32>)",
                  "%y, %m, %v = fluxion.batch_norm %x, %s, %o {feature_dim = 3 : i64, epsilon = "
                  "1.0e-5 : f64} : (tensor<4x9x9x19xf32>, tensor<19xf32>, tensor<19xf32>) -> "
                  "(tensor<4x9x9x19xf32>, tensor<19xf32>, tensor<19xf32>)\nreturn %y, %m, %v : "
                  "tensor<4x9x9x19xf32>, tensor<19xf32>, tensor<19xf32>",
                  1e-5},
        ShapeCase{
            "few_features_one_channel",
            "(%x: tensor<3x28x28x1xf32>, %w: tensor<5x5x1x6xf32>, %b: tensor<6xf32>) -> "
            "tensor<3x28x28x6xf32>",
            "%y = fluxion.convolution %x, %w " CONV(
                "2, 2, 2, 2",
                "") " : (tensor<3x28x28x1xf32>, tensor<5x5x1x6xf32>) -> tensor<3x28x28x6xf32>\n"
                    "%c = fluxion.broadcast_in_dim %b dims [3] : (tensor<6xf32>) -> "
                    "tensor<3x28x28x6xf32>\n%z = fluxion.add %y, %c : tensor<3x28x28x6xf32>\n"
                    "%r = fluxion.relu %z : tensor<3x28x28x6xf32>\nreturn %r : "
                    "tensor<3x28x28x6xf32>",
            1e-5},
        ShapeCase{"few_features_reversed",
                  "(%x: tensor<3x10x10x16xf32>, %w: tensor<5x5x16x6xf32>) -> tensor<3x14x14x6xf32>",
                  "%y = fluxion.convolution %x, %w " CONV(
                      "4, 4, 4, 4",
                      ", window_reversal") " : (tensor<3x10x10x16xf32>, tensor<5x5x16x6xf32>) -> "
                                           "tensor<3x14x14x6xf32>\n"
                                           "return %y : tensor<3x14x14x6xf32>",
                  2e-5},
        ShapeCase{"few_features_unpadded_wide",
                  "(%x: tensor<1x6x50x3xf32>, %w: tensor<3x3x3x2xf32>) -> tensor<1x4x48x2xf32>",
                  "%y = fluxion.convolution %x, %w " CONV(
                      "0, 0, 0, 0",
                      "") " : (tensor<1x6x50x3xf32>, tensor<3x3x3x2xf32>) -> tensor<1x4x48x2xf32>\n"
                          "return %y : tensor<1x4x48x2xf32>",
                  1e-5},
        ShapeCase{"few_features_f64",
                  "(%x: tensor<2x7x11x4xf64>, %w: tensor<3x3x4x3xf64>) -> tensor<2x7x11x3xf64>",
                  "%y = fluxion.convolution %x, %w " CONV(
                      "1, 1, 1, 1",
                      "") " : (tensor<2x7x11x4xf64>, tensor<3x3x4x3xf64>) -> tensor<2x7x11x3xf64>\n"
                          "return %y : tensor<2x7x11x3xf64>",
                  1e-13}),
    [](const auto &info) { return std::string(info.param.name); });

} // namespace
