// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fluxion bench: how fast a program runs, in all and kernel by kernel, beside the machine's
// measured peak.
#include "frontend/driver/Compile.h"
#include "frontend/driver/Compiled.h"
#include "frontend/driver/Peak.h"
#include "frontend/driver/RunFile.h"
#include "frontend/driver/commands/Commands.h"
#include "frontend/driver/commands/FileProgram.h"
#include "frontend/driver/commands/Measure.h"
#include "passes/report/FusionReport.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <stdexcept>

namespace fluxion::driver {
namespace {

struct BenchFlags {
  CompileFlags compile;
  RunRequest request;
  double seconds = 0.5;
  bool json = false, kernels = false;
};

// Rates are those of the best run, as the peaks are. A copy of the same size is the yardstick of
// bytes: reading alone may be faster.
void line(const BenchFlags &flags, const std::string &name, int64_t count, EntryCall &call,
          double seconds, double flops, double bytes) {
  double peak = 0, copy = 0;
  auto measurePeaks = [&] {
    peak = fmaPeak(call.pool(), call.type());
    copy = bytes > 0 ? copyBandwidth(call.pool(), int64_t(bytes)) : 0;
  };
  measurePeaks();
  Timing timing = timeCall(call, seconds);
  measurePeaks();
  double flopRate = flops / timing.best, byteRate = bytes / timing.best;
  double share = flopRate / peak, copyShare = copy > 0 ? byteRate / copy : 0;
  if (flags.json)
    std::printf("%s\n", nlohmann::json{{"name", name},
                                       {"count", count},
                                       {"threads", call.pool().threads()},
                                       {"median_s", timing.median},
                                       {"best_s", timing.best},
                                       {"gflops", flopRate / 1e9},
                                       {"gbs", byteRate / 1e9},
                                       {"peak_gflops", peak / 1e9},
                                       {"peak_fraction", share},
                                       {"copy_gbs", copy / 1e9},
                                       {"copy_fraction", copyShare}}
                            .dump()
                            .c_str());
  else
    std::printf("%-44s %5ld %11.4g %11.4g %9.1f %5.0f %% %9.1f %5.0f %%\n", name.c_str(), count,
                1e3 * timing.median, 1e3 * timing.best, flopRate / 1e9, 100 * share, byteRate / 1e9,
                100 * copyShare);
  std::fflush(stdout);
}

void benchKernels(const BenchFlags &flags, mlir::ModuleOp planned, const std::string &entry,
                  const Request &request) {
  for (auto other : llvm::make_early_inc_range(planned.getOps<mlir::func::FuncOp>()))
    if (other.getSymName() != entry)
      other.erase();
  std::vector<DistinctKernel> distinct = distinctKernels(planned);
  KernelProgram apart;
  for (const DistinctKernel &kernel : distinct)
    apart.add(kernel.kernel, kernel.name);
  Program kernels = apart.finish();
  Compiled each = compile(kernels, request.options);
  std::map<std::string, passes::EntryReport> reports;
  for (const passes::EntryReport &report :
       passes::reportEntries(*compileModule(*kernels.impl->module, request).planned))
    reports[report.name] = report;
  for (auto &[kernel, name, count] : distinct) {
    EntryCall call(each, name);
    line(flags, name, count, call, std::min(0.05, flags.seconds), reports[name].flops,
         reports[name].bytes);
  }
}

void bench(const BenchFlags &flags) {
  Program program = subjectProgram(flags.request.subject, flags.compile.batch);
  std::string entry = flags.request.function;
  if (entry.empty())
    entry =
        isMlirFile(flags.request.subject) ? findFunction(program, "").getSymName().str() : "step";
  std::vector<Array> inputs = argumentsOf(findFunction(program, entry), flags.request);
  Request request;
  request.options = flags.compile.options();
  Compiled compiled = compile(program, request.options);
  if (flags.compile.timing)
    printTiming(compiled.info());
  if (compiled.impl->instance->entry("init"))
    compiled.init(flags.request.seed);
  request.stopAfter = "plan-memory";
  Product product = compileModule(*program.impl->module, request);
  EntryCall call(compiled, entry, inputs);
  if (!flags.json)
    std::printf("%d threads, FMA peak %.1f GFLOP/s; %% of it, and of a copy of as many bytes\n"
                "%-44s %5s %11s %11s %9s %7s %9s %7s\n",
                call.pool().threads(), fmaPeak(call.pool(), call.type()) / 1e9, "", "count",
                "median ms", "best ms", "GFLOP/s", "", "GB/s", "");
  for (const passes::EntryReport &report : passes::reportEntries(*product.planned))
    if (report.name == entry)
      line(flags, entry, 1, call, flags.seconds, report.flops, report.bytes);
  if (flags.kernels)
    benchKernels(flags, *product.planned, entry, request);
}

} // namespace

void addBench(CLI::App &app, int &code) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App *command = app.add_subcommand(
      "bench", "time a model's step or a function of a .mlir file\n\n"
               "  fluxion bench vision/lenet --kernels\n"
               "  fluxion bench gemm.mlir --schedule=backend=llvm-loops --threads=1\n"
               "  fluxion bench gemm.mlir --inputs=in.npz --expect=out.npz --rtol=1e-4");
  flags->request.add(*command);
  command->get_option("--func")->description("entry point; a model's step by default");
  command->add_option("--seconds", flags->seconds, "how long to measure")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--kernels", flags->kernels, "each distinct kernel by itself too");
  command->add_flag("--json", flags->json, "one JSON object a line");
  flags->compile.add(*command);
  command->callback([flags, &code] {
    RunRequest &request = flags->request;
    request.compile = flags->compile.options();
    request.batch = flags->compile.batch;
    // The speed of wrong results means nothing.
    if (!(request.outputs + request.expect).empty()) {
      if (request.function.empty() && !isMlirFile(request.subject))
        request.function = "step";
      code = writeAndCompare(request, runFunctions(request));
    }
    if (code == 0)
      bench(*flags);
  });
}

} // namespace fluxion::driver
