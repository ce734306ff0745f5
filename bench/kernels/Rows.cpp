// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions and what is built of them. _fb: results and gradients for a given cotangent.
#include "bench/harness/Workload.h"
#include "bench/kernels/Kernels.h"

namespace fluxion::bench {
namespace {

constexpr int64_t rows = 4096, width = 1024;
constexpr double matrix = 4.0 * rows * width;

Tensor layerNorm(Tensor x, Tensor scale, Tensor shift) {
  Tensor centred = x - mean(x, {-1}, {.keepdims = true});
  Tensor variance = mean(square(centred), {-1}, {.keepdims = true});
  return centred * rsqrt(variance + 1e-5) * scale + shift;
}

// Also the statistics, for the running averages.
Tensors batchNorm(Tensor x, Tensor scale, Tensor shift) {
  auto perChannel = [&](Tensor t) { return broadcast_in_dim(t, x.shape(), {1}); };
  Tensor average = mean(x, {0, 2, 3}), variance = var(x, {0, 2, 3});
  Tensor y = (x - perChannel(average)) * perChannel(scale * rsqrt(variance + 1e-5));
  return {y + perChannel(shift), average, variance};
}

// x, scale, shift, dy, running mean and variance -> y, both updated, dx, dscale, dshift.
Tensors batchNormStep(const Tensors &x) {
  Function forward = function({x[0].type(), x[1].type(), x[2].type()}, batchNorm);
  Tensors results = vjp(forward)({x[0], x[1], x[2], x[3]});
  double count = double(x[0].type().elements()) / double(x[0].dim(1));
  Tensor average = x[4] * 0.9 + results[1] * 0.1;
  Tensor variance = x[5] * 0.9 + results[2] * (0.1 * count / (count - 1));
  return {results[0], average, variance, results[3], results[4], results[5]};
}

} // namespace

void addRows() {
  Type x = f32(rows, width), perColumn = f32(width);
  Function softmaxOf = function({x}, [](Tensor t) { return softmax(t); });
  Function layerNormOf = function({x, perColumn, perColumn}, layerNorm);
  add("softmax_4096x1024", softmaxOf, 0, 2 * matrix);
  add("softmax_fb_4096x1024", vjp(softmaxOf), 0, 4 * matrix);
  add("layernorm_4096x1024", layerNormOf, 0, 2 * matrix);
  add("layernorm_fb_4096x1024", vjp(layerNormOf), 0, 4 * matrix);

  Type images = f32(32, 64, 56, 56), channel = f32(64);
  add("batchnorm_fb_32x64x56x56",
      function({images, channel, channel, images, channel, channel}, batchNormStep), 0,
      4 * 4.0 * double(images.elements()));

  Type square = f32(4096, 4096);
  for (int64_t axis : {0, 1})
    add("sum_axis" + std::to_string(axis) + "_4096",
        function({square}, [axis](Tensor t) { return sum(t, {axis}); }), 0,
        4.0 * double(square.elements()));
}

} // namespace fluxion::bench
