// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which reductions make rows, and how many rows a task takes where others reduce over the rows.
#include "codegen/llvm/loops/Plan.h"

#include "codegen/common/Shapes.h"
#include "codegen/nvptx/GridPlan.h"
#include "ir/ops/ScalarBody.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// Dimensions that a plain reduction or argmax removes; none for other ops.
SmallVector<int64_t> reducedDims(Operation *op) {
  if (auto reduce = dyn_cast<ir::ReduceOp>(op))
    return SmallVector<int64_t>(reduce.getDims());
  if (auto argmax = dyn_cast<ir::ArgmaxOp>(op))
    return {(int64_t)argmax.getDim()};
  if (auto argmin = dyn_cast<ir::ArgminOp>(op))
    return {(int64_t)argmin.getDim()};
  return {};
}

class RowPlan {
public:
  RowPlan(ir::KernelOp kernel, const ir::TargetInfo &target)
      : body(kernel.getBody().front()), target(target) {}
  std::optional<Phase> plan(ArrayRef<Reduction> reductions);

private:
  Block &body;
  const ir::TargetInfo &target;
  Phase phase;
  ArrayRef<int64_t> rows;  // sizes
  DenseSet<Value> reduced; // the rows' own reductions
  DenseMap<Value, bool> known;

  void divide(ArrayRef<Reduction> reductions);
  bool reducesColumns(const Reduction &r) const;
  bool readsOwnRow(Value value);
  void chooseTasks();
  bool chooseBlocks();
};

// Reductions along the rows, and the others.
void RowPlan::divide(ArrayRef<Reduction> reductions) {
  for (const Reduction &r : reductions) {
    int64_t rank = shapeOf(r.op->getOperand(0)).size();
    SmallVector<int64_t> dims = reducedDims(r.op);
    bool trailing = !dims.empty() && llvm::equal(dims, llvm::seq<int64_t>(r.kept.size(), rank));
    (trailing ? phase.reductions : phase.columns).push_back(r);
  }
}

// Over the rows alone, into a result that nothing in the kernel reads. Partial results are kept in
// the result's type, so it must be that of the sums.
bool RowPlan::reducesColumns(const Reduction &r) const {
  Type element = typeOf(r.result).getElementType();
  return isa<ir::ReduceOp>(r.op) && !element.isBF16() && !element.isF16() && !rows.empty() &&
         r.extents == rows && r.kept == phase.reductions[0].extents &&
         llvm::equal(reducedDims(r.op), llvm::seq<int64_t>(0, rows.size())) &&
         llvm::all_of(r.op->getUsers(),
                      [&](Operation *user) { return user == body.getTerminator(); });
}

// Along the leading dimensions every value is read at the row's own position: reductions of a row
// may then stay in registers.
bool RowPlan::readsOwnRow(Value value) {
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
    fits = llvm::all_of(op->getOperands(), [&](Value operand) { return readsOwnRow(operand); });
  else if (auto broadcast = dyn_cast<ir::BroadcastInDimOp>(op)) {
    int64_t prefix = rows.size();
    fits = (int64_t)broadcast.getDims().size() >= prefix && readsOwnRow(broadcast.getX());
    for (int64_t d = 0; fits && d < prefix; ++d)
      fits = broadcast.getDims()[d] == d &&
             shapeOf(broadcast.getX())[d] == shapeOf(broadcast.getY())[d];
  } else
    fits = false;
  return known[value] = fits;
}

// Enough tasks to share out, each large beside its partial results. A row at a time: lines of
// several rows a power of two apart, with the next ones and the results, are more than the ways of
// a cache.
void RowPlan::chooseTasks() {
  constexpr int64_t mostTasks = 32, taskElements = 1 << 15;
  int64_t count = product(rows), elements = product(phase.reductions[0].extents);
  int64_t tasks = std::clamp<int64_t>(count * elements / taskElements, 1, mostTasks);
  phase.rowsPerTask = (count + tasks - 1) / tasks;
  phase.tasks = (count + phase.rowsPerTask - 1) / phase.rowsPerTask;
  for (Reduction &r : phase.columns)
    r.chunks = phase.tasks;
}

// The same for blocks of threads, which keep their parts in registers beside the row.
bool RowPlan::chooseBlocks() {
  RowGrid grid = rowGrid(phase, target);
  if (!grid.held)
    return false;
  phase.rowsPerTask = (grid.rows + grid.blocksOfRows - 1) / grid.blocksOfRows;
  phase.tasks = (grid.rows + phase.rowsPerTask - 1) / phase.rowsPerTask;
  for (Reduction &r : phase.columns)
    r.chunks = phase.tasks;
  return true;
}

std::optional<Phase> RowPlan::plan(ArrayRef<Reduction> reductions) {
  phase.kind = Phase::Row;
  divide(reductions);
  if (phase.reductions.empty())
    return std::nullopt;
  rows = phase.reductions[0].kept;
  DenseSet<Value> columns;
  for (const Reduction &r : phase.reductions) {
    if (r.kept != phase.reductions[0].kept)
      return std::nullopt;
    reduced.insert(r.result);
  }
  for (const Reduction &r : phase.columns) {
    if (!reducesColumns(r))
      return std::nullopt;
    columns.insert(r.result);
  }
  for (auto [i, value] : llvm::enumerate(body.getTerminator()->getOperands())) {
    if (columns.contains(value))
      continue;
    if (shapeOf(value).size() < rows.size() || shapeOf(value).take_front(rows.size()) != rows ||
        !readsOwnRow(value))
      return std::nullopt;
    phase.stores.push_back({value, (int64_t)i, -1});
  }
  for (const Reduction &r : reductions)
    if (!readsOwnRow(r.op->getOperand(0)))
      return std::nullopt;
  // Few long rows are better split inside.
  if (product(rows) < 16 && product(phase.reductions[0].extents) > (1 << 14))
    return std::nullopt;
  phase.tile.lanes =
      lanesFor(typeOf(phase.reductions[0].op->getOperand(0)).getElementType(), target);
  phase.tasks = product(rows);
  if (!phase.columns.empty() && !target.isGpu())
    chooseTasks();
  else if (!phase.columns.empty() && !chooseBlocks())
    return std::nullopt;
  return phase;
}

} // namespace

std::optional<Phase> fluxion::codegen::rowPhase(ir::KernelOp kernel, ArrayRef<Reduction> reductions,
                                                const ir::TargetInfo &target) {
  return RowPlan(kernel, target).plan(reductions);
}
