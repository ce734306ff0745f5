// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fluxion list, show, train, build.
#include "codegen/llvm/Aot.h"
#include "fluxion/train.h"
#include "frontend/driver/Compile.h"
#include "frontend/driver/Compiled.h"
#include "frontend/driver/commands/Commands.h"
#include "frontend/driver/commands/Measure.h"
#include "frontend/dsl/Trace.h"
#include "passes/report/FusionReport.h"
#include "passes/report/PerformanceLint.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <optional>
#include <stdexcept>

namespace fluxion::driver {

void addList(CLI::App &app, int &) {
  auto json = std::make_shared<bool>(false);
  CLI::App *command = app.add_subcommand(
      "list", "the models that come with Fluxion\n\n  fluxion list\n  fluxion list --json");
  command->add_flag("--json", *json, "one JSON object a line");
  command->callback([json] {
    for (const Model &model : models())
      if (*json)
        std::printf("%s\n",
                    nlohmann::json{{"name", model.name}, {"doc", model.doc}, {"data", model.data}}
                        .dump()
                        .c_str());
      else
        std::printf("%-22s %s (data: %s)\n", model.name, model.doc, model.data);
  });
}

namespace {

struct ShowFlags {
  CompileFlags compile;
  std::string model, after, emit;
  bool report = false, lint = false, json = false;
};

void showLayers(const Program &program, bool json) {
  if (!json) {
    std::printf("%s\n", program.summary().c_str());
    return;
  }
  for (const dsl::LayerNote &layer : program.impl->layers)
    std::printf("%s\n", nlohmann::json{{"event", "layer"},
                                       {"name", layer.name},
                                       {"layer", layer.text},
                                       {"output", layer.output},
                                       {"parameters", layer.parameters}}
                            .dump()
                            .c_str());
  std::printf("%s\n", nlohmann::json{{"event", "model"},
                                     {"name", program.impl->name},
                                     {"code", program.impl->description},
                                     {"parameters", program.parameterCount()}}
                          .dump()
                          .c_str());
}

void showReport(const Program &program, Request request, bool json, bool timing) {
  Product product = compileModule(*program.impl->module, request);
  if (timing)
    printTiming(product.info);
  request.fusion = false;
  Product unfused = compileModule(*program.impl->module, request);
  const passes::ScheduleSource *measured = product.tuning ? &*product.tuning : nullptr;
  if (json)
    llvm::outs() << passes::fusionReportJson(*product.planned, *unfused.planned, measured) << "\n";
  else
    std::printf("%s", passes::fusionReport(*product.planned, *unfused.planned, measured).c_str());
}

// Slow things in the planned program, then in its code. True if there is none.
bool showLint(const Program &program, Request request, bool json) {
  request.assembly = true;
  Product product = compileModule(*program.impl->module, request);
  auto line = [&](const std::string &rule, const std::string &where, const std::string &message) {
    if (json)
      std::printf(
          "%s\n",
          nlohmann::json{{"event", "lint"}, {"rule", rule}, {"where", where}, {"message", message}}
              .dump()
              .c_str());
    else
      std::printf("%-12s %s: %s\n", rule.c_str(), where.c_str(), message.c_str());
  };
  std::vector<passes::LintFinding> planned = passes::lintPerformance(*product.planned);
  for (const passes::LintFinding &finding : planned)
    line(finding.rule, finding.kernel, finding.message);
  for (const codegen::CodeFinding &finding : product.findings)
    line(finding.rule, finding.function, finding.message);
  bool clean = planned.empty() && product.findings.empty();
  if (clean && !json)
    std::printf("nothing slow was found\n");
  return clean;
}

void show(const ShowFlags &flags, int &status) {
  Program program = subjectProgram(flags.model, flags.compile.batch);
  Request request;
  request.name = program.impl->name;
  request.options = flags.compile.options();
  checkOptions(request.options, program.impl->context.get());
  std::vector<std::string> stages = {"trace"};
  for (llvm::StringRef stage : passes::stageNames())
    stages.push_back(stage.str());
  stages.push_back("lower");
  if (!flags.after.empty())
    checkChoice("stage", flags.after, stages);
  if (!flags.emit.empty())
    checkChoice("--emit", flags.emit, {"ir", "llvm", "asm"});

  if (flags.lint) {
    status = showLint(program, request, flags.json) ? 0 : 1;
    return;
  }
  bool plain = flags.after.empty() && flags.emit.empty() && !flags.report;
  if (plain && !isMlirFile(flags.model))
    return showLayers(program, flags.json);
  if (plain || flags.after == "trace" || flags.emit == "ir") {
    std::printf("%s", program.str().c_str());
    return;
  }
  request.llvmIr = flags.emit == "llvm" || flags.after == "lower";
  request.assembly = flags.emit == "asm";
  bool text = request.llvmIr || request.assembly;
  if (!text)
    request.stopAfter = flags.after.empty() ? "plan-memory" : flags.after;
  if (flags.report)
    return showReport(program, request, flags.json, flags.compile.timing);
  Product product = compileModule(*program.impl->module, request);
  if (flags.compile.timing)
    printTiming(product.info);
  if (text)
    std::printf("%s", product.objects[0].c_str());
  else
    llvm::outs() << *product.planned;
}

} // namespace

void addShow(CLI::App &app, int &status) {
  auto flags = std::make_shared<ShowFlags>();
  CLI::App *command = app.add_subcommand(
      "show", "a model: its layers, its program after a stage, or what fusion made of it\n\n"
              "  fluxion show vision/lenet                  layers, shapes, parameters\n"
              "  fluxion show vision/lenet --after=fuse     IR after a stage\n"
              "  fluxion show vision/lenet --report         kernels, bytes moved, arena\n"
              "  fluxion show vision/lenet --lint           slow things left in it; 1 if any\n"
              "  fluxion show vision/lenet --emit=asm       machine code as text\n"
              "  fluxion show vision/lenet --report --dump=DIR   the program after every pass too");
  command->add_option("model", flags->model, "a name of fluxion list, or a .mlir file")->required();
  command->add_option(
      "--after", flags->after,
      "trace, differentiate, decompose, simplify, layout, precision, fuse, schedule, order, "
      "plan-memory, lower");
  command->add_option("--emit", flags->emit, "ir, llvm or asm");
  command->add_flag("--report", flags->report,
                    "kernels before and after fusion; with --tuning the times "
                    "measured, who won and by how much");
  command->add_flag("--lint", flags->lint,
                    "large copies, scalar contractions, libm in loops, spills, forks of little "
                    "work; exit status 1 where there is one");
  command->add_flag("--json", flags->json,
                    "layers, the report or the lint as JSON, one object a line");
  flags->compile.add(*command);
  command->callback([flags, &status] { show(*flags, status); });
}

namespace {

struct TrainFlags {
  CompileFlags compile;
  std::string model, data, save, resume, weights;
  int64_t epochs = 1, batchLimit = 0, snapshotEvery = 200;
  std::optional<int64_t> seed;
  bool json = false, evaluate = false;
};

// The loop is the standalone executable's own, so that both give the same bits.
int train(const TrainFlags &flags) {
  const Model &model = findModel(flags.model);
  Program program = makeModel(flags.model, flags.compile.batch);
  Compiled compiled = compile(program, flags.compile.options());
  if (flags.compile.timing && !flags.json)
    printTiming(compiled.info());
  std::vector<std::string> words = {"fluxion train", "--data=" + dataPath(model.data, flags.data),
                                    "--epochs=" + std::to_string(flags.epochs),
                                    "--batch-limit=" + std::to_string(flags.batchLimit),
                                    "--snapshot-every=" + std::to_string(flags.snapshotEvery)};
  if (flags.seed)
    words.push_back("--seed=" + std::to_string(*flags.seed));
  if (!flags.save.empty())
    words.push_back("--save=" + flags.save);
  if (!flags.resume.empty())
    words.push_back("--resume=" + flags.resume);
  if (!flags.weights.empty())
    words.push_back("--weights=" + flags.weights);
  if (flags.evaluate)
    words.push_back("--eval");
  if (flags.json)
    words.push_back("--json");
  std::vector<char *> argv;
  for (std::string &word : words)
    argv.push_back(word.data());
  std::string event = compileEvent(compiled.info());
  return rt::trainMain(*compiled.impl->instance, model.data, (int)argv.size(), argv.data(),
                       {event.c_str()});
}

} // namespace

void addTrain(CLI::App &app, int &code) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App *command = app.add_subcommand(
      "train", "compile a model's training step and run it here\n\n"
               "  fluxion train vision/lenet_digits --epochs=10\n"
               "  fluxion train vision/lenet --data=DIR --epochs=3 --save=lenet.safetensors\n"
               "  fluxion train vision/lenet --data=DIR --weights=lenet.safetensors --eval");
  command->add_option("model", flags->model, "a name of fluxion list")->required();
  command->add_option("--data", flags->data,
                      "file or folder with the data; $FLUXION_DATA_DIR by default");
  command->add_option("--epochs", flags->epochs, "passes over the data")->capture_default_str();
  command->add_option("--batch-limit", flags->batchLimit, "at most so many batches an epoch");
  command->add_option(
      "--seed", flags->seed,
      "of initial values, order and random numbers (1); a resumed run keeps its own");
  command->add_option("--save", flags->save, "write the state here after every epoch");
  command->add_option("--resume", flags->resume, "start from a saved state");
  command->add_option("--weights", flags->weights,
                      "begin with weights from a safetensors file, taken by name");
  command
      ->add_option("--snapshot-every", flags->snapshotEvery,
                   "steps between copies of the state that a failed step falls back to")
      ->capture_default_str();
  command->add_flag("--eval", flags->evaluate, "evaluate only");
  command->add_flag("--json", flags->json, "one JSON object a line");
  flags->compile.add(*command);
  command->callback([flags, &code] { code = train(*flags); });
}

