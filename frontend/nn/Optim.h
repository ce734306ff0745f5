// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What training() needs of optimisers and initialisers.
#pragma once

#include "fluxion/Program.h"

namespace fluxion::dsl {

// Names of the slots an optimiser keeps for each parameter, zeros at first.
std::vector<std::string> slotNames(const Optimizer &optimizer);

struct Updated {
  Tensor param;
  std::vector<Tensor> slots;
};
// One update; `step` counts from 1 as f32[].
Updated applyOptimizer(const Optimizer &optimizer, Tensor param, Tensor gradient,
                       const std::vector<Tensor> &slots, Tensor learningRate, Tensor step, Loc loc);
Tensor learningRate(const Optimizer &optimizer, Tensor step, Loc loc);
// Clipping of all gradients together.
void clipGradients(const Optimizer &optimizer, std::vector<Tensor> &gradients, Loc loc);

Tensor initialValue(const Init &init, const Type &type, Loc loc);

} // namespace fluxion::dsl
