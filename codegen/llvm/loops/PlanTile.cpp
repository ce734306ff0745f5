// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a register tile is, which copies it reads, and in which blocks it sums: decided by predicted
// cycles and by the sizes of caches.
#include "codegen/llvm/loops/Plan.h"

#include "codegen/llvm/loops/Puller.h"
#include "ir/ops/Contraction.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Reduction.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {
ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}
RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
int64_t product(ArrayRef<int64_t> sizes) {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  return count;
}

// Cycles of a step of all tiles over a plane of `rows` x `vectors`, where a multiply-add takes one:
// also bound by the vectors that come from the second-level cache (a quarter of a register's width
// a cycle), by loads, and by the latency of few accumulators.
double stepCycles(int64_t rows, int64_t vectors, const Tile &tile) {
  double cycles = 0;
  for (int64_t v = 0; v < vectors; v += tile.vectors)
    for (auto [count, size] : {std::pair(rows / tile.rows, tile.rows),
                               std::pair<int64_t, int64_t>(1, rows % tile.rows)}) {
      double wide = std::min(tile.vectors, vectors - v), tall = size;
      if (size > 0)
        cycles += count * (std::max({tall * wide, 4 * wide, tall + wide}) + 0.1 * (tall + wide));
    }
  return cycles;
}

// Rows of the left side half a page apart share few sets of the first-level cache.
int64_t mostRowStreams(const Reduction &r, const ir::TargetInfo &target) {
  std::optional<Panels> left = panelsOf(r.op, 0);
  int64_t bytes = typeOf(r.op->getOperand(0)).getElementTypeBitWidth() / 8;
  return left && left->transposes() && left->depth * bytes % 2048 == 0 ? 8 : INT64_MAX;
}

// The register tile of a contraction with the least predicted time, the larger of equals.
void chooseContractionTile(Tile &tile, int64_t rows, int64_t vectors, int64_t mostRows,
                           const ir::TargetInfo &target) {
  bool many = target.vectorRegisters >= 32;
  // A single row uses every vector it loads once: long pieces of a row are fewer streams.
  int64_t accumulators = many ? 24 : 12, most = rows == 1 ? accumulators / 3 * 2 : many ? 4 : 3;
  double least = INFINITY;
  for (int64_t wide = std::min(most, vectors); wide >= 1; --wide)
    for (int64_t tall = std::min({rows, mostRows, accumulators / wide}); tall >= 1; --tall) {
      Tile candidate(tile);
      candidate.vectors = wide, candidate.rows = tall;
      double cycles = stepCycles(rows, vectors, candidate);
      if (cycles < least * 0.999)
        least = cycles, tile = candidate;
    }
}

} // namespace

Tile fluxion::codegen::chooseTile(const Reduction &r, Type element, const ir::TargetInfo &target,
                                  bool packed) {
  Tile tile;
  tile.lanes = lanesFor(element, target);
  int64_t budget = target.vectorRegisters >= 32 ? 24 : 12, rank = r.kept.size();
  if (lanesAlongWidth(r.op, target)) {
    auto dims = cast<ir::ConvolutionOp>(r.op).getOutputDims();
    tile.laneDim = dims.back(), tile.rowDim = dims[1];
    tile.vectors = std::min<int64_t>((r.kept[tile.laneDim] + tile.lanes - 1) / tile.lanes, 2);
    tile.rows = std::min(r.kept[tile.rowDim], budget / tile.vectors);
    return tile;
  }
  bool contraction = isa<ir::DotGeneralOp, ir::ConvolutionOp>(r.op);
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
    if (tile.laneDim >= 0)
      chooseContractionTile(tile, rows, (r.kept[laneDim] + tile.lanes - 1) / tile.lanes,
                            mostRowStreams(r, target), target);
    else
      tile.rows = std::min<int64_t>(rows, 4);
  }
  return tile;
}

int64_t fluxion::codegen::tileTasks(const Reduction &r, const Tile &tile) {
  int64_t tasks = r.chunks;
  for (auto [d, size] : llvm::enumerate(r.kept)) {
    int64_t block = (int64_t)d == tile.laneDim  ? tile.lanes * tile.vectors
                    : (int64_t)d == tile.rowDim ? tile.rows
                                                : 1;
    tasks *= (size + block - 1) / block;
  }
  return tasks;
}

