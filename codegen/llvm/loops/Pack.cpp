// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A contraction's side copied into panels: what a register tile reads step after step then lies
// together. An operand summed along its last dimension is transposed in registers on the way.
#include "codegen/llvm/loops/PhaseEmitter.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Contraction.h"
#include "ir/ops/Convolution.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

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

bool fluxion::codegen::lanesAlongSum(Operation *op, const ir::TargetInfo &target) {
  std::optional<Panels> right = panelsOf(op, 1), left = panelsOf(op, 0);
  if (!right || !left || !right->transposes() || !left->transposes())
    return false;
  Type element = cast<RankedTensorType>(op->getOperand(0).getType()).getElementType();
  int64_t most = target.vectorRegisters >= 32 ? 12 : 6;
  return right->columns > 1 && right->columns <= most && left->columns >= 4 &&
         right->depth >= 16 * lanesFor(element, target);
}

// A transposing task takes as many columns as a vector has lanes; otherwise whole panels, enough of
// them to use whole cache lines.
int64_t Panels::taskColumns(int64_t lanes) const {
  if (transposes())
    return std::min(lanes, width);
  return perTask || width >= 2 * lanes ? width : width * ((4 * lanes + width - 1) / width);
}

Value PhaseEmitter::panelMemory(const Reduction &r, const Panels &side) {
  return side.perTask ? localPanel : addressOf({r.result, -1, side.at});
}

int64_t Panels::tasks(int64_t lanes) const {
  int64_t step = taskColumns(lanes);
  return batches * slices * ((columns + step - 1) / step);
}

AffineExpr PhaseEmitter::inPanels(const Panels &side, const Index &index, AffineExpr panel) {
  if (side.perTask)
    return index[side.summed] * side.width + (index[side.free] - panel * side.width);
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
  Value copy = panelMemory(phase.reductions[0], side);
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
  Value copy = panelMemory(phase.reductions[0], side);
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

// The strip or group at a place; the last may have fewer columns.
void PhaseEmitter::packColumns(const Panels &side, const Index &index, Value at) {
  int64_t step = side.taskColumns(phase.tile.lanes);
  int64_t strips = (side.columns + step - 1) / step, rest = side.columns % step;
  auto pack = [&](int64_t columns) {
    puller.newScope();
    if (side.transposes())
      packStrip(side, index, at, columns);
    else
      packRows(side, index, at, columns);
  };
  if (!rest || strips == 1)
    return pack(rest ? rest : step);
  Value isLast = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, at, number(strips - 1));
  auto branch = [&](int64_t columns) {
    return [&, columns](OpBuilder &, Location) {
      pack(columns);
      scf::YieldOp::create(b, loc);
    };
  };
  scf::IfOp::create(b, loc, isLast, branch(rest), branch(step));
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
  counts.push_back((side.columns + step - 1) / step);
  loop(begin(), end(), 1, [&](Value task) {
    Values at = decode(task, counts);
    Index index(shape.size());
    for (auto [i, d] : llvm::enumerate(side.batch))
      index[d] = access.dimension(at[i]);
    if (!side.outerSummed.empty())
      index[side.outerSummed[0]] = access.dimension(at[side.batch.size()]);
    packColumns(side, index, at.back());
  });
}

// The panel at (batch, panel) into the task's own memory.
void PhaseEmitter::packPanel(const Panels &side, ArrayRef<Value> at) {
  Index index(side.batch.size() + 2);
  for (auto [i, d] : llvm::enumerate(side.batch))
    index[d] = access.dimension(at[i]);
  int64_t step = side.taskColumns(phase.tile.lanes), strips = side.width / step;
  Value from = arith::MulIOp::create(b, loc, at.back(), number(strips));
  Value to = arith::AddIOp::create(b, loc, from, number(strips));
  to = arith::MinUIOp::create(b, loc, to, number((side.columns + step - 1) / step));
  loop(from, to, 1, [&](Value strip) { packColumns(side, index, strip); });
}

// Tasks count groups of panels of the right side. Each panel is copied, then read by the tiles of
// all rows, which meanwhile copy the next one or, where it is transposed on the way, ask for it.
void PhaseEmitter::emitPanelTasks(const Reduction &r) {
  const Panels &side = *r.rhs;
  SmallVector<int64_t> counts(ArrayRef<int64_t>(r.kept).drop_back(2));
  counts.push_back(side.panels());
  int64_t rows = phase.tile.rows, rowTiles = (r.kept[phase.tile.rowDim] + rows - 1) / rows;
  auto type = cast<RankedTensorType>(r.op->getOperand(1).getType());
  Type element = VectorEmitter::storage(type.getElementType());
  int64_t size = side.depth * side.width;
  bool copies = !side.transposes();
  auto plus = [&](Value memory, Value count, int64_t elements) -> Value {
    Value offset = arith::MulIOp::create(b, loc, count, number(elements));
    return LLVM::GEPOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()), element, memory,
                               ArrayRef<LLVM::GEPArg>{offset});
  };
  // Of the first task: the others follow one after another.
  Value memory = plus(addressOf({r.result, -1, side.at}), begin(), side.taskElements());
  auto half = [&](Value panel) {
    return copies ? plus(memory, arith::AndIOp::create(b, loc, panel, number(1)), size) : memory;
  };
  auto firstOf = [&](Value task) -> Value {
    return arith::MulIOp::create(b, loc, task, number(side.perTask));
  };
  Value from = firstOf(begin()), to = firstOf(end());
  to = arith::MinUIOp::create(b, loc, to, number(side.batches * side.panels()));
  loop(from, to, 1, [&](Value panel) {
    Values at = decode(panel, counts);
    localPanel = half(panel);
    if (copies) {
      Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, panel, from);
      scf::IfOp::create(b, loc, isFirst, [&](OpBuilder &, Location) {
        packPanel(side, at);
        scf::YieldOp::create(b, loc);
      });
      puller.newScope();
    } else {
      packPanel(side, at);
    }
    NextPanel next;
    Value after = arith::AddIOp::create(b, loc, panel, number(1));
    if (copies) {
      next.memory = half(after);
      after = arith::MinUIOp::create(b, loc, after,
                                     arith::SubIOp::create(b, loc, to, number(1)).getResult());
    }
    next.at = decode(after, counts);
    if (copies || buffers.count(r.op->getOperand(1)))
      nextPanel = &next;
    loop(number(0), number(rowTiles), 1, [&](Value row) {
      Index base(r.kept.size());
      for (auto [d, position] : llvm::enumerate(ArrayRef<Value>(at).drop_back()))
        base[d] = access.dimension(position);
      emitTileAt(r, base, at.back(), row);
    });
    nextPanel = nullptr;
  });
}

