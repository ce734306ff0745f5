// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products and convolutions on emulated GPUs beside the evaluator: every order of operands, element
// types and precisions, ragged edges, and schedules that cut them in every way. Factors of tests
// that compare closely are bf16 numbers, which every precision multiplies exactly.
#include "tests/codegen/Harness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fluxion_testing;
using ::testing::HasSubstr;

namespace {

struct Sizes {
  int64_t m, n, k, batch = 1;
};
enum Order { NN, NT, TN, TT };

std::string shape(std::vector<int64_t> sizes, const std::string &element) {
  std::string text = "tensor<";
  for (int64_t size : sizes)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

// act(x . y + bias) with f32 sums; `element` f32 is multiplied as `precision` says.
std::string product(const Sizes &s, Order order, const std::string &element,
                    const std::string &attributes) {
  bool leftAcross = order == TN || order == TT, rightAlong = order == NT || order == TT;
  std::string x = shape(leftAcross ? std::vector{s.batch, s.k, s.m}
                                   : std::vector{s.batch, s.m, s.k},
                        element),
              y = shape(rightAlong ? std::vector{s.batch, s.n, s.k}
                                   : std::vector{s.batch, s.k, s.n},
                        element),
              z = shape({s.batch, s.m, s.n}, "f32"), bias = shape({s.n}, "f32");
  return "func.func @main(%x: " + x + ", %y: " + y + ", %bias: " + bias + ") -> " + z +
         " attributes {fluxion.entry} {\n%p = fluxion.dot_general %x, %y batching [0] x [0] "
         "contracting [" +
         (leftAcross ? "1" : "2") + "] x [" + (rightAlong ? "2" : "1") + "] " + attributes +
         " : (" + x + ", " + y + ") -> " + z +
         "\n%b = fluxion.broadcast_in_dim %bias dims [2] : (" + bias + ") -> " + z +
         "\n%s = fluxion.add %p, %b : " + z + "\n%r = fluxion.relu %s : " + z +
         "\nreturn %r : " + z + "\n}";
}

const char *const wide = "{wide_result}", *const tf32 = "{precision = #fluxion<precision tf32>}";

std::string differenceOf(const std::string &text, double tolerance,
                         const std::string &schedule = "",
                         const std::string &target = "cuda-emulated", const Inputs &range = {}) {
  Case program(text);
  std::vector<Tensor> inputs = program.inputsOf("main", range),
                      expected = program.reference("main", inputs);
  driver::Request request;
  request.options.target = target;
  request.options.schedule = schedule;
  program.compile(request);
  return difference(expected, program.compiled("main", inputs), tolerance);
}

TEST(Contract, EveryOrderOfNarrowFactors) {
  for (Order order : {NN, NT, TN, TT})
    for (const Sizes &sizes : {Sizes{48, 40, 64}, Sizes{33, 70, 50}, Sizes{17, 9, 35, 3}}) {
      EXPECT_EQ(differenceOf(product(sizes, order, "bf16", wide), 2e-5), "") << order;
      if (order == NT)
        EXPECT_EQ(differenceOf(product(sizes, order, "f16", wide), 2e-5), "") << order;
    }
}

TEST(Contract, EveryOrderOfTf32) {
  for (Order order : {NN, NT, TN, TT})
    for (const Sizes &sizes : {Sizes{48, 40, 64}, Sizes{33, 70, 50}, Sizes{17, 9, 35, 3}})
      EXPECT_EQ(differenceOf(product(sizes, order, "f32", tf32), 3e-2), "") << order;
}

TEST(Contract, EveryOrderOfF32AndF64) {
  for (Order order : {NN, NT, TN, TT})
    for (const Sizes &sizes : {Sizes{64, 72, 64}, Sizes{33, 70, 50}, Sizes{17, 9, 35, 3}})
      EXPECT_EQ(differenceOf(product(sizes, order, "f32", ""), 1e-5), "") << order;
  EXPECT_EQ(differenceOf("func.func @main(%x: tensor<20x24xf64>, %y: tensor<24x36xf64>) -> "
                         "tensor<20x36xf64> attributes {fluxion.entry} { %z = fluxion.dot_general "
                         "%x, %y contracting [1] x [0] : (tensor<20x24xf64>, tensor<24x36xf64>) -> "
                         "tensor<20x36xf64> return %z : tensor<20x36xf64> }",
                         1e-13),
            "");
}

// A factor of tf32 is rounded, one that has no more bits is not.
TEST(Contract, Tf32RoundsItsFactorsAndNothingElse) {
  auto product = [](double factor, const std::string &precision,
                    const std::string &target = "cuda-emulated") {
    return differenceOf("func.func @main(%x: tensor<1x1xf32>) -> tensor<1x1xf32> attributes "
                        "{fluxion.entry} { %one = fluxion.constant dense<1.0> : tensor<1x1xf32> "
                        "%z = fluxion.dot_general %x, %one contracting [1] x [0] {precision = "
                        "#fluxion<precision " +
                            precision +
                            ">} : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32> return %z "
                            ": tensor<1x1xf32> }",
                        0, "", target, {factor, factor});
  };
  EXPECT_EQ(product(1 + 0x1p-10, "tf32"), "");
  EXPECT_EQ(product(1 + 0x1p-11, "tf32"), "result 0[0] is 1.000977, expected 1.000488");
  EXPECT_EQ(product(1 + 0x1p-11, "full"), "");
  // From sm_90 on to even, as copies of tensors do.
  EXPECT_EQ(product(1 + 0x1p-11, "tf32", "cuda-emulated:sm_90"),
            "result 0[0] is 1.000000, expected 1.000488");
}

std::string convolution(const std::string &types, const std::string &attributes) {
  return "func.func @main(%x: tensor<" + types.substr(0, types.find(' ')) + ">, %w: tensor<" +
         types.substr(types.find(' ') + 1, types.rfind(' ') - types.find(' ') - 1) +
         ">) -> tensor<" + types.substr(types.rfind(' ') + 1) +
         "> attributes {fluxion.entry} { %y = fluxion.convolution %x, %w {" + attributes +
         "} : (tensor<" + types.substr(0, types.find(' ')) + ">, tensor<" +
         types.substr(types.find(' ') + 1, types.rfind(' ') - types.find(' ') - 1) +
         ">) -> tensor<" + types.substr(types.rfind(' ') + 1) + "> return %y : tensor<" +
         types.substr(types.rfind(' ') + 1) + "> }";
}
std::string window(const std::string &stride, const std::string &padding, const std::string &lhs,
                   const std::string &rhs) {
  return "window_strides = array<i64: " + stride + ">, padding = array<i64: " + padding +
         ">, lhs_dilation = array<i64: " + lhs + ">, rhs_dilation = array<i64: " + rhs + ">";
}
const std::string channelsLast =
    ", input_dims = array<i64: 0, 3, 1, 2>, output_dims = array<i64: 0, 3, 1, 2>";

TEST(Contract, ConvolutionsAndTheirGradients) {
  const std::string forward = window("1, 1", "1, 1, 1, 1", "1, 1", "1, 1") + channelsLast +
                              ", kernel_dims = array<i64: 3, 2, 0, 1>, wide_result";
  EXPECT_EQ(differenceOf(convolution("2x9x8x8xbf16 3x3x8x24xbf16 2x9x8x24xf32", forward), 2e-5),
            "");
  EXPECT_EQ(differenceOf(convolution("2x9x8x3xbf16 3x3x3x24xbf16 2x9x8x24xf32", forward), 2e-5),
            "");
  const std::string strided =
      window("2, 2", "1, 1, 1, 1", "1, 1", "1, 1") + channelsLast +
      ", kernel_dims = array<i64: 3, 2, 0, 1>, precision = #fluxion<precision tf32>";
  EXPECT_EQ(differenceOf(convolution("2x9x8x8xf32 3x3x8x24xf32 2x5x4x24xf32", strided), 2e-2), "");
  // By the input: dilated, flipped.
  const std::string input = window("1, 1", "2, 2, 2, 2", "2, 2", "1, 1") + channelsLast +
                            ", kernel_dims = array<i64: 2, 3, 0, 1>, window_reversal, wide_result";
  EXPECT_EQ(differenceOf(convolution("2x4x4x8xbf16 3x3x12x8xbf16 2x9x9x12xf32", input), 2e-5), "");
  const std::string halved = window("1, 1", "1, 2, 1, 2", "2, 2", "1, 1") + channelsLast +
                             ", kernel_dims = array<i64: 2, 3, 0, 1>, window_reversal, wide_result";
  EXPECT_EQ(differenceOf(convolution("2x4x4x8xbf16 3x3x12x8xbf16 2x8x8x12xf32", halved), 2e-5), "");
  const std::string single = window("1, 1", "0, 1, 0, 1", "2, 2", "1, 1") + channelsLast +
                             ", kernel_dims = array<i64: 2, 3, 0, 1>";
  EXPECT_EQ(differenceOf(convolution("2x4x4x8xf32 1x1x12x8xf32 2x8x8x12xf32", single), 2e-5), "");
  // By the kernel: batch and features change places.
  const std::string kernel =
      window("1, 1", "1, 1, 1, 1", "1, 1", "1, 1") +
      ", input_dims = array<i64: 3, 0, 1, 2>, kernel_dims = array<i64: 3, 0, 1, 2>, output_dims = "
      "array<i64: 2, 3, 0, 1>";
  EXPECT_EQ(
      differenceOf(convolution("2x8x8x8xbf16 2x8x8x16xbf16 3x3x8x16xf32", kernel + ", wide_result"),
                   2e-5),
      "");
  EXPECT_EQ(differenceOf(convolution("2x8x8x8xf32 2x8x8x16xf32 3x3x8x16xf32", kernel), 2e-5), "");
  const std::string grouped =
      window("1, 1", "0, 0, 0, 0", "1, 1", "1, 1") + channelsLast +
      ", kernel_dims = array<i64: 3, 2, 0, 1>, feature_group_count = 2 : i64";
  EXPECT_EQ(differenceOf(convolution("2x6x6x8xf32 3x3x4x16xf32 2x4x4x16xf32", grouped), 2e-5), "");
}

// Ways to cut a product that the model may not choose.
TEST(Contract, SchedulesGiveTheSameProduct) {
  for (const char *schedule :
       {"warps_m=1,warps_n=1,warps_k=1,per_warp_m=1,per_warp_n=1,stages=2",
        "warps_m=1,warps_n=1,warps_k=4,per_warp_m=2,per_warp_n=3,depth=1,stages=3",
        "warps_m=2,warps_n=1,warps_k=2,per_warp_m=1,per_warp_n=4,depth=1,stages=4,chunks=2",
        "warps_m=1,warps_n=2,warps_k=1,per_warp_m=4,per_warp_n=2,depth=4,stages=2",
        "warps_m=2,warps_n=2,warps_k=1,per_warp_m=4,per_warp_n=8,depth=1,stages=5"}) {
    EXPECT_EQ(differenceOf(product({70, 60, 260}, NT, "bf16", wide), 5e-5, schedule), "")
        << schedule;
    EXPECT_EQ(differenceOf(product({70, 60, 260}, TN, "f32", ""), 5e-5, schedule), "") << schedule;
    EXPECT_EQ(differenceOf(product({70, 60, 260}, NN, "f32", tf32), 5e-2, schedule), "")
        << schedule;
  }
}

// Runs that end inside a tile, that have whole tiles between two parts, that are shorter than a
// tile by far, and tiles of a block before its run.
TEST(Contract, StreamsGiveTheSameProduct) {
  const std::string small = ",warps_m=1,warps_n=1,warps_k=1,per_warp_m=1,per_warp_n=1,depth=1";
  for (const std::string &run : {"1", "1,run=3", "1,run=47", "2,stages=3"})
    for (Order order : {NN, NT, TN, TT})
      EXPECT_EQ(differenceOf(product({37, 43, 150, 2}, order, "bf16", wide), 5e-5,
                             "streamed=" + run + small),
                "")
          << run << " " << order;
  // More tiles than blocks: 40 x 24, and 8 blocks of a warp a multiprocessor.
  for (const std::string &waves : {"1", "2"})
    EXPECT_EQ(
        differenceOf(product({640, 192, 96}, NT, "bf16", wide), 5e-5, "streamed=" + waves + small),
        "")
        << waves;
  for (const std::string &schedule :
       {std::string("1"), "1,run=150" + small,
        std::string("1,warps_m=2,warps_n=1,warps_k=2,per_warp_m=1,per_warp_n=3,stages=3"),
        std::string(
            "2,run=9,warps_m=1,warps_n=2,warps_k=1,per_warp_m=2,per_warp_n=4,depth=2,stages=2")}) {
    EXPECT_EQ(differenceOf(product({70, 60, 260}, TN, "f32", ""), 5e-5, "streamed=" + schedule), "")
        << schedule;
    EXPECT_EQ(differenceOf(product({70, 60, 260}, NN, "f32", tf32), 5e-2, "streamed=" + schedule),
              "")
        << schedule;
  }
  EXPECT_EQ(differenceOf("func.func @main(%x: tensor<20x124xf64>, %y: tensor<124x36xf64>) -> "
                         "tensor<20x36xf64> attributes {fluxion.entry} { %z = fluxion.dot_general "
                         "%x, %y contracting [1] x [0] : (tensor<20x124xf64>, tensor<124x36xf64>) "
                         "-> tensor<20x36xf64> return %z : tensor<20x36xf64> }",
                         1e-13, "streamed=1"),
            "");
}

TEST(Contract, StreamedTwiceTheBitsAreTheSame) {
  Case program(product({70, 60, 500}, NT, "f32", ""));
  std::vector<Tensor> inputs = program.inputsOf("main", {});
  driver::Request request;
  request.options.target = "cuda-emulated";
  request.options.schedule = "streamed=1,run=3";
  program.compile(request);
  std::vector<Tensor> first = program.compiled("main", inputs);
  EXPECT_EQ(difference(first, program.compiled("main", inputs), 0), "");
}

std::string refusalOf(const std::string &schedule, const std::string &target) {
  try {
    differenceOf(product({512, 512, 512}, NT, "f32", ""), 1, schedule, target);
  } catch (const std::runtime_error &error) {
    return error.what();
  }
  return "";
}

TEST(Contract, SchedulesThatDoNotFitAreRefusedWithTheNumbers) {
  EXPECT_THAT(refusalOf("stages=16,warps_m=4,warps_n=4,per_warp_m=8,per_warp_n=8", "cuda:sm_86"),
              HasSubstr("bytes of shared memory; a block of sm_86 has 101376"));
  EXPECT_THAT(refusalOf("warps_m=8,warps_n=8", "cuda"), HasSubstr("a block has at most 32 warps"));
  EXPECT_THAT(refusalOf("stages=1", "cuda"), HasSubstr("stages=1 does not fit: it is 2 to 16"));
  EXPECT_THAT(refusalOf("warp_m=2", "cuda"), HasSubstr("warps_m"));
  EXPECT_THAT(refusalOf("streamed=3", "cuda"), HasSubstr("streamed=3 does not fit: it is 0 to 2"));
  EXPECT_THAT(refusalOf("streamed=1,chunks=2", "cuda"),
              HasSubstr("chunks=2 does not fit: it is 1 to 1"));
}

} // namespace
