// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where a lane block stands in an iteration space, and loads and stores at affine positions from
// there.
#pragma once

#include "codegen/llvm/loops/VectorEmitter.h"

#include "mlir/IR/AffineExpr.h"

namespace fluxion::codegen {

using Index = llvm::SmallVector<mlir::AffineExpr, 4>;

// A condition under which a position exists: a part equal for all lanes and a part per lane; null:
// true.
struct Guard {
  mlir::Value scalar, lane;
  bool always() const { return !scalar && !lane; }
};

class Access {
public:
  Access(mlir::OpBuilder &builder, mlir::Location loc, int64_t lanes)
      : emit(builder, loc, lanes), b(builder), loc(loc) {}

  VectorEmitter emit;
  // The lane dimension is a multiple of the lanes, and buffers start at a multiple of 16 bytes.
  bool alignedLanes = false;

  // A loop variable (i64) as an affine dimension.
  mlir::AffineExpr dimension(mlir::Value iv);
  void setDimension(mlir::AffineExpr dimension, mlir::Value iv);
  // The same, or the constant that it is: no dimension for lanes.
  mlir::AffineExpr position(mlir::Value iv);
  mlir::AffineExpr constant(int64_t value) {
    return mlir::getAffineConstantExpr(value, b.getContext());
  }
  // Consecutive lanes take consecutive values of this dimension; `active` lanes of a block exist.
  void setLanes(int64_t lanes, mlir::AffineExpr dimension, int64_t active);
  void setScalar() { setLanes(1, {}, 1); }
  bool dependsOnLane(mlir::AffineExpr e) const {
    return emit.lanes > 1 && laneDim >= 0 && e.isFunctionOfDim(laneDim);
  }
  // How far apart the lanes of a position lie; nothing where that differs from lane to lane.
  std::optional<int64_t> laneStride(mlir::AffineExpr e);
  std::optional<int64_t> stride(mlir::AffineExpr e, mlir::AffineExpr dimension);
  mlir::AffineExpr laneDimension() const { return laneExpr; }
  int64_t activeLanes() const { return active; }

  mlir::Value number(int64_t value);
  // The value of an index, i64: a scalar (of the first lane), or one a lane.
  mlir::Value scalar(mlir::AffineExpr e);
  mlir::Value perLane(mlir::AffineExpr e);

  mlir::AffineExpr simplified(mlir::AffineExpr e) {
    return mlir::simplifyAffineExpr(e, ivs.size(), 0);
  }
  mlir::AffineExpr linear(llvm::ArrayRef<int64_t> shape, const Index &index);
  // Elements at `position` of a buffer. With a dynamic part, `position` counts from it (i64, scalar
  // or lanes).
  mlir::Value load(mlir::Value buffer, mlir::Type element, mlir::AffineExpr position,
                   const Guard &guard, mlir::Value dynamic = {});
  void store(mlir::Value buffer, mlir::Type element, mlir::AffineExpr position, mlir::Value value);
  // Asks for the line at a position that will be read soon, or later: then it goes no further than
  // the second-level cache. It may lie outside the buffer.
  void prefetch(mlir::Value buffer, mlir::Type element, mlir::AffineExpr position,
                bool soon = true);

  Guard both(const Guard &a, const Guard &c);
  // 0 <= e < size, left out where `lowest` and `highest`, the static range of e, imply it.
  Guard within(mlir::AffineExpr e, int64_t size, int64_t lowest, int64_t highest);
  Guard divides(mlir::AffineExpr e, int64_t divisor);
  mlir::Value lanesOf(const Guard &guard); // i1 or a vector of i1, or null

private:
  mlir::OpBuilder &b;
  mlir::Location loc;
  llvm::SmallVector<mlir::Value> ivs;
  int laneDim = -1;
  mlir::AffineExpr laneExpr;
  int64_t active = 1;

  unsigned alignment(mlir::Type memory, mlir::AffineExpr position, bool dynamic);
  mlir::Value address(mlir::Value buffer, mlir::Type element, mlir::Value offset);
  mlir::Value tailMask();
  mlir::Value evaluate(mlir::AffineExpr e, bool lanes);
  mlir::Type memoryType(mlir::Type element);
  mlir::Value fromStorage(mlir::Value value, mlir::Type element);
  Guard condition(mlir::AffineExpr e, ir::CompareDirection direction, int64_t bound);
};

} // namespace fluxion::codegen
