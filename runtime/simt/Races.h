// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Who touched memory last, so that two threads that no barrier orders are seen at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fluxion::rt::simt {

// Where an access stands: a thread of a block, between two barriers.
struct Moment {
  uint32_t block, thread, interval;
};

class AccessLog {
public:
  // Watches [begin, begin + bytes), `granule` bytes at a time.
  AccessLog(const void *begin, int64_t bytes, int64_t granule);
  ~AccessLog();
  AccessLog(const AccessLog &) = delete;
  AccessLog &operator=(const AccessLog &) = delete;

  const std::byte *begin() const { return start; }
  const std::byte *end() const { return start + size; }
  // Forgets everything: a new block's shared memory.
  void clear();

  struct Conflict {
    bool found = false, otherWrote = false, otherBlockKnown = true;
    Moment other{};
  };
  // Other threads' accesses that nothing orders with this one.
  Conflict read(const void *address, int64_t bytes, const Moment &now);
  Conflict write(const void *address, int64_t bytes, const Moment &now);

private:
  // One word each, so that blocks on several host threads need no lock; 0: nobody.
  struct Cell {
    std::atomic<uint64_t> writer, reader;
  };
  const std::byte *start;
  int64_t size, granule, cellCount;
  Cell *cells;
};

} // namespace fluxion::rt::simt
