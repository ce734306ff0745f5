// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tools/Trainer.h"

#include "runtime/core/Layout.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace fluxion::rt {
namespace {

bool allFinite(int32_t dtype, const void *data, int64_t count) {
  auto finite = [](auto value) { return std::isfinite(value); };
  if (dtype == FX_F32)
    return std::all_of((const float *)data, (const float *)data + count, finite);
  if (dtype == FX_F64)
    return std::all_of((const double *)data, (const double *)data + count, finite);
  if (dtype != FX_BF16 && dtype != FX_F16)
    return true;
  uint16_t exponent = dtype == FX_BF16 ? 0x7f80 : 0x7c00; // all ones: not finite
  return std::all_of((const uint16_t *)data, (const uint16_t *)data + count,
                     [&](uint16_t bits) { return (bits & exponent) != exponent; });
}

// Results of an entry point, each a scalar of 4 bytes.
struct Scalars {
  explicit Scalars(const fx_entry &entry) : values(entry.num_outputs) {
    for (float &value : values)
      pointers.push_back(&value);
  }
  std::vector<float> values;
  std::vector<void *> pointers;
};

int64_t counterOf(const fx_program &program, const std::byte *state) {
  int64_t value = 0;
  for (uint32_t i = 0; i < program.num_state; ++i)
    if (program.state[i].role == FX_STEP)
      std::memcpy(&value, state + program.state[i].offset, sizeof value);
  return value;
}

} // namespace

std::string Trainer::check() {
  const fx_program &program = instance.program();
  stepEntry = instance.entry("step"), evaluateEntry = instance.entry("evaluate");
  if (!stepEntry || !evaluateEntry)
    return std::string(program.name) + " is no training program: it lacks step or evaluate";
  const fx_tensor *in = stepEntry->inputs;
  if (stepEntry->num_inputs != 2 || in[0].dtype != FX_F32 || in[0].rank < 2 ||
      in[1].dtype != FX_I32 || in[1].rank != 1 || in[1].dims[0] != in[0].dims[0])
    return std::string(program.name) +
           " does not take f32[N, ...] features and i32[N] labels, which this loop feeds";
  batch = in[0].dims[0];
  int64_t width = int64_t(in[0].bytes / sizeof(float)) / batch;
  if (width != data.train.width)
    return std::string(in[0].name) + " has " + std::to_string(width) +
           " numbers an example, the data has " + std::to_string(data.train.width);
  if (const fx_entry *predict = instance.entry("predict"); predict && predict->num_outputs)
    if (const fx_tensor &scores = predict->outputs[0]; scores.rank == 2)
      for (const Dataset *part : {&data.train, &data.test})
        for (int32_t label : part->labels)
          if (label >= scores.dims[1])
            return "the data has the label " + std::to_string(label) + ", " + program.name +
                   " has the classes 0 to " + std::to_string(scores.dims[1] - 1);
  perEpoch = (data.train.count + batch - 1) / batch;
  if (options.batchLimit)
    perEpoch = std::min(perEpoch, options.batchLimit);
  return "";
}

Status Trainer::readCounter() {
  for (uint32_t i = 0; i < instance.program().num_state; ++i)
    if (const fx_tensor &item = instance.program().state[i]; item.role == FX_STEP)
      return instance.readItem(item, &position);
  return {};
}

Status Trainer::restore(const std::vector<std::byte> &copy) {
  position = counterOf(instance.program(), copy.data());
  return instance.writeState(copy.data());
}

const char *Trainer::notFinite(const std::byte *state) const {
  for (uint32_t i = 0; i < instance.program().num_state; ++i) {
    const fx_tensor &item = instance.program().state[i];
    int64_t count = int64_t(item.bytes / elementBytes(item.dtype));
    if (!allFinite(item.dtype, state + item.offset, count))
      return item.name;
  }
  return nullptr;
}

// The examples from a step on to the end of its epoch.
std::vector<int64_t> Trainer::orderFrom(int64_t step) const {
  std::vector<int64_t> order =
      shuffled(data.train.count, (uint64_t)options.seed, uint64_t(step / perEpoch));
  order.resize(std::min<int64_t>((int64_t)order.size(), perEpoch * batch));
  order.erase(order.begin(), order.begin() + step % perEpoch * batch);
  return order;
}

Status Trainer::evaluate(double &loss) {
  std::vector<int64_t> order(data.test.count);
  for (int64_t i = 0; i < data.test.count; ++i)
    order[i] = i;
  Batches batches(data.test, order, batch);
  Scalars results(*evaluateEntry);
  double count = 0;
  loss = accuracy = 0;
  while (const Batches::Batch *next = batches.next()) {
    const void *in[] = {next->features.data(), next->labels.data()};
    if (Status status = instance.run(*evaluateEntry, in, results.pointers); !status)
      return {status.kind(), "evaluation: " + status.message()};
    double valid = results.values.back();
    loss += results.values[0] * valid;
    if (results.values.size() > 2)
      accuracy += results.values[1] * valid;
    count += valid;
  }
  loss /= std::max(count, 1.0), accuracy /= std::max(count, 1.0);
  return {};
}

