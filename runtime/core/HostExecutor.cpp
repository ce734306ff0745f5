// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/core/HostExecutor.h"

#include "runtime/core/Failure.h"

#include <cstring>
#include <mutex>

namespace {
// What a program receives: the pool it may fork into, and who wants to see its values.
struct Context : fx_context {
  fluxion::rt::ThreadPool *pool = nullptr;
  const fluxion::rt::Instance::Probe *observer = nullptr;
  std::mutex failing;
  std::string failure; // of the first kernel that could not do its work
};

void observe(fx_context *context, const char *name, int32_t dtype, const void *data,
             int64_t count) {
  (*static_cast<Context *>(context)->observer)(name, dtype, data, count);
}
} // namespace

extern "C" void fx_parallel_for(fx_context *context, fx_task_fn body, void *args, int64_t tasks) {
  if (context && static_cast<Context *>(context)->pool)
    static_cast<Context *>(context)->pool->parallelFor(body, args, tasks);
  else if (tasks > 0)
    body(args, 0, tasks);
}

void fluxion::rt::fail(fx_context *context, const char *kernel, const char *message) {
  if (!context) // a caller that lends nothing hears nothing
    return;
  Context &run = *static_cast<Context *>(context);
  std::lock_guard<std::mutex> lock(run.failing);
  if (run.failure.empty())
    run.failure = std::string("kernel ") + kernel + ": " + message;
}

namespace fluxion::rt {

Status HostExecutor::create(const fx_program &program, std::shared_ptr<ThreadPool> pool,
                            std::unique_ptr<Executor> &out) {
  std::unique_ptr<HostExecutor> made(new HostExecutor);
  made->threads = std::move(pool);
  uint64_t needed = program.state_bytes + program.arena_bytes, free = availableMemoryBytes();
  if (needed > free || needed < program.arena_bytes)
    return {Status::Kind::OutOfMemory, "out of memory: " + std::string(program.name) + " needs " +
                                           std::to_string(needed) + " bytes (state " +
                                           std::to_string(program.state_bytes) + ", arena " +
                                           std::to_string(program.arena_bytes) + "), " +
                                           std::to_string(free) + " are free; use a smaller batch"};
  if (Status status = Arena::create(program.state_bytes, made->stateBlock); !status)
    return status;
  if (Status status = Arena::create(program.arena_bytes, made->arena); !status)
    return status;
  out = std::move(made);
  return {};
}

Status HostExecutor::read(uint64_t offset, void *to, uint64_t bytes) {
  if (bytes)
    std::memcpy(to, stateBlock.data() + offset, bytes);
  return {};
}

Status HostExecutor::write(uint64_t offset, const void *from, uint64_t bytes) {
  if (bytes)
    std::memcpy(stateBlock.data() + offset, from, bytes);
  return {};
}

Status HostExecutor::submit(const fx_entry &entry, std::span<const void *const> inputs,
                            std::span<void *const> outputs, const Instance::Probe &probe) {
  if (inFlight == 2)
    return {Status::Kind::Mismatch, "two runs are in flight; wait for one of them first"};
  Context context;
  context.probe = probe ? observe : nullptr;
  context.pool = threads.get(), context.observer = &probe;
  int32_t failed =
      entry.run(&context, stateBlock.data(), arena.data(), inputs.data(), outputs.data());
  ended[inFlight++] = !context.failure.empty() ? Status(Status::Kind::KernelFailed, context.failure)
                      : failed == 0 ? Status()
                                    : Status(Status::Kind::CheckFailed, entry.checks[failed - 1]);
  return {};
}

Status HostExecutor::wait() {
  if (inFlight == 0)
    return {Status::Kind::Mismatch, "no run is in flight"};
  Status oldest = std::move(ended[0]);
  ended[0] = std::move(ended[1]);
  --inFlight;
  return oldest;
}

std::shared_ptr<std::byte[]> HostExecutor::inputMemory(uint64_t bytes) {
  return std::shared_ptr<std::byte[]>(new (std::nothrow) std::byte[bytes]());
}

} // namespace fluxion::rt
