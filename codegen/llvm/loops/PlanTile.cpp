// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a register tile is, which copies it reads, and in which blocks it sums: decided by predicted
// cycles and by the sizes of caches.
#include "codegen/llvm/loops/Plan.h"

#include "codegen/common/Shapes.h"
#include "codegen/llvm/loops/Puller.h"
#include "ir/ops/Contraction.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Reduction.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// Cycles of a step of all tiles over a plane of `rows` x `vectors`, where a multiply-add takes one:
// also bound by the vectors that come from the second-level cache (a quarter of a register's width
// a cycle), by loads, and by the latency of few accumulators.
// `taps` steps share what they read of the left side; `perVector`: what reading one costs beside.
double stepCycles(int64_t rows, int64_t vectors, const Tile &tile, int64_t taps, double perVector) {
  double cycles = 0;
  for (int64_t v = 0; v < vectors; v += tile.vectors)
    for (auto [count, size] : {std::pair(rows / tile.rows, tile.rows),
                               std::pair<int64_t, int64_t>(1, rows % tile.rows)}) {
      double wide = std::min(tile.vectors, vectors - v), tall = size;
      double loads = (tall + taps - 1) / taps + wide;
      if (size > 0)
        cycles += count *
                  (std::max({tall * wide, 4 * wide, loads, 9.0}) + 0.1 * loads + perVector * wide);
    }
  return cycles;
}

// Accumulators that leave registers for what a step loads.
int64_t mostAccumulators(const ir::TargetInfo &target) {
  return target.vectorRegisters >= 32 ? 28 : 12;
}

// Rows of the left side half a page apart share few sets of the first-level cache.
int64_t mostRowStreams(const Reduction &r, const ir::TargetInfo &target) {
  std::optional<Panels> left = panelsOf(r.op, 0);
  int64_t bytes = typeOf(r.op->getOperand(0)).getElementTypeBitWidth() / 8;
  return left && left->transposes() && left->depth * bytes % 2048 == 0 ? 8 : INT64_MAX;
}

// How many panels each task copies and reads, and how much longer the busiest core then works than
// its even share.
struct PanelShare {
  int64_t perTask = 0;
  double uneven = INFINITY;
};
PanelShare sharePanels(int64_t panels, bool transposes, const ir::TargetInfo &target) {
  int64_t cores = std::max<int64_t>(2, target.cores), least = transposes ? 1 : 2;
  PanelShare best;
  for (int64_t count = std::max(least, panels / (4 * cores)); count >= least; --count) {
    int64_t tasks = (panels + count - 1) / count, rounds = (tasks + cores - 1) / cores;
    double uneven = (double)(rounds * count * cores) / panels;
    if (uneven < best.uneven)
      best = {count, uneven};
  }
  return best;
}
constexpr double mostUneven = 17.0 / 16;

// A right side beyond the cache that one row or a few tiles of rows read in place: each task takes
// runs of its rows, few rows at a time and all lanes of them before the next.
bool streamsRight(const Reduction &r, const ir::TargetInfo &target) {
  std::optional<Panels> left = panelsOf(r.op, 0), right = panelsOf(r.op, 1);
  if (!left || !right || right->transposes() || right->batches > 1)
    return false;
  int64_t bytes = typeOf(r.op->getOperand(1)).getElementTypeBitWidth() / 8;
  bool fewRows = left->columns == 1 || (left->columns > 5 && left->columns <= 24);
  return fewRows && right->columns * bytes >= 4096 &&
         right->depth * right->columns * bytes > 2 * target.l2Bytes;
}