Status Trainer::keepIfFinite() {
  spare.resize(instance.program().state_bytes);
  if (Status status = instance.readState(spare.data()); !status)
    return status;
  if (const char *item = notFinite(spare.data()); !item) {
    older.swap(good);
    good.swap(spare);
  } else if (good.empty())
    beganBad = item;
  return {};
}

Status Trainer::submitStep(const Batches::Batch &next, Run &run) {
  run.values.resize(stepEntry->num_outputs);
  run.pointers.clear();
  for (float &value : run.values)
    run.pointers.push_back(&value);
  const void *in[] = {next.features.data(), next.labels.data()};
  run.submitted = secondsNow();
  Status status = instance.submit(*stepEntry, in, run.pointers);
  run.hostMs = 1e3 * (secondsNow() - run.submitted);
  return status;
}

int Trainer::endStep(Run &run, double &lossSum) {
  if (Status status = instance.wait(); !status)
    return stopStep(run.step, status);
  if (!std::isfinite(run.values[0]))
    return stopStep(run.step, {Status::Kind::CheckFailed, "the loss is not finite"});
  double now = secondsNow(), ms = 1e3 * (now - std::max(run.submitted, lastEnd));
  lastEnd = now;
  milliseconds.push_back(ms);
  hostMilliseconds.push_back(run.hostMs);
  position = run.step;
  ++steps;
  lossSum += run.values[0];
  double elapsed = now - started;
  report.step({.step = run.step,
               .loss = run.values[0],
               .accuracy = run.values.size() > 1 ? run.values[1] : 0,
               .ms = ms,
               .samplesPerSecond = double(steps * batch) / elapsed,
               .secondsLeft = elapsed / double(steps) * double(total - steps)});
  return 0;
}

// On a GPU a step is prepared while the one before it runs.
int Trainer::runEpoch(double &meanLoss, const volatile std::sig_atomic_t &interrupted) {
  Batches batches(data.train, orderFrom(counter()), batch,
                  [&](uint64_t bytes) { return instance.inputMemory(bytes); });
  Run runs[2];
  double lossSum = 0;
  int64_t begun = steps, submitted = 0, depth = instance.state() ? 1 : 2;
  auto endOldest = [&] { return endStep(runs[(steps - begun) % 2], lossSum); };
  for (const Batches::Batch *next; !interrupted && (next = batches.next());) {
    if ((begun + submitted) % options.snapshotEvery == 0) {
      while (submitted > steps - begun)
        if (int code = endOldest())
          return code;
      if (Status status = keepIfFinite(); !status)
        return stopStep(position + 1, status);
    }
    Run &run = runs[submitted % 2];
    run.step = position + submitted - (steps - begun) + 1;
    if (Status status = submitStep(*next, run); !status)
      return stopStep(run.step, status);
    ++submitted;
    if (submitted - (steps - begun) == depth)
      if (int code = endOldest())
        return code;
  }
  while (submitted > steps - begun)
    if (int code = endOldest())
      return code;
  meanLoss = lossSum / double(std::max<int64_t>(submitted, 1));
  return 0;
}

int Trainer::train(const volatile std::sig_atomic_t &interrupted) {
  if (!options.save.empty())
    if (Status status = checkWritable(options.save); !status)
      return fail(status.message());
  if (Status status = readCounter(); !status)
    return fail(status.message());
  started = secondsNow();
  int64_t last = (counter() / perEpoch + options.epochs) * perEpoch;
  total = last - counter();
  for (auto *list : {&milliseconds, &hostMilliseconds}) // steps do not allocate
    list->reserve((size_t)std::min<int64_t>(total, 1 << 20));
  while (counter() < last && !interrupted) {
    int64_t epoch = counter() / perEpoch + 1;
    double trainLoss = 0, testLoss = 0;
    if (int code = runEpoch(trainLoss, interrupted))
      return code;
    if (int code = save())
      return code;
    if (counter() % perEpoch)
      break; // interrupted
    if (Status status = evaluate(testLoss); !status)
      return fail(status.message());
    report.epoch(epoch, trainLoss, testLoss, accuracy);
  }
  int code = finish();
  if (!interrupted)
    return code;
  std::fprintf(stderr, "interrupted after step %ld; %s\n", counter(),
               options.save.empty() ? "nothing is saved, --save=FILE keeps the state"
                                    : ("--resume=" + options.save + " goes on from there").c_str());
  return 130;
}

