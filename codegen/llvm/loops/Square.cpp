// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Data movement across dimensions: squares of elements read as whole vectors along one dimension,
// turned in registers, and used along the other.
#include "codegen/llvm/loops/Puller.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Elementwise.h"
#include "ir/ops/Shape.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

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

// What a value's elements read, as positions of the fresh dimensions `index`.
SmallVector<AffineExpr> readsOf(Access &access, Value value, const Index &index) {
  SmallVector<AffineExpr> reads;
  visitReads(access, value, index, [&](AffineExpr position) { reads.push_back(position); });
  return reads;
}

int64_t sizeAlong(ArrayRef<int64_t> shape, ArrayRef<int64_t> dims) {
  int64_t count = 1;
  for (int64_t d : dims)
    count *= shape[d];
  return count;
}

// Dimensions that count neighbouring elements of a position as one, innermost last, until there are
// enough of them; without `lane`.
SmallVector<int64_t> runOf(Access &access, AffineExpr position, const Index &index,
                           ArrayRef<int64_t> shape, int64_t lane, int64_t enough) {
  SmallVector<int64_t> dims;
  for (int64_t next = 1; next < enough;) {
    auto continues = [&](int64_t d) {
      return d != lane && shape[d] > 1 && !llvm::is_contained(dims, d) &&
             access.stride(position, index[d]) == next;
    };
    auto all = llvm::seq<int64_t>(0, shape.size());
    auto found = llvm::find_if(all, continues);
    if (found == all.end())
      break;
    dims.insert(dims.begin(), *found);
    next *= shape[*found];
  }
  return dims;
}
} // namespace

Squares fluxion::codegen::squaresOf(Value value, int64_t lanes) {
  ArrayRef<int64_t> shape = shapeOf(value);
  int64_t last = (int64_t)shape.size() - 1;
  Squares found;
  if (lanes < 4 || last < 1)
    return found;
  OpBuilder b(value.getContext());
  Access access(b, value.getLoc(), lanes);
  Index index;
  for (size_t d = 0; d < shape.size(); ++d)
    index.push_back(access.dimension({}));
  bool isBit = cast<RankedTensorType>(value.getType()).getElementType().isInteger(1);
  AffineExpr result = access.linear(shape, index);
  for (AffineExpr read : readsOf(access, value, index)) {
    std::optional<int64_t> apart = access.stride(read, index[last]);
    if (!apart || *apart <= 1)
      continue;
    SmallVector<int64_t> along = runOf(access, read, index, shape, last, 4 * lanes);
    if (shape[last] >= 4 && sizeAlong(shape, along) >= 4)
      found = {last, along};
    // Where the last dimension is short: along what the operand is contiguous in, and the results
    // turn.
    int64_t lane = along.empty() ? -1 : along.back();
    if (isBit || lane < 0 || shape[last] >= lanes || shape[lane] <= shape[last])
      continue;
    SmallVector<int64_t> lines = runOf(access, result, index, shape, lane, 4 * lanes);
    if (int64_t count = sizeAlong(shape, lines); count >= 4 && count > shape[last])
      found = {lane, lines};
  }
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
  auto fromLineToLine = [&] {
    for (auto [dim, weight] : llvm::zip_equal(square->across, square->weights))
      if (access.stride(position, dim) != weight)
        return false;
    return true;
  };
  bool turns = square && guard.always() && access.emit.lanes > 1 && apart && *apart > 1 &&
               !element.isInteger(1) && fromLineToLine();
  if (!turns)
    return access.load(buffer, element, position, guard);
  auto [known, isNew] =
      transposed.try_emplace({buffer.getAsOpaquePointer(), position.getAsOpaquePointer()});
  if (isNew) {
    int64_t lanes = access.emit.lanes, active = access.activeLanes();
    AffineExpr lane = access.laneDimension(), first = position - square->line;
    access.setLanes(lanes, square->across.back(), square->lines);
    SmallVector<Value> lines;
    for (int64_t i = 0; i < lanes; ++i)
      lines.push_back(i < active ? access.load(buffer, element, first.replace(lane, lane + i), {})
                                 : access.emit.integer(0, element));
    access.setLanes(lanes, lane, active);
    known->second = transposeInRegisters(access.emit.b, access.emit.loc, lines);
  }
  return known->second[square->line];
}
