// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/loops/Plan.h"

#include "codegen/llvm/loops/Puller.h"
#include "ir/ops/Contraction.h"
#include "ir/ops/Control.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Indexing.h"
#include "ir/ops/Random.h"
#include "ir/ops/Reduction.h"
#include "ir/ops/Shape.h"

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
int64_t bytesOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.getNumElements() * ((type.getElementTypeBitWidth() + 7) / 8);
}

Reduction describeReduction(Operation *op) {
  Reduction r;
  r.op = op;
  r.result = op->getResult(0);
  r.kept.assign(shapeOf(r.result).begin(), shapeOf(r.result).end());
  if (auto reduce = dyn_cast<ir::ReduceOp>(op)) {
    for (int64_t dim : reduce.getDims())
      r.extents.push_back(shapeOf(reduce.getX())[dim]);
  } else if (auto dot = dyn_cast<ir::DotGeneralOp>(op)) {
    for (int64_t dim : dot.getLhsContracting())
      r.extents.push_back(shapeOf(dot.getLhs())[dim]);
  } else if (auto conv = dyn_cast<ir::ConvolutionOp>(op)) {
    // Window first, features innermost: channels-last operands are then read in order.
    for (int64_t dim : conv.getKernelDims().drop_front(2))
      r.extents.push_back(shapeOf(conv.getKernel())[dim]);
    int64_t features = shapeOf(conv.getKernel())[conv.getKernelDims()[1]];
    r.extents.insert(featuresOutermost(op) ? r.extents.begin() : r.extents.end(), features);
  } else {
    int64_t dim =
        isa<ir::ArgmaxOp>(op) ? cast<ir::ArgmaxOp>(op).getDim() : cast<ir::ArgminOp>(op).getDim();
    r.extents.push_back(shapeOf(op->getOperand(0))[dim]);
  }
  return r;
}

// Does `value` depend on `target` inside the kernel?
bool dependsOn(Value value, Value target, DenseMap<Value, bool> &known) {
  if (value == target)
    return true;
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (auto found = known.find(value); found != known.end())
    return found->second;
  bool depends = llvm::any_of(op->getOperands(),
                              [&](Value operand) { return dependsOn(operand, target, known); });
  return known[value] = depends;
}
bool dependsOn(Value value, Value target) {
  DenseMap<Value, bool> known;
  return dependsOn(value, target, known);
}

