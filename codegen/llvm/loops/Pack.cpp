// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A contraction's side copied into panels: what a register tile reads step after step then lies
// together. An operand summed along its last dimension is transposed in registers on the way.
#include "codegen/llvm/loops/PhaseEmitter.h"

#include "ir/ops/Contraction.h"
#include "ir/ops/Convolution.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {
ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}
} // namespace

std::optional<Panels> fluxion::codegen::panelsOf(Operation *op, int64_t operand) {
  auto dot = dyn_cast<ir::DotGeneralOp>(op);
  if (!dot)
    return std::nullopt;
  auto summed = operand ? dot.getRhsContracting() : dot.getLhsContracting();
  auto batch = operand ? dot.getRhsBatching() : dot.getLhsBatching();
  ArrayRef<int64_t> shape = shapeOf(dot->getOperand(operand));
  if (summed.size() != 1 || shape.size() != batch.size() + 2)
    return std::nullopt;
  Panels side;
  side.operand = operand;
  side.batch.assign(batch.begin(), batch.end());
  side.summed = summed[0];
  for (int64_t d = 0; d < (int64_t)shape.size(); ++d)
    if (d != side.summed && !llvm::is_contained(batch, d))
      side.free = d;
  side.columns = shape[side.free], side.depth = shape[side.summed];
  for (int64_t d : batch)
    side.batches *= shape[d];
  // The innermost dimension is one of the two, or loads are no vectors anyway.
  if (std::max(side.free, side.summed) != (int64_t)shape.size() - 1)
    return std::nullopt;
  return side;
}

std::optional<Panels> fluxion::codegen::kernelPanelsOf(const Reduction &r) {
  auto conv = dyn_cast<ir::ConvolutionOp>(r.op);
  if (!conv || conv.getFeatureGroupCount() > 1 || conv.getBatchGroupCount() > 1)
    return std::nullopt;
  ArrayRef<int64_t> shape = shapeOf(conv.getKernel()), dims = conv.getKernelDims();
  Panels side;
  side.operand = 1;
  side.free = dims[0], side.columns = shape[side.free];
  int64_t rank = shape.size();
  if (side.free != rank - 1 || conv.getOutputDims()[1] != rank - 1 || side.columns < 2)
    return std::nullopt;
  side.outerSummed.assign(dims.begin() + 2, dims.end());
  side.outerSummed.insert(side.outerSummed.begin() + r.featureExtent, dims[1]);
  side.depth = 1;
  for (int64_t d : side.outerSummed)
    side.depth *= shape[d];
  side.summed = side.outerSummed.pop_back_val();
  side.slices = side.outerSummed.empty() ? 1 : shape[side.outerSummed[0]];
  return side;
}

bool fluxion::codegen::packsTransposed(Operation *op) {
  std::optional<Panels> right = panelsOf(op, 1), left = panelsOf(op, 0);
  // With enough rows on the other side to pay for the copy.
  return right && left && right->transposes() && right->columns >= 2 && left->columns >= 4;
}

// A transposing task takes as many columns as a vector has lanes; otherwise whole panels, enough of
// them to use whole cache lines.
int64_t Panels::taskColumns(int64_t lanes) const {
  if (transposes())
    return std::min(lanes, width);
  return width >= 2 * lanes ? width : width * ((4 * lanes + width - 1) / width);
}

int64_t Panels::tasks(int64_t lanes) const {
  int64_t step = taskColumns(lanes);
  return batches * slices * ((columns + step - 1) / step);
}

AffineExpr PhaseEmitter::inPanels(const Panels &side, const Index &index, AffineExpr panel) {
  ArrayRef<int64_t> shape = shapeOf(phase.reductions[0].op->getOperand(side.operand));
  AffineExpr batch = access.constant(0);
  for (int64_t d : side.batch)
    batch = batch * shape[d] + index[d];
  AffineExpr column = index[side.free] - panel * side.width, depth = access.constant(0);
  for (int64_t d : side.outerSummed)
    depth = depth * shape[d] + index[d];
  depth = depth * shape[side.summed] + index[side.summed];
  return ((batch * side.panels() + panel) * side.depth + depth) * side.width + column;
}

