// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fluxion/train.h"

#include "fluxion/runtime.h"
#include "runtime/data/Data.h"
#include "runtime/tools/Options.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace fluxion::rt {
namespace {

volatile std::sig_atomic_t interrupted = 0;
void onSignal(int) { interrupted = 1; }

// A live line on a terminal, lines of JSON for programs, one line an epoch otherwise.
class Report {
public:
  explicit Report(bool json) : json(json), terminal(!json && isatty(STDOUT_FILENO)) {}

  void step(int64_t step, float loss, float accuracy, double ms, double samplesPerSecond,
            double secondsLeft) {
    if (json)
      std::printf("{\"event\": \"step\", \"step\": %ld, \"loss\": %.9g, \"ms\": %.4f}\n", step,
                  loss, ms);
    else if (terminal && secondsNow() - shown > 0.1) {
      std::printf("\r\033[Kstep %ld  loss %.4f  accuracy %.1f %%  %.0f samples/s  %.0f s left",
                  step, loss, 100 * accuracy, samplesPerSecond, secondsLeft);
      std::fflush(stdout);
      shown = secondsNow();
    }
  }
  void epoch(int64_t epoch, double trainLoss, double testLoss, double testAccuracy) {
    if (json)
      std::printf("{\"event\": \"epoch\", \"epoch\": %ld, \"train_loss\": %.9g, \"test_loss\": "
                  "%.9g, \"test_accuracy\": %.6f}\n",
                  epoch, trainLoss, testLoss, testAccuracy);
    else
      std::printf("%sepoch %ld  train loss %.4f  test loss %.4f  test accuracy %.2f %%\n",
                  terminal ? "\r\033[K" : "", epoch, trainLoss, testLoss, 100 * testAccuracy);
    std::fflush(stdout);
  }
  void end(int64_t steps, double accuracy, double medianMs, uint64_t peak) {
    if (json)
      std::printf("{\"event\": \"end\", \"steps\": %ld, \"test_accuracy\": %.6f, "
                  "\"median_step_ms\": %.4f, \"peak_rss_bytes\": %lu}\n",
                  steps, accuracy, medianMs, peak);
    else
      std::printf("%ld steps, %.3f ms a step (median), %.1f MB at most\n", steps, medianMs,
                  double(peak) / 1e6);
    std::fflush(stdout);
  }

private:
  bool json, terminal;
  double shown = 0;
};

int fail(const std::string &message) {
  std::fflush(stdout);
  std::fprintf(stderr, "error: %s\n", message.c_str());
  return 1;
}

class Trainer {
public:
  Trainer(Instance &instance, const TrainOptions &options, Split data)
      : instance(instance), options(options), data(std::move(data)), report(options.json) {}

  std::string check(); // the program fits the loop and the data; empty if so
  int run();

private:
  Instance &instance;
  const TrainOptions &options;
  Split data;
  Report report;
  const fx_entry *stepEntry = nullptr, *evaluateEntry = nullptr;
  int64_t batch = 0, steps = 0;
  std::vector<double> milliseconds;
  std::vector<std::byte> good; // the state of the last snapshot
  double started = 0;

