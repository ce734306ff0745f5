// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Who touched memory last, so that two threads that nothing orders are seen at once.
#pragma once

#include "runtime/simt/Clocks.h"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fluxion::rt::simt {

// Where an access stands: an actor of a block (a thread, or an engine) at a time of its clock.
struct Moment {
  uint32_t block, actor, clock;
};

// The moment of an access, and the actor whose knowledge decides what came before it: for an
// engine the thread that set it to work.
struct Present : Moment {
  uint32_t viewer;
  const Clocks *clocks;
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
  // Others' accesses that nothing orders with this one.
  Conflict read(const void *address, int64_t bytes, const Present &now);
  Conflict write(const void *address, int64_t bytes, const Present &now);
  // As read, of an engine whose reads somebody else keeps: looks at writers alone. `writers` gets
  // each one's latest moment.
  Conflict lookBefore(const void *address, int64_t bytes, const Present &now,
                      std::vector<Moment> &writers);

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