// Reached from `target` by pointwise ops alone, so that one element needs the same element of it.
bool pointwiseFrom(Value value, Value target) {
  if (value == target || !dependsOn(value, target))
    return true;
  Operation *op = value.getDefiningOp();
  return ir::hasScalarBody(op) && llvm::all_of(op->getOperands(), [&](Value operand) {
           return pointwiseFrom(operand, target);
         });
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

Tile chooseTile(const Reduction &r, Type element, const ir::TargetInfo &target, bool packed) {
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

int64_t tileTasks(const Reduction &r, const Tile &tile) {
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
int64_t chooseChunks(const Reduction &r, const Tile &tile) {
  if (r.isArg() || r.extents.empty() || tileTasks(r, tile) >= 16 ||
      product(r.extents) * product(r.kept) < (1 << 16))
    return 1;
  for (int64_t chunks = std::min<int64_t>(16, r.extents[0]); chunks > 1; --chunks)
    if (r.extents[0] % chunks == 0)
      return chunks;
  return 1;
}

class Planner {
public:
  Planner(ir::KernelOp kernel, const ir::TargetInfo &target)
      : kernel(kernel), target(target), body(kernel.getBody().front()) {
    yields = llvm::to_vector(body.getTerminator()->getOperands());
  }
  KernelPlan plan();

private:
  ir::KernelOp kernel;
  const ir::TargetInfo &target;
  Block &body;
  SmallVector<Value> yields;
  KernelPlan result;

  bool checkOps();
  bool planRow(ArrayRef<Reduction> reductions);
  bool planScatter();
  bool rowIndices(Value value, int64_t prefix, const DenseSet<Value> &reduced,
                  DenseMap<Value, bool> &known);
  void planReductions(ArrayRef<Reduction> reductions);
  void planReduction(Reduction r, ArrayRef<StoredValue> stores);
  void planPanels(Reduction &r, const Tile &tile);
  void planBlocks(const Reduction &r, Phase &phase);
  int64_t scratch(int64_t bytes) {
    int64_t offset = result.scratchBytes;
    result.scratchBytes += (bytes + 63) / 64 * 64;
    return offset;
  }
};

// Refuses what the element rules do not cover.
bool Planner::checkOps() {
  for (Operation &op : body.without_terminator()) {
    bool known = ir::hasScalarBody(&op) || isReduction(&op) ||
                 isa<ir::ReshapeOp, ir::TransposeOp, ir::BroadcastInDimOp, ir::SliceOp,
                     ir::ReverseOp, ir::ConstantOp, ir::IotaOp, ir::PadOp, ir::ConcatenateOp,
                     ir::GatherOp, ir::RandomBitsOp, ir::ReduceWindowOp, ir::WindowArgmaxOp,
                     ir::WindowGatherOp, ir::WindowScatterOp, ir::ScatterOp, ir::BarrierOp>(op);
    if (!known)
      return result.refusal = ("no loop form for " + op.getName().getStringRef()).str(), false;
    if (auto gather = dyn_cast<ir::GatherOp>(op); gather && !isa<BlockArgument>(gather.getX()))
      return result.refusal = "gather from a value that is not in memory", false;
  }
  return true;
}

// One scatter of values in memory, alone in its kernel.
bool Planner::planScatter() {
  auto scatters = body.getOps<ir::ScatterOp>();
  if (scatters.empty())
    return true;
  auto scatter = *scatters.begin();
  bool alone =
      yields.size() == 1 && yields[0] == scatter.getY() && llvm::hasSingleElement(scatters);
  for (Value operand : scatter->getOperands())
    alone &=
        isFlat(operand) && (isa<BlockArgument>(operand) || !isReduction(operand.getDefiningOp()));
  if (!alone)
    return result.refusal = "a scatter needs a kernel of its own", false;
  Phase phase;
  phase.kind = Phase::Scatter;
  phase.stores.push_back({scatter.getY(), 0, -1});
  // Each task owns a range of positions along the axis and looks at every index.
  phase.tasks = std::min<int64_t>(8, shapeOf(scatter.getX())[scatter.getAxis()]);
  result.phases.push_back(phase);
  return true;
}

// Along the leading dimensions every value is read at the row's own position: reductions of a row
// may then stay in registers.
bool Planner::rowIndices(Value value, int64_t prefix, const DenseSet<Value> &reduced,
                         DenseMap<Value, bool> &known) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return true;
  if (auto found = known.find(value); found != known.end())
    return found->second;
  bool fits;
  bool usesReduced = llvm::any_of(reduced, [&](Value r) { return dependsOn(value, r); });
  if (!usesReduced)
    fits = true;
  else if (reduced.contains(value) || ir::hasScalarBody(op))
    fits = llvm::all_of(op->getOperands(),
                        [&](Value operand) { return rowIndices(operand, prefix, reduced, known); });
  else if (auto broadcast = dyn_cast<ir::BroadcastInDimOp>(op)) {
    fits = (int64_t)broadcast.getDims().size() >= prefix &&
           rowIndices(broadcast.getX(), prefix, reduced, known);
    for (int64_t d = 0; fits && d < prefix; ++d)
      fits = broadcast.getDims()[d] == d &&
             shapeOf(broadcast.getX())[d] == shapeOf(broadcast.getY())[d];
  } else
    fits = false;
  return known[value] = fits;
}

bool Planner::planRow(ArrayRef<Reduction> reductions) {
  if (reductions.empty())
    return false;
  int64_t prefix = reductions[0].kept.size();
  DenseSet<Value> reduced;
  for (const Reduction &r : reductions) {
    auto dims =
        isa<ir::ReduceOp>(r.op)   ? SmallVector<int64_t>(cast<ir::ReduceOp>(r.op).getDims())
        : isa<ir::ArgmaxOp>(r.op) ? SmallVector<int64_t>{(int64_t)cast<ir::ArgmaxOp>(r.op).getDim()}
        : isa<ir::ArgminOp>(r.op) ? SmallVector<int64_t>{(int64_t)cast<ir::ArgminOp>(r.op).getDim()}
                                  : SmallVector<int64_t>();
    int64_t rank = shapeOf(r.op->getOperand(0)).size();
    bool trailing = !dims.empty() && llvm::equal(dims, llvm::seq<int64_t>(prefix, rank));
    if (!trailing || r.kept != reductions[0].kept)
      return false;
    reduced.insert(r.result);
  }
  DenseMap<Value, bool> known;
  ArrayRef<int64_t> rows = reductions[0].kept;
  for (Value value : yields)
    if ((int64_t)shapeOf(value).size() < prefix || shapeOf(value).take_front(prefix) != rows ||
        !rowIndices(value, prefix, reduced, known))
      return false;
  for (const Reduction &r : reductions)
    if (!rowIndices(r.op->getOperand(0), prefix, reduced, known))
      return false;
  // Few long rows are better split inside.
  if (product(rows) < 16 && product(reductions[0].extents) > (1 << 14))
    return false;
  Phase phase;
  phase.kind = Phase::Row;
  phase.reductions.assign(reductions.begin(), reductions.end());
  phase.tile.lanes = lanesFor(
      cast<RankedTensorType>(reductions[0].op->getOperand(0).getType()).getElementType(), target);
  for (auto [i, value] : llvm::enumerate(yields))
    phase.stores.push_back({value, (int64_t)i, -1});
  phase.tasks = product(rows);
  result.phases.push_back(phase);
  return true;
}

// Sides that tiles read through panels: one summed along its last dimension, and ones whose rows
// are so far apart that a tile would touch a page a step.
void Planner::planPanels(Reduction &r, const Tile &tile) {
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
  for (std::optional<Panels> *side : {&r.lhs, &r.rhs}) {
    if (!*side)
      continue;
    Panels &panels = **side;
    panels.at = scratch(panels.batches * panels.panels() * panels.depth * panels.width * bytes);
    Phase pack;
    pack.kind = Phase::Pack;
    pack.tile = tile;
    pack.reductions.push_back(r);
    (side == &r.lhs ? pack.reductions[0].rhs : pack.reductions[0].lhs).reset();
    pack.stores.push_back({r.result, -1, panels.at});
    int64_t step = panels.taskColumns(tile.lanes);
    pack.tasks = panels.batches * ((panels.columns + step - 1) / step);
    result.phases.push_back(pack);
  }
}

// Where what a tile reads over all summed positions would push its neighbour's out of the cache.
void Planner::planBlocks(const Reduction &r, Phase &phase) {
  const Tile &tile = phase.tile;
  if (!isa<ir::DotGeneralOp, ir::ConvolutionOp>(r.op) || r.chunks > 1 || tile.laneDim < 0)
    return;
  int64_t bytes = std::max<int64_t>(4, typeOf(r.result).getElementTypeBitWidth() / 8);
  int64_t laneBlock = tile.lanes * tile.vectors, rest = product(r.extents);
  int64_t deep = target.l2Bytes / 8 / (laneBlock * bytes); // half a megabyte of four tiles' lanes
  if (rest <= 4 * deep)
    return;
  Blocking blocking;
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
  blocking.sumsAt = scratch(laneTiles * rowTiles * tile.rows * laneBlock * bytes);
  phase.blocking = blocking;
  phase.tasks = (laneTiles + blocking.laneTiles - 1) / blocking.laneTiles *
                ((rowTiles + blocking.rowTiles - 1) / blocking.rowTiles);
}

void Planner::planReduction(Reduction r, ArrayRef<StoredValue> stores) {
  Type element = typeOf(r.op->getOperand(0)).getElementType();
  Phase phase;
  phase.kind = Phase::Reduce;
  phase.tile = chooseTile(r, element, target, packsTransposed(r.op));
  r.chunks = chooseChunks(r, phase.tile);
  if (std::optional<PaddedShape> padded = paddedInputShape(r.op, target)) {
    r.paddedAt = scratch(product(padded->sizes) * element.getIntOrFloatBitWidth() / 8);
    Phase pad;
    pad.kind = Phase::PadInput;
    pad.reductions.push_back(r);
    pad.stores.push_back({r.result, -1, r.paddedAt});
    pad.tasks = product(ArrayRef<int64_t>(padded->copySizes()).drop_back(2));
    result.phases.push_back(pad);
  }
  planPanels(r, phase.tile);
  phase.tasks = tileTasks(r, phase.tile);
  planBlocks(r, phase);
  phase.reductions.push_back(r);
  if (r.chunks == 1) {
    phase.stores.assign(stores.begin(), stores.end());
    result.phases.push_back(phase);
    return;
  }
  phase.stores.push_back({r.result, -1, scratch(r.chunks * bytesOf(r.result))});
  result.phases.push_back(phase);
  Phase combine = phase;
  combine.kind = Phase::Combine;
  combine.tile.rows = 1;
  combine.tile.rowDim = -1;
  if (combine.tile.laneDim < 0)
    combine.tile.lanes = 1;
  Reduction partial = r;
  partial.chunks = 1;
  combine.tasks = tileTasks(partial, combine.tile);
  combine.stores.append(stores.begin(),
                        stores.end()); // after the partial's own place, which it reads
  result.phases.push_back(combine);
}

void Planner::planReductions(ArrayRef<Reduction> reductions) {
  DenseSet<Value> stored;
  SmallVector<bool> done(yields.size(), false);
  for (auto [i, r] : llvm::enumerate(reductions)) {
    auto later = reductions.drop_front(i + 1);
    SmallVector<StoredValue> stores;
    for (auto [k, value] : llvm::enumerate(yields)) {
      bool waits =
          llvm::any_of(later, [&](const Reduction &next) { return dependsOn(value, next.result); });
      if (done[k] || waits || !dependsOn(value, r.result) ||
          shapeOf(value) != ArrayRef<int64_t>(r.kept) || !pointwiseFrom(value, r.result))
        continue;
      stores.push_back({value, (int64_t)k, -1});
      done[k] = true;
    }
    bool inResults =
        llvm::any_of(stores, [&](const StoredValue &s) { return s.value == r.result; });
    bool needed = llvm::any_of(
        later, [&](const Reduction &next) { return dependsOn(next.result, r.result); });
    for (auto [k, value] : llvm::enumerate(yields))
      needed |= !done[k] && dependsOn(value, r.result);
    if (needed && !inResults)
      stores.push_back({r.result, -1, scratch(bytesOf(r.result))});
    planReduction(r, stores);
  }
  Phase map;
  for (auto [k, value] : llvm::enumerate(yields))
    if (!done[k])
      map.stores.push_back({value, (int64_t)k, -1});
  if (map.stores.empty())
    return;
  map.tasks = 0;
  for (const MapGroup &group : mapGroups(map.stores, target))
    map.tasks += group.tasks;
  result.phases.push_back(map);
}

KernelPlan Planner::plan() {
  if (!checkOps() || !planScatter() || !result.phases.empty())
    return result;
  std::vector<Reduction> reductions;
  for (Operation &op : body.without_terminator())
    if (isReduction(&op) &&
        llvm::any_of(yields, [&](Value value) { return dependsOn(value, op.getResult(0)); }))
      reductions.push_back(describeReduction(&op));
  if (!planRow(reductions))
    planReductions(reductions);
  return result;
}

} // namespace

bool fluxion::codegen::featuresOutermost(Operation *op) {
  auto conv = cast<ir::ConvolutionOp>(op);
  return conv.getInputDims()[1] == 0 && conv.getKernelDims()[1] == 0;
}

bool Reduction::isArg() const { return isa<ir::ArgmaxOp, ir::ArgminOp>(op); }
ir::ReduceKind Reduction::kind() const {
  auto reduce = dyn_cast<ir::ReduceOp>(op);
  return reduce ? reduce.getKind() : ir::ReduceKind::Sum;
}

int64_t fluxion::codegen::lanesFor(Type element, const ir::TargetInfo &target) {
  int64_t bytes =
      std::max<int64_t>(4, element.getIntOrFloatBitWidth() / 8); // narrow types are computed wider
  return std::max<int64_t>(1, target.vectorBytes / bytes);
}

bool fluxion::codegen::isFlat(Value value) {
  DenseSet<Value> seen;
  SmallVector<Value> open{value};
  while (!open.empty()) {
    Value next = open.pop_back_val();
    Operation *op = next.getDefiningOp();
    if (!seen.insert(next).second || !op)
      continue;
    if (auto constant = dyn_cast<ir::ConstantOp>(op)) {
      if (!isa<SplatElementsAttr>(constant.getValue()))
        return false;
    } else if (isReduction(op)) {
      continue; // in memory by now
    } else if (auto reshape = dyn_cast<ir::ReshapeOp>(op);
               reshape && isa<BlockArgument>(reshape.getX())) {
      continue;
    } else if (ir::hasScalarBody(op)) {
      llvm::append_range(open, op->getOperands());
    } else if (auto broadcast = dyn_cast<ir::BroadcastInDimOp>(op);
               broadcast && shapeOf(broadcast.getX()).empty()) {
      open.push_back(broadcast.getX());
    } else if (!isa<ir::RandomBitsOp>(op)) {
      return false;
    }
  }
  return true;
}

SmallVector<SmallVector<StoredValue>> fluxion::codegen::groupByShape(ArrayRef<StoredValue> stores) {
  SmallVector<SmallVector<StoredValue>> groups;
  for (const StoredValue &store : stores) {
    auto group = llvm::find_if(groups, [&](auto &g) {
      return shapeOf(g[0].value) == shapeOf(store.value) &&
             isFlat(g[0].value) == isFlat(store.value);
    });
    if (group == groups.end())
      groups.push_back({store});
    else
      group->push_back(store);
  }
  return groups;
}

SmallVector<MapGroup> fluxion::codegen::mapGroups(ArrayRef<StoredValue> stores,
                                                  const ir::TargetInfo &target) {
  SmallVector<MapGroup> groups;
  for (auto &equal : groupByShape(stores)) {
    MapGroup group;
    group.stores = equal;
    group.flat = llvm::all_of(equal, [](const StoredValue &s) { return isFlat(s.value); });
    group.lanes = target.vectorBytes;
    for (const StoredValue &s : equal)
      group.lanes = std::min(group.lanes, lanesFor(typeOf(s.value).getElementType(), target));
    ArrayRef<int64_t> shape = shapeOf(equal[0].value);
    group.flat |= shape.size() <= 1;
    if (group.flat) {
      group.tasks = (product(shape) + flatTaskElements - 1) / flatTaskElements;
      groups.push_back(group);
      continue;
    }
    for (const StoredValue &s : equal)
      if (group.square < 0)
        group.square = squareDim(s.value, group.lanes);
    group.outer.assign(shape.begin(), shape.end() - (shape.size() == 2 ? 1 : 2));
    if (group.square >= 0 && group.square < (int64_t)group.outer.size())
      group.outer[group.square] =
          (shape[group.square] + group.squareStep() - 1) / group.squareStep();
    group.tasks = product(group.outer);
    groups.push_back(group);
  }
  return groups;
}

KernelPlan fluxion::codegen::planKernel(ir::KernelOp kernel, const ir::TargetInfo &target) {
  return Planner(kernel, target).plan();
}
