// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fluxion bench: how fast a program runs, in all and kernel by kernel, beside the machine's
// measured peak.
#include "frontend/driver/Compile.h"
#include "frontend/driver/Compiled.h"
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
  std::string subject, function;
  double seconds = 0.5;
  bool json = false, kernels = false;
};

// A program of the wanted size written in Fluxion itself: the machine's peak as this compiler
// reaches it.
double measuredPeak(const CompileOptions &options) {
  Function product =
      function({f32(96, 512), f32(512, 512)}, [](Tensor x, Tensor y) { return matmul(x, y); });
  Compiled compiled = compile(program(product), options);
  return 2.0 * 96 * 512 * 512 / timeEntry(compiled, "main", 0.2).best;
}

void line(const BenchFlags &flags, const std::string &name, int64_t count, const Timing &timing,
          double flops, double bytes, double peak) {
  double gflops = flops / timing.median / 1e9, gbs = bytes / timing.median / 1e9;
  if (flags.json)
    std::printf("%s\n", nlohmann::json{{"name", name},
                                       {"count", count},
                                       {"median_s", timing.median},
                                       {"best_s", timing.best},
                                       {"gflops", gflops},
                                       {"gbs", gbs},
                                       {"peak_fraction", flops / timing.best / peak}}
                            .dump()
                            .c_str());
  else
    std::printf(
        "%-44s %3ld x %10.4f ms  best %10.4f  %8.1f GFLOP/s  %7.1f GB/s  %3.0f %% of peak\n",
        name.c_str(), count, 1e3 * timing.median, 1e3 * timing.best, gflops, gbs,
        100 * flops / timing.best / peak);
  std::fflush(stdout);
}

void bench(const BenchFlags &flags) {
  bool isFile = isMlirFile(flags.subject);
  Program program = subjectProgram(flags.subject, flags.compile.batch);
  std::string entry = !flags.function.empty() ? flags.function
                      : isFile                ? findFunction(program, "").getSymName().str()
                                              : "step";
  CompileOptions options = flags.compile.options();
  double peak = measuredPeak(options);
  Compiled compiled = compile(program, options);
  if (flags.compile.timing)
    printTiming(compiled.info());
  if (compiled.impl->instance->entry("init"))
    compiled.init(1);
  Request request;
  request.options = options;
  request.stopAfter = "plan-memory";
  Product product = compileModule(*program.impl->module, request);
  for (const passes::EntryReport &report : passes::reportEntries(*product.planned))
    if (report.name == entry)
      line(flags, entry, 1, timeEntry(compiled, entry, flags.seconds), report.flops, report.bytes,
           peak);
  if (!flags.kernels)
    return;
  for (auto other : llvm::make_early_inc_range(product.planned->getOps<mlir::func::FuncOp>()))
    if (other.getSymName() != entry)
      other.erase();
  std::vector<DistinctKernel> distinct = distinctKernels(*product.planned);
  KernelProgram apart;
  for (const DistinctKernel &kernel : distinct)
    apart.add(kernel.kernel, kernel.name);
  Program kernels = apart.finish();
  Compiled each = compile(kernels, options);
  Product planned = compileModule(*kernels.impl->module, request);
  std::map<std::string, const passes::EntryReport *> reports;
  std::vector<passes::EntryReport> entries = passes::reportEntries(*planned.planned);
  for (const passes::EntryReport &report : entries)
    reports[report.name] = &report;
  for (auto &[kernel, name, count] : distinct)
    line(flags, name, count, timeEntry(each, name, 0.05), reports[name] ? reports[name]->flops : 0,
         reports[name] ? reports[name]->bytes : 0, peak);
}

} // namespace

void addBench(CLI::App &app, int &) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App *command =
      app.add_subcommand("bench", "time a model's step or a function of a .mlir file\n\n"
                                  "  fluxion bench vision/lenet --kernels\n"
                                  "  fluxion bench gemm.mlir --schedule=backend=llvm-loops");
  command->add_option("subject", flags->subject, "a name of fluxion list, or a .mlir file")
      ->required();
  command->add_option("--func", flags->function, "entry point; a model's step by default");
  command->add_option("--seconds", flags->seconds, "how long to measure")->capture_default_str();
  command->add_flag("--kernels", flags->kernels, "each distinct kernel by itself too");
  command->add_flag("--json", flags->json, "one JSON object a line");
  flags->compile.add(*command);
  command->callback([flags] { bench(*flags); });
}

} // namespace fluxion::driver
