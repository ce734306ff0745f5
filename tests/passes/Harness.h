// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiles a module under given pipeline options and runs its entry points on memory of our own.
#pragma once

#include "passes/Pipeline.h"

#include <map>
#include <string>
#include <vector>

// The bytes of every output and state item after each entry point, in declared order of dimensions.
using Outcome = std::map<std::string, std::vector<char>>;

// Inputs and the initial state follow from names alone; the arena is filled with NaNs before each
// entry point runs. Entry points run in order on one state; `only` picks one. Failures are reported
// to GoogleTest.
Outcome runProgram(const std::string &text, const fluxion::passes::PipelineOptions &options,
                   const std::string &only = "");

// The largest difference of f32 numbers relative to the largest number of the tensor; other types
// must be equal, or the result is infinite. NaN equals NaN.
double difference(const Outcome &a, const Outcome &b);