void addBuild(CLI::App &app, int &) {
  struct Flags {
    CompileFlags compile;
    std::string model, output, emit = "exe";
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App *command = app.add_subcommand(
      "build",
      "a model as files that need neither Fluxion nor LLVM\n\n"
      "  fluxion build vision/lenet -o lenet                       a standalone trainer\n"
      "  fluxion build vision/lenet -o lenet.o --emit=object       object and C header\n"
      "  fluxion build vision/lenet -o lenet --target=cpu,cuda     for either, picked where "
      "it starts");
  command
      ->add_option("model", flags->model, "a name of fluxion list, or a .mlir file for an object")
      ->required();
  command
      ->add_option("-o,--output", flags->output,
                   "the file to write; an object's header is written beside it")
      ->required();
  command->add_option("--emit", flags->emit, "exe, object, ir, llvm or asm")->capture_default_str();
  command->add_flag("--json", flags->json, "the compile event as one JSON object");
  flags->compile.add(*command);
  command->callback([flags] {
    const std::vector<std::pair<std::string, Emit>> kinds = {{"exe", Emit::Executable},
                                                             {"object", Emit::Object},
                                                             {"ir", Emit::Ir},
                                                             {"llvm", Emit::Llvm},
                                                             {"asm", Emit::Assembly}};
    std::vector<std::string> names;
    for (auto &[name, kind] : kinds)
      names.push_back(name);
    checkChoice("--emit", flags->emit, names);
    auto kind = llvm::find_if(kinds, [&](auto &each) { return each.first == flags->emit; });
    CompileInfo info = emit(subjectProgram(flags->model, flags->compile.batch),
                            {.kind = kind->second,
                             .path = flags->output,
                             .data = isMlirFile(flags->model) ? "" : findModel(flags->model).data,
                             .compile = flags->compile.options()});
    if (flags->json)
      std::printf("%s\n", compileEvent(info).c_str());
    else if (flags->compile.timing)
      printTiming(info);
  });
}

} // namespace fluxion::driver
