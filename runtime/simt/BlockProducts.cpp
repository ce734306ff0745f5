// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of warpgroups from shared memory, and matrices that warps store there.
#include "runtime/simt/Block.h"

#include "runtime/simt/Numbers.h"

#include <cstring>

namespace fluxion::rt::simt {
namespace {

constexpr uint32_t warpSize = 32, warpgroupSize = 128;
// Meetings whose place in the code nothing else tells apart.
constexpr uint32_t commitSite = 0x80000000, waitSite = 0x80000001;

float element(const std::byte *at, uint32_t type) {
  uint32_t bits = 0;
  std::memcpy(&bits, at, type == FX_SIMT_TF32 ? 4 : 2);
  return number(bits, type);
}

} // namespace

void Block::storeMatrices(fx_simt_thread *self, void *row, const uint32_t *words, uint32_t count,
                          bool transposed, uint32_t site) {
  struct Brought {
    std::byte *row;
    const uint32_t *words;
  } mine{(std::byte *)row, words};
  uint32_t index = indexOf(self);
  if (index % warpSize < 8 * count) {
    sharedOffset(index, row, 16, 16, "a matrix");
    Present now{{number, index, clocks.now(index)}, index, &clocks};
    AccessLog::Conflict conflict = sharedLog->write(row, 16, now);
    if (conflict.found)
      return stop(nameOf(index) + " writes a matrix's row, which " +
                  actorName(conflict.other.actor) + (conflict.otherWrote ? " wrote" : " read") +
                  " with no barrier between (race)");
    if (isBeingRead(index, (std::byte *)row - memory.get(), 16))
      return fibers.suspend();
  }
  if (!gather(index, warpSize, site, &mine))
    return;
  uint32_t first = index / warpSize * warpSize;
  auto of = [&](uint32_t lane) { return *(const Brought *)threads[first + lane].brought; };
  for (uint32_t m = 0; m < count; ++m)
    for (uint32_t lane = 0; lane < warpSize; ++lane)
      for (uint32_t half = 0; half < 2; ++half) {
        uint32_t r = lane / 4, c = lane % 4 * 2 + half;
        if (transposed)
          std::swap(r, c);
        uint16_t value = uint16_t(of(lane).words[m] >> 16 * half);
        std::memcpy(of(8 * m + r).row + 2 * c, &value, 2);
      }
  part(index, warpSize);
}

bool Block::readSide(uint32_t thread, const Groups &groups, const Descriptor &side, uint32_t type,
                     int64_t rows, std::vector<float> &values) {
  if (side.span == 0 || (!side.summedLast && side.elementBytes == 4)) {
    stop(nameOf(thread) + " describes a side of a product that " +
         (side.span ? "is not summed along its last dimension, which tf32 must be"
                    : "is not swizzled, which is not modelled"));
    return false;
  }
  int64_t bytes = side.elementBytes, depth = 32 / bytes, chunk = 16 / bytes;
  int64_t low = memoryBytes, high = 0;
  values.resize(rows * depth);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < depth; ++k) {
      int64_t at = side.at(r, k);
      low = std::min(low, at), high = std::max(high, at + bytes);
      if (high > memoryBytes) {
        stop(nameOf(thread) + " describes a side of a product that reaches to offset " +
             std::to_string(high) + " of " + std::to_string(memoryBytes) +
             " bytes of shared memory (out of bounds)");
        return false;
      }
      bool startsChunk = (side.summedLast ? k : r) % chunk == 0;
      if (startsChunk && !engineReadsFrom(thread, groups.engine, at, 16))
        return false;
      values[r * depth + k] = element(memory.get() + at, type);
    }
  uint32_t clock = clocks.now(groups.engine);
  for (EngineRead &known : engineReads)
    if (known.begin == low && known.end == high && known.engine == groups.engine) {
      known.clock = clock;
      return true;
    }
  engineReads.push_back({low, high, groups.engine, clock});
  return true;
}

void Block::multiply(fx_simt_thread *self, const LeftSide &a, uint64_t b, float *sums,
                     const fx_simt_product &product) {
  struct Brought {
    LeftSide a;
    uint64_t b;
    float *sums;
  } mine{a, b, sums};
  uint32_t index = indexOf(self), warpgroup = index / warpgroupSize;
  if (!threads[index].productsFenced)
    return stop(nameOf(index) + " starts a product with no wgmma.fence since it last touched its "
                                "accumulators");
  if (!gather(index, warpgroupSize, product.site, &mine))
    return;
  uint32_t first = warpgroup * warpgroupSize;
  auto of = [&](uint32_t t) { return *(const Brought *)threads[first + t].brought; };
  for (uint32_t t = 0; t < warpgroupSize; ++t)
    if (of(t).a.descriptor != a.descriptor || of(t).b != b)
      return stop(nameOf(first + t) + " and " + nameOf(index) +
                  " give one product different descriptors");
  Groups &groups = products[warpgroup];
  if (!groups.engine)
    groups.engine = clocks.addEngine();
  clocks.advance(groups.engine);
  int64_t bytes = product.type == FX_SIMT_TF32 ? 4 : 2, depth = 32 / bytes;
  std::vector<float> left(64 * depth), right;
  for (uint32_t t = 0; a.words && t < warpgroupSize; ++t)
    for (uint32_t i = 0; i < 4; ++i) {
      uint32_t row = t / 32 * 16 + t % 32 / 4 + (i & 1) * 8, k = t % 4 + (i & 2) * 2;
      left[row * depth + k] = simt::number(of(t).a.words[i], product.type);
    }
  if ((!a.words &&
       !readSide(index, groups, Descriptor::of(a.descriptor, product.a_summed_last, bytes),
                 product.type, 64, left)) ||
      !readSide(index, groups, Descriptor::of(b, product.b_summed_last, bytes), product.type,
                product.n, right))
    return;
  for (uint32_t t = 0; t < warpgroupSize; ++t)
    for (uint32_t i = 0; i < product.n / 2; ++i) {
      uint32_t row = t / 32 * 16 + t % 32 / 4 + (i & 2) * 4,
               column = i / 4 * 8 + t % 4 * 2 + (i & 1);
      float sum = product.adds ? of(t).sums[i] : 0;
      for (int64_t k = 0; k < depth; ++k)
        sum += left[row * depth + k] * right[column * depth + k];
      of(t).sums[i] = sum;
    }
  groups.open = true;
  part(index, warpgroupSize);
}

void Block::commitProducts(fx_simt_thread *self) {
  uint32_t index = indexOf(self);
  if (!gather(index, warpgroupSize, commitSite, nullptr))
    return;
  Groups &groups = products[index / warpgroupSize];
  groups.inFlight.push_back(groups.engine ? clocks.now(groups.engine) : 0);
  groups.open = false;
  part(index, warpgroupSize);
}

void Block::waitForProducts(fx_simt_thread *self, uint32_t count) {
  uint32_t index = indexOf(self), first = index / warpgroupSize * warpgroupSize;
  threads[index].productsFenced = false;
  if (!gather(index, warpgroupSize, waitSite, nullptr))
    return;
  Groups &groups = products[index / warpgroupSize];
  while (groups.inFlight.size() > count) {
    for (uint32_t t = first; t < first + warpgroupSize; ++t)
      clocks.learn(t, groups.engine, groups.inFlight.front());
    groups.inFlight.pop_front();
  }
  part(index, warpgroupSize);
}

} // namespace fluxion::rt::simt
