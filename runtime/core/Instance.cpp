// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/core/HostExecutor.h"
#include "runtime/core/Layout.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace fluxion::rt {
namespace {

bool isForGpu(const fx_program &program) { return program.runtime; }

// "cuda" and "cuda:sm_90a" both name the program for cuda:sm_90a.
bool isNamed(const fx_program &program, const std::string &target) {
  return target.empty() || target == program.target ||
         (target.find(':') == std::string::npos &&
          !std::strncmp(program.target, (target + ":").c_str(), target.size() + 1));
}

// The programs of an artifact that a target names, those for a GPU first.
std::vector<const fx_program *> candidates(const fx_program *first, const std::string &target) {
  std::vector<const fx_program *> onGpu, onHost;
  for (const fx_program *program = first; program; program = program->next)
    if (isNamed(*program, target))
      (isForGpu(*program) ? onGpu : onHost).push_back(program);
  onGpu.insert(onGpu.end(), onHost.begin(), onHost.end());
  return onGpu;
}

Status noSuchTarget(const fx_program *first, const std::string &target) {
  std::string names;
  for (const fx_program *program = first; program; program = program->next)
    names += (names.empty() ? "" : ", ") + std::string(program->target);
  return {Status::Kind::Mismatch,
          std::string(first->name) + " was not compiled for " + target + "; it holds " + names};
}

// Of several programs that the device runs, the one for the newest architecture; else why none.
const fx_program *bestForDevice(const std::vector<const fx_program *> &programs, Status &why) {
  const fx_program *best = nullptr;
  int newest = 0;
  for (const fx_program *program : programs) {
    if (!isForGpu(*program))
      continue;
    std::string arch = program->target + std::strlen("cuda:sm_");
    int age = 2 * std::atoi(arch.c_str()) + (arch.back() == 'a');
    Status runs = program->runtime->canRun(*program);
    if (runs && age > newest)
      best = program, newest = age;
    else if (!runs)
      why = runs;
  }
  return best;
}

} // namespace

Instance::Instance() = default;
Instance::~Instance() = default;

Status Instance::create(const fx_program *program, std::shared_ptr<ThreadPool> pool,
                        std::unique_ptr<Instance> &out, const std::string &target) {
  if (program->abi_version != FX_ABI_VERSION)
    return {Status::Kind::Mismatch,
            "the program was compiled for ABI version " + std::to_string(program->abi_version) +
                ", this runtime has version " + std::to_string(FX_ABI_VERSION) + "; recompile it"};
  std::vector<const fx_program *> programs = candidates(program, target);
  if (programs.empty())
    return noSuchTarget(program, target);
  std::unique_ptr<Instance> made(new Instance);
  made->threads = pool ? std::move(pool) : std::make_shared<ThreadPool>();
  Status why;
  made->description = bestForDevice(programs, why);
  if (!made->description && isForGpu(*programs.back()))
    return why;
  Status status;
  if (made->description) {
    status = made->description->runtime->makeExecutor(*made->description, made->executor);
  } else {
    made->description = *std::find_if_not(programs.begin(), programs.end(),
                                          [](auto *program) { return isForGpu(*program); });
    if (!why)
      made->remark = why.message() + "; running on " + made->description->target;
    status = HostExecutor::create(*made->description, made->threads, made->executor);
  }
  if (!status)
    return status;
  if (made->remark.empty())
    made->remark = made->executor->note();
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

bool Instance::hasLibraries(const fx_entry &entry) const { return executor->hasLibraries(entry); }

std::byte *Instance::state() const { return executor->state(); }

std::byte *Instance::data(const fx_tensor &item) const {
  return state() ? state() + item.offset : nullptr;
}

Status Instance::readState(void *block) const {
  return executor->read(0, block, description->state_bytes);
}

Status Instance::writeState(const void *block) {
  return executor->write(0, block, description->state_bytes);
}

Status Instance::readItem(const fx_tensor &item, void *dense) const {
  if (!item.layout)
    return executor->read(item.offset, dense, item.bytes);
  std::vector<std::byte> stored(item.bytes);
  Status status = executor->read(item.offset, stored.data(), item.bytes);
  if (status)
    toDense(item, stored.data(), dense);
  return status;
}

Status Instance::writeItem(const fx_tensor &item, const void *dense) {
  if (!item.layout)
    return executor->write(item.offset, dense, item.bytes);
  std::vector<std::byte> stored(item.bytes);
  fromDense(item, dense, stored.data());
  return executor->write(item.offset, stored.data(), item.bytes);
}

static Status checkCounts(const fx_entry &entry, size_t inputs, size_t outputs) {
  if (inputs == entry.num_inputs && outputs == entry.num_outputs)
    return {};
  return {Status::Kind::Mismatch, std::string(entry.name) + " takes " +
                                      std::to_string(entry.num_inputs) + " inputs and gives " +
                                      std::to_string(entry.num_outputs) + " outputs, called with " +
                                      std::to_string(inputs) + " and " + std::to_string(outputs)};
}

Status Instance::submit(const fx_entry &entry, std::span<const void *const> inputs,
                        std::span<void *const> outputs) {
  Status counts = checkCounts(entry, inputs.size(), outputs.size());
  return counts ? executor->submit(entry, inputs, outputs, {}) : counts;
}

Status Instance::wait() { return executor->wait(); }

Status Instance::run(const fx_entry &entry, std::span<const void *const> inputs,
                     std::span<void *const> outputs, const Probe &probe) {
  if (Status counts = checkCounts(entry, inputs.size(), outputs.size()); !counts)
    return counts;
  Status status = executor->submit(entry, inputs, outputs, probe);
  return status ? executor->wait() : status;
}

Status Instance::measure(const fx_entry &entry, std::span<const void *const> inputs,
                         std::span<void *const> outputs, int64_t runs, double &seconds) {
  Status status = run(entry, inputs, outputs);
  if (status && executor->canRepeat())
    status = executor->repeat(entry, 1);
  double from = secondsNow();
  if (status && executor->canRepeat())
    status = executor->repeat(entry, runs);
  else
    for (int64_t i = 0; i < runs && status; ++i)
      status = run(entry, inputs, outputs);
  seconds = (secondsNow() - from) / double(runs);
  return status;
}

std::shared_ptr<std::byte[]> Instance::inputMemory(uint64_t bytes) {
  return executor->inputMemory(bytes);
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
