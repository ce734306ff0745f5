// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998) with ReLU and max pooling, for MNIST and for 8x8
// digits.
#include "fluxion/fluxion.h"

namespace fluxion::zoo {

Layer lenet_body(int64_t channels, int64_t secondPad, int64_t features) {
  return chain(conv(channels, 6, {.kernel = 5, .pad = 2}), relu, max_pool(),
               conv(6, 16, {.kernel = 5, .pad = secondPad}), relu, max_pool(), flatten,
               dense(features, 120, relu), dense(120, 84, relu), dense(84, 10));
}

Program lenet(const Config &config) {
  int64_t batch = config.batch ? config.batch : 64;
  return classifier(
      lenet_body(1, 0, 400),
      {
          .inputs = {f32(batch, 1, 28, 28), i32(batch)},
          .optimizer = momentum({.schedule = one_cycle({.max_lr = 0.06, .steps = 3 * 938})}),
          .name = "vision/lenet",
      });
}
FX_MODEL("vision/lenet", lenet, "LeNet-5 on 28x28 digits, SGD with momentum", "mnist")

Program lenet_digits(const Config &config) {
  int64_t batch = config.batch ? config.batch : 32;
  return classifier(lenet_body(1, 2, 64), {
                                              .inputs = {f32(batch, 1, 8, 8), i32(batch)},
                                              .optimizer = adam({.lr = 3e-3}),
                                              .name = "vision/lenet_digits",
                                          });
}
FX_MODEL("vision/lenet_digits", lenet_digits, "LeNet-5 on the 1,797 8x8 digits of UCI, Adam",
         "digits")

} // namespace fluxion::zoo
