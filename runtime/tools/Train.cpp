// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fluxion/train.h"

#include "runtime/tools/Trainer.h"

#include <cstdio>

namespace fluxion::rt {
namespace {

volatile std::sig_atomic_t interrupted = 0;
void onSignal(int) { interrupted = 1; }

// Stops after the step in hand while it lives; a second signal ends the program at once.
class Interrupts {
public:
  Interrupts() {
    interrupted = 0;
    struct sigaction action = {};
    action.sa_handler = onSignal;
    action.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGINT, &action, &oldInt);
    sigaction(SIGTERM, &action, &oldTerm);
  }
  ~Interrupts() {
    sigaction(SIGINT, &oldInt, nullptr);
    sigaction(SIGTERM, &oldTerm, nullptr);
  }

private:
  struct sigaction oldInt, oldTerm;
};

// Order and random numbers go on as they began: the seed is part of the state.
Status resume(Instance &instance, TrainOptions &options) {
  if (Status status = loadState(instance, options.resume); !status)
    return status;
  for (uint32_t i = 0; i < instance.program().num_state; ++i) {
    const fx_tensor &item = instance.program().state[i];
    if (item.role != FX_SEED)
      continue;
    int64_t seed;
    if (Status status = instance.readItem(item, &seed); !status)
      return status;
    if (options.seedGiven && seed != options.seed)
      return {Status::Kind::Mismatch, options.resume +
                                          ": began with --seed=" + std::to_string(seed) + ", not " +
                                          std::to_string(options.seed) + "; leave --seed out"};
    options.seed = seed;
  }
  return {};
}

int train(Instance &instance, TrainOptions options, const char *data, const char *compileEvent) {
  if (options.data.empty())
    return fail(std::string("no data; give --data=PATH, the folder or file with ") + data);
  Split split;
  if (Status status = loadData(data, options.data, split); !status)
    return fail(status.message());
  if (!instance.note().empty())
    std::fprintf(stderr, "note: %s\n", instance.note().c_str());
  Report report(options.json);
  Trainer trainer(instance, options, split, report);
  if (std::string problem = trainer.check(); !problem.empty())
    return fail(problem);
  report.compiled(instance.program(), compileEvent);
  Status status =
      options.resume.empty() ? instance.initialise(options.seed) : resume(instance, options);
  if (!status)
    return fail(status.message());
  Interrupts guard;
  return options.evaluate ? trainer.evaluateOnly() : trainer.train(interrupted);
}

} // namespace

int trainMain(Instance &instance, const char *data, int argc, char **argv,
              const TrainHooks &hooks) {
  TrainOptions options;
  if (std::string problem = parseOptions(argc, argv, options); !problem.empty())
    return fail(problem);
  if (options.help)
    return printHelp(argv[0], instance.program().name, data), 0;
  return train(instance, options, data, hooks.compile_event);
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
  if (Status status = Instance::create(program, std::make_shared<ThreadPool>((int)options.threads),
                                       instance, options.target);
      !status)
    return fail(status.message());
  return train(*instance, options, data, nullptr);
}