// What falls on a few steps of a tile of the next panel's lines. Where there are more steps than
// lines the last ones do it: the lines are then in cache when they are needed.
void PhaseEmitter::advanceNextPanel(const Reduction &r, AffineExpr summed) {
  const Panels &side = *r.rhs;
  auto type = cast<RankedTensorType>(r.op->getOperand(1).getType());
  int64_t inLine = side.transposes() ? 512 / type.getElementTypeBitWidth() : phase.tile.lanes;
  int64_t run = side.transposes() ? side.depth : side.width;
  int64_t lines = (run + inLine - 1) / inLine * (side.transposes() ? side.width : side.depth);
  int64_t unroll = std::max<int64_t>(1, r.unroll), steps = (side.depth + unroll - 1) / unroll;
  int64_t rows = phase.tile.rows, rowTiles = (r.kept[phase.tile.rowDim] + rows - 1) / rows;
  int64_t share = (lines + steps * rowTiles - 1) / (steps * rowTiles);
  int64_t idle = share == 1 ? steps * rowTiles - lines : 0;
  auto advance = [&](AffineExpr line) {
    if (nextPanel->memory)
      copyLine(side, line);
    else
      prefetchLine(side, line);
  };
  if (idle < lines / 2) {
    for (int64_t i = 0; i < share; ++i)
      advance((rowPanel * steps + summed.floorDiv(unroll)) * share + i);
    return;
  }
  Value line = access.scalar(rowPanel * steps + summed.floorDiv(unroll) - idle);
  Value waits = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, line, number(0));
  scf::IfOp::create(b, loc, waits, [&](OpBuilder &, Location) {
    puller.newScope();
    advance(access.dimension(line));
    scf::YieldOp::create(b, loc);
  });
  puller.newScope();
}

void PhaseEmitter::prefetchLine(const Panels &side, AffineExpr line) {
  Value operand = phase.reductions[0].op->getOperand(side.operand);
  auto type = cast<RankedTensorType>(operand.getType());
  int64_t inLine = 512 / type.getElementTypeBitWidth();
  int64_t runLines = (side.depth + inLine - 1) / inLine;
  Index index(type.getRank());
  for (auto [i, d] : llvm::enumerate(side.batch))
    index[d] = access.dimension(nextPanel->at[i]);
  index[side.free] = access.dimension(nextPanel->at.back()) * side.width + line.floorDiv(runLines);
  index[side.summed] = line % runLines * inLine;
  if (side.depth % inLine == 0 && side.summed == side.free + 1) // one run after another
    index[side.free] = access.dimension(nextPanel->at.back()) * side.width,
    index[side.summed] = line * inLine;
  access.prefetch(buffers.lookup(operand), type.getElementType(),
                  access.linear(type.getShape(), index), /*soon=*/false);
}

// A vector of one position of the summed dimension; the last again where there are no more.
void PhaseEmitter::copyLine(const Panels &side, AffineExpr line) {
  Value operand = phase.reductions[0].op->getOperand(side.operand);
  auto type = cast<RankedTensorType>(operand.getType());
  int64_t lanes = phase.tile.lanes, vectors = side.width / lanes;
  Value number_ =
      arith::MinUIOp::create(b, loc, access.scalar(line), number(side.depth * vectors - 1));
  AffineExpr k = access.dimension(number_).floorDiv(vectors);
  AffineExpr inPanel = access.dimension(number_) % vectors * lanes;
  AffineExpr panel = access.dimension(nextPanel->at.back()) * side.width;
  AffineExpr column = access.dimension(access.scalar(panel + inPanel));
  Index index(type.getRank());
  for (auto [i, d] : llvm::enumerate(side.batch))
    index[d] = access.dimension(nextPanel->at[i]);
  index[side.summed] = access.dimension(access.scalar(k)), index[side.free] = column;
  access.setLanes(lanes, column, lanes);
  Guard exists = access.within(column, side.columns, 0,
                               side.columns % side.width ? side.columns : side.columns - 1);
  Value values = puller.pullUnder(exists, operand, index);
  if (Value buffer = buffers.lookup(operand)) {
    Index ahead(index);
    ahead[side.summed] = ahead[side.summed] + 16;
    access.prefetch(buffer, type.getElementType(), access.linear(type.getShape(), ahead));
  }
  access.store(nextPanel->memory, type.getElementType(),
               index[side.summed] * side.width + (column - panel), values);
}
