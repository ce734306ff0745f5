// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A convolution and both its gradients, in shapes that take every way a kernel has to compute one,
// against the reference evaluator.
#include "tests/codegen/Harness.h"

#include <gtest/gtest.h>

using namespace fluxion_testing;

namespace {

struct ConvolutionCase {
  const char *name;
  int64_t batch, channels, height, width, features, window = 3, stride = 1, pad = 1, dilation = 1,
                                                    groups = 1;
  const char *element = "f32";
  double tolerance = 1e-4;
};
void PrintTo(const ConvolutionCase &c, std::ostream *out) { *out << c.name; }

std::string pair(const char *name, std::vector<int64_t> values) {
  std::string list;
  for (int64_t value : values)
    list += (list.empty() ? "" : ", ") + std::to_string(value);
  return std::string(name) + " = array<i64: " + list + ">";
}

std::string text(const ConvolutionCase &c) {
  auto tensor = [&](std::vector<int64_t> sizes) {
    std::string type = "tensor<";
    for (int64_t size : sizes)
      type += std::to_string(size) + "x";
    return type + c.element + ">";
  };
  auto outputs = [&](int64_t size) {
    return (size + 2 * c.pad - (c.window - 1) * c.dilation - 1) / c.stride + 1;
  };
  std::string x = tensor({c.batch, c.channels, c.height, c.width}),
              w = tensor({c.features, c.channels / c.groups, c.window, c.window}),
              y = tensor({c.batch, c.features, outputs(c.height), outputs(c.width)}),
              results = "(" + y + ", " + x + ", " + w + ")";
  return "func.func @main(%x: " + x + ", %w: " + w + ", %d: " + y + ") -> " + results +
         " attributes {fluxion.entry} {\n%r:3 = fluxion.vjp(%x, %w) cotangents(%d) wrt [0, 1] {\n"
         "^bb0(%a: " +
         x + ", %b: " + w + "):\n%y = fluxion.convolution %a, %b {" +
         pair("window_strides", {c.stride, c.stride}) + ", " +
         pair("padding", {c.pad, c.pad, c.pad, c.pad}) + ", " + pair("lhs_dilation", {1, 1}) +
         ", " + pair("rhs_dilation", {c.dilation, c.dilation}) + ", " +
         pair("input_dims", {0, 1, 2, 3}) + ", " + pair("kernel_dims", {0, 1, 2, 3}) + ", " +
         pair("output_dims", {0, 1, 2, 3}) + ", feature_group_count = " + std::to_string(c.groups) +
         " : i64} : (" + x + ", " + w + ") -> " + y + "\nfluxion.yield %y : " + y + "\n} : (" + x +
         ", " + w + ", " + y + ") -> " + results + "\nreturn %r#0, %r#1, %r#2 : " + y + ", " + x +
         ", " + w + "\n}";
}

class Convolutions : public testing::TestWithParam<ConvolutionCase> {};

TEST_P(Convolutions, EqualReferenceOnEveryTarget) {
  const ConvolutionCase &c = GetParam();
  Case program(text(c));
  expectReference(program, program.inputsOf("main", {-1, 1}), c.tolerance);
}

INSTANTIATE_TEST_SUITE_P(
    Loops, Convolutions,
    testing::Values(ConvolutionCase{"packed", 2, 8, 9, 8, 64},
                    ConvolutionCase{"packed_ragged", 2, 67, 9, 7, 70},
                    ConvolutionCase{"packed_strided", 3, 64, 9, 8, 65, 3, 2},
                    ConvolutionCase{"packed_dilated", 2, 64, 9, 11, 64, 3, 1, 2, 2},
                    ConvolutionCase{"packed_f64", 2, 33, 9, 8, 35, 3, 1, 1, 1, 1, "f64", 1e-12},
                    ConvolutionCase{"packed_unpadded", 2, 64, 11, 9, 65, 5, 1, 0},
                    // the kernel is more than half of a second-level cache
                    ConvolutionCase{"large_kernel", 1, 180, 8, 8, 170},
                    ConvolutionCase{"wide_kernel", 1, 20, 12, 11, 33, 5, 1, 2},
                    ConvolutionCase{"grouped", 2, 64, 9, 8, 128, 3, 1, 1, 1, 2},
                    // tiles between the ends of the width, rows of a window that are all outside
                    ConvolutionCase{"between_borders", 1, 8, 5, 40, 32},
                    ConvolutionCase{"between_borders_strided", 1, 8, 5, 48, 20, 3, 2},
                    ConvolutionCase{"between_borders_dilated", 1, 8, 9, 40, 16, 3, 1, 3, 3},
                    ConvolutionCase{"beyond_the_window", 2, 8, 3, 32, 16, 3, 1, 4},
                    ConvolutionCase{"uneven_border", 16, 4, 6, 29, 18, 4, 1, 2},
                    ConvolutionCase{"one_by_one", 2, 64, 9, 8, 70, 1, 1, 0},
                    ConvolutionCase{"one_by_one_planes", 2, 20, 13, 14, 35, 1, 1, 0},
                    ConvolutionCase{"one_by_one_strided", 2, 64, 9, 8, 70, 1, 2, 0},
                    ConvolutionCase{"phases_as_features", 2, 3, 20, 18, 64, 7, 2, 3},
                    ConvolutionCase{"phases_along_width", 1, 3, 8, 72, 20, 7, 2, 3},
                    ConvolutionCase{"phases_of_three", 2, 1, 12, 9, 20, 4, 3, 1},
                    ConvolutionCase{"few_channels", 2, 3, 20, 19, 64, 7, 2, 3}),
    [](const auto &info) { return std::string(info.param.name); });

} // namespace
