// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A program, its arithmetic and its traffic, as Google Benchmarks.
#pragma once

#include "fluxion/compile.h"

#include <functional>
#include <string>

namespace benchmark {
class State;
}

namespace fluxion::bench {

struct Workload {
  std::string name;
  std::function<Program()> make; // traced when the benchmark first runs
  double flops = 0;              // a call, multiply-add = 2
  double bytes = 0;              // the least traffic of a call; 0: arithmetic bounds it
  std::string entry = "main";
};

// Registers NAME/1t and, on machines with more cores, NAME/2t: a call an iteration, on random
// inputs that stay where they are. Counters: best_ms, median_ms of samples of at least 0.2 ms; the
// rates of the median; `fma` and `copy`, what the machine did on registers and in a copy of as many
// bytes just before and after, in the same units; and the best call as a share of those.
void add(Workload workload);
void add(const std::string &name, Function function, double flops, double bytes);

// A failure ends one benchmark, not all.
void guarded(benchmark::State &state, const std::function<void()> &body);

// Runs what was added. `main` of every benchmark program.
int run(int argc, char **argv);

} // namespace fluxion::bench
