// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/fusion/Loops.h"

#include "ir/Shapes.h"
#include "ir/ops/Elementwise.h"
#include "ir/ops/Reduction.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;
using ir::shapeOf;

static SmallVector<int64_t> reducedDims(Operation *op) {
  if (auto reduce = dyn_cast<ir::ReduceOp>(op))
    return SmallVector<int64_t>(reduce.getDims());
  return {(int64_t)(isa<ir::ArgmaxOp>(op) ? cast<ir::ArgmaxOp>(op).getDim()
                                          : cast<ir::ArgminOp>(op).getDim())};
}

namespace {

class LoopCheck {
public:
  LoopCheck(const Groups &groups, ArrayRef<Operation *> ops)
      : groups(groups), ops(ops), inside(ops.begin(), ops.end()) {}

  std::optional<Loops> run() {
    if (!findShape())
      return std::nullopt;
    for (Operation *op : ops)
      if (!fits(op))
        return std::nullopt;
    return loops;
  }

private:
  const Groups &groups;
  ArrayRef<Operation *> ops;
  DenseSet<Operation *> inside;
  Loops loops;
  SmallVector<int64_t> rowShape; // the kept sizes
  DenseSet<Operation *> columns; // reductions over the rows

  bool findShape();
  bool findReductions();
  bool fits(Operation *op);
  // May the value be read at the index of a loop over `shape` by an op inside?
  bool readable(Value value, ArrayRef<int64_t> shape);
  bool made(Value value) const {
    return value.getDefiningOp() && inside.contains(value.getDefiningOp());
  }
};

static SmallVector<int64_t> keptDims(Operation *op) {
  SmallVector<int64_t> reduced = reducedDims(op), kept;
  for (int64_t dim = 0; dim < (int64_t)shapeOf(op->getOperand(0)).size(); ++dim)
    if (!llvm::is_contained(reduced, dim))
      kept.push_back(dim);
  return kept;
}

// Of two kinds of reductions, those that keep the leading dimensions make the rows.
bool LoopCheck::findReductions() {
  for (Operation *op : ops) {
    if (classify(op) != OpClass::Reduce)
      continue;
    ArrayRef<int64_t> shape = shapeOf(op->getOperand(0));
    SmallVector<int64_t> kept = keptDims(op);
    if (loops.reduces && ArrayRef<int64_t>(loops.shape) != shape)
      return false;
    bool leading = llvm::equal(kept, llvm::seq<int64_t>(0, kept.size()));
    if (!loops.reduces || (leading && loops.kept != kept && groups.columns))
      loops.kept = kept;
    loops.reduces = true;
    loops.shape.assign(shape.begin(), shape.end());
  }
  for (Operation *op : ops) {
    if (classify(op) != OpClass::Reduce || keptDims(op) == loops.kept)
      continue;
    SmallVector<int64_t> reduced = reducedDims(op);
    if (!groups.columns || !isa<ir::ReduceOp>(op) || loops.kept.empty() ||
        ArrayRef<int64_t>(reduced) != ArrayRef<int64_t>(loops.kept) ||
        !llvm::equal(loops.kept, llvm::seq<int64_t>(0, loops.kept.size())))
      return false;
    columns.insert(op);
  }
  return true;
}

bool LoopCheck::findShape() {
  if (!findReductions())
    return false;
  if (!loops.reduces) {
    int64_t most = -1;
    for (Operation *op : ops) {
      auto type = cast<RankedTensorType>(op->getResult(0).getType());
      if (type.getNumElements() > most) {
        most = type.getNumElements();
        loops.shape.assign(type.getShape().begin(), type.getShape().end());
      }
    }
    loops.kept.assign(llvm::seq<int64_t>(0, loops.shape.size()).begin(),
                      llvm::seq<int64_t>(0, loops.shape.size()).end());
  }
  for (int64_t dim : loops.kept)
    rowShape.push_back(loops.shape[dim]);
  return true;
}

bool LoopCheck::readable(Value value, ArrayRef<int64_t> shape) {
  Operation *def = value.getDefiningOp();
  if (!def)
    return true;
  if (inside.contains(def))
    return shapeOf(value) == shape && !columns.contains(def);
  if (!groups.isFree(def))
    return true;
  if (classify(def) == OpClass::Pointwise)
    return llvm::all_of(def->getOperands(),
                        [&](Value operand) { return readable(operand, shape); });
  auto broadcast = dyn_cast<ir::BroadcastInDimOp>(def);
  if (!broadcast)
    return true; // constants, iota, random bits know their element from any index
  Value source = broadcast.getX();
  if (!made(source)) {
    // A free source may itself read what is made here, which only a scalar may be.
    Operation *inner = source.getDefiningOp();
    return !inner || !groups.isFree(inner) ||
           llvm::all_of(groups.inputsOf({inner}),
                        [&](Value input) { return !made(input) || shapeOf(input).empty(); });
  }
  if (columns.contains(source.getDefiningOp()))
    return false;
  if (shapeOf(source).empty())
    return true;
  // A row's value repeats along the row.
  return shape == ArrayRef<int64_t>(loops.shape) &&
         shapeOf(source) == ArrayRef<int64_t>(rowShape) &&
         broadcast.getDims() == ArrayRef<int64_t>(loops.kept);
}

bool LoopCheck::fits(Operation *op) {
  ArrayRef<int64_t> shape = shapeOf(op->getResult(0));
  switch (classify(op)) {
  case OpClass::Reduce:
    return readable(op->getOperand(0), loops.shape);
  case OpClass::Pointwise:
  case OpClass::Source:
    break;
  case OpClass::Broadcast: // one that must be in memory
    return !made(op->getOperand(0)) &&
           (shape == ArrayRef<int64_t>(loops.shape) || shape == ArrayRef<int64_t>(rowShape));
  case OpClass::Remap:
    // Elements come from elsewhere: only of what already is in memory.
    return shape == ArrayRef<int64_t>(loops.shape) && llvm::all_of(op->getOperands(), [&](Value v) {
             return !made(v) && (!v.getDefiningOp() || !groups.isFree(v.getDefiningOp()) ||
                                 classify(v.getDefiningOp()) == OpClass::Constant);
           });
  default:
    return false;
  }
  if (shape != ArrayRef<int64_t>(loops.shape) && shape != ArrayRef<int64_t>(rowShape)) {
    // Every task may compute a scalar for itself, but none can store it for all.
    if (!shape.empty() || !groups.outputsOf(op, inside).empty())
      return false;
  }
  return llvm::all_of(op->getOperands(), [&](Value v) { return readable(v, shape); });
}

} // namespace

std::optional<Loops> fluxion::passes::sharedLoops(const Groups &groups, ArrayRef<Operation *> ops) {
  return LoopCheck(groups, ops).run();
}
