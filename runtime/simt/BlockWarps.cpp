// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Asynchronous copies of threads, and the matrices that a warp loads and multiplies.
#include "runtime/simt/Block.h"

#include "runtime/simt/Numbers.h"

#include <bit>
#include <cstring>

namespace fluxion::rt::simt {
namespace {
constexpr uint32_t warpSize = 32;
constexpr int64_t wordBytes = 4; // the least that a copy brings

// A factor among the words of a fragment: `own` is its row of 16 or column of 8, `rows` how many
// there are.
float factorOf(const uint32_t *const *fragments, uint32_t own, uint32_t k, uint32_t rows,
               uint32_t type) {
  uint32_t perWord = type == FX_SIMT_TF32 ? 1 : 2, across = 4 * perWord;
  uint32_t lane = own % 8 * 4 + k % across / perWord,
           word = fragments[lane][own / 8 + rows / 8 * (k / across)];
  return number(type == FX_SIMT_TF32 ? word : word >> 16 * (k % 2), type);
}

} // namespace

bool Block::isOnItsWay(const void *address, int64_t bytes) const {
  if (onTheirWay.empty())
    return false;
  int64_t offset = (const std::byte *)address - memory.get();
  for (int64_t word = offset / wordBytes; word <= (offset + bytes - 1) / wordBytes; ++word)
    if (onTheirWay[word])
      return true;
  return false;
}

void Block::copyAsync(fx_simt_thread *self, void *to, const void *from, int32_t bytes, int32_t read,
                      int32_t toRegion, int32_t fromRegion) {
  uint32_t index = indexOf(self);
  if (read > bytes || read < 0)
    return stop(nameOf(index) + " copies " + std::to_string(read) + " bytes into " +
                std::to_string(bytes));
  access(self, from, read, bytes, fromRegion, false);
  access(self, to, bytes, bytes, toRegion, true);
  if (launch->failed)
    return;
  onTheirWay.resize(memoryBytes / wordBytes + 1);
  int64_t word = ((std::byte *)to - memory.get()) / wordBytes;
  for (int64_t i = 0; i < bytes / wordBytes; ++i)
    onTheirWay[word + i] = true;
  auto &groups = threads[index].async;
  if (groups.empty())
    groups.emplace_back();
  groups.back().push_back({(std::byte *)to, from, bytes, read});
}

void Block::commitAsync(fx_simt_thread *self) {
  auto &groups = threads[indexOf(self)].async;
  if (groups.empty())
    groups.emplace_back();
  groups.emplace_back();
}

// Copies land as late as they may: with the wait that lets nobody go on without them.
void Block::waitForAsync(fx_simt_thread *self, uint32_t groups) {
  uint32_t index = indexOf(self);
  auto &waiting = threads[index].async;
  Present now{{number, index, clocks.now(index)}, index, &clocks};
  for (; waiting.size() > groups + size_t(1); waiting.pop_front())
    for (const AsyncCopy &copy : waiting.front()) {
      std::memcpy(copy.to, copy.from, copy.read);
      std::memset(copy.to + copy.read, 0, copy.bytes - copy.read);
      sharedLog->write(copy.to, copy.bytes, now);
      for (int64_t i = 0; i < copy.bytes / wordBytes; ++i)
        onTheirWay[(copy.to - memory.get()) / wordBytes + i] = false;
    }
}

void Block::loadMatrices(fx_simt_thread *self, const void *row, uint32_t *words, uint32_t count,
                         bool transposed, int32_t region, uint32_t site) {
  struct Brought {
    const std::byte *row;
    uint32_t *words;
  } mine{(const std::byte *)row, words};
  uint32_t index = indexOf(self);
  if (index % warpSize < 8 * count)
    access(self, row, 16, 16, region, false);
  if (launch->failed || !gather(index, warpSize, site, &mine))
    return;
  uint32_t first = index / warpSize * warpSize;
  auto of = [&](uint32_t lane) { return *(const Brought *)threads[first + lane].brought; };
  for (uint32_t m = 0; m < count; ++m)
    for (uint32_t lane = 0; lane < warpSize; ++lane) {
      uint16_t halves[2];
      for (uint32_t half = 0; half < 2; ++half) {
        uint32_t r = lane / 4, c = lane % 4 * 2 + half;
        if (transposed)
          std::swap(r, c);
        std::memcpy(&halves[half], of(8 * m + r).row + 2 * c, 2);
      }
      of(lane).words[m] = halves[0] | uint32_t(halves[1]) << 16;
    }
  part(index, warpSize);
}

void Block::multiplyOfWarp(fx_simt_thread *self, const uint32_t *left, const uint32_t *right,
                           float *sums, uint32_t type, uint32_t site) {
  struct Brought {
    const uint32_t *left, *right;
    float *sums;
  } mine{left, right, sums};
  uint32_t index = indexOf(self);
  if (!gather(index, warpSize, site, &mine))
    return;
  constexpr uint32_t rows = 16, columns = 8;
  const uint32_t *lefts[warpSize], *rights[warpSize];
  float *all[warpSize];
  for (uint32_t lane = 0; lane < warpSize; ++lane) {
    const Brought &one = *(const Brought *)threads[index / warpSize * warpSize + lane].brought;
    lefts[lane] = one.left, rights[lane] = one.right, all[lane] = one.sums;
  }
  uint32_t depth = type == FX_SIMT_TF32 ? 8 : 16;
  for (uint32_t m = 0; m < rows; ++m)
    for (uint32_t n = 0; n < columns; ++n) {
      float &sum = all[m % 8 * 4 + n / 2][m / 8 * 2 + n % 2];
      double exact = sum;
      for (uint32_t k = 0; k < depth; ++k)
        exact += (double)factorOf(lefts, m, k, rows, type) * factorOf(rights, n, k, columns, type);
      sum = (float)exact;
    }
  part(index, warpSize);
}

} // namespace fluxion::rt::simt
