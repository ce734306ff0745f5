// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "tests/autodiff/Derivatives.h"

namespace fluxion_testing {

// A random function of a few tensors: pointwise ops, broadcasts, reductions, contractions, windows,
// movement, composites and checkpoints, mixed. Numbers stay near 1. Equal seeds give equal graphs
// on every machine.
GradientCase randomGraph(unsigned seed, int operations, int order);

} // namespace fluxion_testing
