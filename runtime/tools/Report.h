// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a training run tells: lines of JSON for programs, a line an epoch for people, and a live
// line where there is a terminal.
#pragma once

#include "fluxion/runtime.h"

#include <cstdio>
#include <optional>
#include <string>

namespace fluxion::rt {

struct StepReport {
  int64_t step = 0;
  float loss = 0, accuracy = 0;
  double ms = 0, samplesPerSecond = 0, secondsLeft = 0;
};

class Report {
public:
  // With JSON on a pipe the live line goes to standard error, if that is a terminal.
  explicit Report(bool json);

  void compiled(const fx_program &program, const char *event); // null: there was nothing to compile
  void step(const StepReport &report);
  // Without steps there is no train loss: not a number.
  void epoch(int64_t epoch, double trainLoss, double testLoss, double testAccuracy);
  // `hostMs`: what of a step its caller spent, where the rest goes on without it (on a GPU).
  void end(int64_t steps, double accuracy, double medianMs, std::optional<double> hostMs);
  void clearLine();

private:
  bool json;
  FILE *live; // null without a terminal
  double shown = 0;
};

// Prints "error: MESSAGE" and gives the exit status of a failure.
int fail(const std::string &message);

} // namespace fluxion::rt
