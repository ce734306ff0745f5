// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fluxion demo: the same training program in this process and as a standalone executable.
#include "fluxion/runtime.h"
#include "frontend/driver/Compile.h"
#include "frontend/driver/commands/Commands.h"
#include "frontend/dsl/Trace.h"
#include "passes/report/FusionReport.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <unistd.h>

namespace fluxion::driver {
namespace {

struct Curve {
  std::vector<std::string> losses; // as printed, %.9g: equal text means equal bits
  double accuracy = 0, medianMs = 0, seconds = 0;
  int64_t peakBytes = 0, steps = 0;
};

// Runs a command that prints the trainer's JSON lines; shows progress on the way.
Curve runTrainer(const std::string &command, const char *label) {
  double start = rt::secondsNow();
  FILE *pipe = popen(command.c_str(), "r");
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
      std::string text = line;
      size_t at = text.find("\"loss\": ") + 8;
      curve.losses.push_back(text.substr(at, text.find(',', at) - at));
    } else if (kind == "epoch") {
      if (isatty(STDOUT_FILENO))
        std::printf("\r\033[K  %s: epoch %d, test accuracy %.2f %%", label, event.value("epoch", 0),
                    100 * event.value("test_accuracy", 0.0));
      std::fflush(stdout);
    } else if (kind == "end") {
      curve.accuracy = event.value("test_accuracy", 0.0),
      curve.medianMs = event.value("median_step_ms", 0.0);
      curve.peakBytes = event.value("peak_rss_bytes", int64_t(0)),
      curve.steps = event.value("steps", int64_t(0));
    }
  }
  int status = pclose(pipe);
  if (status != 0)
    throw std::runtime_error(std::string(label) + " failed: " + command);
  curve.seconds = rt::secondsNow() - start;
  if (isatty(STDOUT_FILENO))
    std::printf("\r\033[K");
  return curve;
}

void demo(const CompileFlags &flags, int64_t epochs, int &code) {
  const char *model = "vision/lenet_digits";
  std::string self = std::filesystem::read_symlink("/proc/self/exe"), data = dataPath("digits", "");
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("fluxion-demo-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::string program = (folder / "lenet_digits").string(), quiet = " --json --data='" + data + "'";
  std::string count = " --epochs=" + std::to_string(epochs);

  std::printf("LeNet on the 1,797 8x8 digits of UCI: one compiled training step\n\n");
  double start = rt::secondsNow();
  Curve inProcess = runTrainer("'" + self + "' train " + model + quiet + count, "in process");
  std::printf(
      "in process:  %ld steps in %.1f s, compilation included; %.2f %% on the held-out fifth\n",
      inProcess.steps, inProcess.seconds, 100 * inProcess.accuracy);

  double built = rt::secondsNow();
  emit(makeModel(model, flags.batch),
       {.kind = Emit::Executable, .path = program, .data = "digits", .compile = flags.options()});
  std::printf("built:       a standalone executable of %.0f KB in %.1f s\n",
              double(std::filesystem::file_size(program)) / 1e3, rt::secondsNow() - built);
  Curve standalone = runTrainer("'" + program + "'" + quiet + count, "standalone");
  Curve cold =
      runTrainer("'" + program + "'" + quiet + " --epochs=1 --batch-limit=1", "cold start");
  std::printf("standalone:  %ld steps in %.2f s; %.3f ms a step; %.1f MB at most; %.0f ms from "
              "start to end of a one-step run with evaluation\n",
              standalone.steps, standalone.seconds, standalone.medianMs,
              double(standalone.peakBytes) / 1e6, 1e3 * cold.seconds);
  bool equal = inProcess.losses == standalone.losses && !standalone.losses.empty();
  std::printf("loss curves: %s over %zu steps\n\n", equal ? "bit-identical" : "DIFFERENT",
              standalone.losses.size());

  Program traced = makeModel(model, flags.batch);
  Request request;
  request.options = flags.options();
  request.stopAfter = "plan-memory";
  Product fused = compileModule(*traced.impl->module, request);
  request.fusion = false;
  Product unfused = compileModule(*traced.impl->module, request);
  std::printf("%s\n", passes::fusionReport(*fused.planned, *unfused.planned).c_str());
  std::filesystem::remove_all(folder);
  bool learned = inProcess.accuracy >= 0.97;
  std::printf("%s in %.1f s\n",
              equal && learned ? "done"
              : learned        ? "the two programs disagree"
                               : "accuracy is below 97 %",
              rt::secondsNow() - start);
  code = equal && learned ? 0 : 1;
}

} // namespace

void addDemo(CLI::App &app, int &code) {
  struct Flags {
    CompileFlags compile;
    int64_t epochs = 30;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App *command = app.add_subcommand(
      "demo",
      "train LeNet on real digits in this process and as a standalone program\n\n  fluxion demo");
  command->add_option("--epochs", flags->epochs, "passes over the digits")->capture_default_str();
  flags->compile.add(*command);
  command->callback([flags, &code] { demo(flags->compile, flags->epochs, code); });
}

} // namespace fluxion::driver
