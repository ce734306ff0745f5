// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a phase is spread over blocks and threads: decided from sizes and the target alone, so that
// every run combines numbers in the same order.
#pragma once

#include "codegen/llvm/loops/Plan.h"

namespace fluxion::codegen {

inline constexpr int64_t warpSize = 32;
inline constexpr int64_t mapThreads = 256;

// A map that moves data across dimensions: threads take squares of lanes x lanes elements, a block
// `tileLines` x `tileColumns` of them; columns run along the last dimension of the results.
struct SquareGrid {
  int64_t lanes = 1, lines = 1, columns = 1; // squares of the whole
  int64_t tileLines = 1, tileColumns = 1, others = 1;
  int64_t tilesOfLines() const { return (lines + tileLines - 1) / tileLines; }
  int64_t tilesOfColumns() const { return (columns + tileColumns - 1) / tileColumns; }
  int64_t blocks() const { return others * tilesOfLines() * tilesOfColumns(); }
};
std::optional<SquareGrid> squareGrid(const MapGroup &group);

// A map that moves nothing, over dimensions that memory does not see as one: runs of the last ones,
// `across` vectors of a run beside each other and `rows` runs in a step of a block, which takes
// `steps` of them one after another: along a run where it is longer than a step, else over runs.
// What the steps of a thread have in common is computed once.
struct LineGrid {
  llvm::SmallVector<llvm::SmallVector<int64_t>> runs; // sizes of the dimensions of each
  int64_t lanes = 1, vectors = 1, outer = 1;          // of the last run; positions of the others
  int64_t across = 1, rows = 1, steps = 1, tiles = 1; // tiles: blocks along a run
  bool alongRun() const { return across < vectors; }
  int64_t blocks() const {
    return tiles * (alongRun() ? outer : (outer + rows * steps - 1) / (rows * steps));
  }
};
std::optional<LineGrid> lineGrid(const MapGroup &group, int64_t lanes,
                                 const ir::TargetInfo &target);

// A scatter: x of [outer, size, inner], `count` updates. Its scratch holds for every update the
// first one of the same position, and the next (or their number).
struct ScatterShape {
  int64_t outer = 1, size = 1, inner = 1, count = 0;
  int64_t lanes = 1; // of what lies behind the axis
  int64_t linksAt(int64_t which) const { return which * ((4 * count + 63) / 64 * 64); }
  int64_t scratchBytes() const { return linksAt(2); }
};
ScatterShape scatterShape(const Phase &phase);
// Launches of a phase.
inline int64_t launchesOf(const Phase &phase) { return phase.kind == Phase::Scatter ? 3 : 1; }

// A reduction without a tile form: along the memory of a result by the `groups` threads of a block,
// or of `columns` blocks of `lanes` neighbouring results, each summed by the `groups` threads that
// are `columns` apart.
struct ReduceGrid {
  bool along = false;
  int64_t columns = 1, groups = 32;
  int64_t lanes = 1;           // elements that a thread reads together
  int64_t resultsPerBlock = 1; // of `along`: results of a block, a warp each
  int64_t tiles = 1;           // blocks for all results of one chunk
  int64_t summed = 1;          // positions, flattened, in blocks of lanes where they run along them
  int64_t chunkLength = 1;     // of a chunk
  llvm::SmallVector<bool> joined; // extents with the one before them: see Walk
  int64_t threads() const { return columns * groups * resultsPerBlock; }
  static constexpr int64_t threadsOfProcessor = 1024; // at once, which bounds registers
};
ReduceGrid reduceGrid(const Reduction &r);
// Of the chunks' parts, as columns.
ReduceGrid combineGrid(const Reduction &r);
// A convolution of every channel by itself, channels last: a thread takes `lanes` channels of
// `steps` neighbouring positions, whose windows overlap, and keeps the kernel in registers.
struct WindowGrid {
  int64_t dim = 0; // of the results, along which the windows lie
  int64_t steps = 1, lanes = 1, threads = 1;
};
std::optional<WindowGrid> windowGrid(const Reduction &r);
// Is it a contraction that tiles of shared memory pay for?
bool takesTiles(const Reduction &r);

// Rows, a warp or a block each. What a thread reads of a row stays in its registers from the first
// reduction to the last result: `held` blocks of `lanes` elements, a block every `threads` blocks;
// 0: the row is too long, and read once a sweep.
struct RowGrid {
  int64_t threads = warpSize, rowsPerBlock = 1;
  int64_t rows = 1, elements = 0;
  int64_t lanes = 1, held = 0;
  static constexpr int64_t threadsOfProcessor = 1024; // at once, where they also reduce over rows
  int64_t blocksOfRows = 1; // of threads, where they also reduce over the rows: each takes many
  int64_t blocks() const { return elements / lanes; }
};
RowGrid rowGrid(const Phase &phase, const ir::TargetInfo &target);

// Parts of a sum over all results of contraction `r` but those along the last dimension, if its
// tiles can find them; 0: they cannot. A kernel may have so many such sums.
inline constexpr size_t mostColumnSums = 2;
int64_t columnParts(const Reduction &r, mlir::Operation *sum, const ir::TargetInfo &target,
                    ScheduleKeys *keys);

// What of a reduction a second phase combines: the results of so many chunks of the summed
// positions, or of a contraction whose last tiles are streamed their parts, of so many bytes.
struct GridParts {
  int64_t chunks = 1, streamedBytes = 0;
};
// `keys` are null where the schedule is not the reduction's.
GridParts gridParts(const Reduction &r, const ir::TargetInfo &target, ScheduleKeys *keys);

} // namespace fluxion::codegen
