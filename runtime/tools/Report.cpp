// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tools/Report.h"

#include <cmath>
#include <unistd.h>

namespace fluxion::rt {
namespace {

// JSON has no infinities.
std::string number(const char *format, double value) {
  char text[64] = "null";
  if (std::isfinite(value))
    std::snprintf(text, sizeof text, format, value);
  return text;
}

} // namespace

Report::Report(bool json)
    : json(json), live(isatty(STDOUT_FILENO)           ? (json ? nullptr : stdout)
                       : json && isatty(STDERR_FILENO) ? stderr
                                                       : nullptr) {}

void Report::compiled(const fx_program &program, const char *event) {
  if (!json)
    return;
  int64_t kernels = 0;
  for (uint32_t e = 0; e < program.num_entries; ++e)
    kernels += program.entries[e].num_kernels;
  if (event)
    std::printf("%s\n", event);
  else
    std::printf("{\"event\": \"compile\", \"seconds\": {}, \"kernels\": %ld, \"arena_bytes\": "
                "%lu}\n",
                kernels, program.arena_bytes);
}

void Report::step(const StepReport &r) {
  if (json)
    std::printf("{\"event\": \"step\", \"step\": %ld, \"loss\": %.9g, \"ms\": %.4f}\n", r.step,
                r.loss, r.ms);
  double now = secondsNow();
  if (now - shown < 0.1)
    return;
  shown = now;
  if (json)
    std::fflush(stdout);
  if (!live)
    return;
  std::fprintf(live, "\r\033[Kstep %ld  loss %.4f  accuracy %.1f %%  %.0f samples/s  %.0f s left",
               r.step, r.loss, 100 * r.accuracy, r.samplesPerSecond, r.secondsLeft);
  std::fflush(live);
}

void Report::clearLine() {
  if (live) {
    std::fprintf(live, "\r\033[K");
    std::fflush(live);
  }
}

void Report::epoch(int64_t epoch, double trainLoss, double testLoss, double testAccuracy) {
  clearLine();
  if (json)
    std::printf("{\"event\": \"epoch\", \"epoch\": %ld, \"train_loss\": %s, \"test_loss\": %s, "
                "\"test_accuracy\": %.6f}\n",
                epoch, number("%.9g", trainLoss).c_str(), number("%.9g", testLoss).c_str(),
                testAccuracy);
  else if (std::isnan(trainLoss))
    std::printf("test loss %.4f  test accuracy %.2f %%\n", testLoss, 100 * testAccuracy);
  else
    std::printf("epoch %ld  train loss %.4f  test loss %.4f  test accuracy %.2f %%\n", epoch,
                trainLoss, testLoss, 100 * testAccuracy);
  std::fflush(stdout);
}

void Report::end(int64_t steps, double accuracy, double medianMs, std::optional<double> hostMs) {
  clearLine();
  uint64_t peak = peakResidentBytes();
  char host[48] = "";
  if (hostMs)
    std::snprintf(host, sizeof host, "\"median_host_ms\": %.4f, ", *hostMs);
  if (json)
    std::printf("{\"event\": \"end\", \"steps\": %ld, \"test_accuracy\": %.6f, "
                "\"median_step_ms\": %.4f, %s\"peak_rss_bytes\": %lu}\n",
                steps, accuracy, medianMs, host, peak);
  else if (steps > 0)
    std::printf("%ld steps, %.3f ms a step (median), %.1f MB at most\n", steps, medianMs,
                double(peak) / 1e6);
  std::fflush(stdout);
}

int fail(const std::string &message) {
  std::fflush(stdout);
  std::fprintf(stderr, "error: %s\n", message.c_str());
  return 1;
}

} // namespace fluxion::rt
