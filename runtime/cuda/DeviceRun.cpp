// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One run of an entry point: inputs on a stream of their own, the graph, results and checks.
#include "runtime/core/Layout.h"
#include "runtime/cuda/DeviceExecutor.h"

#include <algorithm>
#include <cstring>
#include <set>

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
std::vector<Transfer> DeviceExecutor::transfersOf(const fx_entry &entry, const RunSlot &slot,
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

// What a launch completed, brought to the host.
Status DeviceExecutor::show(const fx_entry &entry, uint32_t launch, const Addresses &addresses,
                            const Instance::Probe &probe) {
  const Driver &driver = context->driver();
  for (uint32_t p = 0; p < entry.num_probes; ++p) {
    const fx_probe &value = entry.probes[p];
    if (value.launch != launch)
      continue;
    std::vector<std::byte> bytes(size_t(value.count) * elementBytes(value.dtype));
    CUresult result = CUDA_SUCCESS;
    if (!bytes.empty())
      result = driver.cuMemcpyDtoHAsync(bytes.data(), addresses.of(value.place), bytes.size(),
                                        runStream.get());
    if (result == CUDA_SUCCESS)
      result = driver.cuStreamSynchronize(runStream.get());
    if (result != CUDA_SUCCESS)
      return driver.status(result, "reading " + std::string(value.name));
    probe(value.name, value.dtype, bytes.data(), value.count);
  }
  return {};
}

// One launch after another on a stream, so that a fault is known by its kernel and every value is
// seen before another takes its place.
Status DeviceExecutor::runStepwise(const fx_entry &entry, RunSlot &slot,
                                   const Instance::Probe &probe) {
  const Driver &driver = context->driver();
  Addresses addresses = addressesOf(entry, slot);
  for (uint32_t l = 0; l < entry.num_launches; ++l) {
    const fx_launch &launch = entry.launches[l];
    bool isCall = libraries.of(launch);
    Status status = isCall ? enqueueCall(launch, addresses)
                           : kernels.launch(launch, addresses, runStream.get());
    if (isCall)
      l += launch.call->launches - 1;
    if (status)
      status =
          driver.status(driver.cuStreamSynchronize(runStream.get()), "running " + nameOf(launch));
    if (status && probe)
      status = show(entry, l, addresses, probe);
    if (!status)
      return status;
  }
  return enqueueTransfers(entry, transfersOf(entry, slot, addresses));
}

Status DeviceExecutor::enqueueTransfers(const fx_entry &entry,
                                        const std::vector<Transfer> &transfers) const {
  const Driver &driver = context->driver();
  CUresult result = CUDA_SUCCESS;
  for (const Transfer &transfer : transfers)
    if (result == CUDA_SUCCESS)
      result = transfer.host ? driver.cuMemcpyDtoHAsync(transfer.host, transfer.from,
                                                        transfer.bytes, runStream.get())
                             : driver.cuMemcpyDtoDAsync(transfer.device, transfer.from,
                                                        transfer.bytes, runStream.get());
  return driver.check(result, [&] { return "reading the outputs of " + std::string(entry.name); });
}

namespace {

// Launches that a library's call stands for share a node.
std::vector<CUgraphNode> endsOf(const LaunchOrder &order, const std::vector<CUgraphNode> &nodes) {
  std::vector<CUgraphNode> ends;
  for (uint32_t launch : order.ends())
    if (ends.empty() || ends.back() != nodes[launch])
      ends.push_back(nodes[launch]);
  return ends;
}

} // namespace

Status DeviceExecutor::buildTransfers(const fx_entry &entry, const std::vector<Transfer> &transfers,
                                      const std::vector<CUgraphNode> &launches,
                                      GraphBuilder &graph) const {
  std::vector<CUgraphNode> last = endsOf(orders[indexOf(entry)], launches);
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

Status DeviceExecutor::enqueueCall(const fx_launch &launch, const Addresses &addresses) const {
  const fx_library_call &call = *launch.call;
  Status status;
  if (call.before)
    status = kernels.launch(*call.before, addresses, runStream.get());
  if (status)
    status =
        libraries.of(launch)->enqueue(call,
                                      {addresses.of(call.left), addresses.of(call.right),
                                       addresses.of(call.result), addresses.of(call.workspace)},
                                      runStream.get(), nameOf(launch));
  if (status && call.behind)
    status = kernels.launch(*call.behind, addresses, runStream.get());
  return status;
}

Status DeviceExecutor::addCall(const fx_launch &launch, const Addresses &addresses,
                               const std::vector<CUgraphNode> &after, GraphBuilder &graph,
                               CUgraphNode &out) const {
  Status status;
  auto record = [&] {
    status = enqueueCall(launch, addresses);
    return status ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  };
  CUresult result = graph.addRecorded(runStream.get(), record, after, out);
  return status ? context->driver().status(result, "recording " + nameOf(launch)) : status;
}

// `after`: what comes before those that are after none.
Status DeviceExecutor::addLaunches(const fx_entry &entry, const Addresses &addresses,
                                   const std::vector<CUgraphNode> &after, GraphBuilder &graph,
                                   std::vector<CUgraphNode> &nodes) const {
  const LaunchOrder &order = orders[indexOf(entry)];
  std::set<CUgraphNode> recorded;
  nodes.assign(entry.num_launches, nullptr);
  for (uint32_t l = 0; l < entry.num_launches; ++l) {
    const fx_launch &launch = entry.launches[l];
    bool isCall = libraries.of(launch);
    uint32_t count = isCall ? launch.call->launches : 1;
    std::set<CUgraphNode> own;
    for (uint32_t i = l; i < l + count; ++i)
      for (uint32_t earlier : order.after[i])
        if (CUgraphNode node = nodes[earlier])
          own.insert(node);
    std::vector<CUgraphNode> before = own.empty() ? after : std::vector(own.begin(), own.end());
    // What a library starts says nothing before its end.
    bool waits = std::any_of(before.begin(), before.end(),
                             [&](CUgraphNode node) { return recorded.count(node) != 0; });
    bool dependent = launch.flags & FX_LAUNCH_DEPENDENT && !waits;
    if (Status status = isCall ? addCall(launch, addresses, before, graph, nodes[l])
                               : kernels.add(launch, addresses, before, dependent, graph, nodes[l]);
        !status)
      return status;
    if (isCall)
      recorded.insert(nodes[l]);
    for (; count > 1; --count, ++l)
      nodes[l + 1] = nodes[l];
  }
  return {};
}

// The launches, with checks and outputs brought to the host.
Status DeviceExecutor::build(const fx_entry &entry, RunSlot &slot, EntryGraph &out) {
  const Driver &driver = context->driver();
  GraphBuilder graph(driver, context->handle());
  std::string what = "building the graph of " + std::string(entry.name) + " of " + program.name;
  Addresses addresses = addressesOf(entry, slot);
  std::vector<CUgraphNode> nodes;
  Status status = driver.status(graph.begin(), what);
  if (status)
    status = addLaunches(entry, addresses, {}, graph, nodes);
  std::vector<Transfer> inside = transfersOf(entry, slot, addresses), behind;
  if (orders[indexOf(entry)].isLine) // of kernels alone
    std::swap(inside, behind);
  if (status)
    status = buildTransfers(entry, inside, nodes, graph);
  if (status)
    status = driver.status(graph.instantiate(out.exec), what);
  if (status)
    out.behind = std::move(behind);
  return status;
}

// The launches alone, so many times one behind the other.
Status DeviceExecutor::buildRepeated(const fx_entry &entry, RunSlot &slot, int64_t runs,
                                     GraphExec &out) {
  const Driver &driver = context->driver();
  GraphBuilder graph(driver, context->handle());
  std::string what = "building the graph of " + std::string(entry.name) + " of " + program.name;
  Addresses addresses = addressesOf(entry, slot);
  std::vector<CUgraphNode> nodes, last;
  Status status = driver.status(graph.begin(), what);
  for (int64_t i = 0; i < runs && status; ++i) {
    status = addLaunches(entry, addresses, last, graph, nodes);
    last = endsOf(orders[indexOf(entry)], nodes);
  }
  return status ? driver.status(graph.instantiate(out), what) : status;
}

Status DeviceExecutor::runGraph(const fx_entry &entry, RunSlot &slot,
                                std::span<const void *const> inputs) {
  const Driver &driver = context->driver();
  EntryGraph &graph = slot.graphs[indexOf(entry)];
  if (!graph.exec)
    if (Status status = build(entry, slot, graph); !status)
      return status;
  if (Status status = copyInputs(entry, slot, inputs); !status)
    return status;
  if (Status status = driver.check(driver.cuGraphLaunch(graph.exec.get(), runStream.get()),
                                   [&] { return startOf(entry); });
      !status)
    return status;
  return enqueueTransfers(entry, graph.behind);
}

Status DeviceExecutor::submit(const fx_entry &entry, std::span<const void *const> inputs,
                              std::span<void *const> outputs, const Instance::Probe &probe) {
  if (!lost)
    return lost;
  if (inFlight == 2)
    return {Status::Kind::Mismatch, "two runs are in flight; wait for one of them first"};
  if (Status status = context->enter(); !status)
    return noteLoss(status);
  const Driver &driver = context->driver();
  RunSlot &slot = slots[next];
  Status status;
  if (!blocking && !probe)
    status = runGraph(entry, slot, inputs);
  else if (status = copyInputs(entry, slot, inputs); status)
    status = runStepwise(entry, slot, probe);
  if (status)
    status = driver.check(driver.cuEventRecord(slot.done.get(), runStream.get()),
                          [&] { return startOf(entry); });
  if (!status) {
    driver.cuStreamSynchronize(copyStream.get()); // the caller may free what did not start to run
    return noteLoss(status);
  }
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

// A graph takes the host and the device some microseconds to start, which are part of a step and
// none of a kernel: without state many runs are one graph.
Status DeviceExecutor::repeat(const fx_entry &entry, int64_t runs) {
  constexpr int64_t mostLaunches = 256; // of such a graph
  if (Status status = settle(); !status)
    return status;
  RunSlot &slot = slots[next ^ 1]; // of the last run
  Repeated &graphs = repeated[&entry];
  if (!graphs.once) {
    if (Status status = buildRepeated(entry, slot, 1, graphs.once); !status)
      return noteLoss(status);
    if (program.num_state == 0)
      graphs.runs = std::max<int64_t>(1, mostLaunches / std::max(1u, entry.num_launches));
    if (graphs.runs > 1)
      if (Status status = buildRepeated(entry, slot, graphs.runs, graphs.often); !status)
        return noteLoss(status);
  }
  while (runs > 0) {
    bool many = graphs.often && runs >= graphs.runs;
    CUgraphExec graph = (many ? graphs.often : graphs.once).get();
    if (Status status =
            context->driver().check(context->driver().cuGraphLaunch(graph, runStream.get()),
                                    [&] { return startOf(entry); });
        !status)
      return noteLoss(status);
    runs -= many ? graphs.runs : 1;
  }
  return settle();
}

} // namespace fluxion::rt::cuda
