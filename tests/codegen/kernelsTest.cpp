// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels as fusion may form them, with operands that die in them, so that results take over their
// memory: bodies whose values have several shapes, few rows, or no dimension at all.
#include "tests/codegen/Harness.h"

#include <gtest/gtest.h>

using namespace fluxion_testing;

namespace {

struct KernelCase {
  const char *name, *text;
  double tolerance = 1e-6;
};
void PrintTo(const KernelCase &c, std::ostream *out) { *out << c.name; }

class Kernels : public ::testing::TestWithParam<KernelCase> {};

TEST_P(Kernels, EqualTheReferenceWithAndWithoutSharedMemory) {
  Case program(GetParam().text);
  std::vector<Tensor> inputs = program.inputsOf("main", {}),
                      expected = program.reference("main", inputs);
  for (bool apart : {false, true}) {
    driver::Request request;
    request.apart = apart;
    program.compile(request);
    for (int threads : {1, 2}) {
      program.start(threads);
      EXPECT_EQ(difference(expected, program.compiled("main", inputs), GetParam().tolerance), "")
          << (apart ? "apart, " : "planned, ") << threads << " threads";
    }
  }
}

const KernelCase cases[] = {{"moving_ops_of_scalars", R"(
func.func @main(%x: tensor<f32>, %v: tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>)
    attributes {fluxion.entry} {
  %r:3 = fluxion.kernel map "moved"(%x, %v) {
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %0 = fluxion.pad %a with %b low [] high [] interior [] : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %1 = fluxion.slice %a from [] to [] by [] : (tensor<f32>) -> tensor<f32>
    %2 = fluxion.reverse %a dims [] : tensor<f32>
    fluxion.yield %0, %1, %2 : tensor<f32>, tensor<f32>, tensor<f32>
  } : (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>)
  return %r#0, %r#1, %r#2 : tensor<f32>, tensor<f32>, tensor<f32>
})"},
                            // The first result lies over the operand, which the second needs
                            // through the first; only the first could be flattened.
                            {"flat_and_not_flat_in_place", R"(
func.func @main(%x: tensor<3x7xf32>) -> (tensor<3x7xf32>, tensor<3x7xf32>)
    attributes {fluxion.entry} {
  %made = fluxion.kernel map "neg"(%x) {
  ^bb0(%a: tensor<3x7xf32>):
    %0 = fluxion.neg %a : tensor<3x7xf32>
    fluxion.yield %0 : tensor<3x7xf32>
  } : (tensor<3x7xf32>) -> tensor<3x7xf32>
  %r:2 = fluxion.kernel map "both"(%made) {
  ^bb0(%a: tensor<3x7xf32>):
    %0 = fluxion.tanh %a : tensor<3x7xf32>
    %i = fluxion.iota dim 1 : tensor<3x7xf32>
    %1 = fluxion.mul %0, %i : tensor<3x7xf32>
    fluxion.yield %0, %1 : tensor<3x7xf32>, tensor<3x7xf32>
  } : (tensor<3x7xf32>) -> (tensor<3x7xf32>, tensor<3x7xf32>)
  %last = fluxion.kernel map "exp"(%r#0) {
  ^bb0(%a: tensor<3x7xf32>):
    %0 = fluxion.exp %a : tensor<3x7xf32>
    fluxion.yield %0 : tensor<3x7xf32>
  } : (tensor<3x7xf32>) -> tensor<3x7xf32>
  return %last, %r#1 : tensor<3x7xf32>, tensor<3x7xf32>
})"},
                            {"row_results_in_place", R"(
func.func @main(%x: tensor<33x17xf32>) -> (tensor<33x17xf32>, tensor<33x17xf32>)
    attributes {fluxion.entry} {
  %made = fluxion.kernel map "neg"(%x) {
  ^bb0(%a: tensor<33x17xf32>):
    %0 = fluxion.neg %a : tensor<33x17xf32>
    fluxion.yield %0 : tensor<33x17xf32>
  } : (tensor<33x17xf32>) -> tensor<33x17xf32>
  %r:2 = fluxion.kernel row "centred"(%made) {
  ^bb0(%a: tensor<33x17xf32>):
    %0 = fluxion.mul %a, %a : tensor<33x17xf32>
    %s = fluxion.reduce sum %0 dims [1] : (tensor<33x17xf32>) -> tensor<33xf32>
    %b = fluxion.broadcast_in_dim %s dims [0] : (tensor<33xf32>) -> tensor<33x17xf32>
    %1 = fluxion.sub %0, %b : tensor<33x17xf32>
    fluxion.yield %0, %1 : tensor<33x17xf32>, tensor<33x17xf32>
  } : (tensor<33x17xf32>) -> (tensor<33x17xf32>, tensor<33x17xf32>)
  %last = fluxion.kernel map "exp"(%r#0) {
  ^bb0(%a: tensor<33x17xf32>):
    %0 = fluxion.exp %a : tensor<33x17xf32>
    fluxion.yield %0 : tensor<33x17xf32>
  } : (tensor<33x17xf32>) -> tensor<33x17xf32>
  return %last, %r#1 : tensor<33x17xf32>, tensor<33x17xf32>
})"},
                            {"one_row", R"(
func.func @main(%x: tensor<1x5xf32>) -> tensor<1x5xf32> attributes {fluxion.entry} {
  %y = fluxion.log_softmax %x dim 1 : tensor<1x5xf32>
  return %y : tensor<1x5xf32>
})"},
                            {"one_row_among_batches", R"(
func.func @main(%x: tensor<3x1x5xf32>) -> tensor<3x1x5xf32> attributes {fluxion.entry} {
  %y = fluxion.softmax %x dim 2 : tensor<3x1x5xf32>
  return %y : tensor<3x1x5xf32>
})"}};

INSTANTIATE_TEST_SUITE_P(Bodies, Kernels, ::testing::ValuesIn(cases),
                         [](const auto &info) { return std::string(info.param.name); });

// Both products and the row between them in one region, as the composite decomposes: queries that
// are no multiple of a tile, more keys than queries, batches of heads, and a result of the row
// beside.
class Attention : public ::testing::TestWithParam<const char *> {};

TEST_P(Attention, OfOneKernelEqualsTheReference) {
  Case program(R"(
func.func @main(%q: tensor<2x3x13x8xf32>, %k: tensor<2x3x19x8xf32>, %v: tensor<2x3x19x5xf32>)
    -> (tensor<2x3x13x5xf32>, tensor<2x3x13xf32>) attributes {fluxion.entry} {
  %r:2 = fluxion.kernel attention "attention"(%q, %k, %v) {
  ^bb0(%a: tensor<2x3x13x8xf32>, %b: tensor<2x3x19x8xf32>, %c: tensor<2x3x19x5xf32>):
    %s = fluxion.dot_general %a, %b batching [0, 1] x [0, 1] contracting [3] x [3]
       : (tensor<2x3x13x8xf32>, tensor<2x3x19x8xf32>) -> tensor<2x3x13x19xf32>
    %scale = fluxion.constant dense<0.35355339> : tensor<2x3x13x19xf32>
    %0 = fluxion.mul %s, %scale : tensor<2x3x13x19xf32>
    %m = fluxion.reduce max %0 dims [3] : (tensor<2x3x13x19xf32>) -> tensor<2x3x13xf32>
    %1 = fluxion.broadcast_in_dim %m dims [0, 1, 2] : (tensor<2x3x13xf32>) -> tensor<2x3x13x19xf32>
    %2 = fluxion.sub %0, %1 : tensor<2x3x13x19xf32>
    %3 = fluxion.exp %2 : tensor<2x3x13x19xf32>
    %4 = fluxion.reduce sum %3 dims [3] : (tensor<2x3x13x19xf32>) -> tensor<2x3x13xf32>
    %5 = fluxion.broadcast_in_dim %4 dims [0, 1, 2] : (tensor<2x3x13xf32>) -> tensor<2x3x13x19xf32>
    %p = fluxion.div %3, %5 : tensor<2x3x13x19xf32>
    %o = fluxion.dot_general %p, %c batching [0, 1] x [0, 1] contracting [3] x [2]
       : (tensor<2x3x13x19xf32>, tensor<2x3x19x5xf32>) -> tensor<2x3x13x5xf32>
    fluxion.yield %o, %4 : tensor<2x3x13x5xf32>, tensor<2x3x13xf32>
  } : (tensor<2x3x13x8xf32>, tensor<2x3x19x8xf32>, tensor<2x3x19x5xf32>)
      -> (tensor<2x3x13x5xf32>, tensor<2x3x13xf32>)
  return %r#0, %r#1 : tensor<2x3x13x5xf32>, tensor<2x3x13xf32>
})");
  std::vector<Tensor> inputs = program.inputsOf("main", {}),
                      expected = program.reference("main", inputs);
  driver::Request request;
  request.options.target = GetParam();
  program.compile(request);
  EXPECT_EQ(program.info().kernels, 1);
  EXPECT_EQ(difference(expected, program.compiled("main", inputs), 1e-5), "");
}

INSTANTIATE_TEST_SUITE_P(Targets, Attention,
                         ::testing::Values("cpu", "cuda-emulated:sm_80", "cuda-emulated:sm_90a"));

} // namespace
