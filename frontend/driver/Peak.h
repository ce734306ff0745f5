// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the machine does at most, measured: the yardstick beside every timing.
#pragma once

#include "fluxion/Tensor.h"
#include "fluxion/runtime.h"

namespace fluxion::driver {

// Both look for some milliseconds and answer with the best that this process has seen, all threads
// of the pool together: asked before and after a timing, no honest timing exceeds them.

// Operations a second of fused multiply-adds on registers. f64 has half the lanes; other types
// count as f32.
double fmaPeak(rt::ThreadPool &pool, DType type);

// Bytes a second, read and written, of a copy that moves `bytes` in all, rounded up to a power of
// two, with ordinary or with non-temporal stores, whichever is faster.
double copyBandwidth(rt::ThreadPool &pool, int64_t bytes);

} // namespace fluxion::driver
