// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/contract/StreamPlan.h"

#include <algorithm>

using namespace fluxion;
using namespace fluxion::codegen;

int64_t StreamPlan::mostRuns() const {
  int64_t most = 1;
  for (int64_t tile = 0; tile < tiles; ++tile)
    most = std::max(most, runsOf(tile));
  return most;
}

llvm::SmallVector<StreamPlan> fluxion::codegen::streamsOf(int64_t tiles, int64_t steps,
                                                          int64_t blocks) {
  constexpr int64_t most = int64_t(1) << 30;
  llvm::SmallVector<StreamPlan> list;
  for (int64_t waves = 1; waves <= StreamPlan::mostWaves; ++waves) {
    StreamPlan stream;
    stream.waves = waves, stream.blocks = blocks, stream.steps = steps;
    stream.whole = std::max<int64_t>(0, tiles / blocks - (waves - 1));
    stream.tiles = tiles - stream.firstStreamed();
    int64_t total = stream.tiles * steps;
    if (total == 0 || total >= most || tiles >= most)
      continue;
    stream.run = ceilDiv(total, blocks);
    list.push_back(stream);
    // As many runs for every tile, where blocks suffice: fewer parts, but longer runs.
    if (int64_t perTile = blocks / stream.tiles; perTile > 1) {
      stream.run = std::max(stream.run, ceilDiv(steps, perTile));
      list.push_back(stream);
    }
  }
  return list;
}

StreamPlan fluxion::codegen::chooseStream(int64_t tiles, int64_t steps, int64_t blocks,
                                          double cycles,
                                          llvm::function_ref<double(const StreamPlan &)> cyclesOf) {
  constexpr double margin = 0.9;
  StreamPlan best;
  double least = margin * cycles;
  for (const StreamPlan &stream : streamsOf(tiles, steps, blocks))
    if (double of = cyclesOf(stream); of < least)
      least = of, best = stream;
  return best;
}

StreamPlan fluxion::codegen::obeyStream(const StreamPlan &chosen, int64_t tiles, int64_t steps,
                                        int64_t blocks, ScheduleKeys &keys,
                                        llvm::function_ref<double(const StreamPlan &)> cyclesOf) {
  int64_t waves = keys.integer("streamed", chosen.waves, 0, StreamPlan::mostWaves);
  StreamPlan best;
  if (waves == chosen.waves)
    best = chosen;
  else
    for (const StreamPlan &stream : streamsOf(tiles, steps, blocks))
      if (stream.waves == waves && (best.isEmpty() || cyclesOf(stream) < cyclesOf(best)))
        best = stream;
  if (waves && best.isEmpty())
    keys.refuse("whole waves of tiles leave none to stream");
  if (!best.isEmpty()) {
    int64_t total = best.tiles * steps;
    best.run = keys.integer("run", best.run, ceilDiv(total, blocks),
                            std::min(total, (int64_t(1) << 31) / blocks));
  }
  return best;
}
