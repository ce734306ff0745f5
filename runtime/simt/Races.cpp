// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/simt/Races.h"

#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

namespace fluxion::rt::simt {
namespace {

// block + 1 in 32 bits, actor in 11, clock in 21. All ones stand for several of them.
constexpr uint64_t actorBits = 11, clockBits = 21;
constexpr uint32_t severalActors = (1u << actorBits) - 1, severalBlocks = UINT32_MAX - 1;
constexpr uint32_t clockMask = (1u << clockBits) - 1;

uint64_t pack(const Moment &m) {
  return (uint64_t(m.block) + 1) << 32 | uint64_t(m.actor) << clockBits | (m.clock & clockMask);
}
Moment unpack(uint64_t word) {
  return {uint32_t(word >> 32) - 1, uint32_t(word >> clockBits) & severalActors,
          uint32_t(word) & clockMask};
}

// Did someone else do what `word` says, unordered with `now`?
bool isUnordered(uint64_t word, const Present &now) {
  if (!word)
    return false;
  Moment other = unpack(word);
  if (other.block != now.block)
    return true;
  if (other.actor == now.actor)
    return false;
  uint32_t seen = other.actor == severalActors ? now.clocks->mostSeen(now.viewer)
                                               : now.clocks->seen(now.viewer, other.actor);
  return other.clock > (seen & clockMask);
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

AccessLog::Conflict AccessLog::read(const void *address, int64_t bytes, const Present &now) {
  int64_t offset = (const std::byte *)address - start;
  for (int64_t i = offset / granule; i <= (offset + bytes - 1) / granule; ++i) {
    Cell &cell = cells[i];
    uint64_t known = cell.reader.load(std::memory_order_relaxed), mine = pack(now);
    if (isUnordered(known, now)) {
      Moment several = now, other = unpack(known);
      if (other.block != now.block)
        several.block = severalBlocks;
      else
        several.clock = std::max(several.clock, other.clock);
      several.actor = severalActors;
      mine = pack(several);
    }
    cell.reader.store(mine, std::memory_order_seq_cst);
    uint64_t writer = cell.writer.load(std::memory_order_seq_cst);
    if (isUnordered(writer, now))
      return {true, true, true, unpack(writer)};
  }
  return {};
}

AccessLog::Conflict AccessLog::lookBefore(const void *address, int64_t bytes, const Present &now,
                                          std::vector<Moment> &writers) {
  int64_t offset = (const std::byte *)address - start;
  for (int64_t i = offset / granule; i <= (offset + bytes - 1) / granule; ++i) {
    uint64_t writer = cells[i].writer.load(std::memory_order_relaxed);
    if (!writer)
      continue;
    Moment other = unpack(writer);
    if (isUnordered(writer, now))
      return {true, true, true, other};
    if (writers.empty() || writers.back().actor != other.actor ||
        writers.back().clock != other.clock)
      writers.push_back(other);
  }
  return {};
}

AccessLog::Conflict AccessLog::write(const void *address, int64_t bytes, const Present &now) {
  int64_t offset = (const std::byte *)address - start;
  for (int64_t i = offset / granule; i <= (offset + bytes - 1) / granule; ++i) {
    Cell &cell = cells[i];
    uint64_t writer = cell.writer.exchange(pack(now), std::memory_order_seq_cst);
    if (isUnordered(writer, now))
      return {true, true, true, unpack(writer)};
    uint64_t reader = cell.reader.load(std::memory_order_seq_cst);
    if (isUnordered(reader, now)) {
      Moment other = unpack(reader);
      bool known = other.actor != severalActors && other.block != severalBlocks;
      return {true, false, known, other};
    }
  }
  return {};
}

} // namespace fluxion::rt::simt
