// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a GPU does at most, measured by kernels of PTX: the yardstick beside every timing there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fluxion::driver {

// How factors are multiplied: by threads, or by tensor cores with sums in f32.
enum class Arithmetic { f32, f64, tf32, bf16, f16 };
const char *nameOf(Arithmetic arithmetic);

// Operations a second on registers, or on shared memory where the cores read it (sm_90a, by wgmma;
// all others by mma.sync). Both answer with the best that this process has seen and throw
// std::runtime_error where there is no device.
double devicePeak(Arithmetic arithmetic);
// Bytes a second, read and written, of a copy that moves `bytes` in all, rounded up to a power of
// two.
double deviceCopyBandwidth(int64_t bytes);

// The kernels by architecture, for whoever checks them without a device.
struct PeakCode {
  std::string arch, ptx;
};
std::vector<PeakCode> peakCode();

} // namespace fluxion::driver