// The register tile of a contraction with the least predicted time, the larger of equals; `side`:
// what is copied into panels of its lanes.
void chooseContractionTile(Tile &tile, int64_t rows, int64_t vectors, int64_t mostRows,
                           int64_t mostVectors, int64_t taps, const std::optional<Panels> &side,
                           const ir::TargetInfo &target) {
  bool many = target.vectorRegisters >= 32;
  // A single row uses every vector it loads once: long pieces of a row are fewer streams.
  // Taps that share what they read keep a step's worth of the right side in registers too.
  int64_t accumulators = (many ? 24 : 12) / (taps > 1 ? 1.5 : 1);
  int64_t most = std::min<int64_t>(rows == 1 ? accumulators / 3 * 2 : many ? 4 : 3, mostVectors);
  double least = INFINITY;
  for (int64_t wide = std::min(most, vectors); wide >= 1; --wide)
    for (int64_t tall = std::min({rows, mostRows, accumulators / wide}); tall >= 1; --tall) {
      Tile candidate(tile);
      candidate.vectors = wide, candidate.rows = tall;
      // Panels that are transposed in between leave the tiles less of the caches' time.
      double cycles =
          stepCycles(rows, vectors, candidate, taps, side && side->transposes() ? 0.12 : 0);
      int64_t panels = (vectors + wide - 1) / wide;
      if (side)
        cycles *= std::min(mostUneven,
                           sharePanels(side->batches * panels, side->transposes(), target).uneven);
      bool fits = taps == 1 || wide * (tall + taps) < target.vectorRegisters;
      if ((fits || tall == 1) && cycles < least * 0.999)
        least = cycles, tile = candidate;
    }
}

// The dimension of a weight gradient's taps along the width, where a tile may hold all of them.
int64_t tapDimension(const Reduction &r, const Tile &tile) {
  auto conv = dyn_cast<ir::ConvolutionOp>(r.op);
  if (!conv || conv.spatialRank() == 0 || !featuresOutermost(r.op) ||
      conv.getFeatureGroupCount() > 1 || conv.getBatchGroupCount() > 1 ||
      conv.getWindowStrides().back() > 1)
    return -1;
  int64_t dim = conv.getOutputDims().back();
  bool free = tile.laneDim >= 0 && dim != tile.laneDim && dim != tile.rowDim;
  return free && r.kept[dim] > 1 && r.kept[dim] <= 7 ? dim : -1;
}

// A tile of all taps: a step then loads each element of the left side that no tap has met yet, and
// keeps the vectors of the right side that its taps meet.
void chooseTapTile(Tile &tile, const Reduction &r, const ir::TargetInfo &target) {
  int64_t rows = tile.rowDim >= 0 ? r.kept[tile.rowDim] : 1;
  int64_t vectors = (r.kept[tile.laneDim] + tile.lanes - 1) / tile.lanes;
  int64_t dilation = cast<ir::ConvolutionOp>(r.op).getRhsDilation().back();
  int64_t met = (tile.taps + dilation - 1) / dilation, fresh = std::min(tile.taps, dilation);
  double least = INFINITY;
  for (int64_t wide = std::min<int64_t>(vectors, 4); wide >= 1; --wide)
    for (int64_t tall = rows; tall >= 1; --tall) {
      if (wide * (tall * tile.taps + met) >= target.vectorRegisters && (wide > 1 || tall > 1))
        continue;
      double work = tall * tile.taps * wide, loads = fresh * tall + wide;
      double tiles = (double)((rows + tall - 1) / tall) * ((vectors + wide - 1) / wide);
      double cycles = tiles * (std::max({work, loads, 4.0 * wide, 9.0}) + 0.1 * loads);
      if (cycles < least * 0.999)
        least = cycles, tile.vectors = wide, tile.rows = tall;
    }
}

