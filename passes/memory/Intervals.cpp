// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/memory/Intervals.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <map>
#include <numeric>

using namespace fluxion::passes;

constexpr int64_t staggeredBytes = 64 << 10, page = 4096, stagger = 1024;

// The first offset from `from` on with the residue a large buffer should have modulo a page.
static int64_t alignUp(int64_t from, int64_t bytes, int64_t index) {
  if (bytes < staggeredBytes)
    return (int64_t)llvm::alignTo(from, bufferAlignment);
  int64_t residue = stagger * (index % (page / stagger));
  return from <= residue ? residue : (int64_t)llvm::alignTo(from - residue, page) + residue;
}

int64_t fluxion::passes::assignOffsets(std::vector<BufferInterval> &buffers, bool apart) {
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::pair(-buffers[a].bytes, a) < std::pair(-buffers[b].bytes, b);
  });
  int64_t total = 0, large = 0;
  std::vector<size_t> placed; // by offset
  for (size_t index : order) {
    BufferInterval &buffer = buffers[index];
    // The smallest gap between conflicting buffers that takes it; else behind them all.
    int64_t best = -1, bestGap = INT64_MAX, end = 0;
    for (size_t other : placed) {
      const BufferInterval &conflict = buffers[other];
      if (!apart && (conflict.last < buffer.first || conflict.first > buffer.last))
        continue;
      int64_t start = alignUp(end, buffer.bytes, large), gap = conflict.offset - end;
      if (start + buffer.bytes <= conflict.offset && gap < bestGap)
        best = start, bestGap = gap;
      end = std::max(end, conflict.offset + conflict.bytes);
    }
    buffer.offset = best >= 0 ? best : alignUp(end, buffer.bytes, large);
    large += buffer.bytes >= staggeredBytes;
    total = std::max(total, buffer.offset + buffer.bytes);
    placed.insert(llvm::upper_bound(
                      placed, index,
                      [&](size_t a, size_t b) { return buffers[a].offset < buffers[b].offset; }),
                  index);
  }
  return (int64_t)llvm::alignTo(total, bufferAlignment);
}

int64_t fluxion::passes::peakBytes(const std::vector<BufferInterval> &buffers) {
  std::map<int64_t, int64_t> change;
  for (const BufferInterval &buffer : buffers) {
    change[buffer.first] += buffer.bytes;
    change[buffer.last + 1] -= buffer.bytes;
  }
  int64_t now = 0, peak = 0;
  for (auto [position, bytes] : change)
    peak = std::max(peak, now += bytes);
  return peak;
}
