// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Data movement across dimensions: squares of elements read as whole vectors along one dimension,
// turned in registers, and used along the other.
#include "codegen/llvm/loops/Puller.h"

#include "ir/ops/Elementwise.h"
#include "ir/ops/Shape.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {
ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

// Calls visit(position) for what an element at `index` reads of memory, as far as that follows from
// index changes and elementwise ops.
void visitReads(Access &access, Value value, const Index &index,
                llvm::function_ref<void(AffineExpr)> visit) {
  Operation *op = value.getDefiningOp();
  auto reshape = dyn_cast_or_null<ir::ReshapeOp>(op);
  if (!op || isReduction(op) || (reshape && isa<BlockArgument>(reshape.getX())))
    return visit(access.linear(shapeOf(value), index));
  if (std::optional<Index> at = operandIndex(access, op, index))
    return visitReads(access, op->getOperand(0), *at, visit);
  if (ir::hasScalarBody(op))
    for (Value operand : op->getOperands())
      visitReads(access, operand, index, visit);
}
} // namespace

int64_t fluxion::codegen::squareDim(Value value, int64_t lanes) {
  ArrayRef<int64_t> shape = shapeOf(value);
  if (lanes < 4 || shape.size() < 2 || shape.back() < 4)
    return -1;
  OpBuilder b(value.getContext());
  Access access(b, value.getLoc(), lanes);
  Index index;
  for (size_t d = 0; d < shape.size(); ++d)
    index.push_back(access.dimension({}));
  access.setLanes(lanes, index.back(), lanes);
  int64_t found = -1;
  visitReads(access, value, index, [&](AffineExpr position) {
    std::optional<int64_t> apart = access.laneStride(position);
    for (size_t d = 0; apart && *apart > 1 && d + 1 < shape.size(); ++d)
      if (shape[d] >= 4 && access.stride(position, index[d]) == 1)
        found = d;
  });
  return found;
}

// After log2(lanes) rounds of exchanging ever smaller blocks, vector i holds lane i of all vectors.
SmallVector<Value> fluxion::codegen::transposeInRegisters(OpBuilder &b, Location loc,
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

Value Puller::loadBlock(Value buffer, Type element, AffineExpr position) {
  std::optional<int64_t> apart = access.laneStride(position);
  bool turns = square && guard.always() && access.emit.lanes > 1 && apart && *apart > 1 &&
               !element.isInteger(1) && access.stride(position, square->across) == 1;
  if (!turns)
    return access.load(buffer, element, position, guard);
  AffineExpr first = access.simplified(position - square->line);
  auto [known, isNew] =
      transposed.try_emplace({buffer.getAsOpaquePointer(), first.getAsOpaquePointer()});
  if (isNew) {
    int64_t lanes = access.emit.lanes, active = access.activeLanes();
    AffineExpr lane = access.laneDimension();
    access.setLanes(lanes, square->across, square->lines);
    SmallVector<Value> lines;
    for (int64_t i = 0; i < lanes; ++i)
      lines.push_back(i < active ? access.load(buffer, element, first.replace(lane, lane + i), {})
                                 : access.emit.integer(0, element));
    access.setLanes(lanes, lane, active);
    known->second = transposeInRegisters(access.emit.b, access.emit.loc, lines);
  }
  return known->second[square->line];
}
