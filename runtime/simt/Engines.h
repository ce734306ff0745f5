// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What works beside the threads of a block: barriers that count bytes, bulk copies, products of
// warpgroups. Their work is done at once; what the clocks know of it comes only when a kernel
// waits, so that memory used too early or too late is seen.
#pragma once

#include "fluxion/simt.h"
#include "runtime/simt/Clocks.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace fluxion::rt::simt {

struct Mbarrier {
  int64_t offset = 0;
  uint32_t expected = 0, pending = 0; // arrivals of a phase, and those to come
  int64_t bytes = 0;                  // to come
  uint32_t phase = 0;
  uint32_t engine = 0;       // that brings the bytes
  bool counted = false;      // bytes in this phase
  bool unseen = false;       // bytes of the last phase, which nobody has waited for
  Knowledge arriving, known; // by those of this phase; by those of complete ones

  bool isOver(uint32_t parity) const { return (phase & 1) != parity; }
  std::string missing() const;
  // What is unfinished when the block ends; empty: nothing.
  std::string leftBehind() const;
};

struct EngineRead {
  int64_t begin, end;
  uint32_t engine, clock;
};

// Groups in order; each holds the engine's clock when its last work was given.
struct Groups {
  uint32_t engine = 0; // 0: none yet
  bool open = false;   // work that no group holds
  std::deque<uint32_t> inFlight;
};

// Where a copy puts a byte of shared memory, swizzled as CUtensorMapSwizzle and descriptors say:
// chunks of 16 bytes change places within 128, 64 or 32 bytes by the number of their line of 128.
inline int64_t swizzled(int64_t offset, int64_t spanBytes) {
  int64_t mask = spanBytes / 16 - 1;
  return spanBytes == 0 ? offset : offset ^ (offset >> 7 & mask) << 4;
}

// Why no CUtensorMap can say this; empty: it can.
std::string refusal(const fx_simt_map &map, const void *base);
int64_t elementBytes(const fx_simt_map &map);
int64_t boxBytes(const fx_simt_map &map);
// Runs of a box that lie one after the other in memory: where in the box, and where in the tensor
// (null beyond it).
struct BoxRun {
  int64_t offset;
  std::byte *memory;
  int64_t bytes;
};
std::vector<BoxRun> runsOf(const fx_simt_map &map, std::byte *base, const int32_t *at);
// Bytes from the tensor's first element to behind its last.
int64_t extentBytes(const fx_simt_map &map);
int64_t swizzleSpan(const fx_simt_map &map); // 0: none
// To the 10 bits of a tf32's mantissa, to nearest.
float roundToTf32(float value);

// A side of a product as a descriptor says: element (row, k) of a 64- or n-row block.
struct Descriptor {
  int64_t start, leading, stride, span;
  bool summedLast;
  int64_t elementBytes;
  static Descriptor of(uint64_t word, bool summedLast, int64_t elementBytes);
  // Offset in shared memory.
  int64_t at(int64_t row, int64_t k) const;
};

} // namespace fluxion::rt::simt
