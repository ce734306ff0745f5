// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every op, compiled for every target this machine runs, against the reference evaluator.
#include "tests/codegen/Harness.h"

#include <gtest/gtest.h>

using namespace fluxion_testing;

namespace {

struct OpCase {
  const char *name;
  const char *body; // of @main, with its signature
  double tolerance = 2e-6;
  Inputs inputs = {};
};

void PrintTo(const OpCase &c, std::ostream *out) { *out << c.name; }

class Ops : public ::testing::TestWithParam<OpCase> {};

TEST_P(Ops, EqualsReferenceOnEveryTarget) {
  const OpCase &c = GetParam();
  Case program(std::string("func.func @main") + c.body);
  expectReference(program, program.inputsOf("main", c.inputs), c.tolerance);
}

#define UNARY(op, type, ...)                                                                       \
  OpCase {                                                                                         \
    #op,                                                                                           \
        "(%x: " type ") -> " type " attributes {fluxion.entry} { %y = fluxion." #op " %x : " type  \
        " return %y : " type " }",                                                                 \
        __VA_ARGS__                                                                                \
  }
#define BINARY(op, type, ...)                                                                      \
  OpCase {                                                                                         \
    #op,                                                                                           \
        "(%x: " type ", %y: " type ") -> " type " attributes {fluxion.entry} { %z = fluxion." #op  \
        " %x, %y : " type " return %z : " type " }",                                               \
        __VA_ARGS__                                                                                \
  }
#define MAIN " attributes {fluxion.entry} "

const Inputs positive{0.1, 30}, wide{-80, 80};

INSTANTIATE_TEST_SUITE_P(
    Pointwise, Ops,
    ::testing::Values(
        UNARY(exp, "tensor<3x37xf32>", 3e-7, wide), UNARY(expm1, "tensor<37xf32>"),
        UNARY(log, "tensor<3x37xf32>", 3e-7, positive),
        UNARY(log1p, "tensor<37xf32>", 3e-7, positive),
        UNARY(sqrt, "tensor<37xf32>", 3e-7, positive),
        UNARY(rsqrt, "tensor<37xf32>", 3e-7, positive), UNARY(tanh, "tensor<5x7xf32>", 3e-7),
        UNARY(sin, "tensor<37xf32>", 3e-7, wide), UNARY(cos, "tensor<37xf32>", 3e-7, wide),
        UNARY(erf, "tensor<37xf32>", 3e-7), UNARY(floor, "tensor<37xf32>"),
        UNARY(ceil, "tensor<37xf32>"), UNARY(round, "tensor<37xf32>"), UNARY(neg, "tensor<37xi32>"),
        UNARY(abs, "tensor<37xf64>"), UNARY(sign, "tensor<37xf32>"), UNARY(not, "tensor<37xi8>"),
        UNARY(exp, "tensor<37xf64>", 1e-15, wide), UNARY(tanh, "tensor<37xf64>", 1e-15),
        UNARY(log, "tensor<37xf64>", 1e-15, positive), UNARY(erf, "tensor<37xf64>", 2e-15),
        UNARY(tanh, "tensor<37xbf16>", 4e-3), UNARY(relu, "tensor<2x3x5xf32>"),
        UNARY(sigmoid, "tensor<37xf32>", 3e-7, wide), UNARY(silu, "tensor<37xf32>"),
        UNARY(gelu, "tensor<37xf32>"), BINARY(add, "tensor<4x9xf32>"),
        BINARY(sub, "tensor<37xi64>"), BINARY(mul, "tensor<37xf16>", 2e-3),
        BINARY(div, "tensor<37xi32>"), BINARY(remainder, "tensor<37xi32>"),
        BINARY(remainder, "tensor<37xf32>", 1e-6, wide), BINARY(max, "tensor<37xf32>"),
        BINARY(min, "tensor<37xi16>"), BINARY(atan2, "tensor<37xf32>"),
        BINARY(and, "tensor<37xi32>"), BINARY(or, "tensor<37xi8>"), BINARY(xor, "tensor<37xi64>"),
        BINARY(shift_left, "tensor<37xi32>"), BINARY(shift_right_logical, "tensor<37xi32>"),
        BINARY(shift_right_arithmetic, "tensor<37xi8>"),
        OpCase{"pow",
               "(%x: tensor<37xf32>, %y: tensor<37xf32>) -> tensor<37xf32>" MAIN
               "{ %z = fluxion.pow %x, %y : tensor<37xf32> return %z : tensor<37xf32> }",
               1e-6,
               {0.1, 4}},
        OpCase{"compare_select",
               "(%x: tensor<37xf32>, %y: tensor<37xf32>) -> (tensor<37xi1>, tensor<37xf32>)" MAIN
               "{ %p = fluxion.compare lt %x, %y : tensor<37xf32> %z = fluxion.select %p, %x, %y : "
               "tensor<37xi1>, tensor<37xf32> return %p, %z : tensor<37xi1>, tensor<37xf32> }"},
        OpCase{"convert",
               "(%x: tensor<37xf32>) -> (tensor<37xi32>, tensor<37xf64>, tensor<37xi1>)" MAIN
               "{ %a = fluxion.convert %x : (tensor<37xf32>) -> tensor<37xi32> %b = "
               "fluxion.convert %x : (tensor<37xf32>) -> tensor<37xf64> %c = fluxion.convert %a : "
               "(tensor<37xi32>) -> tensor<37xi1> "
               "return %a, %b, %c : tensor<37xi32>, tensor<37xf64>, tensor<37xi1> }"}));

INSTANTIATE_TEST_SUITE_P(
    Structured, Ops,
    ::testing::Values(
        OpCase{"dot_nn",
               "(%x: tensor<33x50xf32>, %y: tensor<50x70xf32>) -> tensor<33x70xf32>" MAIN
               "{ %z = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<33x50xf32>, "
               "tensor<50x70xf32>) -> tensor<33x70xf32> return %z : tensor<33x70xf32> }",
               1e-5},
        OpCase{"dot_nt",
               "(%x: tensor<33x50xf32>, %y: tensor<70x50xf32>) -> tensor<33x70xf32>" MAIN
               "{ %z = fluxion.dot_general %x, %y contracting [1] x [1] : (tensor<33x50xf32>, "
               "tensor<70x50xf32>) -> tensor<33x70xf32> return %z : tensor<33x70xf32> }",
               1e-5},
        OpCase{"dot_tn",
               "(%x: tensor<50x33xf32>, %y: tensor<50x10xf32>) -> tensor<33x10xf32>" MAIN
               "{ %z = fluxion.dot_general %x, %y contracting [0] x [0] : (tensor<50x33xf32>, "
               "tensor<50x10xf32>) -> tensor<33x10xf32> return %z : tensor<33x10xf32> }",
               1e-5},
        OpCase{"dot_batch_f64",
               "(%x: tensor<3x9x17xf64>, %y: tensor<3x21x17xf64>) -> tensor<3x9x21xf64>" MAIN
               "{ %z = fluxion.dot_general %x, %y batching [0] x [0] contracting [2] x [2] : "
               "(tensor<3x9x17xf64>, tensor<3x21x17xf64>) -> tensor<3x9x21xf64> return %z : "
               "tensor<3x9x21xf64> }",
               1e-13},
        OpCase{"empty",
               "(%x: tensor<0x4xf32>, %y: tensor<5x0xf32>, %v: tensor<f32>) -> (tensor<0x4xf32>, "
               "tensor<0xf32>, tensor<4xf32>, tensor<4xf32>, tensor<5x4xf32>, tensor<2x4xf32>)" MAIN
               "{ %a = fluxion.exp %x : tensor<0x4xf32> "
               "%b = fluxion.reduce max %x dims [1] : (tensor<0x4xf32>) -> tensor<0xf32> "
               "%c = fluxion.reduce max %x dims [0] : (tensor<0x4xf32>) -> tensor<4xf32> "
               "%d = fluxion.reduce sum %x dims [0] : (tensor<0x4xf32>) -> tensor<4xf32> "
               "%e = fluxion.dot_general %y, %x contracting [1] x [0] : (tensor<5x0xf32>, "
               "tensor<0x4xf32>) -> tensor<5x4xf32> "
               "%f = fluxion.pad %x with %v low [2, 0] high [0, 0] interior [0, 0] : "
               "(tensor<0x4xf32>, tensor<f32>) -> tensor<2x4xf32> "
               "return %a, %b, %c, %d, %e, %f : tensor<0x4xf32>, tensor<0xf32>, tensor<4xf32>, "
               "tensor<4xf32>, tensor<5x4xf32>, tensor<2x4xf32> }"},
        OpCase{"sums_over_nothing_are_positive",
               "(%x: tensor<0x4xf32>, %y: tensor<3x0xbf16>, %s: tensor<f32>, %t: tensor<bf16>) -> "
               "(tensor<4xf32>, tensor<3xbf16>, tensor<f32>)" MAIN
               "{ %a = fluxion.reduce sum %x dims [0] : (tensor<0x4xf32>) -> tensor<4xf32> "
               "%b = fluxion.reduce sum %y dims [1] : (tensor<3x0xbf16>) -> tensor<3xbf16> "
               "%c = fluxion.reduce sum %x dims [0, 1] : (tensor<0x4xf32>) -> tensor<f32> "
               "%ss = fluxion.broadcast_in_dim %s dims [] : (tensor<f32>) -> tensor<4xf32> "
               "%ts = fluxion.broadcast_in_dim %t dims [] : (tensor<bf16>) -> tensor<3xbf16> "
               "%d = fluxion.div %ss, %a : tensor<4xf32> %e = fluxion.div %ts, %b : tensor<3xbf16> "
               "%f = fluxion.div %s, %c : tensor<f32> "
               "return %d, %e, %f : tensor<4xf32>, tensor<3xbf16>, tensor<f32> }",
               0, positive},
        OpCase{"dot_vector",
               "(%x: tensor<1000xf32>, %y: tensor<1000xf32>) -> tensor<f32>" MAIN
               "{ %z = fluxion.dot_general %x, %y contracting [0] x [0] : (tensor<1000xf32>, "
               "tensor<1000xf32>) -> tensor<f32> return %z : tensor<f32> }",
               1e-4},
        OpCase{"conv_nchw_pad_stride",
               "(%x: tensor<2x3x9x8xf32>, %w: tensor<5x3x3x3xf32>) -> tensor<2x5x5x4xf32>" MAIN
               "{ %y = fluxion.convolution %x, %w {window_strides = array<i64: 2, 2>, padding = "
               "array<i64: 1, 1, 1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: "
               "1, 1>, input_dims = array<i64: 0, 1, 2, 3>, "
               "kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>} : "
               "(tensor<2x3x9x8xf32>, tensor<5x3x3x3xf32>) -> tensor<2x5x5x4xf32> return %y : "
               "tensor<2x5x5x4xf32> }",
               1e-5},
        OpCase{"conv_nhwc",
               "(%x: tensor<2x9x8x6xf32>, %w: tensor<3x3x6x20xf32>) -> tensor<2x9x8x20xf32>" MAIN
               "{ %y = fluxion.convolution %x, %w {window_strides = array<i64: 1, 1>, padding = "
               "array<i64: 1, 1, 1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: "
               "1, 1>, input_dims = array<i64: 0, 3, 1, 2>, "
               "kernel_dims = array<i64: 3, 2, 0, 1>, output_dims = array<i64: 0, 3, 1, 2>} : "
               "(tensor<2x9x8x6xf32>, tensor<3x3x6x20xf32>) -> tensor<2x9x8x20xf32> return %y : "
               "tensor<2x9x8x20xf32> }",
               1e-5},
        OpCase{"conv_lhs_dilation_reversed",
               "(%x: tensor<2x4x4x6xf32>, %w: tensor<3x3x7x6xf32>) -> tensor<2x9x9x7xf32>" MAIN
               "{ %y = fluxion.convolution %x, %w {window_strides = array<i64: 1, 1>, padding = "
               "array<i64: 2, 2, 2, 2>, lhs_dilation = array<i64: 2, 2>, rhs_dilation = array<i64: "
               "1, 1>, input_dims = array<i64: 0, 3, 1, 2>, "
               "kernel_dims = array<i64: 2, 3, 0, 1>, output_dims = array<i64: 0, 3, 1, 2>, "
               "window_reversal} : (tensor<2x4x4x6xf32>, tensor<3x3x7x6xf32>) -> "
               "tensor<2x9x9x7xf32> return %y : tensor<2x9x9x7xf32> }",
               1e-5},
        OpCase{"conv_groups",
               "(%x: tensor<2x9x8x8xf32>, %w: tensor<3x3x1x8xf32>) -> tensor<2x7x6x8xf32>" MAIN
               "{ %y = fluxion.convolution %x, %w {window_strides = array<i64: 1, 1>, padding = "
               "array<i64: 0, 0, 0, 0>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: "
               "1, 1>, input_dims = array<i64: 0, 3, 1, 2>, "
               "kernel_dims = array<i64: 3, 2, 0, 1>, output_dims = array<i64: 0, 3, 1, 2>, "
               "feature_group_count = 8 : i64} : (tensor<2x9x8x8xf32>, tensor<3x3x1x8xf32>) -> "
               "tensor<2x7x6x8xf32> return %y : tensor<2x7x6x8xf32> }",
               1e-5},
        OpCase{"reduce_rows",
               "(%x: tensor<7x37xf32>) -> (tensor<7xf32>, tensor<7xf32>)" MAIN
               "{ %s = fluxion.reduce sum %x dims [1] : (tensor<7x37xf32>) -> tensor<7xf32> %m = "
               "fluxion.reduce max %x dims [1] : (tensor<7x37xf32>) -> tensor<7xf32> return %s, %m "
               ": tensor<7xf32>, tensor<7xf32> }",
               1e-5},
        OpCase{"reduce_columns",
               "(%x: tensor<700x37xf32>) -> tensor<37xf32>" MAIN
               "{ %s = fluxion.reduce sum %x dims [0] : (tensor<700x37xf32>) -> tensor<37xf32> "
               "return %s : tensor<37xf32> }",
               1e-4},
        OpCase{"reduce_all",
               "(%x: tensor<300x400xf32>) -> tensor<f32>" MAIN
               "{ %s = fluxion.reduce sum %x dims [0, 1] : (tensor<300x400xf32>) -> tensor<f32> "
               "return %s : tensor<f32> }",
               1e-3},
        OpCase{"reduce_chunked_columns",
               "(%x: tensor<8x64x64x5xf32>) -> tensor<5xf32>" MAIN
               "{ %s = fluxion.reduce sum %x dims [0, 1, 2] : (tensor<8x64x64x5xf32>) -> "
               "tensor<5xf32> return %s : tensor<5xf32> }",
               1e-3},
        OpCase{"reduce_middle_prod",
               "(%x: tensor<3x4x5xf32>) -> tensor<3x5xf32>" MAIN
               "{ %s = fluxion.reduce prod %x dims [1] : (tensor<3x4x5xf32>) -> tensor<3x5xf32> "
               "return %s : tensor<3x5xf32> }",
               1e-5},
        OpCase{
            "argmax",
            "(%x: tensor<7x37xf32>, %y: tensor<9x20xi32>) -> (tensor<7xi32>, tensor<20xi32>)" MAIN
            "{ %a = fluxion.argmax %x dim 1 : (tensor<7x37xf32>) -> tensor<7xi32> %b = "
            "fluxion.argmin %y dim 0 : (tensor<9x20xi32>) -> tensor<20xi32> return %a, %b : "
            "tensor<7xi32>, tensor<20xi32> }"},
        OpCase{"reduce_window_sum",
               "(%x: tensor<2x9x8x5xf32>) -> tensor<2x5x4x5xf32>" MAIN
               "{ %y = fluxion.reduce_window sum %x {window = array<i64: 1, 3, 3, 1>, strides = "
               "array<i64: 1, 2, 2, 1>, padding = array<i64: 0, 0, 1, 1, 1, 1, 0, 0>, dilation = "
               "array<i64: 1, 1, 1, 1>} : (tensor<2x9x8x5xf32>) -> tensor<2x5x4x5xf32> return %y : "
               "tensor<2x5x4x5xf32> }",
               1e-5},
        OpCase{
            "window_max_scatter",
            "(%x: tensor<2x3x9x8xf32>, %d: tensor<2x3x4x4xf32>) -> (tensor<2x3x4x4xi32>, "
            "tensor<2x3x9x8xf32>, tensor<2x3x4x4xf32>)" MAIN
            "{ %i = fluxion.window_argmax %x {window = array<i64: 1, 1, 2, 2>, strides = "
            "array<i64: 1, 1, 2, 2>, padding = array<i64: 0, 0, 0, 0, 0, 0, 0, 0>, dilation = "
            "array<i64: 1, 1, 1, 1>} : (tensor<2x3x9x8xf32>) -> tensor<2x3x4x4xi32> "
            "%s = fluxion.window_scatter %d, %i {window = array<i64: 1, 1, 2, 2>, strides = "
            "array<i64: 1, 1, 2, 2>, padding = array<i64: 0, 0, 0, 0, 0, 0, 0, 0>, dilation = "
            "array<i64: 1, 1, 1, 1>} : (tensor<2x3x4x4xf32>, tensor<2x3x4x4xi32>) -> "
            "tensor<2x3x9x8xf32> "
            "%g = fluxion.window_gather %x, %i {window = array<i64: 1, 1, 2, 2>, strides = "
            "array<i64: 1, 1, 2, 2>, padding = array<i64: 0, 0, 0, 0, 0, 0, 0, 0>, dilation = "
            "array<i64: 1, 1, 1, 1>} : (tensor<2x3x9x8xf32>, tensor<2x3x4x4xi32>) -> "
            "tensor<2x3x4x4xf32> "
            "return %i, %s, %g : tensor<2x3x4x4xi32>, tensor<2x3x9x8xf32>, tensor<2x3x4x4xf32> }"},
        OpCase{"window_overlap_scatter",
               "(%x: tensor<2x9x8x5xf32>, %d: tensor<2x5x4x5xf32>) -> tensor<2x9x8x5xf32>" MAIN
               "{ %i = fluxion.window_argmax %x {window = array<i64: 1, 3, 3, 1>, strides = "
               "array<i64: 1, 2, 2, 1>, padding = array<i64: 0, 0, 1, 1, 1, 1, 0, 0>, dilation = "
               "array<i64: 1, 1, 1, 1>} : (tensor<2x9x8x5xf32>) -> tensor<2x5x4x5xi32> "
               "%s = fluxion.window_scatter %d, %i {window = array<i64: 1, 3, 3, 1>, strides = "
               "array<i64: 1, 2, 2, 1>, padding = array<i64: 0, 0, 1, 1, 1, 1, 0, 0>, dilation = "
               "array<i64: 1, 1, 1, 1>} : (tensor<2x5x4x5xf32>, tensor<2x5x4x5xi32>) -> "
               "tensor<2x9x8x5xf32> "
               "return %s : tensor<2x9x8x5xf32> }",
               1e-5},
        OpCase{
            "movement",
            "(%x: tensor<3x4x5xf32>) -> (tensor<5x3x4xf32>, tensor<12x5xf32>, tensor<3x2x5xf32>, "
            "tensor<5x4x9xf32>, tensor<3x4x5xf32>, tensor<3x8x5xf32>)" MAIN
            "{ %a = fluxion.transpose %x [2, 0, 1] : (tensor<3x4x5xf32>) -> tensor<5x3x4xf32> %b = "
            "fluxion.reshape %x : (tensor<3x4x5xf32>) -> tensor<12x5xf32> "
            "%c = fluxion.slice %x from [0, 1, 0] to [3, 4, 5] by [1, 2, 1] : (tensor<3x4x5xf32>) "
            "-> tensor<3x2x5xf32> %z = fluxion.constant dense<1.5> : tensor<f32> "
            "%d = fluxion.pad %x with %z low [1, 0, 0] high [1, 0, 0] interior [0, 0, 1] : "
            "(tensor<3x4x5xf32>, tensor<f32>) -> tensor<5x4x9xf32> %e = fluxion.reverse %x dims "
            "[0, 2] : tensor<3x4x5xf32> "
            "%f = fluxion.concatenate %x, %e dim 1 : (tensor<3x4x5xf32>, tensor<3x4x5xf32>) -> "
            "tensor<3x8x5xf32> "
            "return %a, %b, %c, %d, %e, %f : tensor<5x3x4xf32>, tensor<12x5xf32>, "
            "tensor<3x2x5xf32>, tensor<5x4x9xf32>, tensor<3x4x5xf32>, tensor<3x8x5xf32> }"},
        // Short dimensions that lie together in the operand, or in the result, are walked as one.
        OpCase{"movement_short_dimensions",
               "(%x: tensor<37x19x3x3xf32>, %y: tensor<3x3x19x37xf32>, %z: tensor<2x40x5x7xf64>, "
               "%p: tensor<2x3x9x10xf32>) -> "
               "(tensor<3x3x19x37xf32>, tensor<37x19x3x3xf32>, tensor<2x5x7x40xf64>, "
               "tensor<2x40x5x7xf64>, tensor<2x9x10x3xf32>)" MAIN
               "{ %a = fluxion.transpose %x [2, 3, 1, 0] : (tensor<37x19x3x3xf32>) -> "
               "tensor<3x3x19x37xf32> %b = fluxion.transpose %y [3, 2, 0, 1] : "
               "(tensor<3x3x19x37xf32>) -> tensor<37x19x3x3xf32> %c = fluxion.add %b, %x : "
               "tensor<37x19x3x3xf32> %d = fluxion.transpose %z [0, 2, 3, 1] : "
               "(tensor<2x40x5x7xf64>) -> tensor<2x5x7x40xf64> %e = fluxion.exp %d : "
               "tensor<2x5x7x40xf64> %f = fluxion.transpose %e [0, 3, 1, 2] : "
               "(tensor<2x5x7x40xf64>) -> tensor<2x40x5x7xf64> %g = fluxion.transpose %p [0, 2, "
               "3, 1] : (tensor<2x3x9x10xf32>) -> tensor<2x9x10x3xf32> return %a, %c, %d, %f, %g "
               ": tensor<3x3x19x37xf32>, tensor<37x19x3x3xf32>, tensor<2x5x7x40xf64>, "
               "tensor<2x40x5x7xf64>, tensor<2x9x10x3xf32> }",
               1e-6},
        OpCase{
            "broadcast_iota_constant",
            "(%x: tensor<4x1xf32>) -> (tensor<3x4x20xf32>, tensor<6x7xi32>, tensor<2x3xf32>)" MAIN
            "{ %a = fluxion.broadcast_in_dim %x dims [1, 2] : (tensor<4x1xf32>) -> "
            "tensor<3x4x20xf32> %b = fluxion.iota dim 1 : tensor<6x7xi32> "
            "%c = fluxion.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32> "
            "return %a, %b, %c : tensor<3x4x20xf32>, tensor<6x7xi32>, tensor<2x3xf32> }"},
        OpCase{"gather_scatter",
               "(%x: tensor<9x20xf32>, %i: tensor<2x6xi32>, %u: tensor<2x6x20xf32>) -> "
               "(tensor<2x6x20xf32>, tensor<9x20xf32>)" MAIN
               "{ %g = fluxion.gather %x, %i axis 0 : (tensor<9x20xf32>, tensor<2x6xi32>) -> "
               "tensor<2x6x20xf32> %s = fluxion.scatter %x, %i, %u axis 0 : tensor<9x20xf32>, "
               "tensor<2x6xi32>, tensor<2x6x20xf32> "
               "return %g, %s : tensor<2x6x20xf32>, tensor<9x20xf32> }",
               1e-5,
               {-2, 2, -3, 12}},
        OpCase{"gather_last_axis",
               "(%x: tensor<4x9xf32>, %i: tensor<21xi64>) -> tensor<4x21xf32>" MAIN
               "{ %g = fluxion.gather %x, %i axis 1 : (tensor<4x9xf32>, tensor<21xi64>) -> "
               "tensor<4x21xf32> return %g : tensor<4x21xf32> }"},
        OpCase{"random", "(%s: tensor<i64>, %t: tensor<i64>) -> (tensor<5x9xi32>, tensor<37xf32>, "
                         "tensor<37xf32>)" MAIN
                         "{ %b = fluxion.random_bits %s, %t stream 7 : tensor<5x9xi32> %u = "
                         "fluxion.random_uniform %s, %t stream 1 : tensor<37xf32> %n = "
                         "fluxion.random_normal %s, %t stream 3 : tensor<37xf32> "
                         "return %b, %u, %n : tensor<5x9xi32>, tensor<37xf32>, tensor<37xf32> }"},
        OpCase{"softmax",
               "(%x: tensor<7x37xf32>, %y: tensor<5x9x4xf32>) -> (tensor<7x37xf32>, "
               "tensor<5x9x4xf32>)" MAIN
               "{ %a = fluxion.softmax %x dim 1 : tensor<7x37xf32> %b = fluxion.log_softmax %y dim "
               "1 : tensor<5x9x4xf32> return %a, %b : tensor<7x37xf32>, tensor<5x9x4xf32> }"},
        OpCase{"cross_entropy",
               "(%x: tensor<9x10xf32>, %l: tensor<9xi32>) -> tensor<9xf32>" MAIN
               "{ %a = fluxion.cross_entropy %x, %l : (tensor<9x10xf32>, tensor<9xi32>) -> "
               "tensor<9xf32> return %a : tensor<9xf32> }",
               1e-6,
               {-2, 2, -1, 10}},
        OpCase{"layer_norm",
               "(%x: tensor<7x37xf32>, %s: tensor<37xf32>, %o: tensor<37xf32>) -> "
               "tensor<7x37xf32>" MAIN
               "{ %a = fluxion.layer_norm %x, %s, %o {epsilon = 1.0e-5 : f64} : tensor<7x37xf32>, "
               "tensor<37xf32>, tensor<37xf32> return %a : tensor<7x37xf32> }",
               1e-5},
        OpCase{"batch_norm",
               "(%x: tensor<4x6x5x3xf32>, %s: tensor<6xf32>, %o: tensor<6xf32>) -> "
               "(tensor<4x6x5x3xf32>, tensor<6xf32>, tensor<6xf32>)" MAIN
               "{ %y, %m, %v = fluxion.batch_norm %x, %s, %o {feature_dim = 1 : i64, epsilon = "
               "1.0e-5 : f64} : (tensor<4x6x5x3xf32>, tensor<6xf32>, tensor<6xf32>) -> "
               "(tensor<4x6x5x3xf32>, tensor<6xf32>, tensor<6xf32>) "
               "return %y, %m, %v : tensor<4x6x5x3xf32>, tensor<6xf32>, tensor<6xf32> }",
               1e-5},
        OpCase{"pools",
               "(%x: tensor<2x3x9x8xf32>) -> (tensor<2x3x4x4xf32>, tensor<2x3x5x4xf32>)" MAIN
               "{ %m = fluxion.max_pool %x {window = array<i64: 1, 1, 2, 2>, strides = array<i64: "
               "1, 1, 2, 2>, padding = array<i64: 0, 0, 0, 0, 0, 0, 0, 0>} : (tensor<2x3x9x8xf32>) "
               "-> tensor<2x3x4x4xf32> "
               "%a = fluxion.avg_pool %x {window = array<i64: 1, 1, 3, 3>, strides = array<i64: 1, "
               "1, 2, 2>, padding = array<i64: 0, 0, 0, 0, 1, 1, 1, 1>} : (tensor<2x3x9x8xf32>) -> "
               "tensor<2x3x5x4xf32> "
               "return %m, %a : tensor<2x3x4x4xf32>, tensor<2x3x5x4xf32> }"}));

} // namespace
