// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Optimisers as functions of (parameter, gradient, slots), with PyTorch's formulas, and learning
// rates as functions of the step.
#pragma once

#include "fluxion/Tensor.h"

#include <functional>

namespace fluxion {

// The learning rate at a step (f32[] -> f32[]), computed inside the program; the first update is
// step 0. Steps are updates, not epochs: one_cycle over three epochs of 938 batches takes 3 * 938.
using Schedule = std::function<Tensor(Tensor step)>;
// Counts of steps below 1 are an Error.
Schedule constant_schedule(double lr);
// lr factor^floor(step / every).
Schedule step_schedule(double lr, int64_t every, double factor = 0.1, Loc loc = Loc::current());
// From lr to last over half a wave of `steps`; last from there on.
Schedule cosine_schedule(double lr, int64_t steps, double last = 0, Loc loc = Loc::current());
// lr / steps, 2 lr / steps, ... with after's first rate as lr; after `steps`, what after says from
// its own step 0 on.
Schedule warmup(Schedule after, int64_t steps, Loc loc = Loc::current());
// Smith and Topin 2017 (arXiv:1708.07120), cosine form: up from max_lr / div over pct of the steps,
// down to max_lr / div / final_div.
struct OneCycle {
  double max_lr = 0.1;
  int64_t steps = 1;
  double pct = 0.3, div = 25, final_div = 1e4;
};
Schedule one_cycle(OneCycle options, Loc loc = Loc::current());

// How parameters p follow their gradients g. Made by the functions below; g is, in this order,
//   1. clamped to [-clip_value, clip_value], where clip_value > 0,
//   2. scaled by min(1, clip_norm / (norm + 1e-6)) with the norm over all parameters, where
//      clip_norm > 0,
//   3. increased by weight_decay p, adamw excepted.
// Rates, decay and clips below 0 and averaging factors outside [0, 1) are an Error.
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
Optimizer sgd(SgdOptions options = {}, Loc loc = Loc::current()); // p -= lr g; momentum is not used
Optimizer momentum(SgdOptions options = {}, Loc loc = Loc::current()); // v = m v + g; p -= lr v
Optimizer nesterov(SgdOptions options = {},
                   Loc loc = Loc::current()); // v = m v + g; p -= lr (g + m v)
struct AdamOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0, clip_norm = 0,
         clip_value = 0;
  Schedule schedule = {};
};
// Kingma and Ba 2015, t the number of the update: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
// p -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon).
Optimizer adam(AdamOptions options = {}, Loc loc = Loc::current());
// Loshchilov and Hutter 2019: as adam, after p *= 1 - lr weight_decay.
Optimizer adamw(AdamOptions options = {}, Loc loc = Loc::current());
struct RmsPropOptions {
  double lr = 0.01, alpha = 0.99, epsilon = 1e-8, weight_decay = 0, clip_norm = 0, clip_value = 0;
  Schedule schedule = {};
};
// v = alpha v + (1 - alpha) g^2; p -= lr g / (sqrt(v) + epsilon).
Optimizer rmsprop(RmsPropOptions options = {}, Loc loc = Loc::current());

} // namespace fluxion
