// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A program in this machine's memory, run by its own functions at the moment they are submitted.
#pragma once

#include "runtime/core/Executor.h"

namespace fluxion::rt {

class HostExecutor final : public Executor {
public:
  static Status create(const fx_program &program, std::shared_ptr<ThreadPool> pool,
                       std::unique_ptr<Executor> &out);

  Status read(uint64_t offset, void *to, uint64_t bytes) override;
  Status write(uint64_t offset, const void *from, uint64_t bytes) override;
  std::byte *state() override { return stateBlock.data(); }
  Status submit(const fx_entry &entry, std::span<const void *const> inputs,
                std::span<void *const> outputs, const Instance::Probe &probe) override;
  Status wait() override;
  std::shared_ptr<std::byte[]> inputMemory(uint64_t bytes) override;

private:
  HostExecutor() = default;
  std::shared_ptr<ThreadPool> threads;
  Arena stateBlock, arena;
  Status ended[2]; // outcomes that are yet to be waited for, oldest first
  unsigned inFlight = 0;
};

} // namespace fluxion::rt