// Few tiles over much data: splitting the outermost reduced dimension gives every core work. The
// split follows from sizes alone, so the order of additions does not depend on the machine's cores.
int64_t fluxion::codegen::chooseChunks(const Reduction &r, const Tile &tile) {
  if (r.isArg() || r.extents.empty() || tileTasks(r, tile) >= 16 ||
      product(r.extents) * product(r.kept) < (1 << 16))
    return 1;
  for (int64_t chunks = std::min<int64_t>(16, r.extents[0]); chunks > 1; --chunks)
    if (r.extents[0] % chunks == 0)
      return chunks;
  return 1;
}

// Sides that tiles read through panels: one summed along its last dimension, and ones whose rows
// are so far apart that a tile would touch a page a step.
void fluxion::codegen::choosePanels(Reduction &r, const Tile &tile) {
  std::optional<Panels> lhs = panelsOf(r.op, 0), rhs = panelsOf(r.op, 1);
  int64_t rank = r.kept.size();
  if (!lhs || !rhs || tile.laneDim != rank - 1)
    return;
  int64_t bytes = typeOf(r.op->getOperand(0)).getElementTypeBitWidth() / 8;
  rhs->width = tile.lanes * tile.vectors, lhs->width = tile.rows;
  auto farApart = [&](const Panels &side, const Panels &other, int64_t pitch) {
    return pitch * bytes >= 4096 && other.columns >= 128 && side.depth >= 64;
  };
  if (packsTransposed(r.op) || (!rhs->transposes() && farApart(*rhs, *lhs, rhs->columns)))
    r.rhs = rhs;
  bool rowsAreLeft = tile.rowDim == rank - 2 && tile.rows > 1 && tile.rows <= tile.lanes;
  if (rowsAreLeft && !lhs->transposes() && farApart(*lhs, *rhs, lhs->columns))
    r.lhs = lhs;
}

// Where what a tile reads over all summed positions would push its neighbour's out of the cache.
Blocking fluxion::codegen::chooseBlocking(const Reduction &r, const Tile &tile,
                                          const ir::TargetInfo &target) {
  Blocking blocking;
  if (!isa<ir::DotGeneralOp, ir::ConvolutionOp>(r.op) || r.chunks > 1 || tile.laneDim < 0)
    return blocking;
  int64_t bytes = std::max<int64_t>(4, typeOf(r.result).getElementTypeBitWidth() / 8);
  int64_t laneBlock = tile.lanes * tile.vectors, rest = product(r.extents);
  int64_t deep = target.l2Bytes / 8 / (laneBlock * bytes); // half a megabyte of four tiles' lanes
  if (rest <= 4 * deep)
    return blocking;
  while (blocking.outer + 1 < (int64_t)r.extents.size() &&
         rest / r.extents[blocking.outer] > 2 * deep)
    rest /= r.extents[blocking.outer++];
  int64_t extent = r.extents[blocking.outer];
  bool innermost = blocking.outer + 1 == (int64_t)r.extents.size();
  int64_t count = rest > 2 * deep ? (rest + deep - 1) / deep : 1;
  blocking.depth = (extent + count - 1) / count;
  if (innermost && count > 1) // whole unrolled steps
    blocking.depth = (blocking.depth + 3) / 4 * 4;
  int64_t inBlock = rest / extent * blocking.depth;
  int64_t laneTiles = (r.kept[tile.laneDim] + laneBlock - 1) / laneBlock;
  int64_t rowTiles = tileTasks(r, tile) / laneTiles;
  // Groups of tiles, at least 16 of them, that read least: about as much of either side.
  int64_t inGroup = std::max<int64_t>(1, laneTiles * rowTiles / 16), least = INT64_MAX;
  for (int64_t lanes = 1; lanes <= laneTiles; ++lanes) {
    int64_t rows = std::clamp<int64_t>(inGroup / lanes, 1, rowTiles);
    int64_t reads = lanes * laneBlock + rows * tile.rows,
            groups = (laneTiles + lanes - 1) / lanes * ((rowTiles + rows - 1) / rows);
    if (lanes > 1 && lanes * laneBlock * inBlock * bytes > target.l2Bytes / 2)
      break;
    if (reads * groups < least) {
      least = reads * groups;
      blocking.laneTiles = lanes, blocking.rowTiles = rows;
    }
  }
  return blocking;
}