// What is chosen where the schedule does not say.
Tile modelTile(const Reduction &r, Type element, const ir::TargetInfo &target, bool packed) {
  Tile tile;
  tile.lanes = lanesFor(element, target);
  int64_t budget = target.vectorRegisters >= 32 ? 24 : 12, rank = r.kept.size();
  if (lanesAlongWidth(r.op, target)) {
    auto dims = cast<ir::ConvolutionOp>(r.op).getOutputDims();
    tile.laneDim = dims.back(), tile.rowDim = dims[1];
    // Few features leave registers for long pieces of a row.
    int64_t most = std::clamp<int64_t>(budget / r.kept[tile.rowDim], 2, 8);
    tile.vectors = std::min(ceilDiv(r.kept[tile.laneDim], tile.lanes), most);
    tile.rows = std::min(r.kept[tile.rowDim], budget / tile.vectors);
    return tile;
  }
  if (!packed && lanesAlongSum(r.op, target)) {
    tile.rowDim = rank - 2, tile.tapDim = rank - 1, tile.taps = r.kept[rank - 1];
    tile.rows = std::min(r.kept[rank - 2], std::max<int64_t>(1, budget / tile.taps));
    return tile;
  }
  bool contraction = isContraction(r.op);
  bool lastReduced = false; // the operands run along the last reduced dimension
  if (auto reduce = dyn_cast<ir::ReduceOp>(r.op)) {
    lastReduced = !reduce.getDims().empty() &&
                  reduce.getDims().back() == (int64_t)shapeOf(reduce.getX()).size() - 1;
  } else if (auto dot = dyn_cast<ir::DotGeneralOp>(r.op)) {
    auto endsContracting = [](Value x, ArrayRef<int64_t> dims) {
      return !dims.empty() && dims.back() == (int64_t)shapeOf(x).size() - 1;
    };
    lastReduced = !packed && endsContracting(dot.getRhs(), dot.getRhsContracting()) &&
                  (endsContracting(dot.getLhs(), dot.getLhsContracting()) || rank == 0);
  } else if (r.isArg()) {
    int64_t dim = isa<ir::ArgmaxOp>(r.op) ? cast<ir::ArgmaxOp>(r.op).getDim()
                                          : cast<ir::ArgminOp>(r.op).getDim();
    if (dim == (int64_t)shapeOf(r.op->getOperand(0)).size() - 1)
      tile.lanes = 1;
  }
  int64_t laneDim = rank - 1;
  while (laneDim > 0 && r.kept[laneDim] == 1)
    --laneDim;
  if (!lastReduced && rank > 0 && (r.kept[laneDim] > 1 || contraction)) {
    tile.laneDim = laneDim;
    int64_t available = (r.kept[laneDim] + tile.lanes - 1) / tile.lanes;
    tile.vectors = std::min<int64_t>(available, 4);
  } else if (r.isArg()) {
    tile.laneDim = -1;
    tile.lanes = 1;
  }
  if (contraction || (tile.laneDim < 0 && !r.isArg())) {
    for (int64_t d = rank - 1; d >= 0 && tile.rowDim < 0; --d)
      if (d != tile.laneDim && r.kept[d] > 1)
        tile.rowDim = d;
    int64_t rows = tile.rowDim >= 0 ? r.kept[tile.rowDim] : 1;
    bool streams = !packed && streamsRight(r, target);
    int64_t mostVectors = !streams ? INT64_MAX : rows == 1 ? 4 : 3;
    if (tile.laneDim >= 0)
      chooseContractionTile(tile, rows, (r.kept[laneDim] + tile.lanes - 1) / tile.lanes,
                            streams ? 8 : mostRowStreams(r, target), mostVectors,
                            sharedTaps(r.op, target), packed ? panelsOf(r.op, 1) : std::nullopt,
                            target);
    else
      tile.rows = std::min<int64_t>(rows, 4);
  }
  return tile;
}

} // namespace

bool fluxion::codegen::isContraction(Operation *op) {
  return isa<ir::DotGeneralOp, ir::ConvolutionOp>(op);
}

Tile fluxion::codegen::chooseTile(const Reduction &r, Type element, const ir::TargetInfo &target,
                                  bool packed, ScheduleKeys *keys) {
  Tile tile = modelTile(r, element, target, packed);
  int64_t taps = tapDimension(r, tile);
  if (taps >= 0 && (!keys || keys->flag("tile_taps", true))) {
    tile.tapDim = taps, tile.taps = r.kept[taps];
    chooseTapTile(tile, r, target);
  }
  if (!keys)
    return tile;
  int64_t most = mostAccumulators(target) / tile.taps;
  if (tile.laneDim >= 0) {
    int64_t vectors = (r.kept[tile.laneDim] + tile.lanes - 1) / tile.lanes;
    tile.vectors = keys->integer("tile_vectors", tile.vectors, 1, std::min(vectors, most));
  }
  if (tile.rowDim >= 0) {
    most /= tile.vectors;
    tile.rows = keys->integer("tile_rows", std::min(tile.rows, most), 1,
                              std::min(r.kept[tile.rowDim], most),
                              " with " + std::to_string(tile.vectors) + " vectors");
  }
  return tile;
}

