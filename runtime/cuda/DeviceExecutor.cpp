// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cuda/DeviceExecutor.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>

namespace fluxion::rt {

namespace cuda {
namespace {

constexpr uint64_t alignment = 256; // of every buffer of an entry point
constexpr uint64_t mappedLimit = 4096;

uint64_t aligned(uint64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

} // namespace

Status Context::retain(const Device &found) {
  device = found;
  if (Status status = driver().status(driver().cuDevicePrimaryCtxRetain(&context, device.handle),
                                      "creating a context on " + device.name);
      !status)
    return status;
  return enter();
}

Context::~Context() {
  if (context)
    driver().cuDevicePrimaryCtxRelease(device.handle);
}

Status Context::enter() const {
  return driver().check(driver().cuCtxSetCurrent(context),
                        [] { return std::string("entering the context"); });
}

// Page-locked memory that callers write inputs to, by first byte.
struct DeviceExecutor::PinnedRanges {
  std::mutex mutex;
  std::map<const std::byte *, uint64_t> ranges;
};

Status DeviceExecutor::create(const fx_program &program, std::unique_ptr<Executor> &out) {
  Device device;
  if (Status status = Device::find(device); !status)
    return status;
  GraphShape shape;
  if (Status status = graphShape(shape); !status)
    return status;
  std::unique_ptr<DeviceExecutor> made(new DeviceExecutor(program));
  const char *blocking = std::getenv("FLUXION_CUDA_BLOCKING");
  made->blocking = blocking && *blocking && *blocking != '0';
  made->context = std::make_shared<Context>();
  made->pinned = std::make_shared<PinnedRanges>();
  made->layOut();
  for (uint32_t e = 0; e < program.num_entries; ++e)
    made->orders.emplace_back(program.entries[e], shape);
  if (Status status = made->context->retain(device); !status)
    return status;
  if (Status status = made->checkMemory(); !status)
    return status;
  if (Status status = Kernels::load(device, program, made->kernels); !status)
    return status;
  if (Status status = made->allocateBlocks(); !status)
    return status;
  made->libraries.open(program, made->remark);
  out = std::move(made);
  return {};
}

DeviceExecutor::~DeviceExecutor() {
  if (!context->enter())
    return;
  if (runStream)
    context->driver().cuStreamSynchronize(runStream.get());
}

void DeviceExecutor::layOut() {
  for (uint32_t e = 0; e < program.num_entries; ++e) {
    const fx_entry &entry = program.entries[e];
    EntryLayout layout;
    for (uint32_t i = 0; i < entry.num_inputs; ++i) {
      layout.inputs.push_back(layout.inputBytes);
      layout.inputBytes += aligned(entry.inputs[i].bytes);
    }
    for (uint32_t i = 0; i < entry.num_outputs; ++i) {
      layout.outputs.push_back(layout.outputBytes);
      layout.outputBytes += aligned(entry.outputs[i].bytes);
    }
    layout.checksAt = layout.outputBytes;
    layout.mapped = layout.outputBytes <= mappedLimit;
    layouts.push_back(std::move(layout));
  }
}

// Before anything is allocated: does the device have what the program needs?
Status DeviceExecutor::checkMemory() const {
  uint64_t inputs = 0, outputs = 0;
  for (const EntryLayout &layout : layouts) {
    inputs = std::max(inputs, layout.inputBytes);
    outputs = std::max(outputs, layout.mapped ? 0 : layout.outputBytes);
  }
  uint64_t buffers = 2 * (inputs + outputs) + program.constant_bytes,
           needed = program.state_bytes + program.arena_bytes + buffers;
  size_t free = 0, total = 0;
  if (Status status = context->driver().status(context->driver().cuMemGetInfo(&free, &total),
                                               "asking for the free memory");
      !status)
    return status;
  if (needed <= free && needed >= program.arena_bytes)
    return {};
  return {Status::Kind::OutOfMemory,
          "out of device memory: " + std::string(program.name) + " needs " +
              std::to_string(needed) + " bytes (state " + std::to_string(program.state_bytes) +
              ", arena " + std::to_string(program.arena_bytes) + ", inputs and outputs " +
              std::to_string(buffers) + "), " + std::to_string(free) + " of " +
              std::to_string(total) + " are free on " + context->onDevice().name +
              "; use a smaller batch"};
}

Status DeviceExecutor::allocateSlot(RunSlot &slot) {
  const Driver &driver = context->driver();
  uint64_t inputs = 0, outputs = 0, host = 0;
  for (size_t e = 0; e < layouts.size(); ++e) {
    inputs = std::max(inputs, layouts[e].inputBytes);
    outputs = std::max(outputs, layouts[e].mapped ? 0 : layouts[e].outputBytes);
    host = std::max(host, layouts[e].checksAt + program.entries[e].num_checks);
  }
  slot.graphs.resize(layouts.size());
  for (Status status :
       {allocate(driver, inputs, "inputs", slot.inputs),
        allocate(driver, outputs, "outputs", slot.outputs),
        allocatePinned(driver, inputs, "inputs", slot.stagedInputs),
        allocatePinned(driver, host, "outputs", slot.hostOutputs, &slot.mappedOutputs),
        makeEvent(driver, slot.copied), makeEvent(driver, slot.done)})
    if (!status)
      return status;
  return {};
}

Status DeviceExecutor::allocateBlocks() {
  const Driver &driver = context->driver();
  for (Status status : {makeStream(driver, runStream), makeStream(driver, copyStream),
                        allocate(driver, program.state_bytes, "the state", stateBlock),
                        allocate(driver, program.arena_bytes, "the arena", arena),
                        allocate(driver, program.constant_bytes, "constants", constants),
                        allocateSlot(slots[0]), allocateSlot(slots[1])})
    if (!status)
      return status;
  if (program.state_bytes)
    if (Status status = driver.status(
            driver.cuMemsetD8Async(stateBlock.get(), 0, program.state_bytes, runStream.get()),
            "clearing the state");
        !status)
      return status;
  if (program.constant_bytes)
    if (Status status =
            driver.status(driver.cuMemcpyHtoDAsync(constants.get(), program.constants,
                                                   program.constant_bytes, runStream.get()),
                          "copying constants");
        !status)
      return status;
  return settle();
}

Status DeviceExecutor::noteLoss(Status status) {
  if (status.kind() == Status::Kind::DeviceLost && lost)
    lost = status;
  return status;
}

Status DeviceExecutor::settle() {
  if (!lost)
    return lost;
  if (Status status = context->enter(); !status)
    return noteLoss(status);
  return noteLoss(context->driver().status(context->driver().cuStreamSynchronize(runStream.get()),
                                           "waiting for the device"));
}

Status DeviceExecutor::read(uint64_t offset, void *to, uint64_t bytes) {
  if (Status status = settle(); !status || bytes == 0)
    return status;
  const Driver &driver = context->driver();
  if (Status status = driver.status(
          driver.cuMemcpyDtoHAsync(to, stateBlock.get() + offset, bytes, runStream.get()),
          "reading the state");
      !status)
    return noteLoss(status);
  return settle();
}

Status DeviceExecutor::write(uint64_t offset, const void *from, uint64_t bytes) {
  if (Status status = settle(); !status || bytes == 0)
    return status;
  const Driver &driver = context->driver();
  if (Status status = driver.status(
          driver.cuMemcpyHtoDAsync(stateBlock.get() + offset, from, bytes, runStream.get()),
          "writing the state");
      !status)
    return noteLoss(status);
  return settle();
}

std::shared_ptr<std::byte[]> DeviceExecutor::inputMemory(uint64_t bytes) {
  PinnedBlock block;
  if (!context->enter() || !allocatePinned(context->driver(), bytes, "inputs", block))
    return nullptr;
  auto *memory = static_cast<std::byte *>(block.get());
  {
    std::lock_guard lock(pinned->mutex);
    pinned->ranges[memory] = bytes;
  }
  // Memory outlives the executor where its user does.
  auto owner = std::make_shared<PinnedBlock>(std::move(block));
  return std::shared_ptr<std::byte[]>(
      memory, [owner, ranges = pinned, context = context](std::byte *base) mutable {
        std::lock_guard lock(ranges->mutex);
        ranges->ranges.erase(base);
        if (context->enter())
          owner.reset();
      });
}

uint64_t DeviceExecutor::pinnedBytesAt(const void *from) const {
  auto *first = static_cast<const std::byte *>(from);
  std::lock_guard lock(pinned->mutex);
  auto after = pinned->ranges.upper_bound(first);
  if (after == pinned->ranges.begin())
    return 0;
  auto range = std::prev(after);
  const std::byte *end = range->first + range->second;
  return first < end ? uint64_t(end - first) : 0;
}

static Status canRun(const fx_program &program) {
  Device device;
  if (Status status = Device::find(device); !status)
    return status;
  return device.choose(program) ? Status() : Kernels::refusal(device, program);
}

} // namespace cuda

Status deviceArch(std::string &out) {
  cuda::Device device;
  Status status = cuda::Device::find(device);
  if (status)
    out = device.arch();
  return status;
}

} // namespace fluxion::rt

extern const fx_runtime fx_cuda_runtime = {fluxion::rt::cuda::canRun,
                                           fluxion::rt::cuda::DeviceExecutor::create};
