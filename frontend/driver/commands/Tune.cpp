// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fluxion tune: every schedule a kernel may have, timed; the best of each kernel in a database.
#include "codegen/common/Backend.h"
#include "codegen/common/Target.h"
#include "fluxion/runtime.h"
#include "frontend/driver/Compile.h"
#include "frontend/driver/Compiled.h"
#include "frontend/driver/Targets.h"
#include "frontend/driver/commands/Commands.h"
#include "frontend/driver/commands/Measure.h"
#include "passes/report/Verdict.h"
#include "passes/schedule/TuningDatabase.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <stdexcept>

namespace fluxion::driver {
namespace {

struct TuneFlags {
  CompileFlags compile;
  std::string subject, output;
  double seconds = 0.05;
  bool json = false;
};

struct Candidate {
  size_t kernel;
  std::string entry;
  mlir::DictionaryAttr schedule;
  std::string backend() const {
    return schedule.getAs<mlir::StringAttr>("backend").getValue().str();
  }
};

// What every backend that takes a kernel thinks worth measuring.
std::vector<Candidate> candidates(const std::vector<DistinctKernel> &kernels,
                                  const ir::TargetInfo &target) {
  std::vector<Candidate> list;
  for (auto [i, distinct] : llvm::enumerate(kernels))
    for (const auto &backend : codegen::backendsFor(target))
      for (mlir::DictionaryAttr schedule : backend->candidates(distinct.kernel, target))
        list.push_back({i, "c" + std::to_string(list.size()), schedule});
  return list;
}

void line(const TuneFlags &flags, const DistinctKernel &kernel, const Candidate &candidate,
          double seconds) {
  std::string schedule = passes::printScheduleText(candidate.schedule);
  if (flags.json)
    std::printf("%s\n",
                nlohmann::json{{"kernel", kernel.name}, {"schedule", schedule}, {"best_s", seconds}}
                    .dump()
                    .c_str());
  else
    std::printf("%-44s %10s  %s\n", kernel.name.c_str(), passes::duration(seconds).c_str(),
                schedule.c_str());
  std::fflush(stdout);
}

// Nothing where a library is missing, so that its calls are other candidates' kernels, or cannot do
// what it is asked for.
std::optional<double> secondsOf(Compiled &compiled, const Candidate &candidate, double seconds) {
  EntryCall call(compiled, candidate.entry);
  if (!call.hasLibraries())
    return std::nullopt;
  if (candidate.backend() != "library")
    return timeCall(call, seconds).best;
  try {
    return timeCall(call, seconds).best;
  } catch (const std::runtime_error &error) {
    std::fprintf(stderr, "note: %s\n", error.what());
    return std::nullopt;
  }
}

// What the report says of the kernel where the database is in use.
void printVerdict(const TuneFlags &flags, const DistinctKernel &kernel,
                  llvm::ArrayRef<passes::Measurement> measured) {
  std::string text = passes::verdict(measured);
  if (text.empty())
    return;
  if (flags.json)
    std::printf("%s\n", nlohmann::json{{"kernel", kernel.name},
                                       {"winner", measured[0].schedule},
                                       {"lead", passes::lead(measured)}}
                            .dump()
                            .c_str());
  else
    std::printf("%-44s %s\n", kernel.name.c_str(), text.c_str());
}

// Schedules are measured on this machine: its processors, its GPU, or its emulator of one.
ir::TargetInfo measurable(CompileOptions &options) {
  std::vector<std::string> targets = splitTargets(options.target);
  if (targets.size() > 1)
    throw std::runtime_error("--target=" + options.target +
                             ": schedules are measured on one target at a time");
  options.target = targets[0];
  llvm::Expected<ir::TargetInfo> target = codegen::parseTarget(options.target);
  if (!target)
    throw std::runtime_error(llvm::toString(target.takeError()));
  std::string arch;
  if (target->kind == "cuda")
    if (rt::Status status = rt::deviceArch(arch); !status)
      throw std::runtime_error(status.message() + "; schedules are measured where the GPU is");
  if (target->kind == "cuda-emulated")
    std::fprintf(stderr, "note: times are the emulator's and say nothing of a GPU\n");
  return *target;
}

void tune(TuneFlags flags) {
  flags.compile.threads = 1;
  Request request;
  request.options = flags.compile.options();
  request.stopAfter = "schedule";
  ir::TargetInfo target = measurable(request.options);
  Program program = subjectProgram(flags.subject, flags.compile.batch);
  Product product = compileModule(*program.impl->module, request);
  std::vector<DistinctKernel> kernels = distinctKernels(*product.planned);
  std::vector<Candidate> all = candidates(kernels, target);
  KernelProgram apart;
  for (const Candidate &candidate : all)
    apart.add(kernels[candidate.kernel].kernel, candidate.entry, candidate.schedule);
  Compiled compiled = compile(apart.finish(), request.options);

  if (const std::string &note = compiled.impl->instance->note(); !note.empty())
    std::fprintf(stderr, "note: %s\n", note.c_str());
  passes::TuningDatabase database;
  for (const Candidate &candidate : all) {
    std::optional<double> seconds = secondsOf(compiled, candidate, flags.seconds);
    if (!seconds)
      continue;
    ir::KernelOp kernel = kernels[candidate.kernel].kernel;
    database.record(kernel, target, candidate.schedule, *seconds,
                    /*chosen=*/kernel.getSchedule()->getConfig() == candidate.schedule);
    line(flags, kernels[candidate.kernel], candidate, *seconds);
  }
  for (DistinctKernel &distinct : kernels)
    printVerdict(flags, distinct,
                 database.measurements(passes::kernelFingerprint(distinct.kernel), target,
                                       distinct.kernel.getContext()));
  if (llvm::Error problem = database.save(flags.output))
    throw std::runtime_error("cannot write " + llvm::toString(std::move(problem)));
  if (!flags.json)
    std::printf("%lld kernels in %s; replay with --tuning=%s\n", (long long)database.size(),
                flags.output.c_str(), flags.output.c_str());
}

} // namespace

void addTune(CLI::App &app, int &) {
  auto flags = std::make_shared<TuneFlags>();
  CLI::App *command = app.add_subcommand(
      "tune", "measure the schedules every kernel may have and write the best to a database\n\n"
              "  fluxion tune  vision/lenet -o tuning.txtpb\n"
              "  fluxion tune  kernel.mlir -o tuning.txtpb\n"
              "  fluxion tune  vision/lenet -o tuning.txtpb --target=cuda --precision=tf32\n"
              "  fluxion build vision/lenet -o lenet --tuning=tuning.txtpb\n"
              "  fluxion show  vision/lenet --report --tuning=tuning.txtpb   who won by how much");
  command->add_option("subject", flags->subject, "a name of fluxion list, or a .mlir file")
      ->required();
  command->add_option("-o,--output", flags->output, "the database: text if it ends in .txtpb")
      ->required();
  command->add_option("--seconds", flags->seconds, "how long to measure a candidate")
      ->capture_default_str();
  command->add_flag("--json", flags->json, "one JSON object a line");
  flags->compile.add(*command);
  // Schedules hold for the machine they were measured on, one thread of it where it is a CPU.
  for (const char *option : {"--threads", "--schedule", "--tuning", "--timing"})
    command->remove_option(command->get_option(option));
  command->callback([flags] { tune(*flags); });
}

} // namespace fluxion::driver