int64_t fluxion::codegen::chooseUnroll(const Reduction &r, const Tile &tile, ScheduleKeys *keys) {
  int64_t extent = r.extents.empty() ? 1 : r.extents.back(), unroll = 1;
  bool sharing = isa<ir::ConvolutionOp>(r.op) && r.featureExtent + 1 < (int64_t)r.extents.size() &&
                 !featuresOutermost(r.op);
  if (sharing)
    unroll = extent;
  // The steps taken together load again what the steps before them did: many are better.
  for (int64_t candidate : {8, 7, 6, 5})
    if (tile.taps > 1 && unroll == 1 && extent % candidate == 0)
      unroll = candidate;
  for (int64_t candidate : {4, 2})
    if (unroll == 1 && extent % candidate == 0 && tile.accumulators() * candidate <= 96)
      unroll = candidate;
  return keys ? keys->integer("unroll", unroll, 1, std::min<int64_t>(extent, 16)) : unroll;
}

int64_t fluxion::codegen::tileTasks(const Reduction &r, const Tile &tile) {
  int64_t tasks = r.chunks;
  for (auto [d, size] : llvm::enumerate(r.kept)) {
    int64_t block = (int64_t)d == tile.laneDim  ? tile.lanes * tile.vectors
                    : (int64_t)d == tile.rowDim ? tile.rows
                    : (int64_t)d == tile.tapDim ? tile.taps
                                                : 1;
    tasks *= (size + block - 1) / block;
  }
  return tasks;
}

// Few tiles over much data: splitting the outermost reduced dimension gives every core work. The
// split follows from sizes alone, so the order of additions does not depend on the machine's cores.
int64_t fluxion::codegen::chooseChunks(const Reduction &r, const Tile &tile,
                                       const ir::TargetInfo &target, ScheduleKeys *keys) {
  if (r.isArg() || r.extents.empty() || r.phased())
    return 1;
  int64_t chunks = 1, most = std::min<int64_t>(16, r.extents[0]);
  if (tileTasks(r, tile) < 16 && !streamsRight(r, target) &&
      product(r.extents) * product(r.kept) >= (1 << 16))
    for (chunks = most; r.extents[0] % chunks != 0;)
      --chunks;
  return keys ? keys->divisor("chunks", chunks, r.extents[0], std::min<int64_t>(64, r.extents[0]))
              : chunks;
}

// A side whose rows are so far apart that a tile would touch a page every step or two.
static bool farApart(Operation *op, const Panels &side, const Panels &other) {
  int64_t bytes = typeOf(op->getOperand(side.operand)).getElementTypeBitWidth() / 8;
  return side.columns * bytes >= 2048 && other.columns >= 128 && side.depth >= 64;
}

// A kernel that is read again for many positions, from rows too far apart to be fetched ahead. A
// weight gradient's is as large as an image: more products must repay its copy.
static bool packsKernel(const Reduction &r, const Panels &kernel) {
  int64_t bytes = typeOf(r.op->getOperand(1)).getElementTypeBitWidth() / 8;
  int64_t positions = product(r.kept) / kernel.columns;
  return kernel.columns * bytes >= 256 && kernel.depth >= 64 &&
         positions >= (featuresOutermost(r.op) ? 256 : 64);
}

// One summed along its last dimension, or far apart.
bool fluxion::codegen::packsRight(const Reduction &r, const ir::TargetInfo &target,
                                  ScheduleKeys *keys) {
  if (std::optional<Panels> kernel = kernelPanelsOf(r))
    return keys ? keys->flag("pack_rhs", packsKernel(r, *kernel)) : packsKernel(r, *kernel);
  std::optional<Panels> lhs = panelsOf(r.op, 0), rhs = panelsOf(r.op, 1);
  if (!lhs || !rhs || rhs->columns < 2)
    return false;
  bool packs = (packsTransposed(r.op) && !lanesAlongSum(r.op, target)) ||
               (!rhs->transposes() && farApart(r.op, *rhs, *lhs));
  return keys ? keys->flag("pack_rhs", packs) : packs;
}

