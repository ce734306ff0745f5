// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fluxion demo: the same training program in this process and as a standalone executable.
#include "frontend/driver/commands/Demo.h"

#include "fluxion/runtime.h"
#include "frontend/driver/Compile.h"
#include "frontend/driver/commands/Commands.h"
#include "frontend/dsl/Trace.h"
#include "passes/report/FusionReport.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <unistd.h>

namespace fluxion::driver {

Curve runTrainer(const std::string &command) {
  double start = rt::secondsNow();
  std::fflush(stdout);
  FILE *pipe = popen((command + " --json").c_str(), "r");
  if (!pipe)
    throw std::runtime_error("cannot run " + command);
  Curve curve;
  char line[4096];
  while (std::fgets(line, sizeof line, pipe)) {
    nlohmann::json event = nlohmann::json::parse(line, nullptr, false);
    if (!event.is_object())
      continue;
    std::string kind = event.value("event", "");
    if (kind == "step") {
      if (curve.losses.empty())
        curve.firstStep = rt::secondsNow() - start;
      std::string text = line;
      size_t at = text.find("\"loss\": ") + 8;
      curve.losses.push_back(text.substr(at, text.find(',', at) - at));
    } else if (kind == "end") {
      curve.accuracy = event.value("test_accuracy", 0.0);
      curve.medianMs = event.value("median_step_ms", 0.0);
      curve.peakBytes = event.value("peak_rss_bytes", int64_t(0));
    }
  }
  if (pclose(pipe) != 0)
    throw std::runtime_error("this failed: " + command);
  curve.seconds = rt::secondsNow() - start;
  return curve;
}

std::string trainCommand(const std::string &model, const std::string &data,
                         const std::string &rest) {
  std::string self = std::filesystem::read_symlink("/proc/self/exe");
  return "'" + self + "' train " + model + " --data='" + data + "'" + rest;
}

namespace {

// What both programs are compiled with.
std::string compileWords(const CompileFlags &flags) {
  std::string words = " --target=" + flags.target + " --batch=" + std::to_string(flags.batch) +
                      " --threads=" + std::to_string(flags.threads);
  words += " --precision=" + flags.precision;
  if (!flags.schedule.empty())
    words += " --schedule='" + flags.schedule + "'";
  if (!flags.tuning.empty())
    words += " --tuning='" + flags.tuning + "'";
  for (const std::string &pass : flags.skip)
    words += " --skip=" + pass;
  return words + (flags.noCache ? " --no-cache" : "");
}

// A folder that goes with the demonstration.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "fluxion-demo-XXXXXX").string();
    if (!mkdtemp(name.data()))
      throw std::runtime_error("cannot create a folder in " + name);
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path path;
};

void printFusion(const std::string &model, const CompileFlags &flags) {
  Program traced = makeModel(model, flags.batch);
  Request request;
  request.options = flags.options();
  request.stopAfter = "plan-memory";
  Product fused = compileModule(*traced.impl->module, request);
  request.fusion = false;
  Product unfused = compileModule(*traced.impl->module, request);
  std::printf("what fusion made of it\n%s\n",
              passes::fusionReport(*fused.planned, *unfused.planned).c_str());
}

// Empty, or what went wrong.
std::string demoDigits(const CompileFlags &flags, int64_t epochs) {
  const char *model = "vision/lenet_digits";
  std::string data = dataPath("digits", ""), count = " --epochs=" + std::to_string(epochs);
  Folder folder;
  std::string program = (folder.path / "lenet_digits").string();

  std::printf("LeNet on the 1,797 8x8 digits of UCI: one compiled training step\n\n");
  Curve here = runTrainer(trainCommand(model, data, count + compileWords(flags)));
  std::printf("in process:   %zu steps in %.1f s, compilation included; %.2f %% on the held-out "
              "fifth\n",
              here.losses.size(), here.seconds, 100 * here.accuracy);

  double from = rt::secondsNow();
  emit(makeModel(model, flags.batch),
       {.kind = Emit::Executable, .path = program, .data = "digits", .compile = flags.options()});
  std::printf("built:        a standalone executable of %.0f kB in %.1f s\n",
              double(std::filesystem::file_size(program)) / 1e3, rt::secondsNow() - from);
  std::string command =
      "'" + program + "' --data='" + data + "' --threads=" + std::to_string(flags.threads);
  Curve alone = runTrainer(command + count);
  Curve cold = runTrainer(command + " --batch-limit=1");
  std::printf("standalone:   %zu steps in %.2f s; %.2f %% on the held-out fifth\n"
              "cold start:   %.1f ms to the first finished step\n"
              "step time:    %.3f ms (median)\n"
              "peak memory:  %.1f MB, data included\n",
              alone.losses.size(), alone.seconds, 100 * alone.accuracy, 1e3 * cold.firstStep,
              alone.medianMs, double(alone.peakBytes) / 1e6);
  bool equal = here.losses == alone.losses && !alone.losses.empty();
  std::printf("loss curves:  %s over %zu steps\n\n", equal ? "bit-identical" : "DIFFERENT",
              alone.losses.size());
  printFusion(model, flags);
  if (!equal)
    return "the two programs disagree";
  return here.accuracy >= 0.97 ? "" : "accuracy on the digits is below 97 %";
}

} // namespace

void addDemo(CLI::App &app, int &code) {
  struct Flags {
    CompileFlags compile;
    int64_t epochs = 30;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App *command = app.add_subcommand(
      "demo", "train LeNet on real digits in this process and as a standalone program\n\n"
              "  fluxion demo\n"
              "  FLUXION_DATA_DIR=DIR fluxion demo    LeNet on MNIST, ResNet-20 on CIFAR-10 too");
  command->add_option("--epochs", flags->epochs, "passes over the digits")->capture_default_str();
  flags->compile.add(*command);
  command->callback([flags, &code] {
    double start = rt::secondsNow();
    std::string problem = demoDigits(flags->compile, flags->epochs);
    if (const char *folder = std::getenv("FLUXION_DATA_DIR"); folder && problem.empty())
      problem = demoRealData(folder, flags->compile);
    std::printf("%s in %.1f s\n", problem.empty() ? "done" : problem.c_str(),
                rt::secondsNow() - start);
    code = problem.empty() ? 0 : 1;
  });
}

} // namespace fluxion::driver
