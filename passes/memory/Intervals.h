// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Offsets for buffers with lifetimes in one block of memory: interval colouring, large buffers
// first.
#pragma once

#include <cstdint>
#include <vector>

namespace fluxion::passes {

struct BufferInterval {
  int64_t bytes = 0;
  int64_t first = 0, last = 0; // positions at which it is alive, both included
  int64_t offset = -1;         // set by assignOffsets
};

inline constexpr int64_t bufferAlignment = 64;

// Gives every buffer an offset such that no two alive at one position overlap, and returns the size
// of the block. With `apart` no two buffers overlap at all. Large arrays that a kernel would stream
// together start at different places modulo 4 KiB, which keeps them out of each other's cache sets.
int64_t assignOffsets(std::vector<BufferInterval> &buffers, bool apart = false);

// The most bytes alive at one position: no plan can do with less.
int64_t peakBytes(const std::vector<BufferInterval> &buffers);

} // namespace fluxion::passes
