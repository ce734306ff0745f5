// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One block at a time on a host thread: its threads as fibers, what they wait for, its shared
// memory, and the checks of each access.
#pragma once

#include "fluxion/simt.h"
#include "runtime/simt/Engines.h"
#include "runtime/simt/Fiber.h"
#include "runtime/simt/Races.h"

#include <atomic>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fluxion::rt::simt {

// What the blocks of a launch share.
struct Launch {
  void (*body)(void *const *args);
  void *const *args;
  const int64_t *bytes;
  int64_t numArgs;
  uint32_t grid[3], size[3], dynamicShared;
  const char *kernel, *where;

  std::atomic<bool> failed{false};
  // Logs of what the kernel writes, made when its first thread says what that is.
  std::once_flag known;
  const fx_simt_layout *layout = nullptr;
  std::vector<std::unique_ptr<AccessLog>> logs;
  std::vector<AccessLog *> logOf; // an argument's, or null

  uint32_t threads() const { return size[0] * size[1] * size[2]; }
  int64_t granule() const { return layout[0]; }
  int64_t staticShared() const { return layout[1]; }
  int64_t sharedVariables() const { return layout[3 + layout[2]]; }
  const fx_simt_layout *sharedVariable(int64_t i) const { return layout + 4 + layout[2] + 2 * i; }
  void learn(const fx_simt_layout *facts);
  // "kernel" (model line)
  std::string name() const;
  // Reports once a launch.
  void fail(const std::string &what);
};

class Block {
public:
  void run(Launch &launch, uint32_t number);
  // The block that runs on this host thread.
  static Block &current();

  fx_simt_thread *self(const fx_simt_layout *layout);
  void barrier(fx_simt_thread *self, uint32_t id, uint32_t count, uint32_t site);
  uint32_t shuffle(fx_simt_thread *self, uint32_t mask, uint32_t value, uint32_t lane,
                   uint32_t clamp, uint32_t kind, uint32_t site);
  void access(fx_simt_thread *self, const void *address, int64_t bytes, int32_t align,
              int32_t region, bool writes);

  // BlockWarps.cpp
  void copyAsync(fx_simt_thread *self, void *to, const void *from, int32_t bytes, int32_t read,
                 int32_t toRegion, int32_t fromRegion);
  void commitAsync(fx_simt_thread *self);
  void waitForAsync(fx_simt_thread *self, uint32_t groups);
  void loadMatrices(fx_simt_thread *self, const void *row, uint32_t *words, uint32_t count,
                    bool transposed, int32_t region, uint32_t site);
  void multiplyOfWarp(fx_simt_thread *self, const uint32_t *left, const uint32_t *right,
                      float *sums, uint32_t type, uint32_t site);

  // BlockCopies.cpp
  void setRegisters(fx_simt_thread *self, uint32_t count);
  void proxyFence(fx_simt_thread *self);
  void initMbarrier(fx_simt_thread *self, void *barrier, uint32_t count);
  void arrive(fx_simt_thread *self, void *barrier, uint32_t bytes);
  void waitFor(fx_simt_thread *self, void *barrier, uint32_t parity);
  void loadTensor(fx_simt_thread *self, void *to, const fx_simt_map &map, void *barrier,
                  const int32_t *at);
  void storeTensor(fx_simt_thread *self, const fx_simt_map &map, const void *from,
                   const int32_t *at);
  void commitCopies(fx_simt_thread *self);
  void waitForCopies(fx_simt_thread *self, uint32_t groups);

