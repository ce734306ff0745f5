// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fluxion/runtime.h"

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

Status Instance::create(const fx_program *program, std::shared_ptr<ThreadPool> pool,
                        std::unique_ptr<Instance> &out) {
  if (program->abi_version != FX_ABI_VERSION)
    return {Status::Kind::Mismatch,
            "the program was compiled for ABI version " + std::to_string(program->abi_version) +
                ", this runtime has version " + std::to_string(FX_ABI_VERSION) + "; recompile it"};
  std::unique_ptr<Instance> made(new Instance);
  made->description = program;
  made->threads = pool ? std::move(pool) : std::make_shared<ThreadPool>();
  uint64_t needed = program->state_bytes + program->arena_bytes, free = availableMemoryBytes();
  if (needed > free || needed < program->arena_bytes)
    return {Status::Kind::OutOfMemory, "out of memory: " + std::string(program->name) + " needs " +
                                           std::to_string(needed) + " bytes (state " +
                                           std::to_string(program->state_bytes) + ", arena " +
                                           std::to_string(program->arena_bytes) + "), " +
                                           std::to_string(free) + " are free; use a smaller batch"};
  if (Status status = Arena::create(program->state_bytes, made->stateBlock); !status)
    return status;
  if (Status status = Arena::create(program->arena_bytes, made->arena); !status)
    return status;
  out = std::move(made);
  return {};
}

const fx_entry *Instance::entry(const char *name) const {
  for (uint32_t e = 0; e < description->num_entries; ++e)
    if (!std::strcmp(description->entries[e].name, name))
      return &description->entries[e];
  return nullptr;
}

const fx_tensor *Instance::stateItem(const char *name) const {
  for (uint32_t s = 0; s < description->num_state; ++s)
    if (!std::strcmp(description->state[s].name, name))
      return &description->state[s];
  return nullptr;
}

// Walks an item in stored order and hands out where each element is in its dense row-major form.
static void forEachElement(const fx_tensor &item,
                           const std::function<void(uint64_t stored, uint64_t dense)> &visit) {
  std::vector<uint64_t> stride(item.rank, 1), index(item.rank, 0);
  for (int32_t d = item.rank - 1; d > 0; --d)
    stride[d - 1] = stride[d] * item.dims[d];
  uint64_t count = 1, dense = 0;
  for (int32_t d = 0; d < item.rank; ++d)
    count *= item.dims[d];
  for (uint64_t stored = 0; stored < count; ++stored) {
    visit(stored, dense);
    for (int32_t i = item.rank - 1; i >= 0; --i) {
      int64_t dim = item.layout[i];
      dense += stride[dim];
      if (++index[i] < (uint64_t)item.dims[dim])
        break;
      dense -= index[i] * stride[dim];
      index[i] = 0;
    }
  }
}

static uint64_t elementBytes(const fx_tensor &item) {
  uint64_t count = 1;
  for (int32_t d = 0; d < item.rank; ++d)
    count *= item.dims[d];
  return count ? item.bytes / count : 0;
}

void Instance::readItem(const fx_tensor &item, void *dense) const {
  if (!item.layout) {
    std::memcpy(dense, data(item), item.bytes);
    return;
  }
  uint64_t size = elementBytes(item);
  forEachElement(item, [&](uint64_t from, uint64_t to) {
    std::memcpy(static_cast<std::byte *>(dense) + to * size, data(item) + from * size, size);
  });
}

void Instance::writeItem(const fx_tensor &item, const void *dense) {
  if (!item.layout) {
    std::memcpy(data(item), dense, item.bytes);
    return;
  }
  uint64_t size = elementBytes(item);
  forEachElement(item, [&](uint64_t to, uint64_t from) {
    std::memcpy(data(item) + to * size, static_cast<const std::byte *>(dense) + from * size, size);
  });
}

Status Instance::run(const fx_entry &entry, std::span<const void *const> inputs,
                     std::span<void *const> outputs, const Probe &probe) {
  if (inputs.size() != entry.num_inputs || outputs.size() != entry.num_outputs)
    return {Status::Kind::Mismatch, std::string(entry.name) + " takes " +
                                        std::to_string(entry.num_inputs) + " inputs and gives " +
                                        std::to_string(entry.num_outputs) +
                                        " outputs, called with " + std::to_string(inputs.size()) +
                                        " and " + std::to_string(outputs.size())};
  Context context;
  context.probe = probe ? observe : nullptr;
  context.pool = threads.get(), context.observer = &probe;
  int32_t failed =
      entry.run(&context, stateBlock.data(), arena.data(), inputs.data(), outputs.data());
  if (!context.failure.empty())
    return {Status::Kind::KernelFailed, context.failure};
  if (failed == 0)
    return {};
  return {Status::Kind::CheckFailed, entry.checks[failed - 1]};
}

Status Instance::initialise(int64_t seed) {
  const fx_entry *init = entry("init");
  if (!init)
    return description->num_state ? Status(Status::Kind::NotFound,
                                           "the program has state but no entry point named init")
                                  : Status();
  const void *inputs[] = {&seed};
  return run(*init, inputs, {});
}

} // namespace fluxion::rt
