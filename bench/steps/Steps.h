// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "fluxion/Program.h"

#include <string>
#include <vector>

namespace fluxion::bench {

struct Step {
  std::string name, model, data;
};
const std::vector<Step> &steps();
Program programOf(const Step &step);

// NAME: forward, backward, optimiser. NAME_compile: from nothing to a program that can run, nothing
// cached. NAME_start: a standalone executable, from its start to the end of its first step.
void addSteps();
void addCompilations();
void addStarts();

} // namespace fluxion::bench
