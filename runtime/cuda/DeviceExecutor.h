// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A program on a GPU: state and arena at fixed addresses, every entry point one graph.
#pragma once

#include "runtime/core/Executor.h"
#include "runtime/cuda/Graph.h"
#include "runtime/cuda/Kernels.h"
#include "runtime/cuda/LaunchOrder.h"
#include "runtime/cuda/Library.h"

#include <map>

namespace fluxion::rt::cuda {

// The primary context, retained; current on the calling thread from enter() on.
class Context {
public:
  Status retain(const Device &device);
  ~Context();
  Status enter() const;
  CUcontext handle() const { return context; }
  const Driver &driver() const { return *device.driver; }
  const Device &onDevice() const { return device; }

private:
  Device device;
  CUcontext context = nullptr;
};

// What is brought to the host, or moved, when launches are done; `after`: the launch, -1: all.
struct Transfer {
  void *host = nullptr; // else to `device`
  CUdeviceptr device = 0, from = 0;
  uint64_t bytes = 0;
  int64_t after = -1;
};

// An entry point's launches and most transfers.
struct EntryGraph {
  GraphExec exec;               // null: not built yet
  std::vector<Transfer> behind; // what the stream does when it has run
};

// One of the two sets of buffers that runs take in turn: while one is computed with, the inputs of
// the next are copied.
struct RunSlot {
  DeviceBlock inputs, outputs;
  PinnedBlock stagedInputs, hostOutputs; // what kernels read and write, as the host sees it
  CUdeviceptr mappedOutputs = 0;         // hostOutputs, as kernels see it
  Event copied, done;
  std::vector<EntryGraph> graphs; // an entry point each, built at its first run
  const fx_entry *running = nullptr;
  std::vector<void *> results; // where the caller wants the outputs
};

class DeviceExecutor final : public Executor {
public:
  static Status create(const fx_program &program, std::unique_ptr<Executor> &out);
  ~DeviceExecutor() override;

  Status read(uint64_t offset, void *to, uint64_t bytes) override;
  Status write(uint64_t offset, const void *from, uint64_t bytes) override;
  std::byte *state() override { return nullptr; }
  Status submit(const fx_entry &entry, std::span<const void *const> inputs,
                std::span<void *const> outputs, const Instance::Probe &probe) override;
  Status wait() override;
  bool canRepeat() const override { return true; }
  Status repeat(const fx_entry &entry, int64_t runs) override;
  std::string note() const override { return remark; }
  bool hasLibraries(const fx_entry &entry) const override { return libraries.serve(entry); }
  std::shared_ptr<std::byte[]> inputMemory(uint64_t bytes) override;

private:
  // Offsets of an entry point's buffers in the blocks of a slot, and what is small enough for
  // kernels to write to the host themselves.
  struct EntryLayout {
    std::vector<uint64_t> inputs, outputs;
    uint64_t inputBytes = 0, outputBytes = 0, checksAt = 0; // checks follow the outputs
    bool mapped = false;
  };

  explicit DeviceExecutor(const fx_program &program) : program(program) {}
  void layOut();
  Status checkMemory() const;
  Status allocateBlocks();
  Status allocateSlot(RunSlot &slot);

  Addresses addressesOf(const fx_entry &entry, const RunSlot &slot) const;
  Status copyInputs(const fx_entry &entry, RunSlot &slot, std::span<const void *const> inputs);
  std::vector<Transfer> transfersOf(const fx_entry &entry, const RunSlot &slot,
                                    const Addresses &addresses) const;
  Status enqueueCall(const fx_launch &launch, const Addresses &addresses) const;
  Status addCall(const fx_launch &launch, const Addresses &addresses,
                 const std::vector<CUgraphNode> &after, GraphBuilder &graph,
                 CUgraphNode &out) const;
  Status addLaunches(const fx_entry &entry, const Addresses &addresses,
                     const std::vector<CUgraphNode> &after, GraphBuilder &graph,
                     std::vector<CUgraphNode> &nodes) const;
  Status build(const fx_entry &entry, RunSlot &slot, EntryGraph &out);
  Status buildRepeated(const fx_entry &entry, RunSlot &slot, int64_t runs, GraphExec &out);
  Status buildTransfers(const fx_entry &entry, const std::vector<Transfer> &transfers,
                        const std::vector<CUgraphNode> &launches, GraphBuilder &graph) const;
  Status enqueueTransfers(const fx_entry &entry, const std::vector<Transfer> &transfers) const;
  Status runGraph(const fx_entry &entry, RunSlot &slot, std::span<const void *const> inputs);
  Status runStepwise(const fx_entry &entry, RunSlot &slot, const Instance::Probe &probe);
  Status show(const fx_entry &entry, uint32_t launch, const Addresses &addresses,
              const Instance::Probe &probe);
  std::string startOf(const fx_entry &entry) const { // for messages
    return "starting " + std::string(entry.name) + " of " + program.name;
  }
  Status finish(RunSlot &slot);
  uint64_t pinnedBytesAt(const void *from) const; // 0: ordinary memory
  size_t indexOf(const fx_entry &entry) const { return size_t(&entry - program.entries); }
  Status settle(); // everything submitted has run
  Status noteLoss(Status status);

  const fx_program &program;
  std::shared_ptr<Context> context; // first, so that it goes last
  std::vector<EntryLayout> layouts;
  std::vector<LaunchOrder> orders;
  Kernels kernels;
  Libraries libraries;
  std::string remark;
  DeviceBlock stateBlock, arena, constants;
  Stream runStream, copyStream;
  RunSlot slots[2];
  struct Repeated {
    GraphExec once, often; // launches alone, for measuring
    int64_t runs = 1;      // of `often`
  };
  std::map<const fx_entry *, Repeated> repeated;
  unsigned next = 0, inFlight = 0; // the slot of the next run
  bool blocking = false;           // $FLUXION_CUDA_BLOCKING: no graph, a fault names its kernel
  Status lost;                     // the failure after which nothing works
  struct PinnedRanges;
  std::shared_ptr<PinnedRanges> pinned;
};

} // namespace fluxion::rt::cuda
