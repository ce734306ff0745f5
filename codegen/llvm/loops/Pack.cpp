// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// x W^T reads W along the summed dimension. A transposed copy lets the register tile read whole
// vectors of results; it costs one pass over W, in blocks transposed in registers.
#include "codegen/llvm/loops/PhaseEmitter.h"

#include "ir/ops/Contraction.h"

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

std::optional<PackedShape> fluxion::codegen::packedShape(Operation *op,
                                                         const ir::TargetInfo &target) {
  auto dot = dyn_cast<ir::DotGeneralOp>(op);
  if (!dot || dot.getRhsContracting().size() != 1)
    return std::nullopt;
  ArrayRef<int64_t> rhs = shapeOf(dot.getRhs());
  int64_t rank = rhs.size(), depth = dot.getRhsContracting()[0];
  if (depth != rank - 1)
    return std::nullopt;
  PackedShape shape;
  for (int64_t d = 0; d < rank - 1; ++d)
    if (llvm::is_contained(dot.getRhsBatching(), d))
      shape.batch.push_back(d);
    else
      shape.free.push_back(d);
  // One free dimension, with enough rows on the other side to pay for the copy.
  int64_t lhsRows = 1;
  for (int64_t d = 0; d < (int64_t)shapeOf(dot.getLhs()).size(); ++d)
    if (!llvm::is_contained(dot.getLhsBatching(), d) &&
        !llvm::is_contained(dot.getLhsContracting(), d))
      lhsRows *= shapeOf(dot.getLhs())[d];
  if (shape.free.size() != 1 || rhs[shape.free[0]] < 2 || lhsRows < 4)
    return std::nullopt;
  int64_t lanes = lanesFor(cast<RankedTensorType>(dot.getRhs().getType()).getElementType(), target);
  shape.columns = rhs[shape.free[0]];
  shape.depth = rhs[depth];
  shape.blocks = (shape.columns + lanes - 1) / lanes;
  shape.pitch = shape.blocks * lanes;
  if (shape.pitch % 512 == 0) // rows a page apart would share cache sets
    shape.pitch += lanes;
  for (int64_t d : dot.getRhsBatching())
    shape.batches *= rhs[d];
  return shape;
}

// After log2(lanes) rounds of exchanging ever smaller blocks, vector i holds lane i of all vectors.
static SmallVector<Value> transposeInRegisters(OpBuilder &b, Location loc,
                                               SmallVector<Value> rows) {
  int64_t lanes = rows.size();
  for (int64_t block = lanes / 2; block >= 1; block /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t l = 0; l < lanes; ++l) {
      bool upper = l & block;
      low.push_back(upper ? lanes + l - block : l);
      high.push_back(upper ? lanes + l : l + block);
    }
    for (int64_t i = 0; i < lanes; ++i) {
      if (i & block)
        continue;
      Value x = rows[i], y = rows[i + block];
      rows[i] = vector::ShuffleOp::create(b, loc, x, y, low);
      rows[i + block] = vector::ShuffleOp::create(b, loc, x, y, high);
    }
  }
  return rows;
}

// Tasks count (batch, block of columns); the copy is [batch][depth][pitch].
void PhaseEmitter::emitPack() {
  auto dot = cast<ir::DotGeneralOp>(phase.reductions[0].op);
  PackedShape shape = *packedShape(dot, target);
  ArrayRef<int64_t> rhs = shapeOf(dot.getRhs());
  Type element = cast<RankedTensorType>(dot.getRhs().getType()).getElementType();
  int64_t lanes = lanesFor(element, target);
  Value copy = addressOf(phase.stores[0]);
  SmallVector<int64_t> batchSizes;
  for (int64_t d : dot.getRhsBatching())
    batchSizes.push_back(rhs[d]);
  auto emitBlock = [&](Value task, int64_t columns) {
    SmallVector<int64_t> counts(batchSizes);
    counts.push_back(shape.blocks);
    Values at = decode(task, counts);
    Index index(rhs.size());
    AffineExpr batch = access.constant(0);
    for (auto [i, d] : llvm::enumerate(dot.getRhsBatching())) {
      index[d] = access.dimension(at[i]);
      batch = batch * batchSizes[i] + index[d];
    }
    AffineExpr column = access.dimension(arith::MulIOp::create(b, loc, at.back(), number(lanes)));
    auto square = [&](Value k, int64_t depth) {
      AffineExpr kDim = access.dimension(k);
      access.setLanes(lanes, kDim, depth);
      SmallVector<Value> rows;
      for (int64_t c = 0; c < lanes; ++c) {
        index[shape.free[0]] = column + c;
        index[rhs.size() - 1] = kDim;
        rows.push_back(c < columns ? puller.pull(dot.getRhs(), index)
                                   : access.emit.integer(0, element));
      }
      rows = transposeInRegisters(b, loc, rows);
      access.setLanes(lanes, column, lanes); // the copy's rows are whole vectors
      for (int64_t i = 0; i < depth; ++i)
        access.store(copy, element, (batch * shape.depth + kDim + i) * shape.pitch + column,
                     rows[i]);
      access.setScalar();
    };
    int64_t whole = shape.depth / lanes * lanes;
    if (whole > 0)
      loop(number(0), number(whole), lanes, [&](Value k) { square(k, lanes); });
    if (whole < shape.depth) {
      puller.newScope();
      square(number(whole), shape.depth - whole);
    }
  };
  int64_t rest = shape.columns % lanes;
  loop(begin(), end(), 1, [&](Value task) {
    if (!rest || shape.blocks == 1)
      return emitBlock(task, rest ? rest : lanes);
    Value block = arith::RemUIOp::create(b, loc, task, number(shape.blocks));
    Value isLast =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, block, number(shape.blocks - 1));
    auto branch = [&](int64_t columns) {
      return [&, columns](OpBuilder &, Location) {
        puller.newScope();
        emitBlock(task, columns);
        scf::YieldOp::create(b, loc);
      };
    };
    scf::IfOp::create(b, loc, isLast, branch(rest), branch(lanes));
  });
}
