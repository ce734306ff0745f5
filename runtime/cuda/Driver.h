// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CUDA driver, found at run time, and what it says when something fails.
#pragma once

#include "fluxion/runtime.h"
#include "runtime/cuda/MiniCuda.h"

#include <memory>
#include <string>

namespace fluxion::rt::cuda {

struct Driver {
#define FLUXION_CUDA_MEMBER(name, ...) CUresult (*name)(__VA_ARGS__) = nullptr;
  FLUXION_CUDA_FUNCTIONS(FLUXION_CUDA_MEMBER)
#undef FLUXION_CUDA_MEMBER
  TensorMapEncodeTiled cuTensorMapEncodeTiled = nullptr;    // may be null
  GraphAddDependencies cuGraphAddDependencies_v2 = nullptr; // may be null

  // Loads $FLUXION_LIBCUDA, else libcuda.so.1, and initialises it; one sentence where there is
  // none.
  static Status open(std::shared_ptr<const Driver> &out);

  // "CUDA_ERROR_LAUNCH_FAILED, unspecified launch failure"
  std::string words(CUresult result) const;
  // `what` says what was tried: "launching matmul (zoo/vision/mlp.cpp:7:53)".
  Status status(CUresult result, const std::string &what) const;
  // Without the cost of words where nothing failed: `what` makes them.
  template <typename What> Status check(CUresult result, What what) const {
    return result == CUDA_SUCCESS ? Status() : status(result, what());
  }
};

// After these nothing works on the device until the process starts anew.
bool isLoss(CUresult result);

// The device that programs run on: the first that CUDA_VISIBLE_DEVICES leaves.
struct Device {
  std::shared_ptr<const Driver> driver;
  CUdevice handle = 0;
  std::string name; // "NVIDIA H100 80GB HBM3"
  int major = 0, minor = 0;

  static Status find(Device &out);
  std::string arch() const; // "sm_90"
  // The best image for this device: its own machine code, then the newest it runs; null if none.
  const fx_image *choose(const fx_program &program) const;
};

} // namespace fluxion::rt::cuda