// Up to a vector of columns, all depths: squares that are transposed.
void PhaseEmitter::packStrip(const Panels &side, Index index, Value strip, int64_t columns) {
  Value operand = phase.reductions[0].op->getOperand(side.operand);
  Type element = cast<RankedTensorType>(operand.getType()).getElementType();
  int64_t lanes = phase.tile.lanes, step = side.taskColumns(lanes);
  Value copy = addressOf(phase.stores[0]);
  AffineExpr column = access.dimension(arith::MulIOp::create(b, loc, strip, number(step)));
  AffineExpr panel = access.dimension(
      arith::DivUIOp::create(b, loc, strip, number(std::max<int64_t>(1, side.width / step))));
  auto square = [&](Value k, int64_t depth) {
    AffineExpr kDim = access.dimension(k);
    access.setLanes(lanes, kDim, depth);
    SmallVector<Value> rows;
    index[side.summed] = kDim;
    for (int64_t c = 0; c < lanes; ++c) {
      index[side.free] = column + c;
      rows.push_back(c < columns ? puller.pull(operand, index) : access.emit.integer(0, element));
    }
    rows = transposeInRegisters(b, loc, rows);
    access.setLanes(lanes, column, step); // what a panel has beyond the columns is zero
    index[side.free] = column;
    for (int64_t i = 0; i < depth; ++i) {
      index[side.summed] = kDim + i;
      access.store(copy, element, inPanels(side, index, panel), rows[i]);
    }
    access.setScalar();
  };
  int64_t whole = side.depth / lanes * lanes;
  if (whole > 0)
    loop(number(0), number(whole), lanes, [&](Value k) { square(k, lanes); });
  if (whole < side.depth) {
    puller.newScope();
    square(number(whole), side.depth - whole);
  }
}

// A group of panels whose columns lie together in the operand's rows.
void PhaseEmitter::packRows(const Panels &side, Index index, Value group, int64_t columns) {
  Value operand = phase.reductions[0].op->getOperand(side.operand);
  Type element = cast<RankedTensorType>(operand.getType()).getElementType();
  int64_t lanes = phase.tile.lanes, step = side.taskColumns(lanes);
  Value copy = addressOf(phase.stores[0]);
  AffineExpr column = access.dimension(arith::MulIOp::create(b, loc, group, number(step)));
  AffineExpr first =
      access.dimension(arith::MulIOp::create(b, loc, group, number(step / side.width)));
  ArrayRef<int64_t> shape = cast<RankedTensorType>(operand.getType()).getShape();
  auto row = [&](Value k) {
    index[side.summed] = access.dimension(k);
    for (int64_t c = 0; c < columns;) {
      int64_t inPanel = side.width - c % side.width;
      int64_t active = std::min({lanes, inPanel, columns - c});
      access.setLanes(lanes, column, active);
      index[side.free] = column + c;
      access.store(copy, element, inPanels(side, index, first + c / side.width),
                   puller.pull(operand, index));
      c += active;
    }
    access.setScalar();
  };
  // The outermost of several summed dimensions is where the task stands.
  auto rows = [&](auto &self, size_t d) -> void {
    if (d >= side.outerSummed.size())
      return loop(number(0), number(shape[side.summed]), 1, row);
    int64_t dim = side.outerSummed[d];
    loop(number(0), number(shape[dim]), 1, [&](Value at) {
      index[dim] = access.dimension(at);
      self(self, d + 1);
    });
  };
  rows(rows, 1);
}

// Tasks count (batch, slice, strip or group of columns).
void PhaseEmitter::emitPack() {
  const Panels &side = phase.panels();
  ArrayRef<int64_t> shape = shapeOf(phase.reductions[0].op->getOperand(side.operand));
  int64_t step = side.taskColumns(phase.tile.lanes);
  SmallVector<int64_t> counts;
  for (int64_t d : side.batch)
    counts.push_back(shape[d]);
  counts.push_back(side.slices);
  int64_t strips = (side.columns + step - 1) / step, rest = side.columns % step;
  counts.push_back(strips);
  auto emitPart = [&](Value task, int64_t columns) {
    puller.newScope();
    Values at = decode(task, counts);
    Index index(shape.size());
    for (auto [i, d] : llvm::enumerate(side.batch))
      index[d] = access.dimension(at[i]);
    if (!side.outerSummed.empty())
      index[side.outerSummed[0]] = access.dimension(at[side.batch.size()]);
    if (side.transposes())
      packStrip(side, index, at.back(), columns);
    else
      packRows(side, index, at.back(), columns);
  };
  loop(begin(), end(), 1, [&](Value task) {
    if (!rest || strips == 1)
      return emitPart(task, rest ? rest : step);
    Value strip = arith::RemUIOp::create(b, loc, task, number(strips));
    Value isLast =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, strip, number(strips - 1));
    auto branch = [&](int64_t columns) {
      return [&, columns](OpBuilder &, Location) {
        emitPart(task, columns);
        scf::YieldOp::create(b, loc);
      };
    };
    scf::IfOp::create(b, loc, isLast, branch(rest), branch(step));
  });
}
