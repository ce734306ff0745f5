// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the machine does at most, measured: the yardstick beside every timing.
#pragma once

#include "fluxion/Tensor.h"
#include "fluxion/runtime.h"

namespace fluxion::driver {

// Operations a second of fused multiply-adds on registers, all threads of the pool together: the
// best this process has seen, after a few more milliseconds of looking. f64 has half the lanes;
// other types count as f32.
double fmaPeak(rt::ThreadPool &pool, DType type);

// Bytes a second, read and written, of a copy that moves `bytes` in all, with ordinary or with
// non-temporal stores, whichever is faster: measured once a size, rounded up to a power of two.
double copyBandwidth(rt::ThreadPool &pool, int64_t bytes);

} // namespace fluxion::driver
