// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Convolutions: forward, and forward with both gradients (_fb).
#include "bench/harness/Workload.h"
#include "bench/kernels/Kernels.h"

namespace fluxion::bench {
namespace {

struct Shape2d {
  int64_t batch, channels, size, features, window, stride, pad, groups;
};

void convolutions(const std::string &name, Shape2d s) {
  int64_t out = (s.size + 2 * s.pad - s.window) / s.stride + 1;
  std::vector<Type> inputs = {f32(s.batch, s.channels, s.size, s.size),
                              f32(s.features, s.channels / s.groups, s.window, s.window)};
  Function forward = function(inputs, [s](Tensor x, Tensor w) {
    return convolution(x, w, {.stride = {s.stride}, .pad = {s.pad}, .groups = s.groups});
  });
  // Taps in the padding count, as they do elsewhere.
  double flops =
      2.0 * s.batch * s.features * (s.channels / s.groups) * s.window * s.window * out * out;
  double in = 4.0 * inputs[0].elements(), result = 4.0 * s.batch * s.features * out * out;
  bool isDepthwise = s.groups == s.channels;
  add(name, forward, flops, isDepthwise ? in + result : 0);
  add(name + "_fb", vjp(forward), 3 * flops, isDepthwise ? 2 * (in + result) : 0);
}

} // namespace

void addConvolutions() {
  convolutions("conv_c64x56_3x3", {8, 64, 56, 64, 3, 1, 1, 1});
  convolutions("conv_c128x28_3x3", {8, 128, 28, 128, 3, 1, 1, 1});
  convolutions("conv_c256x14_3x3", {8, 256, 14, 256, 3, 1, 1, 1});
  convolutions("conv_c512x7_3x3", {8, 512, 7, 512, 3, 1, 1, 1});
  convolutions("conv_c64-256x56_1x1", {8, 64, 56, 256, 1, 1, 0, 1});
  convolutions("conv_c3x224_7x7s2", {8, 3, 224, 64, 7, 2, 3, 1});
  convolutions("conv_dw96x56_3x3", {8, 96, 56, 96, 3, 1, 1, 96});
  // Of ResNet-20 on CIFAR-10.
  convolutions("conv_b32_c3-16x32_3x3", {32, 3, 32, 16, 3, 1, 1, 1});
  convolutions("conv_b32_c16x32_3x3", {32, 16, 32, 16, 3, 1, 1, 1});
  convolutions("conv_b32_c16-32x32_3x3s2", {32, 16, 32, 32, 3, 2, 1, 1});
  convolutions("conv_b32_c16-32x32_1x1s2", {32, 16, 32, 32, 1, 2, 0, 1});
  convolutions("conv_b32_c32x16_3x3", {32, 32, 16, 32, 3, 1, 1, 1});
  convolutions("conv_b32_c32-64x16_3x3s2", {32, 32, 16, 64, 3, 2, 1, 1});
  convolutions("conv_b32_c32-64x16_1x1s2", {32, 32, 16, 64, 1, 2, 0, 1});
  convolutions("conv_b32_c64x8_3x3", {32, 64, 8, 64, 3, 1, 1, 1});
}

} // namespace fluxion::bench
