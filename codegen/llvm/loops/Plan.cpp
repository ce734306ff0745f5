// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/loops/Plan.h"

#include "codegen/common/Shapes.h"
#include "codegen/llvm/loops/Puller.h"
#include "codegen/nvptx/GridPlan.h"
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

int64_t bytesOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.getNumElements() * ((type.getElementTypeBitWidth() + 7) / 8);
}
// Of all chunks.
int64_t partialBytes(const Reduction &r) {
  return r.chunks * product(r.kept) * ((r.partialElement().getIntOrFloatBitWidth() + 7) / 8);
}

// Reached from `target` by pointwise ops alone, so that one element needs the same element of it.
bool pointwiseFrom(Value value, Value target) {
  DenseSet<Value> seen;
  SmallVector<Value> open{value};
  while (!open.empty()) {
    Value next = open.pop_back_val();
    if (next == target || !seen.insert(next).second || !dependsOn(next, target))
      continue;
    Operation *op = next.getDefiningOp();
    if (!ir::hasScalarBody(op))
      return false;
    llvm::append_range(open, op->getOperands());
  }
  return true;
}

class Planner {
public:
  Planner(ir::KernelOp kernel, const ir::TargetInfo &target)
      : kernel(kernel), target(target), body(kernel.getBody().front()), keys(kernel) {
    yields = llvm::to_vector(body.getTerminator()->getOperands());
  }
  KernelPlan plan();

private:
  ir::KernelOp kernel;
  const ir::TargetInfo &target;
  Block &body;
  SmallVector<Value> yields;
  KernelPlan result;
  ScheduleKeys keys;
  bool oneContraction = false; // the keys are its

