// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/simt/Races.h"

#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

namespace fluxion::rt::simt {
namespace {

// block + 1 in 32 bits, thread in 11, interval in 21. All ones stand for several of them.
constexpr uint64_t threadBits = 11, intervalBits = 21;
constexpr uint32_t severalThreads = (1u << threadBits) - 1, severalBlocks = UINT32_MAX - 1;
constexpr uint32_t intervalMask = (1u << intervalBits) - 1;

uint64_t pack(const Moment &m) {
  return (uint64_t(m.block) + 1) << 32 | uint64_t(m.thread) << intervalBits |
         (m.interval & intervalMask);
}
Moment unpack(uint64_t word) {
  return {uint32_t(word >> 32) - 1, uint32_t(word >> intervalBits) & severalThreads,
          uint32_t(word) & intervalMask};
}

// Did someone else do what `word` says, unordered with `now`?
bool isUnordered(uint64_t word, const Moment &now) {
  if (!word)
    return false;
  Moment other = unpack(word);
  if (other.block != now.block)
    return true;
  return other.interval == (now.interval & intervalMask) && other.thread != now.thread;
}

} // namespace

AccessLog::AccessLog(const void *begin, int64_t bytes, int64_t granule)
    : start((const std::byte *)begin), size(bytes), granule(granule),
      cellCount((bytes + granule - 1) / granule) {
  // Zero pages: only those of touched memory exist.
  void *memory = mmap(nullptr, cellCount * sizeof(Cell) + 1, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::fputs("fluxion: no memory to watch an emulated GPU kernel's accesses\n", stderr);
    std::abort();
  }
  cells = (Cell *)memory;
}

AccessLog::~AccessLog() { munmap(cells, cellCount * sizeof(Cell) + 1); }

void AccessLog::clear() {
  for (int64_t i = 0; i < cellCount; ++i) {
    cells[i].writer.store(0, std::memory_order_relaxed);
    cells[i].reader.store(0, std::memory_order_relaxed);
  }
}

AccessLog::Conflict AccessLog::read(const void *address, int64_t bytes, const Moment &now) {
  int64_t offset = (const std::byte *)address - start;
  for (int64_t i = offset / granule; i <= (offset + bytes - 1) / granule; ++i) {
    Cell &cell = cells[i];
    uint64_t known = cell.reader.load(std::memory_order_relaxed), mine = pack(now);
    if (isUnordered(known, now)) {
      Moment several = now;
      if (unpack(known).block != now.block)
        several.block = severalBlocks;
      several.thread = severalThreads;
      mine = pack(several);
    }
    cell.reader.store(mine, std::memory_order_seq_cst);
    uint64_t writer = cell.writer.load(std::memory_order_seq_cst);
    if (isUnordered(writer, now))
      return {true, true, true, unpack(writer)};
  }
  return {};
}

AccessLog::Conflict AccessLog::write(const void *address, int64_t bytes, const Moment &now) {
  int64_t offset = (const std::byte *)address - start;
  for (int64_t i = offset / granule; i <= (offset + bytes - 1) / granule; ++i) {
    Cell &cell = cells[i];
    uint64_t writer = cell.writer.exchange(pack(now), std::memory_order_seq_cst);
    if (isUnordered(writer, now))
      return {true, true, true, unpack(writer)};
    uint64_t reader = cell.reader.load(std::memory_order_seq_cst);
    if (isUnordered(reader, now)) {
      Moment other = unpack(reader);
      bool known = other.thread != severalThreads && other.block != severalBlocks;
      return {true, false, known, other};
    }
  }
  return {};
}

} // namespace fluxion::rt::simt