  // BlockProducts.cpp
  void storeMatrices(fx_simt_thread *self, void *row, const uint32_t *words, uint32_t count,
                     bool transposed, uint32_t site);
  void fenceProducts(fx_simt_thread *self) { threads[indexOf(self)].productsFenced = true; }
  struct LeftSide {
    uint64_t descriptor;
    const uint32_t *words; // of the thread, of tf32; null: in shared memory as the descriptor says
  };
  void multiply(fx_simt_thread *self, const LeftSide &a, uint64_t b, float *sums,
                const fx_simt_product &product);
  void commitProducts(fx_simt_thread *self);
  void waitForProducts(fx_simt_thread *self, uint32_t groups);

private:
  struct AsyncCopy {
    std::byte *to;
    const void *from;
    int32_t bytes, read;
  };
  enum Wait : uint8_t { Nothing, AtBarrier, AtShuffle, AtMeeting, AtMbarrier, Left };
  struct Thread : fx_simt_thread {
    Wait wait = Nothing;
    uint32_t barrierId = 0, count = 0, site = 0; // of what it waits for
    uint32_t mask = 0, value = 0, lane = 0, clamp = 0, kind = 0;
    const Mbarrier *mbarrier = nullptr;
    uint32_t parity = 0;
    const void *brought = nullptr;      // to a meeting
    uint32_t registers = 0, fenced = 0; // a clock: what was written before is visible to engines
    bool productsFenced = false;
    Groups copies;
    std::deque<std::vector<AsyncCopy>> async; // groups on their way; the last is still open
  };
  Launch *launch = nullptr;
  uint32_t number = 0;
  Fibers fibers;
  std::vector<Thread> threads;
  uint32_t running = 0;
  struct Free {
    void operator()(std::byte *bytes) const { std::free(bytes); }
  };
  std::unique_ptr<std::byte, Free> memory;
  int64_t memoryBytes = 0;
  std::unique_ptr<AccessLog> sharedLog;
  std::vector<bool> onTheirWay; // words of shared memory that asynchronous copies will write
  Clocks clocks;
  std::map<int64_t, Mbarrier> mbarriers; // by their place in shared memory
  std::vector<EngineRead> engineReads;   // of shared memory, not known to be over
  std::map<uint32_t, Groups> products;   // by warpgroup

  uint32_t indexOf(const fx_simt_thread *self) const {
    return (const Thread *)self - threads.data();
  }
  static void start(void *block, int thread);
  bool releaseBarriers();
  bool releaseBarrier(uint32_t first);
  void meet(uint32_t warp);
  // The neighbours that threads of a group bring something to; true in the last, the others having
  // brought theirs. They go on when it calls part().
  bool gather(uint32_t thread, uint32_t group, uint32_t site, const void *brings);
  void part(uint32_t thread, uint32_t group);
  void prepareShared();
  void stop(const std::string &what); // the launch is over; does not return to the caller's fiber
  std::string nameOf(uint32_t thread) const;
  void reportDeadlock();
  std::string conflictText(const AccessLog::Conflict &conflict, bool writes, int32_t region,
                           int64_t offset) const;
  std::string regionName(int32_t region, int64_t offset) const;

  bool isOnItsWay(const void *address, int64_t bytes) const;
  // Offset of an address in shared memory; a fault where `bytes` do not fit there.
  int64_t sharedOffset(uint32_t thread, const void *address, int64_t bytes, int64_t align,
                       const char *what);
  Mbarrier *mbarrierAt(uint32_t thread, const void *address);
  void completeIfDone(Mbarrier &barrier);
  // Shared memory read or written by an engine that thread `viewer` set to work.
  bool engineReadsFrom(uint32_t viewer, uint32_t engine, int64_t offset, int64_t bytes);
  bool engineWritesTo(uint32_t viewer, uint32_t engine, int64_t offset, int64_t bytes);
  bool readSide(uint32_t thread, const Groups &groups, const Descriptor &side, uint32_t type,
                int64_t rows, std::vector<float> &values);
  bool isBeingRead(uint32_t viewer, int64_t offset, int64_t bytes);
  bool describes(uint32_t thread, const fx_simt_map &map);
  void checkLeaving(uint32_t thread);
  void checkEnd();
  std::string actorName(uint32_t actor) const;
};

} // namespace fluxion::rt::simt
