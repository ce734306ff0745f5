// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One run of an entry point: inputs on a stream of their own, the graph, results and checks.
#include "runtime/cuda/DeviceExecutor.h"

#include <cstring>

namespace fluxion::rt::cuda {

Addresses DeviceExecutor::addressesOf(const fx_entry &entry, const RunSlot &slot) const {
  const EntryLayout &layout = layouts[indexOf(entry)];
  Addresses addresses;
  addresses.state = stateBlock.get(), addresses.arena = arena.get();
  addresses.constants = constants.get();
  for (uint64_t offset : layout.inputs)
    addresses.inputs.push_back(slot.inputs.get() + offset);
  for (uint64_t offset : layout.outputs)
    addresses.outputs.push_back((layout.mapped ? slot.mappedOutputs : slot.outputs.get()) + offset);
  return addresses;
}

// Inputs in page-locked memory are copied from where they are, others by way of the slot's own.
Status DeviceExecutor::copyInputs(const fx_entry &entry, RunSlot &slot,
                                  std::span<const void *const> inputs) {
  const Driver &driver = context->driver();
  const EntryLayout &layout = layouts[indexOf(entry)];
  for (uint32_t i = 0; i < entry.num_inputs; ++i) {
    const fx_tensor &input = entry.inputs[i];
    const void *from = inputs[i];
    if (!isPinned(from, input.bytes)) {
      auto *staged = static_cast<std::byte *>(slot.stagedInputs.get()) + layout.inputs[i];
      std::memcpy(staged, from, input.bytes);
      from = staged;
    }
    if (input.bytes == 0)
      continue;
    if (Status status = driver.status(driver.cuMemcpyHtoDAsync(slot.inputs.get() + layout.inputs[i],
                                                               from, input.bytes, copyStream.get()),
                                      "copying the input " + std::string(input.name));
        !status)
      return status;
  }
  CUresult result = driver.cuEventRecord(slot.copied.get(), copyStream.get());
  if (result == CUDA_SUCCESS)
    result = driver.cuStreamWaitEvent(runStream.get(), slot.copied.get(), 0);
  return driver.status(result, "ordering a run after its inputs");
}

// The checks' bytes travel beside the launches that follow them.
Status DeviceExecutor::enqueueChecks(const fx_entry &entry, RunSlot &slot,
                                     const Addresses &addresses) {
  const Driver &driver = context->driver();
  auto *host = static_cast<std::byte *>(slot.hostOutputs.get()) + layouts[indexOf(entry)].checksAt;
  CUresult result = driver.cuEventRecord(forked.get(), runStream.get());
  if (result == CUDA_SUCCESS)
    result = driver.cuStreamWaitEvent(checkStream.get(), forked.get(), 0);
  for (uint32_t c = 0; c < entry.num_checks && result == CUDA_SUCCESS; ++c)
    result = driver.cuMemcpyDtoHAsync(host + c, addresses.of(entry.check_places[c]), 1,
                                      checkStream.get());
  if (result == CUDA_SUCCESS)
    result = driver.cuEventRecord(joined.get(), checkStream.get());
  return driver.status(result, "reading the checks of " + std::string(entry.name));
}

// Outputs that kernels did not write to the host themselves, and the copies of the table.
Status DeviceExecutor::enqueueOutputs(const fx_entry &entry, RunSlot &slot,
                                      const Addresses &addresses) {
  const Driver &driver = context->driver();
  const EntryLayout &layout = layouts[indexOf(entry)];
  auto *host = static_cast<std::byte *>(slot.hostOutputs.get());
  std::vector<bool> onHost(entry.num_outputs, layout.mapped);
  CUresult result = CUDA_SUCCESS;
  for (uint32_t c = 0; c < entry.num_copies && result == CUDA_SUCCESS; ++c) {
    const fx_copy &copy = entry.copies[c];
    if (copy.bytes == 0)
      continue;
    bool toHost = copy.to.space == FX_SPACE_OUTPUT;
    if (toHost)
      onHost[copy.to.slot] = true;
    result = toHost ? driver.cuMemcpyDtoHAsync(host + layout.outputs[copy.to.slot] + copy.to.offset,
                                               addresses.of(copy.from), copy.bytes, runStream.get())
                    : driver.cuMemcpyDtoDAsync(addresses.of(copy.to), addresses.of(copy.from),
                                               copy.bytes, runStream.get());
  }
  for (uint32_t i = 0; i < entry.num_outputs && result == CUDA_SUCCESS; ++i)
    if (!onHost[i] && entry.outputs[i].bytes)
      result = driver.cuMemcpyDtoHAsync(host + layout.outputs[i], addresses.outputs[i],
                                        entry.outputs[i].bytes, runStream.get());
  return driver.status(result, "reading the outputs of " + std::string(entry.name));
}

// The launches, with checks and outputs brought to the host unless only they are wanted.
Status DeviceExecutor::enqueue(const fx_entry &entry, RunSlot &slot, bool outputs, bool stepwise) {
  const Driver &driver = context->driver();
  Addresses addresses = addressesOf(entry, slot);
  bool checksRead = entry.num_checks == 0 || !outputs;
  for (uint32_t l = 0; l < entry.num_launches; ++l) {
    const fx_launch &launch = entry.launches[l];
    if (launch.guard >= 0 && !checksRead) {
      checksRead = true;
      if (Status status = enqueueChecks(entry, slot, addresses); !status)
        return status;
    }
    if (Status status = kernels.launch(launch, addresses, runStream.get()); !status)
      return status;
    if (!stepwise)
      continue;
    if (Status status =
            driver.status(driver.cuStreamSynchronize(runStream.get()), "running " + nameOf(launch));
        !status)
      return status;
  }
  if (!outputs)
    return {};
  if (!checksRead)
    if (Status status = enqueueChecks(entry, slot, addresses); !status)
      return status;
  if (Status status = enqueueOutputs(entry, slot, addresses); !status)
    return status;
  return entry.num_checks == 0
             ? Status()
             : driver.status(driver.cuStreamWaitEvent(runStream.get(), joined.get(), 0),
                             "joining the checks of " + std::string(entry.name));
}

Status DeviceExecutor::capture(const fx_entry &entry, RunSlot &slot, bool outputs, GraphExec &out) {
  const Driver &driver = context->driver();
  std::string what = "capturing " + std::string(entry.name) + " of " + program.name;
  if (Status status =
          driver.status(driver.cuStreamBeginCapture(runStream.get(), captureThreadLocal), what);
      !status)
    return status;
  Status enqueued = enqueue(entry, slot, outputs, /*stepwise=*/false);
  CUgraph graph = nullptr;
  CUresult result = driver.cuStreamEndCapture(runStream.get(), &graph); // in any case
  CUgraphExec exec = nullptr;
  if (enqueued && result == CUDA_SUCCESS)
    result = driver.cuGraphInstantiateWithFlags(&exec, graph, 0);
  if (graph)
    driver.cuGraphDestroy(graph);
  if (!enqueued)
    return enqueued;
  if (result == CUDA_SUCCESS)
    out = GraphExec(exec, driver.cuGraphExecDestroy);
  return driver.status(result, what);
}

Status DeviceExecutor::submit(const fx_entry &entry, std::span<const void *const> inputs,
                              std::span<void *const> outputs, const Instance::Probe &) {
  if (!lost)
    return lost;
  if (inFlight == 2)
    return {Status::Kind::Mismatch, "two runs are in flight; wait for one of them first"};
  if (Status status = context->enter(); !status)
    return noteLoss(status);
  const Driver &driver = context->driver();
  RunSlot &slot = slots[next];
  GraphExec &graph = slot.graphs[indexOf(entry)];
  if (!graph && !blocking)
    if (Status status = capture(entry, slot, /*outputs=*/true, graph); !status)
      return noteLoss(status);
  if (Status status = copyInputs(entry, slot, inputs); !status)
    return noteLoss(status);
  std::string what = "starting " + std::string(entry.name) + " of " + program.name;
  Status status = blocking
                      ? enqueue(entry, slot, /*outputs=*/true, /*stepwise=*/true)
                      : driver.status(driver.cuGraphLaunch(graph.get(), runStream.get()), what);
  if (status)
    status = driver.status(driver.cuEventRecord(slot.done.get(), runStream.get()), what);
  if (!status)
    return noteLoss(status);
  slot.running = &entry;
  slot.results.assign(outputs.begin(), outputs.end());
  next ^= 1;
  ++inFlight;
  return {};
}

Status DeviceExecutor::finish(RunSlot &slot) {
  const fx_entry &entry = *slot.running;
  const Driver &driver = context->driver();
  if (Status status =
          driver.status(driver.cuEventSynchronize(slot.done.get()),
                        "running " + std::string(entry.name) + " of " + program.name +
                            (blocking ? "" : " (FLUXION_CUDA_BLOCKING=1 names the kernel)"));
      !status)
    return status;
  const EntryLayout &layout = layouts[indexOf(entry)];
  auto *host = static_cast<const std::byte *>(slot.hostOutputs.get());
  for (uint32_t c = 0; c < entry.num_checks; ++c)
    if (host[layout.checksAt + c] == std::byte(0))
      return {Status::Kind::CheckFailed, entry.checks[c]};
  for (uint32_t i = 0; i < entry.num_outputs; ++i)
    if (entry.outputs[i].bytes)
      std::memcpy(slot.results[i], host + layout.outputs[i], entry.outputs[i].bytes);
  return {};
}

Status DeviceExecutor::wait() {
  if (inFlight == 0)
    return {Status::Kind::Mismatch, "no run is in flight"};
  RunSlot &slot = slots[inFlight == 2 ? next : next ^ 1];
  --inFlight;
  if (!lost)
    return lost;
  if (Status status = context->enter(); !status)
    return noteLoss(status);
  Status status = noteLoss(finish(slot));
  // The caller may change the inputs of a run that is still to come.
  if (status && inFlight)
    if (Status copied = context->driver().status(
            context->driver().cuEventSynchronize(slots[next ^ 1].copied.get()), "copying inputs");
        !copied)
      return noteLoss(copied);
  return status;
}

Status DeviceExecutor::repeat(const fx_entry &entry, int64_t runs) {
  if (Status status = settle(); !status)
    return status;
  RunSlot &slot = slots[next ^ 1]; // of the last run
  GraphExec &graph = repeated[&entry];
  if (!graph)
    if (Status status = capture(entry, slot, /*outputs=*/false, graph); !status)
      return noteLoss(status);
  for (int64_t i = 0; i < runs; ++i)
    if (Status status =
            context->driver().status(context->driver().cuGraphLaunch(graph.get(), runStream.get()),
                                     "starting " + std::string(entry.name) + " of " + program.name);
        !status)
      return noteLoss(status);
  return settle();
}

} // namespace fluxion::rt::cuda
