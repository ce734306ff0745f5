// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fluxion bench: how fast a program runs, in all and kernel by kernel, beside the machine's
// measured peak.
#include "fluxion/runtime.h"
#include "frontend/driver/Compile.h"
#include "frontend/driver/Compiled.h"
#include "frontend/driver/commands/Commands.h"
#include "frontend/driver/commands/FileProgram.h"
#include "ir/Target.h"
#include "ir/ops/Update.h"
#include "passes/report/FusionReport.h"

#include "mlir/Parser/Parser.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
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

struct Timing {
  double best = 0, median = 0;
  int64_t runs = 0;
};

// Runs an entry point for a while; short ones in batches of at least 0.2 ms.
Timing timeEntry(Compiled &compiled, const std::string &name, double seconds) {
  rt::Instance &instance = *compiled.impl->instance;
  const fx_entry *entry = instance.entry(name.c_str());
  if (!entry)
    throw std::runtime_error("the program has no entry point named " + name);
  std::vector<Array> arrays;
  std::vector<const void *> in;
  std::vector<void *> out;
  for (uint32_t i = 0; i < entry->num_inputs + entry->num_outputs; ++i) {
    const fx_tensor &tensor =
        i < entry->num_inputs ? entry->inputs[i] : entry->outputs[i - entry->num_inputs];
    arrays.push_back(
        randomArray({DType(tensor.dtype), Shape(tensor.dims, tensor.dims + tensor.rank)}, 1 + i));
  }
  for (uint32_t i = 0; i < arrays.size(); ++i)
    if (i < entry->num_inputs)
      in.push_back(arrays[i].data<char>());
    else
      out.push_back(arrays[i].data<char>());
  auto once = [&] {
    if (rt::Status status = instance.run(*entry, in, out); !status)
      throw std::runtime_error(status.message());
  };
  for (int warm = 0; warm < 3; ++warm)
    once();
  double from = rt::secondsNow();
  once();
  int64_t batch = std::max<int64_t>(1, int64_t(2e-4 / std::max(1e-7, rt::secondsNow() - from)));
  std::vector<double> samples;
  for (double start = rt::secondsNow(); samples.size() < 5 || rt::secondsNow() - start < seconds;) {
    from = rt::secondsNow();
    for (int64_t i = 0; i < batch; ++i)
      once();
    samples.push_back((rt::secondsNow() - from) / double(batch));
  }
  std::sort(samples.begin(), samples.end());
  return {samples.front(), samples[samples.size() / 2], int64_t(samples.size()) * batch};
}

// A program of the wanted size written in Fluxion itself: the machine's peak as this compiler
// reaches it.
double measuredPeak(const CompileOptions &options) {
  Function product =
      function({f32(96, 512), f32(512, 512)}, [](Tensor x, Tensor y) { return matmul(x, y); });
  Compiled compiled = compile(program(product), options);
  return 2.0 * 96 * 512 * 512 / timeEntry(compiled, "main", 0.2).best;
}

// Each distinct kernel as an entry point of its own.
Program kernelsOf(mlir::ModuleOp planned, std::vector<std::pair<std::string, int64_t>> &names) {
  auto impl = std::make_shared<Program::Impl>();
  impl->context = dsl::makeContext();
  impl->module = mlir::ModuleOp::create(mlir::UnknownLoc::get(impl->context.get()));
  impl->name = "kernels";
  std::string text;
  llvm::raw_string_ostream out(text);
  std::map<std::string, size_t> known;
  planned.walk([&](ir::KernelOp kernel) {
    auto [at, isNew] = known.try_emplace(passes::kernelFingerprint(kernel), names.size());
    if (!isNew) {
      ++names[at->second].second;
      return;
    }
    names.push_back({"k" + std::to_string(names.size()) + "_" + kernel.getName().str(), 1});
    auto scratch = mlir::OwningOpRef<mlir::ModuleOp>(mlir::ModuleOp::create(kernel.getLoc()));
    mlir::OpBuilder b = mlir::OpBuilder::atBlockEnd(scratch->getBody());
    auto function = mlir::func::FuncOp::create(
        b, kernel.getLoc(), names.back().first,
        b.getFunctionType(kernel->getOperandTypes(), kernel->getResultTypes()));
    function->setAttr(ir::entryAttrName, b.getUnitAttr());
    mlir::Block *block = function.addEntryBlock();
    b.setInsertionPointToStart(block);
    mlir::IRMapping mapping;
    mapping.map(kernel.getInputs(), block->getArguments());
    auto copy = llvm::cast<ir::KernelOp>(b.clone(*kernel, mapping));
    for (auto [i, argument] : llvm::enumerate(block->getArguments()))
      copy->setOperand(i, argument);
    copy.removePlacesAttr();
    copy->removeAttr(ir::scratchPlaceAttrName);
    mlir::func::ReturnOp::create(b, kernel.getLoc(), copy.getResults());
    function->print(out);
    out << "\n";
  });
  impl->module = mlir::parseSourceString<mlir::ModuleOp>(text, impl->context.get());
  return {impl};
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
  bool isFile =
      flags.subject.size() > 5 && flags.subject.compare(flags.subject.size() - 5, 5, ".mlir") == 0;
  Program program =
      isFile ? readProgram(flags.subject) : makeModel(flags.subject, flags.compile.batch);
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
  std::vector<std::pair<std::string, int64_t>> names;
  Program kernels = kernelsOf(*product.planned, names);
  Compiled each = compile(kernels, options);
  Product planned = compileModule(*kernels.impl->module, request);
  std::map<std::string, const passes::EntryReport *> reports;
  std::vector<passes::EntryReport> entries = passes::reportEntries(*planned.planned);
  for (const passes::EntryReport &report : entries)
    reports[report.name] = &report;
  for (auto &[name, count] : names)
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
