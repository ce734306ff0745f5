// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fluxion bench: how fast a program runs, in all and kernel by kernel, beside the machine's
// measured peak.
#include "frontend/driver/Compile.h"
#include "frontend/driver/Compiled.h"
#include "frontend/driver/DevicePeak.h"
#include "frontend/driver/Peak.h"
#include "frontend/driver/RunFile.h"
#include "frontend/driver/commands/Commands.h"
#include "frontend/driver/commands/FileProgram.h"
#include "frontend/driver/commands/Measure.h"
#include "ir/ops/Contraction.h"
#include "ir/ops/Convolution.h"
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

// How a function's contractions multiply; the fastest way where there are several.
Arithmetic arithmeticOf(mlir::Operation *root, DType type) {
  Arithmetic arithmetic = type == DType::f64 ? Arithmetic::f64 : Arithmetic::f32;
  auto consider = [&](mlir::Value factor, ir::Precision precision) {
    mlir::Type element = llvm::cast<mlir::RankedTensorType>(factor.getType()).getElementType();
    Arithmetic own = element.isBF16()                   ? Arithmetic::bf16
                     : element.isF16()                  ? Arithmetic::f16
                     : precision == ir::Precision::Tf32 ? Arithmetic::tf32
                                                        : arithmetic;
    arithmetic = std::max(arithmetic, own);
  };
  root->walk([&](mlir::Operation *op) {
    if (auto dot = llvm::dyn_cast<ir::DotGeneralOp>(op))
      consider(dot.getLhs(), dot.getPrecision());
    if (auto conv = llvm::dyn_cast<ir::ConvolutionOp>(op))
      consider(conv.getInput(), conv.getPrecision());
  });
  return arithmetic;
}

// What the machine does at most, 0 where that says nothing: an emulator's times are its own.
struct Peaks {
  double flops = 0, copied = 0;
};
Peaks peaksFor(const EntryCall &call, Arithmetic arithmetic, double bytes) {
  if (call.isEmulated())
    return {};
  if (call.onGpu())
    return {devicePeak(arithmetic), bytes > 0 ? deviceCopyBandwidth(int64_t(bytes)) : 0};
  return {fmaPeak(call.pool(), call.type()),
          bytes > 0 ? copyBandwidth(call.pool(), int64_t(bytes)) : 0};
}

std::string percent(double rate, double peak) {
  char text[16] = "-";
  if (peak > 0)
    std::snprintf(text, sizeof text, "%.0f %%", 100 * rate / peak);
  return text;
}

struct Subject {
  std::string name;
  int64_t count = 1;
  double flops = 0, bytes = 0;
  mlir::Operation *code = nullptr;
};

// Rates are those of the best run, as the peaks are. A copy of the same size is the yardstick of
// bytes: reading alone may be faster.
void line(const BenchFlags &flags, const Subject &subject, EntryCall &call, double seconds) {
  Arithmetic arithmetic = arithmeticOf(subject.code, call.type());
  peaksFor(call, arithmetic, subject.bytes);
  Timing timing = timeCall(call, seconds);
  Peaks peaks = peaksFor(call, arithmetic, subject.bytes);
  double flopRate = subject.flops / timing.best, byteRate = subject.bytes / timing.best;
  auto share = [](double rate, double peak) { return peak > 0 ? rate / peak : 0; };
  if (flags.json) {
    nlohmann::json event = {{"name", subject.name},
                            {"count", subject.count},
                            {"threads", call.pool().threads()},
                            {"median_s", timing.median},
                            {"best_s", timing.best},
                            {"gflops", flopRate / 1e9},
                            {"gbs", byteRate / 1e9},
                            {"peak_gflops", peaks.flops / 1e9},
                            {"peak_fraction", share(flopRate, peaks.flops)},
                            {"copy_gbs", peaks.copied / 1e9},
                            {"copy_fraction", share(byteRate, peaks.copied)}};
    if (call.isEmulated())
      event["emulated"] = true;
    if (call.onGpu())
      event["arithmetic"] = nameOf(arithmetic);
    std::printf("%s\n", event.dump().c_str());
  } else {
    std::printf("%-44s %5ld %11.4g %11.4g %9.1f %7s %9.1f %7s%s%s\n", subject.name.c_str(),
                subject.count, 1e3 * timing.median, 1e3 * timing.best, flopRate / 1e9,
                percent(flopRate, peaks.flops).c_str(), byteRate / 1e9,
                percent(byteRate, peaks.copied).c_str(), call.onGpu() ? " " : "",
                call.onGpu() ? nameOf(arithmetic) : "");
  }
  std::fflush(stdout);
}

void header(const EntryCall &call) {
  std::string machine;
  if (call.isEmulated()) {
    machine = "emulated, the times say nothing of a GPU";
  } else if (call.onGpu()) {
    machine = call.target() +
              "; % of the device's peak at the arithmetic named, and of a copy of as "
              "many bytes";
  } else {
    char text[120];
    std::snprintf(text, sizeof text,
                  "%d threads, FMA peak %.1f GFLOP/s; %% of it, and of a copy of as many bytes",
                  call.pool().threads(), fmaPeak(call.pool(), call.type()) / 1e9);
    machine = text;
  }
  std::printf("%s\n%-44s %5s %11s %11s %9s %7s %9s %7s\n", machine.c_str(), "", "count",
              "median ms", "best ms", "GFLOP/s", "", "GB/s", "");
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
    line(flags, {name, count, reports[name].flops, reports[name].bytes, kernel}, call,
         std::min(0.05, flags.seconds));
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
    header(call);
  for (const passes::EntryReport &report : passes::reportEntries(*product.planned))
    if (report.name == entry)
      line(flags,
           {entry, 1, report.flops, report.bytes,
            product.planned->lookupSymbol<mlir::func::FuncOp>(entry)},
           call, flags.seconds);
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
