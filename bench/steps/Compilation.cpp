// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From nothing to a program that can run; nothing is cached.
#include "bench/steps/Steps.h"

#include "bench/harness/Workload.h"
#include "fluxion/compile.h"

#include <benchmark/benchmark.h>

namespace fluxion::bench {
namespace {

void compileOnce(benchmark::State &state, const Step &step) {
  for (auto _ : state) {
    Compiled compiled = compile(programOf(step), {.cache = false});
    state.counters["kernels"] = double(compiled.info().kernels);
    state.counters["arena_MB"] = double(compiled.info().arena_bytes) / 1e6;
  }
}

} // namespace

void addCompilations() {
  for (const Step &step : steps())
    benchmark::RegisterBenchmark(
        (step.name + "_compile").c_str(),
        [step](benchmark::State &state) { guarded(state, [&] { compileOnce(state, step); }); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
}

} // namespace fluxion::bench
