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
// Neighbours that lie as they will on the device travel together.
Status DeviceExecutor::copyInputs(const fx_entry &entry, RunSlot &slot,
                                  std::span<const void *const> inputs) {
  const Driver &driver = context->driver();
  const EntryLayout &layout = layouts[indexOf(entry)];
  auto *staging = static_cast<std::byte *>(slot.stagedInputs.get());
  const std::byte *from = nullptr; // of the copy that is not made yet
  uint64_t at = 0, bytes = 0, available = 0;
  CUresult result = CUDA_SUCCESS;
  auto copy = [&] {
    if (bytes && result == CUDA_SUCCESS)
      result = driver.cuMemcpyHtoDAsync(slot.inputs.get() + at, from, bytes, copyStream.get());
    bytes = 0;
  };
  for (uint32_t i = 0; i < entry.num_inputs; ++i) {
    uint64_t own = entry.inputs[i].bytes, place = layout.inputs[i];
    if (own == 0)
      continue;
    auto *source = static_cast<const std::byte *>(inputs[i]);
    uint64_t pinnedBytes = pinnedBytesAt(source);
    if (pinnedBytes < own) {
      std::memcpy(staging + place, source, own);
      source = staging + place, pinnedBytes = layout.inputBytes - place;
    }
    if (bytes && source == from + (place - at) && place + own - at <= available) {
      bytes = place + own - at;
      continue;
    }
    copy();
    from = source, at = place, bytes = own, available = pinnedBytes;
  }
  copy();
  if (result == CUDA_SUCCESS)
    result = driver.cuEventRecord(slot.copied.get(), copyStream.get());
  if (result == CUDA_SUCCESS)
    result = driver.cuStreamWaitEvent(runStream.get(), slot.copied.get(), 0);
  return driver.check(result, [&] { return "copying the inputs of " + std::string(entry.name); });
}

// The checks' bytes travel as soon as they are known; then the copies of the table, in order, and
// the outputs that kernels did not write to the host themselves.
std::vector<DeviceExecutor::Transfer>
DeviceExecutor::transfersOf(const fx_entry &entry, const RunSlot &slot,
                            const Addresses &addresses) const {
  const EntryLayout &layout = layouts[indexOf(entry)];
  auto *host = static_cast<std::byte *>(slot.hostOutputs.get());
  std::vector<Transfer> transfers;
  for (uint32_t c = 0; c < entry.num_checks; ++c)
    transfers.push_back({host + layout.checksAt + c, 0, addresses.of(entry.check_places[c]), 1,
                         entry.check_launches[c]});
  std::vector<bool> onHost(entry.num_outputs, layout.mapped);
  for (uint32_t c = 0; c < entry.num_copies; ++c) {
    const fx_copy &copy = entry.copies[c];
    Transfer transfer{nullptr, 0, addresses.of(copy.from), copy.bytes, -1};
    if (copy.to.space == FX_SPACE_OUTPUT) {
      transfer.host = host + layout.outputs[copy.to.slot] + copy.to.offset;
      onHost[copy.to.slot] = true;
    } else {
      transfer.device = addresses.of(copy.to);
    }
    transfers.push_back(transfer);
  }
  for (uint32_t i = 0; i < entry.num_outputs; ++i)
    if (!onHost[i])
      transfers.push_back(
          {host + layout.outputs[i], 0, addresses.outputs[i], entry.outputs[i].bytes, -1});
  std::erase_if(transfers, [](const Transfer &transfer) { return transfer.bytes == 0; });
  return transfers;
}

// One launch after another on a stream, so that a fault is known by its kernel.
Status DeviceExecutor::runStepwise(const fx_entry &entry, RunSlot &slot) {
  const Driver &driver = context->driver();
  Addresses addresses = addressesOf(entry, slot);
  for (uint32_t l = 0; l < entry.num_launches; ++l) {
    const fx_launch &launch = entry.launches[l];
    Status status = kernels.launch(launch, addresses, runStream.get());
    if (status)
      status =
          driver.status(driver.cuStreamSynchronize(runStream.get()), "running " + nameOf(launch));
    if (!status)
      return status;
  }
  CUresult result = CUDA_SUCCESS;
  for (const Transfer &transfer : transfersOf(entry, slot, addresses))
    if (result == CUDA_SUCCESS)
      result = transfer.host ? driver.cuMemcpyDtoHAsync(transfer.host, transfer.from,
                                                        transfer.bytes, runStream.get())
                             : driver.cuMemcpyDtoDAsync(transfer.device, transfer.from,
                                                        transfer.bytes, runStream.get());
  return driver.status(result, "reading the outputs of " + std::string(entry.name));
}

