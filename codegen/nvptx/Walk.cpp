// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/Walk.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Control.h"
#include "ir/ops/Random.h"
#include "ir/ops/ScalarBody.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

using DimMap = SmallVector<int64_t>; // dimension of the space by a value's own; -1: none

class Walker {
public:
  explicit Walker(size_t rank) : rank(rank) {
    walk.joined.assign(rank, true);
    if (rank)
      walk.joined[0] = false;
  }
  void visit(Value value, const DimMap &dims);
  Walk walk;

private:
  size_t rank;
  std::set<std::pair<const void *, DimMap>> seen;

  void note(const DimMap &dims);
  void breakAt(int64_t dim);
  bool visitRemap(Operation *op, const DimMap &dims);
  template <typename Op> void visitWindow(Op op, const DimMap &dims);
};

// Memory that is read where these dimensions stand.
void Walker::note(const DimMap &dims) {
  auto placeOf = [&](int64_t dim) { return llvm::find(dims, dim) - dims.begin(); };
  int64_t none = dims.size();
  for (int64_t d = 1; d < (int64_t)rank; ++d) {
    int64_t before = placeOf(d - 1), at = placeOf(d);
    walk.joined[d] = walk.joined[d] && (at == none ? before == none : before + 1 == at);
  }
  if (int64_t last = placeOf((int64_t)rank - 1); rank && last != none)
    walk.inOrder &= last + 1 == none;
}

// Positions along a dimension are no longer counted in steps of one.
void Walker::breakAt(int64_t dim) {
  if (dim < 0)
    return;
  walk.joined[dim] = false;
  if (dim + 1 < (int64_t)rank)
    walk.joined[dim + 1] = false;
  else
    walk.inOrder = false;
}

template <typename Op> void Walker::visitWindow(Op op, const DimMap &dims) {
  for (auto [d, dim] : llvm::enumerate(dims))
    if (op.getWindow()[d] != 1 || op.getStrides()[d] != 1 || op.getPadding()[2 * d] ||
        op.getPadding()[2 * d + 1])
      breakAt(dim);
  for (Value operand : op->getOperands())
    visit(operand, dims);
}

// Ops whose elements come from other positions; false: which cannot be said.
bool Walker::visitRemap(Operation *op, const DimMap &dims) {
  walk.isPlain = false;
  if (auto transpose = dyn_cast<ir::TransposeOp>(op)) {
    DimMap from(dims);
    for (auto [to, dim] : llvm::enumerate(transpose.getPermutation()))
      from[dim] = dims[to];
    visit(transpose.getX(), from);
  } else if (auto slice = dyn_cast<ir::SliceOp>(op)) {
    for (auto [d, dim] : llvm::enumerate(dims))
      if (shapeOf(slice.getX())[d] != typeOf(slice->getResult(0)).getDimSize(d))
        breakAt(dim);
    visit(slice.getX(), dims);
  } else if (auto pad = dyn_cast<ir::PadOp>(op)) {
    for (auto [d, dim] : llvm::enumerate(dims))
      if (pad.getLow()[d] || pad.getHigh()[d] || pad.getInterior()[d])
        breakAt(dim);
    visit(pad.getX(), dims);
    visit(pad.getValue(), {});
  } else if (auto window = dyn_cast<ir::ReduceWindowOp>(op)) {
    visitWindow(window, dims);
  } else if (auto argmax = dyn_cast<ir::WindowArgmaxOp>(op)) {
    visitWindow(argmax, dims);
  } else if (auto gather = dyn_cast<ir::WindowGatherOp>(op)) {
    visitWindow(gather, dims);
  } else if (auto scatter = dyn_cast<ir::WindowScatterOp>(op)) {
    visitWindow(scatter, dims);
  } else {
    return false;
  }
  return true;
}

void Walker::visit(Value value, const DimMap &dims) {
  if (!seen.insert({value.getAsOpaquePointer(), dims}).second)
    return;
  Operation *op = value.getDefiningOp();
  walk.isPlain &= !isa_and_nonnull<ir::RandomBitsOp>(op);
  auto inMemory = [](Value v) { return !v.getDefiningOp() || isReduction(v.getDefiningOp()); };
  if (inMemory(value) || isa<ir::RandomBitsOp>(op) ||
      (isa<ir::ReshapeOp>(op) && inMemory(op->getOperand(0)))) {
    note(dims);
  } else if (auto constant = dyn_cast<ir::ConstantOp>(op)) {
    if (!isa<SplatElementsAttr>(constant.getValue()))
      note(dims);
  } else if (auto iota = dyn_cast<ir::IotaOp>(op)) {
    if (int64_t dim = dims[iota.getDim()]; dim >= 0) {
      bool inOrder = walk.inOrder;
      breakAt(dim);
      walk.inOrder = inOrder; // every lane counts for itself
    }
  } else if (auto broadcast = dyn_cast<ir::BroadcastInDimOp>(op)) {
    DimMap from;
    for (auto [i, dim] : llvm::enumerate(broadcast.getDims()))
      from.push_back(shapeOf(broadcast.getX())[i] == 1 ? -1 : dims[dim]);
    visit(broadcast.getX(), from);
  } else if (isa<ir::BarrierOp>(op)) {
    visit(op->getOperand(cast<OpResult>(value).getResultNumber()), dims);
  } else if (ir::hasScalarBody(op)) {
    for (Value operand : op->getOperands())
      visit(operand, shapeOf(operand).empty() ? DimMap() : dims);
  } else if (!visitRemap(op, dims)) {
    walk.joined.assign(rank, false);
    walk.inOrder = false;
  }
}

} // namespace

Walk fluxion::codegen::walkOf(ArrayRef<Value> values) {
  size_t rank = shapeOf(values[0]).size();
  Walker walker(rank);
  DimMap own = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  for (Value value : values)
    walker.visit(value, own);
  return walker.walk;
}

SmallVector<SmallVector<int64_t>> fluxion::codegen::runsOf(ArrayRef<int64_t> sizes,
                                                           ArrayRef<bool> joined) {
  SmallVector<SmallVector<int64_t>> runs;
  for (auto [d, size] : llvm::enumerate(sizes)) {
    if (runs.empty() || !joined[d])
      runs.emplace_back();
    runs.back().push_back(size);
  }
  return runs;
}
