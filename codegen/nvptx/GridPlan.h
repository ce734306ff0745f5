// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a phase is spread over blocks and threads: decided from sizes and the target alone, so that
// every run combines numbers in the same order.
#pragma once

#include "codegen/llvm/loops/Plan.h"

namespace fluxion::codegen {

inline constexpr int64_t warpSize = 32;
inline constexpr int64_t mapThreads = 256;

// A reduction that is no contraction: a block takes `columns` neighbouring results, each summed by
// the `groups` threads that are `columns` apart.
struct ReduceGrid {
  int64_t columns = 1, groups = 32;
  int64_t resultsPerBlock = 1; // where columns is 1: results of a block, a warp each
  int64_t tiles = 1;           // blocks for all results of one chunk
  int64_t chunkLength = 1;     // summed positions, flattened, of a chunk
  int64_t threads() const { return columns * groups * resultsPerBlock; }
};
ReduceGrid reduceGrid(const Reduction &r);

// Threads that share a row of so many elements.
int64_t rowThreads(int64_t elements);

// Into how many chunks the summed positions are split, whose results a second phase combines.
// `keys` are null where the schedule is not the reduction's.
int64_t gridChunks(const Reduction &r, const ir::TargetInfo &target, ScheduleKeys *keys);

} // namespace fluxion::codegen
