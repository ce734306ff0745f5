// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where a program's state lives and its entry points run: this machine's memory and threads, or a
// GPU.
#pragma once

#include "fluxion/runtime.h"

namespace fluxion::rt {

class Executor {
public:
  virtual ~Executor() = default;

  // Bytes of the state block, once everything submitted has run.
  virtual Status read(uint64_t offset, void *to, uint64_t bytes) = 0;
  virtual Status write(uint64_t offset, const void *from, uint64_t bytes) = 0;
  // The state block itself where this process can address it, else null.
  virtual std::byte *state() = 0;

  // See Instance. Buffers are as many as the entry point says.
  virtual Status submit(const fx_entry &entry, std::span<const void *const> inputs,
                        std::span<void *const> outputs, const Instance::Probe &probe) = 0;
  virtual Status wait() = 0;
  // Again on the inputs that the last run of the entry point had, the outputs left where they are;
  // false where every run has to be a whole one.
  virtual bool canRepeat() const { return false; }
  virtual Status repeat(const fx_entry &, int64_t) { return {}; }
  // What the user should know of how it runs; else empty.
  virtual std::string note() const { return ""; }
  virtual bool hasLibraries(const fx_entry &) const { return true; }
  virtual std::shared_ptr<std::byte[]> inputMemory(uint64_t bytes) = 0;
};

} // namespace fluxion::rt

// What a program's launch tables are given to.
struct fx_runtime {
  // Is there a device with code for it in the program? If not, why.
  fluxion::rt::Status (*canRun)(const fx_program &program);
  fluxion::rt::Status (*makeExecutor)(const fx_program &program,
                                      std::unique_ptr<fluxion::rt::Executor> &out);
};
