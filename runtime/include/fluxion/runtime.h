// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs compiled programs from C++: threads, memory, state. Standard library only.
#pragma once

#include "fluxion/abi.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fluxion::rt {

// The outcome of something that can fail for reasons of the machine or of a file. Contextually true
// when it succeeded.
class [[nodiscard]] Status {
public:
  enum class Kind {
    Ok,
    OutOfMemory,
    CheckFailed,
    KernelFailed,
    NotFound,
    BadFile,
    WriteFailed,
    Mismatch,
    NoDevice,     // no GPU, no driver, or no code for the GPU there is
    DeviceFailed, // a call of the driver
    DeviceLost    // nothing works on the device any more in this process
  };

  Status() = default;
  Status(Kind kind, std::string message) : failure(kind), text(std::move(message)) {}
  explicit operator bool() const { return failure == Kind::Ok; }
  Kind kind() const { return failure; }
  const std::string &message() const { return text; } // one sentence, lower case, no full stop

private:
  Kind failure = Kind::Ok;
  std::string text;
};

// Persistent threads that split a range of tasks statically; who is done early takes what a busy
// core leaves. Waiting threads spin briefly, then sleep. A call neither allocates nor makes system
// calls beyond waking sleepers. Calls from inside a task run inline. One call runs at a time; a
// second thread's call runs inline too.
class ThreadPool {
public:
  // 0: $FLUXION_THREADS, else one a hardware thread. The calling thread is one of them.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int threads() const;
  void parallelFor(fx_task_fn body, void *args, int64_t tasks);

private:
  struct Shared;
  std::unique_ptr<Shared> shared;
};

// One mapping, in huge pages where the system gives them, touched before use.
class Arena {
public:
  Arena() = default;
  ~Arena();
  Arena(Arena &&other) noexcept;
  Arena &operator=(Arena &&other) noexcept;

  // Fails with the needed and the free bytes before anything is mapped.
  static Status create(uint64_t bytes, Arena &out);
  std::byte *data() const { return base; }
  uint64_t size() const { return bytes; }

private:
  std::byte *base = nullptr;
  uint64_t bytes = 0;
};

class Executor;

// A program with a state of its own, on this machine's processors or on a GPU. Several instances
// may live in a process; one instance is used by one thread at a time.
class Instance {
public:
  // `program` outlives the instance. Refuses a program of another ABI version. The pool may be
  // shared. Of the programs an artifact holds for several targets (fx_program::next), those that
  // `target` names ("cuda", "cuda:sm_90a", "cpu"; empty: all) are tried: a GPU first, then this
  // machine.
  static Status create(const fx_program *program, std::shared_ptr<ThreadPool> pool,
                       std::unique_ptr<Instance> &out, const std::string &target = "");
  ~Instance();

  // The one chosen, and what to know of it: why it is not for a GPU where the artifact has one that
  // is, or that a library is missing; else empty.
  const fx_program &program() const { return *description; }
  const std::string &note() const { return remark; }
  // Is every library there that the entry point's launches name?
  bool hasLibraries(const fx_entry &entry) const;
  // Null where there is no such entry point or state item.
  const fx_entry *entry(const char *name) const;
  const fx_tensor *stateItem(const char *name) const;

  // Sees a value as soon as it is computed, see fx_context; a GPU then runs kernel by kernel.
  using Probe =
      std::function<void(const char *name, int32_t dtype, const void *data, int64_t count)>;
  // Runs an entry point on dense buffers in declaration order. On a failed check the state is
  // unchanged.
  Status run(const fx_entry &entry, std::span<const void *const> inputs,
             std::span<void *const> outputs, const Probe &probe = {});
  // The same in two parts: wait() ends the oldest run and says how it went. Two may be in flight,
  // so that a GPU copies the inputs of one while it computes the other. Inputs are read and outputs
  // written until the next wait() and the run's own wait() return; pointers are copied.
  Status submit(const fx_entry &entry, std::span<const void *const> inputs,
                std::span<void *const> outputs);
  Status wait();
  // Seconds a run takes, of `runs` one behind the other; on a GPU without the copies of inputs and
  // outputs, which are made once.
  Status measure(const fx_entry &entry, std::span<const void *const> inputs,
                 std::span<void *const> outputs, int64_t runs, double &seconds);
  // Memory for inputs that a GPU reads without a copy in between; null where there is none left.
  std::shared_ptr<std::byte[]> inputMemory(uint64_t bytes);
  // The entry point "init", which takes the seed, if the program has state.
  Status initialise(int64_t seed);

  // Copies a state item out or in as a dense row-major tensor of its dims, whatever order it is
  // stored in; or the state block as it is.
  Status readItem(const fx_tensor &stateItem, void *dense) const;
  Status writeItem(const fx_tensor &stateItem, const void *dense);
  Status readState(void *block) const;
  Status writeState(const void *block);
  // Where the state lies; null on a GPU.
  std::byte *state() const;
  std::byte *data(const fx_tensor &stateItem) const;
  ThreadPool &pool() const { return *threads; }

private:
  Instance();
  const fx_program *description = nullptr;
  std::shared_ptr<ThreadPool> threads;
  std::unique_ptr<Executor> executor;
  std::string remark;
};

// What programs for GPUs find on this machine: "sm_90" of the device they would run on, or why
// there is none.
Status deviceArch(std::string &out);

// ---- State files: safetensors (huggingface.co/docs/safetensors) under the state's names
// ------------------

// Written to `path`.partial, synced, renamed: the old file stays whole until the new one is.
Status saveState(const Instance &instance, const std::string &path);
// The same of a state block that was read from an instance of the program.
Status saveState(const fx_program &program, const void *block, const std::string &path);
// Whether a file can be created there, before there is anything to lose.
Status checkWritable(const std::string &path);
// All items, names, shapes and types must match; nothing is loaded otherwise. The program's hash in
// the file is a record: a program compiled anew, for another machine or batch, takes the state too.
Status loadState(Instance &instance, const std::string &path);

// Weights from elsewhere: every parameter and buffer must be in the file under `rename(name)`, with
// its shape and type; what else the file holds is ignored. Optimiser slots and counters keep their
// values.
Status loadWeights(Instance &instance, const std::string &path,
                   const std::function<std::string(const std::string &)> &rename = {});

// ---- Facts about the process
// ------------------------------------------------------------------------------

uint64_t peakResidentBytes();
// What the machine has free, as far as control groups (containers) and limits of the process allow.
// `root` is the folder with /proc and /sys.
uint64_t availableMemoryBytes(const std::string &root = "");
double secondsNow(); // monotonic

} // namespace fluxion::rt
