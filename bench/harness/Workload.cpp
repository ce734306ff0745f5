// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "bench/harness/Workload.h"

#include "frontend/driver/Compiled.h"
#include "frontend/driver/Peak.h"
#include "frontend/driver/commands/Measure.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <thread>

namespace fluxion::bench {
namespace {

// A compiled workload and how many calls make a sample.
struct Prepared {
  Compiled compiled;
  driver::EntryCall call;
  int64_t batch = 1;

  Prepared(const Workload &workload, int threads)
      : compiled(compile(workload.make(), {.threads = threads})), call(make(workload)) {
    for (int warm = 0; warm < 3; ++warm)
      call();
    double from = rt::secondsNow();
    call();
    batch = std::max<int64_t>(1, int64_t(2e-4 / std::max(1e-7, rt::secondsNow() - from)));
  }

private:
  driver::EntryCall make(const Workload &workload) {
    if (compiled.impl->instance->entry("init"))
      compiled.init(1);
    return {compiled, workload.entry};
  }
};

// Google Benchmark calls this again and again with more iterations: the workload at hand is kept.
Prepared &prepared(const Workload &workload, int threads) {
  static std::pair<std::string, int> held;
  static std::unique_ptr<Prepared> workloadAtHand;
  if (held != std::pair(workload.name, threads)) {
    workloadAtHand = nullptr;
    workloadAtHand = std::make_unique<Prepared>(workload, threads);
    held = {workload.name, threads};
  }
  return *workloadAtHand;
}

void time(benchmark::State &state, const Workload &workload, int threads) {
  Prepared &it = prepared(workload, threads);
  rt::ThreadPool &pool = it.call.pool();
  double fma = 0, copy = 0;
  auto measurePeaks = [&] {
    if (workload.flops > 0)
      fma = driver::fmaPeak(pool, it.call.type());
    if (workload.bytes > 0)
      copy = driver::copyBandwidth(pool, int64_t(workload.bytes));
  };
  measurePeaks();
  std::vector<double> samples;
  while (state.KeepRunningBatch(it.batch)) {
    double from = rt::secondsNow();
    for (int64_t i = 0; i < it.batch; ++i)
      it.call();
    samples.push_back((rt::secondsNow() - from) / double(it.batch));
  }
  measurePeaks();
  std::sort(samples.begin(), samples.end());
  double best = samples.front(), median = samples[samples.size() / 2];
  state.counters["best_ms"] = 1e3 * best;
  state.counters["median_ms"] = 1e3 * median;
  if (workload.flops > 0) {
    state.counters["GFLOP/s"] = workload.flops / median / 1e9;
    state.counters["fma"] = fma / 1e9;
    state.counters["share_fma"] = workload.flops / best / fma;
  }
  if (workload.bytes > 0) {
    state.counters["GB/s"] = workload.bytes / median / 1e9;
    state.counters["copy"] = copy / 1e9;
    state.counters["share_copy"] = workload.bytes / best / copy;
  }
}

} // namespace

void guarded(benchmark::State &state, const std::function<void()> &body) {
  try {
    body();
  } catch (const std::exception &error) {
    state.SkipWithError(error.what());
  }
}

void add(Workload workload) {
  int cores = std::max(1, int(std::thread::hardware_concurrency()));
  for (int threads = 1; threads <= std::min(2, cores); ++threads)
    benchmark::RegisterBenchmark((workload.name + "/" + std::to_string(threads) + "t").c_str(),
                                 [workload, threads](benchmark::State &state) {
                                   guarded(state, [&] { time(state, workload, threads); });
                                 })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
}

void add(const std::string &name, Function function, double flops, double bytes) {
  add({name, [function] { return program(function); }, flops, bytes, "main"});
}

int run(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

} // namespace fluxion::bench
