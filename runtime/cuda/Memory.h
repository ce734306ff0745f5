// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Owners of what the driver hands out. A context is current wherever one is used or released.
#pragma once

#include "runtime/cuda/Driver.h"

#include <utility>

namespace fluxion::rt::cuda {

// A handle and the entry point that gives it back.
template <typename Handle> class Owned {
public:
  using Release = CUresult (*)(Handle);
  Owned() = default;
  Owned(Handle handle, Release release) : handle(handle), release(release) {}
  Owned(Owned &&other) noexcept
      : handle(std::exchange(other.handle, Handle())), release(other.release) {}
  Owned &operator=(Owned &&other) noexcept {
    std::swap(handle, other.handle);
    std::swap(release, other.release);
    return *this;
  }
  ~Owned() {
    if (handle)
      release(handle);
  }
  Handle get() const { return handle; }
  explicit operator bool() const { return handle != Handle(); }

private:
  Handle handle = Handle();
  Release release = nullptr;
};

using DeviceBlock = Owned<CUdeviceptr>;
using PinnedBlock = Owned<void *>;
using Stream = Owned<CUstream>;
using Event = Owned<CUevent>;
using Module = Owned<CUmodule>;
using GraphExec = Owned<CUgraphExec>;

// Blocks of no bytes are null. Device memory is aligned to 256 bytes.
Status allocate(const Driver &driver, uint64_t bytes, const char *what, DeviceBlock &out);
// Page-locked, and readable by kernels under the address that comes with it.
Status allocatePinned(const Driver &driver, uint64_t bytes, const char *what, PinnedBlock &out,
                      CUdeviceptr *address = nullptr);
Status makeStream(const Driver &driver, Stream &out);
Status makeEvent(const Driver &driver, Event &out);

} // namespace fluxion::rt::cuda
