// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Who has seen what of whom within a block: vector clocks of its threads and of the engines that
// work beside them (bulk copies, products of a warpgroup).
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

namespace fluxion::rt::simt {

// What is known of every actor: its clock up to which all it did is in order. Threads come first.
using Knowledge = std::vector<uint32_t>;

class Clocks {
public:
  void reset(uint32_t threads);
  // A new engine; it is an actor whose work is in order with nobody until it is told.
  uint32_t addEngine();

  uint32_t now(uint32_t actor) const { return time[actor]; }
  uint32_t advance(uint32_t actor) { return ++time[actor]; }
  // How far `viewer` knows the work of another actor.
  uint32_t seen(uint32_t viewer, uint32_t other) const {
    if (viewer == other)
      return time[viewer];
    uint32_t least = other < threads ? floor : 0;
    const auto &known = knowledge[viewer];
    return known && other < known->size() ? std::max(least, (*known)[other]) : least;
  }
  // The most it knows of anyone else.
  uint32_t mostSeen(uint32_t viewer) const;

  // All of the viewer's work and knowledge so far is part of `into`.
  void release(uint32_t actor, Knowledge &into);
  void acquire(uint32_t actor, const Knowledge &from);
  // Up to its present clock, `other`'s work is known to the actor.
  void learn(uint32_t actor, uint32_t other, uint32_t clock);
  // Barriers of all threads, and of some.
  void meetAll();
  void meet(const std::vector<uint32_t> &some);

private:
  uint32_t threads = 0;
  uint32_t floor = 0; // of threads: known to every thread since a barrier of all
  std::vector<uint32_t> time;
  std::vector<std::shared_ptr<const Knowledge>> knowledge; // null: nothing above the floor

  static void join(Knowledge &into, const Knowledge &from);
  Knowledge of(uint32_t actor) const;
};

} // namespace fluxion::rt::simt
