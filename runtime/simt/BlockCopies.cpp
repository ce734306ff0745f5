// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Barriers that count bytes, and bulk copies of boxes of tensors.
#include "runtime/simt/Block.h"

#include <cstring>

namespace fluxion::rt::simt {
namespace {
constexpr uint32_t registersOfBlock = 65536;
constexpr uint32_t tf32Types[] = {11, 12}; // CUtensorMapDataType
} // namespace

void Block::setRegisters(fx_simt_thread *self, uint32_t count) {
  uint32_t index = indexOf(self);
  if (count < 24 || count > 256 || count % 8)
    return stop(nameOf(index) + " asks for " + std::to_string(count) +
                " registers, which is no multiple of 8 in 24 to 256");
  threads[index].registers = count;
}

void Block::proxyFence(fx_simt_thread *self) {
  uint32_t index = indexOf(self);
  threads[index].fenced = clocks.now(index);
  clocks.advance(index);
}

int64_t Block::sharedOffset(uint32_t thread, const void *address, int64_t bytes, int64_t align,
                            const char *what) {
  int64_t offset = (const std::byte *)address - memory.get();
  if (offset < 0 || offset + bytes > memoryBytes)
    stop(nameOf(thread) + " gives " + what + " " + std::to_string(bytes) + " bytes at offset " +
         std::to_string(offset) + " of " + std::to_string(memoryBytes) +
         " bytes of shared memory (out of bounds)");
  else if (offset % align)
    stop(nameOf(thread) + " gives " + what + " offset " + std::to_string(offset) +
         " of shared memory, which is no multiple of " + std::to_string(align) + " (misaligned)");
  return offset;
}

Mbarrier *Block::mbarrierAt(uint32_t thread, const void *address) {
  int64_t offset = sharedOffset(thread, address, 8, 8, "an mbarrier");
  auto known = mbarriers.find(offset);
  if (known == mbarriers.end()) {
    stop(nameOf(thread) + " uses offset " + std::to_string(offset) +
         " of shared memory as an mbarrier, which nobody has initialised");
    return nullptr;
  }
  return &known->second;
}

// Its initialisation is a write like any other: threads that use it must come after.
void Block::initMbarrier(fx_simt_thread *self, void *barrier, uint32_t count) {
  uint32_t index = indexOf(self);
  int64_t offset = sharedOffset(index, barrier, 8, 8, "an mbarrier");
  Mbarrier &made = mbarriers[offset];
  if (made.expected)
    return stop(nameOf(index) + " initialises the mbarrier at offset " + std::to_string(offset) +
                " of shared memory a second time");
  made.offset = offset, made.expected = made.pending = count;
  made.engine = clocks.addEngine();
  sharedLog->write(barrier, 8, {{number, index, clocks.now(index)}, index, &clocks});
}

void Block::completeIfDone(Mbarrier &barrier) {
  if (barrier.pending || barrier.bytes)
    return;
  if (barrier.unseen)
    return stop("a phase of the mbarrier at offset " + std::to_string(barrier.offset) +
                " of shared memory completes in block " + std::to_string(number) +
                ", though nobody has waited for the bytes of the one before");
  ++barrier.phase;
  barrier.pending = barrier.expected;
  barrier.unseen = std::exchange(barrier.counted, false);
  Knowledge &known = barrier.known, arriving = std::exchange(barrier.arriving, {});
  known.resize(std::max(known.size(), arriving.size()));
  for (size_t i = 0; i < arriving.size(); ++i)
    known[i] = std::max(known[i], arriving[i]);
  for (uint32_t t = 0; t < threads.size(); ++t)
    if (threads[t].wait == AtMbarrier && threads[t].mbarrier == &barrier &&
        barrier.isOver(threads[t].parity)) {
      threads[t].wait = Nothing;
      barrier.unseen = false;
      clocks.acquire(t, known);
    }
}

void Block::arrive(fx_simt_thread *self, void *address, uint32_t bytes) {
  uint32_t index = indexOf(self);
  Mbarrier *barrier = mbarrierAt(index, address);
  AccessLog::Conflict conflict =
      sharedLog->read(address, 8, {{number, index, clocks.now(index)}, index, &clocks});
  if (conflict.found)
    return stop(nameOf(index) + " arrives at the mbarrier at offset " +
                std::to_string(barrier->offset) + " of shared memory, which " +
                actorName(conflict.other.actor) + " initialised with no barrier between (race)");
  barrier->bytes += bytes;
  barrier->counted |= bytes != 0;
  clocks.release(index, barrier->arriving);
  --barrier->pending;
  completeIfDone(*barrier);
}

void Block::waitFor(fx_simt_thread *self, void *address, uint32_t parity) {
  uint32_t index = indexOf(self);
  Mbarrier *barrier = mbarrierAt(index, address);
  Thread &thread = threads[index];
  if (barrier->isOver(parity)) {
    barrier->unseen = false;
    return clocks.acquire(index, barrier->known);
  }
  thread.mbarrier = barrier, thread.parity = parity;
  thread.wait = AtMbarrier;
  fibers.suspend();
}

bool Block::isBeingRead(uint32_t viewer, int64_t offset, int64_t bytes) {
  for (size_t i = 0; i < engineReads.size();) {
    EngineRead &read = engineReads[i];
    if (read.end <= offset || offset + bytes <= read.begin) {
      ++i;
      continue;
    }
    if (clocks.seen(viewer, read.engine) < read.clock) {
      launch->fail(nameOf(viewer) + " lets " + std::to_string(bytes) + " bytes at offset " +
                   std::to_string(offset) + " of shared memory be overwritten, which " +
                   actorName(read.engine) + " may still read (race)");
      return true;
    }
    bool covered = offset <= read.begin && read.end <= offset + bytes;
    if (covered)
      engineReads.erase(engineReads.begin() + (std::ptrdiff_t)i);
    else
      ++i;
  }
  return false;
}

bool Block::engineWritesTo(uint32_t viewer, uint32_t engine, int64_t offset, int64_t bytes) {
  if (isBeingRead(viewer, offset, bytes)) {
    fibers.suspend();
    return false;
  }
  AccessLog::Conflict conflict = sharedLog->write(
      memory.get() + offset, bytes, {{number, engine, clocks.now(engine)}, viewer, &clocks});
  if (conflict.found)
    stop(nameOf(viewer) + " copies to " + std::to_string(bytes) + " bytes at offset " +
         std::to_string(offset) + " of shared memory, which " + actorName(conflict.other.actor) +
         (conflict.otherWrote ? " wrote" : " read") + " with nothing to order the two (race)");
  return !conflict.found;
}

bool Block::engineReadsFrom(uint32_t viewer, uint32_t engine, int64_t offset, int64_t bytes) {
  std::vector<Moment> writers;
  AccessLog::Conflict conflict =
      sharedLog->lookBefore(memory.get() + offset, bytes,
                            {{number, engine, clocks.now(engine)}, viewer, &clocks}, writers);
  std::string what = nameOf(viewer) + " lets " + actorName(engine) + " read offset " +
                     std::to_string(offset) + " of shared memory, which ";
  if (conflict.found) {
    stop(what + actorName(conflict.other.actor) + " wrote with nothing to order the two (race)");
    return false;
  }
  for (const Moment &writer : writers)
    if (writer.actor < threads.size() && writer.clock > threads[writer.actor].fenced) {
      stop(what + actorName(writer.actor) +
           " wrote with no fence.proxy.async before the barrier between (race)");
      return false;
    }
  return true;
}

bool Block::describes(uint32_t thread, const fx_simt_map &map) {
  auto *base = (std::byte *)launch->args[map.argument];
  std::string why = refusal(map, base);
  if (why.empty() && extentBytes(map) > launch->bytes[map.argument])
    why = "it has " + std::to_string(extentBytes(map)) + " bytes, the argument " +
          std::to_string(launch->bytes[map.argument]) + " (out of bounds)";
  if (!why.empty())
    stop(nameOf(thread) + " copies by a tensor map of argument " + std::to_string(map.argument) +
         " that no device takes: " + why);
  return why.empty();
}

void Block::loadTensor(fx_simt_thread *self, void *to, const fx_simt_map &map, void *address,
                       const int32_t *at) {
  uint32_t index = indexOf(self);
  Mbarrier *barrier = mbarrierAt(index, address);
  describes(index, map);
  int64_t bytes = boxBytes(map), offset = sharedOffset(index, to, bytes, 128, "a copy");
  uint32_t engine = barrier->engine, clock = clocks.advance(engine);
  engineWritesTo(index, engine, offset, bytes);
  AccessLog *log = launch->logOf[map.argument];
  auto *base = (std::byte *)launch->args[map.argument];
  int64_t span = swizzleSpan(map);
  for (const BoxRun &run : runsOf(map, base, at)) {
    std::byte *place = memory.get() + swizzled(offset + run.offset, span);
    if (!run.memory) {
      std::memset(place, 0, run.bytes);
      continue;
    }
    if (log && log->read(run.memory, run.bytes, {{number, engine, clock}, index, &clocks}).found)
      return stop(nameOf(index) + " copies from argument " + std::to_string(map.argument) +
                  " what others write with no barrier between (race)");
    std::memcpy(place, run.memory, run.bytes);
    if (map.data_type == tf32Types[0] || map.data_type == tf32Types[1])
      for (auto *value = (float *)place; (std::byte *)value < place + run.bytes; ++value)
        *value = roundToTf32(*value);
  }
  Knowledge arrived(engine + 1);
  arrived[engine] = clock;
  barrier->arriving.resize(std::max(barrier->arriving.size(), arrived.size()));
  barrier->arriving[engine] = clock;
  barrier->bytes -= bytes, barrier->counted = true;
  completeIfDone(*barrier);
}

void Block::storeTensor(fx_simt_thread *self, const fx_simt_map &map, const void *from,
                        const int32_t *at) {
  uint32_t index = indexOf(self);
  describes(index, map);
  int64_t bytes = boxBytes(map), offset = sharedOffset(index, from, bytes, 128, "a copy");
  Groups &copies = threads[index].copies;
  if (!copies.engine)
    copies.engine = clocks.addEngine();
  uint32_t clock = clocks.advance(copies.engine);
  engineReadsFrom(index, copies.engine, offset, bytes);
  engineReads.push_back({offset, offset + bytes, copies.engine, clock});
  copies.open = true;
  AccessLog *log = launch->logOf[map.argument];
  auto *base = (std::byte *)launch->args[map.argument];
  int64_t span = swizzleSpan(map);
  for (const BoxRun &run : runsOf(map, base, at)) {
    if (!run.memory)
      continue;
    if (log &&
        log->write(run.memory, run.bytes, {{number, copies.engine, clock}, index, &clocks}).found)
      return stop(nameOf(index) + " copies to argument " + std::to_string(map.argument) +
                  " where others wrote or read with no barrier between (race)");
    std::memcpy(run.memory, memory.get() + swizzled(offset + run.offset, span), run.bytes);
  }
}

void Block::commitCopies(fx_simt_thread *self) {
  Groups &copies = threads[indexOf(self)].copies;
  copies.inFlight.push_back(copies.engine ? clocks.now(copies.engine) : 0);
  copies.open = false;
}

void Block::waitForCopies(fx_simt_thread *self, uint32_t groups) {
  uint32_t index = indexOf(self);
  Groups &copies = threads[index].copies;
  while (copies.inFlight.size() > groups) {
    if (copies.engine)
      clocks.learn(index, copies.engine, copies.inFlight.front());
    copies.inFlight.pop_front();
  }
}

void Block::checkLeaving(uint32_t thread) {
  const Groups &copies = threads[thread].copies;
  bool reads = copies.open || (copies.engine && !copies.inFlight.empty());
  if (reads && !launch->failed)
    launch->fail(nameOf(thread) + " leaves the kernel while its bulk copies may still read shared "
                                  "memory; it must wait for their groups");
}

void Block::checkEnd() {
  std::string where = "block " + std::to_string(number) + " ends, but ";
  for (auto &[offset, barrier] : mbarriers)
    if (std::string fault = barrier.leftBehind(); !fault.empty())
      return launch->fail(where + "of the mbarrier at offset " + std::to_string(offset) +
                          " of shared memory " + fault);
  for (auto &[warpgroup, groups] : products)
    if (groups.open || !groups.inFlight.empty())
      return launch->fail(where + "products of warpgroup " + std::to_string(warpgroup) +
                          " are still in flight");
  uint64_t plain = registersOfBlock / threads.size() / 8 * 8, registers = 0;
  bool asked = false;
  for (const Thread &thread : threads)
    registers += thread.registers ? thread.registers : std::min<uint64_t>(plain, 256),
        asked |= thread.registers != 0;
  if (asked && registers > registersOfBlock)
    launch->fail(where + "its threads asked for " + std::to_string(registers) + " registers of " +
                 std::to_string(registersOfBlock));
}

std::string Block::actorName(uint32_t actor) const {
  if (actor < threads.size())
    return "thread " + std::to_string(actor);
  for (auto &[offset, barrier] : mbarriers)
    if (barrier.engine == actor)
      return "a copy for the mbarrier at offset " + std::to_string(offset);
  for (auto &[warpgroup, groups] : products)
    if (groups.engine == actor)
      return "a product of warpgroup " + std::to_string(warpgroup);
  for (uint32_t t = 0; t < threads.size(); ++t)
    if (threads[t].copies.engine == actor)
      return "a copy of thread " + std::to_string(t);
  return "another thread";
}

} // namespace fluxion::rt::simt
