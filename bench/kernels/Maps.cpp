// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementwise kernels and the optimiser's update.
#include "bench/harness/Workload.h"
#include "bench/kernels/Kernels.h"

namespace fluxion::bench {
namespace {

struct Vector {
  Param weight;
  FX_LAYER(Vector, weight)
};

// A loss whose gradient is the input and whose value costs nothing: the step is the update alone.
Program adamwAlone(int64_t size) {
  Function forward =
      function({f32(size), f32(size)}, [](Tensor, Tensor) { return full(f32(), 0); });
  Function backward =
      function({f32(size), f32(size), f32(), f32()}, [](Tensor, Tensor gradient, Tensor, Tensor) {
        return Tensors{gradient, zeros(gradient.type())};
      });
  Function loss = custom_vjp(forward, backward);
  return training(Vector{Param(f32(size), normal_init(1))},
                  {
                      .loss = [loss](const Vector &model,
                                     Tensor gradient) { return loss({model.weight, gradient})[0]; },
                      .inputs = {f32(size)},
                      .optimizer = adamw({.lr = 1e-3, .weight_decay = 0.01}),
                      .input_names = {"gradient"},
                      .name = "adamw",
                  });
}

} // namespace

void addMaps() {
  int64_t size = 4 << 20;
  double bytes = 4.0 * double(size);
  Type x = f32(size);
  add("copy_4M", function({x}, [](Tensor t) { return t; }), 0, 2 * bytes);
  add("relu_4M", function({x}, [](Tensor t) { return relu(t); }), 0, 2 * bytes);
  add("add_4M", function({x, x}, [](Tensor s, Tensor t) { return s + t; }), 0, 3 * bytes);
  add("gelu_4M", function({x}, [](Tensor t) { return gelu(t); }), 0, 2 * bytes);
  // Reads weight, gradient and two moments, writes weight and moments.
  int64_t parameters = 10'000'000;
  add({"adamw_10M", [parameters] { return adamwAlone(parameters); }, 0, 7 * 4.0 * parameters,
       "step"});
}

} // namespace fluxion::bench