  void planPhases();
  bool checkOps();
  bool planRow(ArrayRef<Reduction> reductions);
  void planCombine(Phase phase, std::vector<Reduction> group, ArrayRef<StoredValue> partials,
                   ArrayRef<StoredValue> stores);
  bool planScatter();
  void planReductions(ArrayRef<Reduction> reductions);
  std::vector<std::vector<Reduction>> sweeps(ArrayRef<Reduction> reductions);
  SmallVector<StoredValue> storesOf(const Reduction &r, ArrayRef<Reduction> later,
                                    SmallVectorImpl<bool> &done, ValueRange beside = {});
  bool findsColumns(const Reduction &r, ArrayRef<Reduction> sums);
  void addColumns(std::vector<Reduction> sums, ArrayRef<StoredValue> stores);
  void planSweep(std::vector<Reduction> group, ArrayRef<SmallVector<StoredValue>> stores);
  ScheduleKeys *keysOf(const Reduction &r) {
    return oneContraction && isContraction(r.op) ? &keys : nullptr;
  }
  void planPanels(Reduction &r, Phase &phase, bool packsRight);
  void planBlocks(const Reduction &r, Phase &phase, bool packsRight);
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

// Rows, and reductions over them whose parts are combined in phases of their own.
bool Planner::planRow(ArrayRef<Reduction> reductions) {
  std::optional<Phase> row = rowPhase(kernel, reductions, target);
  if (!row)
    return false;
  for (const Reduction &r : row->columns)
    row->partials.push_back({r.result, -1, scratch(partialBytes(r))});
  result.phases.push_back(*row);
  if (row->columns.empty())
    return true;
  const Reduction &first = row->columns[0];
  Phase combine;
  combine.tile = chooseTile(first, typeOf(first.result).getElementType(), target, false, nullptr);
  SmallVector<StoredValue> stores;
  for (auto [i, value] : llvm::enumerate(yields))
    if (llvm::any_of(row->columns, [&](const Reduction &r) { return r.result == value; }))
      stores.push_back({value, (int64_t)i, -1});
  planCombine(combine, row->columns, row->partials, stores);
  return true;
}

// The partial results of the chunks of a sweep, added in order; `phase` has a tile.
void Planner::planCombine(Phase phase, std::vector<Reduction> group, ArrayRef<StoredValue> partials,
                          ArrayRef<StoredValue> stores) {
  phase.kind = Phase::Combine;
  phase.reductions = std::move(group);
  phase.partials.assign(partials.begin(), partials.end());
  phase.stores.assign(stores.begin(), stores.end());
  for (Reduction &r : phase.reductions)
    r.skipsBorder = false; // no input is read
  phase.tile.rows = phase.tile.taps = 1;
  phase.tile.rowDim = phase.tile.tapDim = -1;
  if (phase.tile.laneDim < 0)
    phase.tile.lanes = 1;
  Reduction whole = phase.reductions[0];
  whole.chunks = 1;
  if (!target.isGpu())
    phase.tasks = tileTasks(whole, phase.tile);
  result.phases.push_back(phase);
}

void Planner::planPanels(Reduction &r, Phase &phase, bool packsRight) {
  const Tile &tile = phase.tile;
  choosePanels(r, tile, packsRight, phase.blocking.depth > 0, target, keysOf(r));
  int64_t bytes = typeOf(r.op->getOperand(0)).getElementTypeBitWidth() / 8;
  for (std::optional<Panels> *side : {&r.lhs, &r.rhs}) {
    if (!*side)
      continue;
    Panels &panels = **side;
    if (panels.perTask) {
      phase.tasks = panels.panelTasks();
      panels.at = scratch(panels.panelTasks() * panels.taskElements() * bytes);
      continue;
    }
    panels.at = scratch(panels.batches * panels.panels() * panels.depth * panels.width * bytes);
    Phase pack;
    pack.kind = Phase::Pack;
    pack.tile = tile;
    pack.reductions.push_back(r);
    (side == &r.lhs ? pack.reductions[0].rhs : pack.reductions[0].lhs).reset();
    pack.stores.push_back({r.result, -1, panels.at});
    pack.tasks = panels.tasks(tile.lanes);
    result.phases.push_back(pack);
  }
}

void Planner::planBlocks(const Reduction &r, Phase &phase, bool packsRight) {
  const Tile &tile = phase.tile;
  phase.blocking = chooseBlocking(r, tile, packsRight, target, keysOf(r));
  if (!phase.blocking.depth)
    return;
  int64_t bytes = std::max<int64_t>(4, typeOf(r.result).getElementTypeBitWidth() / 8);
  int64_t laneTiles = ceilDiv(r.kept[tile.laneDim], tile.lanes * tile.vectors);
  int64_t rowTiles = tileTasks(r, tile) / laneTiles;
  phase.blocking.sumsAt = scratch(laneTiles * rowTiles * tile.accumulators() * tile.lanes * bytes);
  phase.tasks =
      ceilDiv(laneTiles, phase.blocking.laneTiles) * ceilDiv(rowTiles, phase.blocking.rowTiles);
}

// Reductions over the same positions in one pass; `stores` of each.
void Planner::planSweep(std::vector<Reduction> group, ArrayRef<SmallVector<StoredValue>> stores) {
  Reduction &first = group[0];
  if (auto conv = dyn_cast<ir::ConvolutionOp>(first.op)) {
    first.phases = phasesOf(conv, target);
    for (auto [d, count] : llvm::enumerate(first.phases))
      first.kept[conv.getOutputDims()[d + 2]] /= count;
  }
  Type element = typeOf(first.op->getOperand(0)).getElementType();
  Phase phase;
  phase.kind = Phase::Reduce;
  bool isGpu = target.isGpu(); // blocks of threads instead of register tiles: codegen/nvptx
  ScheduleKeys *own = keysOf(first);
  bool right = !isGpu && packsRight(first, target, own);
  if (!isGpu)
    phase.tile = chooseTile(first, element, target, right, own);
  if (isGpu) {
    GridParts parts = gridParts(first, target, own);
    first.chunks = parts.chunks, first.streamedBytes = parts.streamedBytes;
  } else {
    first.chunks = chooseChunks(first, phase.tile, target, own);
  }
  if (own && !isGpu && phase.tile.laneDim >= 0)
    first.unroll = chooseUnroll(first, phase.tile, own);
  if (!isGpu) {
    phase.tile.lanesOutermost = walksLanesOutermost(first, target);
    phase.tasks = tileTasks(first, phase.tile);
    planBlocks(first, phase, right);
  }
  std::optional<PaddedShape> padded = isGpu ? std::nullopt : paddedInputShape(first.op, target);
  first.skipsBorder = padded && skipsBorder(first, phase.tile, phase.blocking);
  if (padded && !first.skipsBorder) {
    first.paddedAt = scratch(product(padded->sizes) * element.getIntOrFloatBitWidth() / 8);
    Phase pad;
    pad.kind = Phase::PadInput;
    pad.reductions.push_back(first);
    pad.stores.push_back({first.result, -1, first.paddedAt});
    pad.tasks = product(ArrayRef<int64_t>(padded->copySizes()).drop_back(2));
    result.phases.push_back(pad);
  }
  if (!isGpu)
    planPanels(first, phase, right);
  for (Reduction &r : group)
    r.chunks = first.chunks;
  phase.reductions = group;
  SmallVector<StoredValue> all, partials;
  for (auto &list : stores)
    all.append(list.begin(), list.end());
  if (first.streamedBytes)
    phase.partials.push_back({first.result, -1, scratch(first.streamedBytes)});
  else if (first.chunks > 1)
    for (const Reduction &r : group)
      partials.push_back({r.result, -1, scratch(partialBytes(r))});
  phase.stores = partials.empty() ? all : partials;
  result.phases.push_back(phase);
  partials.append(phase.partials);
  if (!partials.empty())
    planCombine(phase, group, partials, all);
}

// What memory of the reduction's own size its terms are computed from.
DenseSet<Value> readsOf(Value value, int64_t elements) {
  DenseSet<Value> reads, seen;
  SmallVector<Value> open{value};
  while (!open.empty()) {
    Value next = open.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    Operation *op = next.getDefiningOp();
    if (op && !isReduction(op))
      llvm::append_range(open, op->getOperands());
    else if (typeOf(next).getNumElements() == elements)
      reads.insert(next);
  }
  return reads;
}
bool readInCommon(const Reduction &a, const Reduction &b) {
  int64_t elements = typeOf(a.op->getOperand(0)).getNumElements();
  DenseSet<Value> ofA = readsOf(a.op->getOperand(0), elements),
                  ofB = readsOf(b.op->getOperand(0), elements);
  return llvm::any_of(ofA, [&](Value read) { return ofB.contains(read); });
}

// Plain reductions over the same positions, none of which needs another, share a pass over what
// they read in common.
std::vector<std::vector<Reduction>> Planner::sweeps(ArrayRef<Reduction> reductions) {
  std::vector<std::vector<Reduction>> groups;
  SmallVector<bool> placed(reductions.size(), false);
  auto operandType = [](const Reduction &r) { return typeOf(r.op->getOperand(0)); };
  for (auto [i, first] : llvm::enumerate(reductions)) {
    if (placed[i])
      continue;
    groups.push_back({first});
    placed[i] = true;
    auto reduce = dyn_cast<ir::ReduceOp>(first.op);
    for (size_t j = i + 1; reduce && target.isGpu() && j < reductions.size(); ++j)
      if (!placed[j] && isSpreadAround(reductions[j], first)) {
        groups.back()[0].moment = Reduction::Mean;
        groups.back().push_back(reductions[j]);
        groups.back()[1].moment = Reduction::Spread;
        placed[j] = true;
        break;
      }
    for (size_t j = i + 1; reduce && j < reductions.size() && groups.back().size() < 3; ++j) {
      auto other = dyn_cast<ir::ReduceOp>(reductions[j].op);
      bool joins = !placed[j] && other && other.getDims() == reduce.getDims() &&
                   operandType(first) == operandType(reductions[j]) &&
                   readInCommon(first, reductions[j]);
      for (size_t k = i; joins && k < j; ++k) // all that is before it and not done by then
        joins = (placed[k] && !llvm::any_of(groups.back(),
                                            [&](const Reduction &r) {
                                              return r.result == reductions[k].result;
                                            })) ||
                !dependsOn(reductions[j].result, reductions[k].result);
      if (joins) {
        groups.back().push_back(reductions[j]);
        placed[j] = true;
      }
    }
  }
  return groups;
}

void Planner::planReductions(ArrayRef<Reduction> unordered) {
  std::vector<std::vector<Reduction>> groups = sweeps(unordered);
  std::vector<Reduction> reductions;
  for (auto &group : groups)
    reductions.insert(reductions.end(), group.begin(), group.end());
  SmallVector<bool> done(yields.size(), false);
  size_t next = 0;
  auto storesOfAll = [&](ArrayRef<Reduction> group, ValueRange beside = {}) {
    SmallVector<SmallVector<StoredValue>> stores;
    for (const Reduction &r : group)
      stores.push_back(
          storesOf(r, ArrayRef<Reduction>(reductions).drop_front(++next), done, beside));
    return stores;
  };
  if (groups.size() == 2 && groups[0].size() == 1 && findsColumns(groups[0][0], groups[1])) {
    SmallVector<Value> sums;
    for (const Reduction &sum : groups[1])
      sums.push_back(sum.result);
    planSweep(groups[0], storesOfAll(groups[0], sums));
    SmallVector<StoredValue> stores;
    for (auto &list : storesOfAll(groups[1]))
      stores.append(list.begin(), list.end());
    addColumns(groups[1], stores);
  } else {
    for (auto &group : groups)
      planSweep(group, storesOfAll(group));
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

// Can the contraction's tiles find all these sums over its results?
bool Planner::findsColumns(const Reduction &r, ArrayRef<Reduction> sums) {
  if (!target.isGpu() || sums.size() > mostColumnSums)
    return false;
  return llvm::all_of(sums, [&](const Reduction &sum) {
    return sum.moment == Reduction::Alone && pointwiseFrom(sum.op->getOperand(0), r.result) &&
           columnParts(r, sum.op, target, keysOf(r)) > 0;
  });
}

void Planner::addColumns(std::vector<Reduction> sums, ArrayRef<StoredValue> stores) {
  Phase &tiles = result.phases.back();
  for (Reduction &sum : sums) {
    sum.chunks = columnParts(tiles.reductions[0], sum.op, target, keysOf(tiles.reductions[0]));
    tiles.columns.push_back(sum);
    tiles.partials.push_back({sum.result, -1, scratch(partialBytes(sum))});
  }
  SmallVector<StoredValue> partials(tiles.partials);
  planCombine({}, std::move(sums), partials, stores);
}

// Results that are complete with this reduction, element by element, and its own where something
// reads it later; reductions into `beside` are found with it and read nothing.
SmallVector<StoredValue> Planner::storesOf(const Reduction &r, ArrayRef<Reduction> later,
                                           SmallVectorImpl<bool> &done, ValueRange beside) {
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
  bool inResults = llvm::any_of(stores, [&](const StoredValue &s) { return s.value == r.result; });
  bool needed = llvm::any_of(
      later, [&](const Reduction &next) { return dependsOn(next.result, r.result, beside); });
  for (auto [k, value] : llvm::enumerate(yields))
    needed |= !done[k] && dependsOn(value, r.result, beside);
  if (needed && !inResults)
    stores.push_back({r.result, -1, scratch(bytesOf(r.result))});
  return stores;
}

KernelPlan Planner::plan() {
  planPhases();
  keys.finish();
  result.schedule = keys.decided(target.isGpu() ? "simt" : "llvm-loops");
  result.scheduleRefusal = keys.refusal();
  return result;
}

void Planner::planPhases() {
  if (!checkOps() || !planScatter() || !result.phases.empty())
    return;
  std::vector<Reduction> reductions;
  for (Operation &op : body.without_terminator())
    if (isReduction(&op) &&
        llvm::any_of(yields, [&](Value value) { return dependsOn(value, op.getResult(0)); }))
      reductions.push_back(describeReduction(&op, target));
  oneContraction =
      llvm::count_if(reductions, [](const Reduction &r) { return isContraction(r.op); }) == 1;
  if (!planRow(reductions))
    planReductions(reductions);
}

} // namespace

static bool dependsOn(Value value, Value target, DenseMap<Value, bool> &known) {
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
bool fluxion::codegen::dependsOn(Value value, Value target, ValueRange notThrough) {
  DenseMap<Value, bool> known;
  for (Value end : notThrough)
    known[end] = false;
  return ::dependsOn(value, target, known);
}

bool fluxion::codegen::featuresOutermost(Operation *op) {
  auto conv = cast<ir::ConvolutionOp>(op);
  return conv.getInputDims()[1] == 0 && conv.getKernelDims()[1] == 0;
}

Reduction fluxion::codegen::describeReduction(Operation *op, const ir::TargetInfo &target) {
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
    // Taps that share what they read are innermost yet.
    int64_t features = shapeOf(conv.getKernel())[conv.getKernelDims()[1]];
    r.featureExtent = featuresOutermost(op)        ? 0
                      : sharedTaps(op, target) > 1 ? conv.spatialRank() - 1
                                                   : conv.spatialRank();
    r.extents.insert(r.extents.begin() + r.featureExtent, features);
  } else {
    int64_t dim =
        isa<ir::ArgmaxOp>(op) ? cast<ir::ArgmaxOp>(op).getDim() : cast<ir::ArgminOp>(op).getDim();
    r.extents.push_back(shapeOf(op->getOperand(0))[dim]);
  }
  return r;
}

bool Reduction::isArg() const { return isa<ir::ArgmaxOp, ir::ArgminOp>(op); }
ir::ReduceKind Reduction::kind() const {
  auto reduce = dyn_cast<ir::ReduceOp>(op);
  return reduce ? reduce.getKind() : ir::ReduceKind::Sum;
}
mlir::Type Reduction::partialElement() const {
  Type element = cast<RankedTensorType>(result.getType()).getElementType();
  bool isHalf = element.isBF16() || element.isF16();
  return isHalf && !isArg() ? Float32Type::get(element.getContext()) : element;
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
    auto group =
        llvm::find_if(groups, [&](auto &g) { return shapeOf(g[0].value) == shapeOf(store.value); });
    if (group == groups.end())
      groups.push_back({store});
    else
      group->push_back(store);
  }
  return groups;
}

std::vector<MapGroup> fluxion::codegen::mapGroups(ArrayRef<StoredValue> stores,
                                                  const ir::TargetInfo &target) {
  std::vector<MapGroup> groups;
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
      if (!group.turns())
        group.squares = squaresOf(s.value, group.lanes);
    // Without squares, the last two dimensions are loops of a task.
    int64_t rank = shape.size(), inTask = rank == 2 ? 1 : 2;
    for (int64_t d = 0; d < rank; ++d)
      if (group.turns()
              ? d != group.squares.laneDim && !llvm::is_contained(group.squares.lineDims, d)
              : d + inTask < rank) {
        group.outer.push_back(d);
        group.outerSizes.push_back(shape[d]);
      }
    group.tasks = product(group.outerSizes);
    if (group.turns())
      group.tasks *= ceilDiv(group.lines(), group.lineStep());
    groups.push_back(group);
  }
  return groups;
}

int64_t MapGroup::lines() const {
  int64_t count = 1;
  for (int64_t d : squares.lineDims)
    count *= shapeOf(stores[0].value)[d];
  return count;
}

KernelPlan fluxion::codegen::planKernel(ir::KernelOp kernel, const ir::TargetInfo &target) {
  return Planner(kernel, target).plan();
}