// Sides that tiles read through panels.
void fluxion::codegen::choosePanels(Reduction &r, const Tile &tile, bool packsRight, bool isBlocked,
                                    const ir::TargetInfo &target, ScheduleKeys *keys) {
  int64_t rank = r.kept.size();
  if (std::optional<Panels> kernel = kernelPanelsOf(r); kernel && tile.laneDim == rank - 1) {
    kernel->width = tile.lanes * tile.vectors;
    if (packsRight)
      r.rhs = kernel;
    return;
  }
  std::optional<Panels> lhs = panelsOf(r.op, 0), rhs = panelsOf(r.op, 1);
  if (!lhs || !rhs || tile.laneDim != rank - 1)
    return;
  rhs->width = tile.lanes * tile.vectors, lhs->width = tile.rows;
  if (packsRight) {
    r.rhs = rhs;
    if (tile.rowDim == rank - 2 && r.chunks == 1 && !isBlocked) {
      int64_t panels = rhs->batches * rhs->panels();
      PanelShare share = sharePanels(panels, rhs->transposes(), target);
      int64_t chosen = share.uneven <= mostUneven ? share.perTask : 0;
      r.rhs->perTask = keys ? keys->integer("task_panels", chosen, 0, panels) : chosen;
    }
  }
  if (tile.rowDim != rank - 2 || tile.rows == 1 || tile.rows > tile.lanes)
    return;
  // Within the second-level cache, pieces of rows are as good as a copy of them.
  int64_t leftBytes = lhs->batches * lhs->columns * lhs->depth *
                      typeOf(r.op->getOperand(0)).getElementTypeBitWidth() / 8;
  bool packsLeft =
      !lhs->transposes() && leftBytes > target.l2Bytes / 2 && farApart(r.op, *lhs, *rhs);
  if (keys ? keys->flag("pack_lhs", packsLeft) : packsLeft)
    r.lhs = lhs;
}

bool fluxion::codegen::walksLanesOutermost(const Reduction &r, const ir::TargetInfo &target) {
  if (!isa<ir::ConvolutionOp>(r.op))
    return false;
  RankedTensorType kernel = typeOf(r.op->getOperand(1));
  return kernel.getNumElements() * kernel.getElementTypeBitWidth() / 8 > target.l2Bytes / 2;
}

// Groups of tiles, at least as many as wanted, that read least: about as much of either side.
static void chooseGroups(Blocking &blocking, const Reduction &r, const Tile &tile, int64_t wanted,
                         int64_t laneTileBytes, const ir::TargetInfo &target, ScheduleKeys *keys) {
  int64_t laneBlock = tile.lanes * tile.vectors;
  int64_t laneTiles = (r.kept[tile.laneDim] + laneBlock - 1) / laneBlock;
  int64_t rowTiles = tileTasks(r, tile) / laneTiles;
  int64_t inGroup = std::max<int64_t>(1, laneTiles * rowTiles / wanted), least = INT64_MAX;
  for (int64_t lanes = 1; lanes <= laneTiles; ++lanes) {
    int64_t rows = std::clamp<int64_t>(inGroup / lanes, 1, rowTiles);
    int64_t reads = lanes * laneBlock + rows * tile.rows,
            groups = (laneTiles + lanes - 1) / lanes * ((rowTiles + rows - 1) / rows);
    if (lanes > 1 && lanes * laneTileBytes > target.l2Bytes / 2)
      break;
    if (reads * groups < least) {
      least = reads * groups;
      blocking.laneTiles = lanes, blocking.rowTiles = rows;
    }
  }
  if (blocking.streams) { // a task's rows of the right side are few runs, and long ones
    int64_t cores = std::max<int64_t>(2, target.cores);
    blocking.rowTiles = rowTiles, blocking.laneTiles = (laneTiles + cores - 1) / cores;
  }
  if (!keys)
    return;
  blocking.laneTiles = keys->integer("block_lane_tiles", blocking.laneTiles, 1, laneTiles);
  blocking.rowTiles = keys->integer("block_row_tiles", blocking.rowTiles, 1, rowTiles);
}

