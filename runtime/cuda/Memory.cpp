// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cuda/Memory.h"

namespace fluxion::rt::cuda {

Status allocate(const Driver &driver, uint64_t bytes, const char *what, DeviceBlock &out) {
  CUdeviceptr address = 0;
  if (bytes == 0)
    return {};
  CUresult result = driver.cuMemAlloc(&address, bytes);
  if (result == CUDA_SUCCESS)
    out = DeviceBlock(address, driver.cuMemFree);
  return driver.status(result, "allocating " + std::to_string(bytes) + " bytes for " + what);
}

Status allocatePinned(const Driver &driver, uint64_t bytes, const char *what, PinnedBlock &out,
                      CUdeviceptr *address) {
  void *block = nullptr;
  if (bytes == 0)
    return {};
  CUresult result = driver.cuMemHostAlloc(&block, bytes, address ? mappedHostMemory : 0);
  if (result == CUDA_SUCCESS)
    out = PinnedBlock(block, driver.cuMemFreeHost);
  if (result == CUDA_SUCCESS && address)
    result = driver.cuMemHostGetDevicePointer(address, block, 0);
  return driver.status(result, "page-locking " + std::to_string(bytes) + " bytes for " + what);
}

Status makeStream(const Driver &driver, Stream &out) {
  CUstream stream = nullptr;
  CUresult result = driver.cuStreamCreate(&stream, nonBlockingStream);
  if (result == CUDA_SUCCESS)
    out = Stream(stream, driver.cuStreamDestroy);
  return driver.status(result, "creating a stream");
}

Status makeEvent(const Driver &driver, Event &out) {
  CUevent event = nullptr;
  CUresult result = driver.cuEventCreate(&event, untimedEvent);
  if (result == CUDA_SUCCESS)
    out = Event(event, driver.cuEventDestroy);
  return driver.status(result, "creating an event");
}

} // namespace fluxion::rt::cuda
