// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/simt/Block.h"

#include <cstring>

namespace fluxion::rt::simt {
namespace {
constexpr uint32_t warpSize = 32;
constexpr int64_t sharedWindow = 256 << 10;
thread_local Block hostBlock;
} // namespace

Block &Block::current() { return hostBlock; }

void Block::start(void *block, int thread) {
  auto &self = *(Block *)block;
  self.running = thread;
  self.launch->body(self.launch->args);
}

void Block::run(Launch &newLaunch, uint32_t newNumber) {
  launch = &newLaunch, number = newNumber;
  uint32_t count = launch->threads();
  threads.assign(count, Thread());
  for (uint32_t t = 0; t < count; ++t) {
    Thread &thread = threads[t];
    uint32_t rest = t, at = number;
    for (int d = 0; d < 3; ++d) {
      thread.block_size[d] = launch->size[d], thread.grid_size[d] = launch->grid[d];
      thread.thread[d] = rest % launch->size[d], rest /= launch->size[d];
      thread.block[d] = at % launch->grid[d], at /= launch->grid[d];
    }
  }
  memoryBytes = -1; // known when the first thread says so
  clocks.reset(count);
  mbarriers.clear(), engineReads.clear(), products.clear();
  fibers.reset(count, &Block::start, this);
  uint32_t left = count;
  while (left > 0 && !launch->failed) {
    bool moved = false;
    for (uint32_t t = 0; t < count && !launch->failed; ++t) {
      if (threads[t].wait != Nothing)
        continue;
      moved = true;
      running = t;
      if (fibers.resume((int)t)) {
        threads[t].wait = Left;
        --left;
        checkLeaving(t);
      }
    }
    if (!releaseBarriers() && !moved && left > 0 && !launch->failed)
      reportDeadlock();
  }
  if (!launch->failed)
    checkEnd();
}

fx_simt_thread *Block::self(const fx_simt_layout *layout) {
  std::call_once(launch->known, [&] { launch->learn(layout); });
  if (memoryBytes < 0)
    prepareShared();
  threads[running].shared = memory.get();
  return &threads[running];
}

// Exactly as much as the kernel asks for, and nothing sensible in it.
void Block::prepareShared() {
  memoryBytes = launch->staticShared() + launch->dynamicShared;
  // Descriptors of products hold 18 bits of an address: its offset.
  size_t whole = (memoryBytes / sharedWindow + 1) * sharedWindow;
  memory.reset((std::byte *)std::aligned_alloc(sharedWindow, whole));
  if (!memory)
    std::abort();
  std::memset(memory.get(), 0xff, memoryBytes);
  sharedLog = std::make_unique<AccessLog>(memory.get(), memoryBytes, launch->granule());
  onTheirWay.clear();
}

void Block::barrier(fx_simt_thread *self, uint32_t id, uint32_t count, uint32_t site) {
  Thread &thread = threads[indexOf(self)];
  thread.wait = AtBarrier;
  thread.barrierId = id, thread.count = count, thread.site = site;
  fibers.suspend();
}

// Opens the barrier that thread `first` waits at, if all it waits for are there.
bool Block::releaseBarrier(uint32_t first) {
  uint32_t id = threads[first].barrierId,
           expected = threads[first].count ? threads[first].count : (uint32_t)threads.size(),
           arrived = 0;
  for (const Thread &thread : threads)
    arrived += thread.wait == AtBarrier && thread.barrierId == id;
  if (arrived < expected)
    return false;
  for (uint32_t t = 0; t < threads.size(); ++t)
    if (threads[t].wait == AtBarrier && threads[t].barrierId == id &&
        threads[t].site != threads[first].site) {
      launch->fail(nameOf(first) + " and " + nameOf(t) + " meet at barrier " + std::to_string(id) +
                   " from different places in the code (barrier divergence)");
      return false;
    }
  std::vector<uint32_t> met;
  for (uint32_t t = 0; t < threads.size(); ++t)
    if (threads[t].wait == AtBarrier && threads[t].barrierId == id)
      threads[t].wait = Nothing, met.push_back(t);
  if (met.size() == threads.size())
    clocks.meetAll();
  else
    clocks.meet(met);
  return true;
}

bool Block::releaseBarriers() {
  bool opened = false;
  for (uint32_t t = 0; t < threads.size() && !launch->failed; ++t)
    if (threads[t].wait == AtBarrier)
      if (t == 0 || threads[t - 1].wait != AtBarrier ||
          threads[t - 1].barrierId != threads[t].barrierId)
        opened |= releaseBarrier(t);
  return opened;
}

uint32_t Block::shuffle(fx_simt_thread *self, uint32_t mask, uint32_t value, uint32_t lane,
                        uint32_t clamp, uint32_t kind, uint32_t site) {
  uint32_t index = indexOf(self);
  Thread &thread = threads[index];
  thread.mask = mask, thread.value = value, thread.lane = lane, thread.clamp = clamp;
  thread.kind = kind, thread.site = site;
  thread.wait = AtShuffle;
  meet(index / warpSize);
  if (thread.wait == AtShuffle)
    fibers.suspend();
  return thread.value;
}

// When all lanes of a mask are there, each gets its value and goes on.
void Block::meet(uint32_t warp) {
  uint32_t first = warp * warpSize;
  const Thread &caller = threads[running];
  uint32_t values[warpSize];
  std::vector<uint32_t> met;
  for (uint32_t lane = 0; lane < warpSize; ++lane) {
    if (!(caller.mask >> lane & 1))
      continue;
    if (first + lane >= threads.size() || threads[first + lane].wait != AtShuffle ||
        threads[first + lane].site != caller.site)
      return;
    values[lane] = threads[first + lane].value;
  }
  for (uint32_t lane = 0; lane < warpSize; ++lane) {
    if (!(caller.mask >> lane & 1))
      continue;
    Thread &thread = threads[first + lane];
    uint32_t segment = thread.clamp >> 8 & 31, bound = thread.clamp & 31;
    uint32_t lowest = lane & segment, highest = lowest | (bound & ~segment);
    int64_t from = lane;
    bool valid = true;
    switch (thread.kind) {
    case FX_SIMT_WARP_BARRIER:
      met.push_back(first + lane);
      break;
    case FX_SIMT_SHUFFLE_UP:
      from = (int64_t)lane - thread.lane, valid = from >= (int64_t)highest;
      break;
    case FX_SIMT_SHUFFLE_DOWN:
      from = (int64_t)lane + thread.lane, valid = from <= (int64_t)highest;
      break;
    case FX_SIMT_SHUFFLE_BUTTERFLY:
      from = lane ^ thread.lane, valid = from <= (int64_t)highest;
      break;
    default:
      from = lowest | (thread.lane & ~segment & 31), valid = from <= (int64_t)highest;
    }
    if (!valid)
      from = lane;
    if (!(caller.mask >> from & 1))
      return stop(nameOf(first + lane) + " takes a value from lane " + std::to_string(from) +
                  ", which is not part of the shuffle");
    thread.value = values[from];
    thread.wait = Nothing;
  }
  if (!met.empty())
    clocks.meet(met);
}

void Block::access(fx_simt_thread *self, const void *address, int64_t bytes, int32_t align,
                   int32_t region, bool writes) {
  if (bytes == 0)
    return;
  const std::byte *at = (const std::byte *)address, *base;
  int64_t size;
  AccessLog *log;
  if (region >= 0) {
    base = (const std::byte *)launch->args[region], size = launch->bytes[region];
    log = launch->logOf[region];
  } else {
    const fx_simt_layout *variable = launch->sharedVariable(-1 - region);
    base = memory.get() + variable[0];
    size = variable[1] ? variable[1] : memoryBytes - variable[0];
    log = sharedLog.get();
  }
  int64_t offset = at - base;
  uint32_t index = indexOf(self);
  const char *verb = writes ? " writes " : " reads ";
  if (offset < 0 || offset + bytes > size)
    return stop(nameOf(index) + verb + std::to_string(bytes) + " bytes at offset " +
                std::to_string(offset) + " of " + regionName(region, -1) + ", which has " +
                std::to_string(size) + " bytes (out of bounds)");
  if (offset % align)
    return stop(nameOf(index) + verb + std::to_string(bytes) + " bytes at offset " +
                std::to_string(offset) + " of " + regionName(region, -1) +
                ", which is no multiple of " + std::to_string(align) + " (misaligned)");
  if (!log || at < log->begin() || at + bytes > log->end())
    return;
  if (region < 0 && isOnItsWay(at, bytes))
    return stop(nameOf(index) + verb + regionName(region, offset) +
                ", to which an asynchronous copy is on its way that nobody has waited for");
  Present now{{number, index, clocks.now(index)}, index, &clocks};
  AccessLog::Conflict conflict = writes ? log->write(at, bytes, now) : log->read(at, bytes, now);
  if (conflict.found)
    return stop(nameOf(index) + conflictText(conflict, writes, region, offset));
  if (writes && region < 0 && isBeingRead(index, at - memory.get(), bytes))
    fibers.suspend();
}

std::string Block::nameOf(uint32_t thread) const {
  return "thread " + std::to_string(thread) + " of block " + std::to_string(number);
}

std::string Block::regionName(int32_t region, int64_t offset) const {
  std::string name = region >= 0 ? "argument " + std::to_string(region)
                                 : "shared variable " + std::to_string(-1 - region);
  return offset < 0 ? name : name + " at offset " + std::to_string(offset);
}

std::string Block::conflictText(const AccessLog::Conflict &conflict, bool writes, int32_t region,
                                int64_t offset) const {
  std::string other = "other threads";
  if (conflict.otherBlockKnown)
    other = actorName(conflict.other.actor) + " of block " + std::to_string(conflict.other.block);
  return std::string(writes ? " writes " : " reads ") + regionName(region, offset) + ", which " +
         other + (conflict.otherWrote ? " wrote" : " read") + " with no barrier between (race)";
}

bool Block::gather(uint32_t thread, uint32_t group, uint32_t site, const void *brings) {
  uint32_t first = thread / group * group;
  threads[thread].site = site, threads[thread].brought = brings;
  threads[thread].wait = AtMeeting;
  for (uint32_t t = first; t < first + group; ++t)
    if (t >= threads.size() || threads[t].wait != AtMeeting || threads[t].site != site) {
      fibers.suspend();
      return false;
    }
  return true;
}

void Block::part(uint32_t thread, uint32_t group) {
  uint32_t first = thread / group * group;
  for (uint32_t t = first; t < first + group; ++t)
    threads[t].wait = Nothing;
}

void Block::reportDeadlock() {
  static const char *const names[] = {"", "barrier", "shuffle", "warp's or warpgroup's instruction",
                                      "phase of an mbarrier"};
  std::string text;
  for (uint32_t t = 0; t < threads.size() && text.empty(); ++t)
    if (threads[t].wait == AtMbarrier)
      return launch->fail(
          nameOf(t) + " waits for the phase of parity " + std::to_string(threads[t].parity) +
          " of the mbarrier at offset " + std::to_string(threads[t].mbarrier->offset) +
          " of shared memory, which never completes: " + threads[t].mbarrier->missing());
    else if (threads[t].wait != Nothing && threads[t].wait != Left)
      text = nameOf(t) + " waits at a " + names[threads[t].wait];
  for (uint32_t t = 0; t < threads.size(); ++t)
    if (threads[t].wait == Left) {
      text += " that thread " + std::to_string(t) + " never reaches: it has left the kernel";
      break;
    }
  launch->fail(text + " (barrier divergence)");
}

void Block::stop(const std::string &what) {
  launch->fail(what);
  fibers.suspend();
}

} // namespace fluxion::rt::simt
