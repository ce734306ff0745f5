// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Stream-K: where tiles do not fill whole waves of the blocks that run at once, the steps along k
// of the last tiles, one tile after the other, are dealt out to all blocks in equal runs. A tile
// that no run has whole leaves a part of its sums for every run that meets it; a second launch adds
// them in the order of k. Who does what follows from sizes and the target alone.
#pragma once

#include "codegen/common/ScheduleKeys.h"
#include "codegen/common/Shapes.h"

namespace fluxion::codegen {

struct StreamPlan {
  // The key `streamed`. 1: what lies beyond whole waves is streamed, 2: and one of those waves.
  int64_t waves = 0;
  int64_t blocks = 1; // of the launch
  int64_t whole = 0;  // tiles of each block that are not streamed, before its run
  int64_t tiles = 0;  // streamed, the last of all; 0: there is no stream
  int64_t steps = 1;  // of a tile
  int64_t run = 1;    // steps of a block

  static constexpr int64_t mostWaves = 2;
  bool isEmpty() const { return tiles == 0; }
  int64_t firstStreamed() const { return whole * blocks; }
  int64_t stepsOfBlock() const { return whole * steps + run; }
  int64_t wholeInRun() const { return run / steps; } // at most
  // Runs that meet a streamed tile.
  int64_t runsOf(int64_t tile) const {
    return ((tile + 1) * steps - 1) / run - tile * steps / run + 1;
  }
  int64_t mostRuns() const; // of a tile
  // A run leaves at most two parts: of its first tile, and of its last.
  int64_t slots() const { return 2 * ceilDiv(tiles * steps, run); }
};

// Streams of so many tiles over so many blocks, in all ways that may pay.
llvm::SmallVector<StreamPlan> streamsOf(int64_t tiles, int64_t steps, int64_t blocks);
// The stream with the fewest cycles; an empty one where none is predicted to beat `cycles` clearly.
// No device has measured streams yet, hence the margin.
StreamPlan chooseStream(int64_t tiles, int64_t steps, int64_t blocks, double cycles,
                        llvm::function_ref<double(const StreamPlan &)> cyclesOf);
// What the keys `streamed` and `run` make of it.
StreamPlan obeyStream(const StreamPlan &chosen, int64_t tiles, int64_t steps, int64_t blocks,
                      ScheduleKeys &keys, llvm::function_ref<double(const StreamPlan &)> cyclesOf);

} // namespace fluxion::codegen