int Trainer::evaluateOnly() {
  double loss = 0;
  if (Status status = readCounter(); !status)
    return fail(status.message());
  if (Status status = evaluate(loss); !status)
    return fail(status.message());
  report.epoch(counter() / perEpoch, NAN, loss, accuracy);
  return finish();
}

int Trainer::finish() {
  auto median = [](std::vector<double> &list) {
    std::sort(list.begin(), list.end());
    return list.empty() ? 0 : list[list.size() / 2];
  };
  std::optional<double> hostMs;
  if (!instance.state())
    hostMs = median(hostMilliseconds);
  report.end(steps, accuracy, median(milliseconds), hostMs);
  return 0;
}

int Trainer::save() {
  if (options.save.empty())
    return 0;
  Status status = saveState(instance, options.save);
  if (status)
    return 0;
  report.clearLine();
  return fail(status.message());
}

// The state is a good one; it is kept.
int Trainer::stop(const std::string &why) {
  report.clearLine();
  if (options.save.empty())
    return fail(why + "; use --save to keep the last good state");
  if (Status status = saveState(instance, options.save); !status)
    return fail(why + "; " + status.message());
  return fail(why + "; the last good state, of step " + std::to_string(counter()) + ", is in " +
              options.save);
}

// What is left of a program whose device is lost is the last copy of its state.
int Trainer::stopLost(const std::string &why) {
  report.clearLine();
  if (good.empty() || options.save.empty())
    return fail(why + "; " +
                (good.empty() ? "no state was copied" : "use --save to keep the last good state"));
  if (Status saved = saveState(instance.program(), good.data(), options.save); !saved)
    return fail(why + "; " + saved.message());
  return fail(why + "; the last good state, of step " +
              std::to_string(counterOf(instance.program(), good.data())) + ", is in " +
              options.save);
}

// On a GPU the step behind the one that failed may have run: a replay leaves the right state.
int Trainer::stopStep(int64_t step, const Status &status) {
  std::string why = "step " + std::to_string(step) + ": " + status.message();
  Culprit culprit;
  if (status.kind() == Status::Kind::DeviceLost)
    return stopLost(why);
  while (instance.wait().kind() != Status::Kind::Mismatch)
    ;
  if (good.empty())
    return fail(why + "; neither is " + beganBad + " in the state that it began with");
  if (Status restored = restore(older.empty() ? good : older); !restored)
    return stopLost(why);
  if (findCulprit(step, culprit))
    why += "; first offending tensor: " + culprit.tensor +
           (culprit.step < step ? ", of step " + std::to_string(culprit.step) : "");
  return stop(why);
}

// Runs the steps since the good state again, the same bit for bit, and watches every value; leaves
// the state before the step whose values are the first that are not finite. What is not finite in
// steps that go well (a mask's minus infinity) is no culprit.
bool Trainer::findCulprit(int64_t last, Culprit &culprit) {
  std::vector<std::string> harmless, found;
  bool lasting = false;
  auto isNamed = [](const fx_tensor *items, uint32_t count, const char *name) {
    return std::any_of(items, items + count,
                       [&](const fx_tensor &item) { return !std::strcmp(item.name, name); });
  };
  const fx_program &program = instance.program();
  auto watch = [&](const char *name, int32_t dtype, const void *values, int64_t count) {
    if (allFinite(dtype, values, count))
      return;
    found.push_back(name);
    lasting |= isNamed(program.state, program.num_state, name) ||
               isNamed(stepEntry->outputs, stepEntry->num_outputs, name);
  };
  Scalars results(*stepEntry);
  while (counter() < last) {
    Batches batches(data.train, orderFrom(counter()), batch);
    while (const Batches::Batch *next = counter() < last ? batches.next() : nullptr) {
      good.resize(program.state_bytes);
      if (!instance.readState(good.data()))
        return false;
      culprit.step = counter() + 1;
      if (!allFinite(FX_F32, next->features.data(), (int64_t)next->features.size())) {
        culprit.tensor = std::string(stepEntry->inputs[0].name) + ", an input";
        return true;
      }
      const void *in[] = {next->features.data(), next->labels.data()};
      found.clear(), lasting = false;
      if (!instance.run(*stepEntry, in, results.pointers, watch) || lasting ||
          !std::isfinite(results.values[0])) {
        auto first = std::find_if(found.begin(), found.end(), [&](const std::string &name) {
          return std::find(harmless.begin(), harmless.end(), name) == harmless.end();
        });
        culprit.tensor = first == found.end() ? "" : *first;
        return restore(good) && first != found.end();
      }
      ++position;
      harmless.insert(harmless.end(), found.begin(), found.end());
    }
  }
  return false;
}

} // namespace fluxion::rt
