// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fluxion/train.h"

#include "runtime/tools/Trainer.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

namespace fluxion::rt {
namespace {

volatile std::sig_atomic_t interrupted = 0;
void onSignal(int) { interrupted = 1; }

// While it lives, signals stop the run after the step in hand; a second one ends the program.
class Interrupts {
public:
  Interrupts() {
    interrupted = 0;
    struct sigaction action = {};
    action.sa_handler = onSignal;
    action.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGINT, &action, &oldInt);
    sigaction(SIGTERM, &action, &oldTerm);
    action.sa_handler = SIG_IGN; // a file grown too large is an error of its writer
    sigaction(SIGXFSZ, &action, &oldSize);
  }
  ~Interrupts() {
    sigaction(SIGINT, &oldInt, nullptr);
    sigaction(SIGTERM, &oldTerm, nullptr);
    sigaction(SIGXFSZ, &oldSize, nullptr);
  }

private:
  struct sigaction oldInt, oldTerm, oldSize;
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

// No exception crosses the C interface: the data may not fit in memory, a thread may not start.
template <typename Body> int guarded(Body body) {
  try {
    return body();
  } catch (const std::bad_alloc &) {
    return fail("out of memory: " + std::to_string(availableMemoryBytes()) + " bytes are free");
  } catch (const std::exception &error) {
    return fail(error.what());
  }
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
  if (status && !options.weights.empty())
    status = loadWeights(instance, options.weights);
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
  return guarded([&] { return train(instance, options, data, hooks.compile_event); });
}

} // namespace fluxion::rt

extern "C" int fx_train_main(const fx_program *program, const char *data, int argc, char **argv) {
  using namespace fluxion::rt;
  TrainOptions options;
  if (std::string problem = parseOptions(argc, argv, options); !problem.empty())
    return fail(problem);
  if (options.help)
    return printHelp(argv[0], program->name, data), 0;
  return guarded([&] {
    std::unique_ptr<Instance> instance;
    auto pool = std::make_shared<ThreadPool>((int)options.threads);
    Status status = Instance::create(program, pool, instance, options.target);
    if (!status)
      return fail(status.message());
    int code = train(*instance, options, data, nullptr);
    if (code == 0 && (std::fflush(stdout) != 0 || std::ferror(stdout)))
      return fail(std::string("cannot write the output: ") + std::strerror(errno));
    return code;
  });
}