Status DeviceExecutor::buildTransfers(const fx_entry &entry, const std::vector<Transfer> &transfers,
                                      const std::vector<CUgraphNode> &launches,
                                      GraphBuilder &graph) const {
  // What nothing follows has all others before it.
  std::vector<bool> followed(entry.num_launches);
  for (uint32_t l = 0; l < entry.num_launches; ++l)
    for (uint32_t a = 0; a < entry.launches[l].num_after; ++a)
      followed[entry.launches[l].after[a]] = true;
  std::vector<CUgraphNode> last;
  for (uint32_t l = 0; l < entry.num_launches; ++l)
    if (!followed[l])
      last.push_back(launches[l]);
  CUresult result = CUDA_SUCCESS;
  for (const Transfer &transfer : transfers) {
    std::vector<CUgraphNode> after =
        transfer.after < 0 ? last : std::vector<CUgraphNode>{launches[transfer.after]};
    CUgraphNode node = nullptr;
    if (result == CUDA_SUCCESS)
      result = transfer.host
                   ? graph.addCopyToHost(transfer.host, transfer.from, transfer.bytes, after, node)
                   : graph.addCopy(transfer.device, transfer.from, transfer.bytes, after, node);
    if (transfer.after < 0)
      last = {node};
  }
  return context->driver().status(result, "reading the outputs of " + std::string(entry.name));
}

// The launches, with checks and outputs brought to the host unless only they are wanted.
Status DeviceExecutor::build(const fx_entry &entry, RunSlot &slot, bool outputs, GraphExec &out) {
  const Driver &driver = context->driver();
  GraphBuilder graph(driver, context->handle());
  std::string what = "building the graph of " + std::string(entry.name) + " of " + program.name;
  if (Status status = driver.status(graph.begin(), what); !status)
    return status;
  Addresses addresses = addressesOf(entry, slot);
  std::vector<CUgraphNode> nodes(entry.num_launches);
  for (uint32_t l = 0; l < entry.num_launches; ++l) {
    std::vector<CUgraphNode> after;
    for (uint32_t a = 0; a < entry.launches[l].num_after; ++a)
      after.push_back(nodes[entry.launches[l].after[a]]);
    if (Status status = kernels.add(entry.launches[l], addresses, after, graph, nodes[l]); !status)
      return status;
  }
  if (outputs)
    if (Status status = buildTransfers(entry, transfersOf(entry, slot, addresses), nodes, graph);
        !status)
      return status;
  return driver.status(graph.instantiate(out), what);
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
    if (Status status = build(entry, slot, /*outputs=*/true, graph); !status)
      return noteLoss(status);
  if (Status status = copyInputs(entry, slot, inputs); !status)
    return noteLoss(status);
  CUresult result = CUDA_SUCCESS;
  if (!blocking)
    result = driver.cuGraphLaunch(graph.get(), runStream.get());
  else if (Status status = runStepwise(entry, slot); !status)
    return noteLoss(status);
  if (result == CUDA_SUCCESS)
    result = driver.cuEventRecord(slot.done.get(), runStream.get());
  if (result != CUDA_SUCCESS)
    return noteLoss(driver.status(result, startOf(entry)));
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
          driver.check(driver.cuEventSynchronize(slot.done.get()),
                       [&] {
                         return "running " + std::string(entry.name) + " of " + program.name +
                                (blocking ? "" : " (FLUXION_CUDA_BLOCKING=1 names the kernel)");
                       });
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
    if (Status copied = context->driver().check(
            context->driver().cuEventSynchronize(slots[next ^ 1].copied.get()),
            [] { return std::string("copying inputs"); });
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
    if (Status status = build(entry, slot, /*outputs=*/false, graph); !status)
      return noteLoss(status);
  for (int64_t i = 0; i < runs; ++i)
    if (Status status =
            context->driver().check(context->driver().cuGraphLaunch(graph.get(), runStream.get()),
                                    [&] { return startOf(entry); });
        !status)
      return noteLoss(status);
  return settle();
}

} // namespace fluxion::rt::cuda
