// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The training loop. Where it stands is the state's step counter alone, so that a run that was
// stopped anywhere goes on with the next batch of the same order.
#pragma once

#include "fluxion/runtime.h"
#include "runtime/data/Data.h"
#include "runtime/tools/Options.h"
#include "runtime/tools/Report.h"

#include <csignal>

namespace fluxion::rt {

class Trainer {
public:
  Trainer(Instance &instance, const TrainOptions &options, const Split &data, Report &report)
      : instance(instance), options(options), data(data), report(report) {}

  std::string check(); // the program fits the loop and the data; empty if so
  int train(const volatile std::sig_atomic_t &interrupted);
  int evaluateOnly();

private:
  struct Culprit {
    int64_t step = 0; // counted from 1
    std::string tensor;
  };

  // A step that was submitted.
  struct Run {
    int64_t step = 0;
    double submitted = 0, hostMs = 0;
    std::vector<float> values; // scalars of 4 bytes
    std::vector<void *> pointers;
  };

  Instance &instance;
  const TrainOptions &options;
  const Split &data;
  Report &report;
  const fx_entry *stepEntry = nullptr, *evaluateEntry = nullptr;
  int64_t batch = 0, perEpoch = 0, steps = 0, total = 0, position = 0;
  std::vector<double> milliseconds, hostMilliseconds; // of a step; of those, preparing it
  double lastEnd = 0;
  // Copies of the state, every number of it finite: the last one and, so that a replay sees steps
  // that go well, the one before.
  std::vector<std::byte> good, older, spare; // the last: none
  std::string beganBad;                      // an item of the first state that is not finite
  double started = 0, accuracy = 0;

  // Where the state stands; read once, then counted, for a GPU would have to finish first.
  int64_t counter() const { return position; }
  Status readCounter();
  Status restore(const std::vector<std::byte> &copy);
  const char *notFinite(const std::byte *state) const; // a state item, or null
  Status keepIfFinite();
  Status submitStep(const Batches::Batch &batch, Run &run);
  int endStep(Run &run, double &lossSum);
  std::vector<int64_t> orderFrom(int64_t step) const;
  int runEpoch(double &meanLoss, const volatile std::sig_atomic_t &interrupted);
  int finish();
  Status evaluate(double &loss);
  int save();
  int stop(const std::string &why);
  int stopStep(int64_t step, const Status &status);
  int stopLost(const std::string &why);
  bool findCulprit(int64_t last, Culprit &culprit);
};

} // namespace fluxion::rt
