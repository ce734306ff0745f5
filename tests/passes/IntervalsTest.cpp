// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/memory/Intervals.h"

#include <gtest/gtest.h>

#include <random>

using namespace fluxion::passes;

static bool together(const BufferInterval &a, const BufferInterval &b) {
  return a.first <= b.last && b.first <= a.last;
}
static bool overlap(const BufferInterval &a, const BufferInterval &b) {
  return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

TEST(Intervals, NoTwoLiveBuffersOverlap) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::vector<BufferInterval> buffers(1 + random() % 60);
    for (BufferInterval &b : buffers) {
      b.bytes = 1 + random() % (random() % 4 ? 5000 : 300000);
      b.first = random() % 40;
      b.last = b.first + random() % 10;
    }
    int64_t total = assignOffsets(buffers);
    for (size_t i = 0; i < buffers.size(); ++i) {
      EXPECT_EQ(buffers[i].offset % bufferAlignment, 0);
      EXPECT_GE(buffers[i].offset, 0);
      EXPECT_LE(buffers[i].offset + buffers[i].bytes, total);
      for (size_t j = 0; j < i; ++j)
        EXPECT_FALSE(together(buffers[i], buffers[j]) && overlap(buffers[i], buffers[j]))
            << i << " and " << j;
    }
    EXPECT_GE(total, peakBytes(buffers));
  }
}

TEST(Intervals, ApartBuffersNeverOverlap) {
  std::vector<BufferInterval> buffers{{100, 0, 1}, {100, 2, 3}, {64, 4, 4}};
  EXPECT_EQ(assignOffsets(buffers, /*apart=*/true), 128 + 128 + 64);
  for (size_t i = 0; i < buffers.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      EXPECT_FALSE(overlap(buffers[i], buffers[j]));
}

TEST(Intervals, DeadMemoryIsUsedAgain) {
  std::vector<BufferInterval> chain;
  for (int64_t i = 0; i < 10; ++i)
    chain.push_back({1024, i, i + 1});
  EXPECT_EQ(assignOffsets(chain), 2048);
  EXPECT_EQ(peakBytes(chain), 2048);
}

TEST(Intervals, LargeArraysStartApartModuloAPage) {
  std::vector<BufferInterval> arrays(4, {1 << 20, 0, 0});
  assignOffsets(arrays);
  for (size_t i = 0; i < arrays.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      EXPECT_NE(arrays[i].offset % 4096, arrays[j].offset % 4096);
}

TEST(Intervals, NothingNeedsNothing) {
  std::vector<BufferInterval> none;
  EXPECT_EQ(assignOffsets(none), 0);
  EXPECT_EQ(peakBytes(none), 0);
}