  int64_t counter() const;
  int runEpoch(int64_t epoch, double &meanLoss);
  Status evaluate(double &loss, double &accuracy);
  int failedStep(const std::string &why);
  std::string firstBadTensor() const;
  void snapshot() {
    good.assign(instance.state(), instance.state() + instance.program().state_bytes);
  }
};

std::string Trainer::check() {
  stepEntry = instance.entry("step"), evaluateEntry = instance.entry("evaluate");
  if (!stepEntry || !evaluateEntry)
    return std::string(instance.program().name) +
           " is no training program: it lacks step or evaluate";
  const fx_tensor *in = stepEntry->inputs;
  if (stepEntry->num_inputs != 2 || in[0].dtype != FX_F32 || in[0].rank < 2 ||
      in[1].dtype != FX_I32 || in[1].rank != 1 || in[1].dims[0] != in[0].dims[0])
    return std::string(instance.program().name) +
           " does not take f32[N, ...] features and i32[N] labels, which this loop feeds";
  batch = in[0].dims[0];
  int64_t width = int64_t(in[0].bytes / sizeof(float)) / batch;
  if (width != data.train.width)
    return std::string(in[0].name) + " has " + std::to_string(width) +
           " numbers an example, the data has " + std::to_string(data.train.width);
  return "";
}

int64_t Trainer::counter() const {
  for (uint32_t i = 0; i < instance.program().num_state; ++i)
    if (instance.program().state[i].role == FX_STEP) {
      int64_t value;
      std::memcpy(&value, instance.data(instance.program().state[i]), sizeof value);
      return value;
    }
  return steps;
}

std::string Trainer::firstBadTensor() const {
  const fx_program &program = instance.program();
  for (uint32_t i = 0; i < program.num_state; ++i) {
    const fx_tensor &item = program.state[i];
    const float *values = reinterpret_cast<const float *>(instance.data(item));
    if (item.dtype == FX_F32 &&
        !std::all_of(values, values + item.bytes / 4, [](float v) { return std::isfinite(v); }))
      return item.name;
  }
  return "the input batch";
}

int Trainer::failedStep(const std::string &why) {
  std::string place = "step " + std::to_string(counter() + 1) + ": " + why +
                      "; first offending tensor: " + firstBadTensor();
  if (!good.empty())
    std::memcpy(instance.state(), good.data(), good.size());
  if (options.save.empty())
    return fail(place + "; use --save to keep the last good state");
  if (Status status = saveState(instance, options.save); !status)
    return fail(place + "; " + status.message());
  return fail(place + "; the last good state, of step " + std::to_string(counter()) + ", is in " +
              options.save);
}

Status Trainer::evaluate(double &loss, double &accuracy) {
  std::vector<int64_t> order(data.test.count);
  for (int64_t i = 0; i < data.test.count; ++i)
    order[i] = i;
  Batches batches(data.test, order, batch);
  std::vector<float> results(evaluateEntry->num_outputs);
  std::vector<void *> out;
  for (float &result : results)
    out.push_back(&result);
  double count = 0;
  loss = accuracy = 0;
  while (const Batches::Batch *next = batches.next()) {
    const void *in[] = {next->features.data(), next->labels.data()};
    if (Status status = instance.run(*evaluateEntry, in, out); !status)
      return status;
    double valid = results.back();
    loss += results[0] * valid;
    if (results.size() > 2)
      accuracy += results[1] * valid;
    count += valid;
  }
  loss /= std::max(count, 1.0), accuracy /= std::max(count, 1.0);
  return {};
}

int Trainer::runEpoch(int64_t epoch, double &meanLoss) {
  Batches batches(data.train, shuffled(data.train.count, options.seed, epoch), batch);
  int64_t limit =
              options.batchLimit ? std::min(options.batchLimit, batches.count()) : batches.count(),
          total = limit * options.epochs;
  std::vector<float> results(stepEntry->num_outputs);
  std::vector<void *> out;
  for (float &result : results)
    out.push_back(&result);
  double lossSum = 0;
  int64_t done = 0;
  for (; done < limit && !interrupted; ++done) {
    const Batches::Batch *next = batches.next();
    const void *in[] = {next->features.data(), next->labels.data()};
    if (steps % std::max<int64_t>(1, options.snapshotEvery) == 0)
      snapshot();
    double from = secondsNow();
    Status status = instance.run(*stepEntry, in, out);
    double ms = 1e3 * (secondsNow() - from);
    if (!status)
      return failedStep(status.message());
    if (!std::isfinite(results[0]))
      return failedStep("the loss is not finite");
    milliseconds.push_back(ms);
    ++steps;
    lossSum += results[0];
    double elapsed = secondsNow() - started;
    report.step(counter(), results[0], results.size() > 1 ? results[1] : 0, ms,
                double(steps * batch) / elapsed, elapsed / double(steps) * double(total - steps));
  }
  meanLoss = lossSum / double(std::max<int64_t>(done, 1));
  return 0;
}

int Trainer::run() {
  double loss = 0, accuracy = 0, trainLoss = 0;
  started = secondsNow();
  int64_t perEpoch = (data.train.count + batch - 1) / batch,
          first = options.resume.empty() ? 0 : counter() / std::max<int64_t>(1, perEpoch);
  for (int64_t epoch = first; epoch < first + options.epochs && !options.evaluate && !interrupted;
       ++epoch) {
    if (int code = runEpoch(epoch, trainLoss))
      return code;
    if (Status status = evaluate(loss, accuracy); !status)
      return fail(status.message());
    report.epoch(epoch + 1, trainLoss, loss, accuracy);
    if (!options.save.empty())
      if (Status status = saveState(instance, options.save); !status)
        return fail(status.message());
  }
  if (options.evaluate) {
    if (Status status = evaluate(loss, accuracy); !status)
      return fail(status.message());
    report.epoch(0, 0, loss, accuracy);
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  report.end(steps, accuracy, milliseconds.empty() ? 0 : milliseconds[milliseconds.size() / 2],
             peakResidentBytes());
  return interrupted ? 130 : 0;
}

int train(Instance &instance, const TrainOptions &options, const char *data,
          const TrainHooks &hooks) {
  if (options.data.empty())
    return fail(std::string("no data; give --data=PATH, the folder or file with ") + data);
  Split split;
  if (Status status = loadData(data, options.data, split); !status)
    return fail(status.message());
  Trainer trainer(instance, options, std::move(split));
  if (std::string problem = trainer.check(); !problem.empty())
    return fail(problem);
  if (options.json && hooks.compile_event)
    std::printf("%s\n", hooks.compile_event);
  Status status = options.resume.empty() ? instance.initialise(options.seed)
                                         : loadState(instance, options.resume);
  if (!status)
    return fail(status.message());
  interrupted = 0;
  auto oldInt = std::signal(SIGINT, onSignal), oldTerm = std::signal(SIGTERM, onSignal);
  int code = trainer.run();
  std::signal(SIGINT, oldInt);
  std::signal(SIGTERM, oldTerm);
  return code;
}

} // namespace

int trainMain(Instance &instance, const char *data, int argc, char **argv,
              const TrainHooks &hooks) {
  TrainOptions options;
  if (std::string problem = parseOptions(argc, argv, options); !problem.empty())
    return fail(problem);
  if (options.help)
    return printHelp(argv[0], instance.program().name, data), 0;
  return train(instance, options, data, hooks);
}

} // namespace fluxion::rt

extern "C" int fx_train_main(const fx_program *program, const char *data, int argc, char **argv) {
  using namespace fluxion::rt;
  TrainOptions options;
  if (std::string problem = parseOptions(argc, argv, options); !problem.empty())
    return fail(problem);
  if (options.help)
    return printHelp(argv[0], program->name, data), 0;
  std::unique_ptr<Instance> instance;
  if (Status status =
          Instance::create(program, std::make_shared<ThreadPool>((int)options.threads), instance);
      !status)
    return fail(status.message());
  return train(*instance, options, data, {});
}