// A weight gradient sums over images: few enough rows of them at a time that what all tiles read of
// both sides stays in a part of the second-level cache, and enough to repay fetching the sums.
static Blocking imageBlocks(const Reduction &r, const ir::TargetInfo &target) {
  Blocking blocking;
  auto conv = cast<ir::ConvolutionOp>(r.op);
  int64_t bytes = std::max<int64_t>(4, typeOf(r.result).getElementTypeBitWidth() / 8);
  int64_t features = shapeOf(conv.getInput())[conv.getInputDims()[0]] +
                     shapeOf(conv.getKernel())[conv.getKernelDims()[0]];
  int64_t most = std::max<int64_t>(128, target.l2Bytes / 4 / (features * bytes));
  int64_t rest = product(r.extents), rank = r.extents.size();
  if (2 * rest <= 3 * most)
    return blocking;
  while (blocking.outer + 2 < rank && rest / r.extents[blocking.outer] > most)
    rest /= r.extents[blocking.outer++];
  int64_t extent = r.extents[blocking.outer], depth = std::max<int64_t>(1, most * extent / rest);
  int64_t count = (extent + depth - 1) / depth;
  blocking.depth = (extent + count - 1) / count;
  return blocking;
}

// Half a megabyte of the lanes of four tiles at a time.
static Blocking deepBlocks(const Reduction &r, int64_t laneTileBytes,
                           const ir::TargetInfo &target) {
  Blocking blocking;
  int64_t rest = product(r.extents), deep = target.l2Bytes / 8 / laneTileBytes;
  bool blocked = rest > 4 * deep;
  while (blocking.outer + 1 < (int64_t)r.extents.size() &&
         rest / r.extents[blocking.outer] > 2 * deep)
    rest /= r.extents[blocking.outer++];
  int64_t extent = r.extents[blocking.outer];
  bool innermost = blocking.outer + 1 == (int64_t)r.extents.size();
  int64_t count = rest > 2 * deep ? (rest + deep - 1) / deep : 1;
  if (blocked)
    blocking.depth = (extent + count - 1) / count;
  if (blocked && innermost && count > 1) // whole unrolled steps
    blocking.depth = (blocking.depth + 3) / 4 * 4;
  return blocking;
}

// Where what a tile reads over all summed positions would push its neighbour's out of the cache.
Blocking fluxion::codegen::chooseBlocking(const Reduction &r, const Tile &tile, bool packsRight,
                                          const ir::TargetInfo &target, ScheduleKeys *keys) {
  if (!isContraction(r.op) || r.chunks > 1 || tile.laneDim < 0 || r.extents.empty() || r.phased())
    return {};
  int64_t bytes = std::max<int64_t>(4, typeOf(r.result).getElementTypeBitWidth() / 8);
  int64_t laneTileBytes = tile.lanes * tile.vectors * bytes; // of a summed position
  bool overImages = isa<ir::ConvolutionOp>(r.op) && featuresOutermost(r.op);
  Blocking blocking = overImages ? imageBlocks(r, target) : deepBlocks(r, laneTileBytes, target);
  ArrayRef<int64_t> inner = ArrayRef<int64_t>(r.extents).drop_front(blocking.outer);
  blocking.streams = !packsRight && streamsRight(r, target);
  if (blocking.streams) // more rows reuse more of what is then in the second-level cache
    blocking.depth =
        std::min<int64_t>(inner[0], product(r.kept) > 8 * r.kept[tile.laneDim] ? 32 : 16);
  if (keys)
    blocking.depth = keys->integer("block_depth", blocking.depth, 0, (inner[0] + 3) / 4 * 4);
  // Every group of a weight gradient reads images from memory again.
  int64_t groups = overImages ? std::clamp<int64_t>(target.cores, 2, 16) : 16;
  if (blocking.depth)
    chooseGroups(blocking, r, tile, groups,
                 laneTileBytes * product(inner.drop_front()) * blocking.depth, target, keys);
  return blocking;
}
