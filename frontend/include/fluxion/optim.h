// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Optimisers as functions of (parameter, gradient, slots), with PyTorch's formulas, and learning
// rates as functions of the step.
#pragma once

#include "fluxion/Tensor.h"

#include <functional>

namespace fluxion {

// The learning rate at a step (f32[] -> f32[]), computed inside the program.
using Schedule = std::function<Tensor(Tensor step)>;
Schedule constant_schedule(double lr);
Schedule step_schedule(double lr, int64_t every, double factor = 0.1);
Schedule cosine_schedule(double lr, int64_t steps, double last = 0);
Schedule
warmup(Schedule after,
       int64_t steps); // the first step at 1 / steps of after's rate, then linearly up to it
// Smith and Topin 2017 (arXiv:1708.07120), cosine form: up from max/div over pct of the steps, down
// to max/div/final_div.
struct OneCycle {
  double max_lr = 0.1;
  int64_t steps = 1;
  double pct = 0.3, div = 25, final_div = 1e4;
};
Schedule one_cycle(OneCycle options);

struct Optimizer {
  enum Kind { Sgd, Momentum, Nesterov, Adam, AdamW, RmsProp } kind = Sgd;
  double lr = 0.01, momentum = 0.9, beta1 = 0.9, beta2 = 0.999, alpha = 0.99, epsilon = 1e-8,
         weight_decay = 0;
  double clip_norm = 0, clip_value = 0; // 0: off
  Schedule schedule;                    // replaces lr
};

struct SgdOptions {
  double lr = 0.01, momentum = 0.9, weight_decay = 0, clip_norm = 0, clip_value = 0;
  Schedule schedule = {};
};
Optimizer sgd(SgdOptions options = {});      // momentum is not used
Optimizer momentum(SgdOptions options = {}); // v = m v + g; p -= lr v
Optimizer nesterov(SgdOptions options = {}); // v = m v + g; p -= lr (g + m v)
struct AdamOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0, clip_norm = 0,
         clip_value = 0;
  Schedule schedule = {};
};
Optimizer adam(AdamOptions options = {});  // Kingma and Ba 2015; decay added to the gradient
Optimizer adamw(AdamOptions options = {}); // Loshchilov and Hutter 2019; decoupled decay
struct RmsPropOptions {
  double lr = 0.01, alpha = 0.99, epsilon = 1e-8, weight_decay = 0, clip_norm = 0, clip_value = 0;
  Schedule schedule = {};
};
Optimizer rmsprop(RmsPropOptions options = {});

} // namespace fluxion
