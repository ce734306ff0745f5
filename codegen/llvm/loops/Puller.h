// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Computes elements of a kernel's values on demand: an element of a result pulls the elements it
// needs of the operands, down to loads. Each element block is computed once a scope.
#pragma once

#include "codegen/llvm/loops/Access.h"

#include "mlir/IR/Operation.h"

namespace fluxion::codegen {

class Puller {
public:
  // `buffers`: memory of block arguments and of values that an earlier phase wrote.
  Puller(Access &access, const llvm::DenseMap<mlir::Value, mlir::Value> &buffers)
      : access(access), buffers(buffers) {}

  // The element block of `value` at `index`, lanes as the access stands.
  mlir::Value pull(mlir::Value value, const Index &index);
  // Where memory holds an element, seen through changes of its index; nothing where it is computed.
  struct Place {
    mlir::Value buffer;
    mlir::AffineExpr position;
  };
  std::optional<Place> placeOf(mlir::Value value, Index index);
  // The block at `position` of a buffer that stands for `value`; loaded once a scope.
  mlir::Value loadOnce(mlir::Value buffer, mlir::Value value, mlir::AffineExpr position);
  // Forgets what was computed: at the start of every loop body.
  void newScope() {
    memo.clear();
    transposed.clear();
  }
  // A reduction's result that is in registers: `value` at the one index it will be asked for.
  void hold(mlir::Value value, const Index &index, mlir::Value block);
  void release(mlir::Value value) { held.erase(value); }
  // From now on memory is read only where `guard` holds; returns what held before.
  Guard always(const Guard &guard) { return std::exchange(this->guard, guard); }
  // As pull, reading memory only where `extra` holds too; elsewhere the block is anything.
  mlir::Value pullUnder(const Guard &extra, mlir::Value value, const Index &index);

  // Inside a square of lanes x lanes elements, whose lines are computed one after another, `line`
  // now: a load that steps over memory from lane to lane but not from line to line reads whole
  // vectors along the lines and is transposed once. Lines count the positions of `across`,
  // outermost first; their values change from line to line.
  struct Square {
    llvm::SmallVector<mlir::AffineExpr> across;
    llvm::SmallVector<int64_t> weights; // lines from one position of a dimension to its next
    int64_t line = 0, lines = 0;
  };
  std::optional<Square> square;
  void newLine(int64_t line) {
    memo.clear();
    square->line = line;
  }

  Access &access;

private:
  friend class KeptScope;
  mlir::Value loadBlock(mlir::Value buffer, mlir::Type element, mlir::AffineExpr position);
  // Transposed blocks by buffer and position.
  std::map<std::pair<const void *, const void *>, llvm::SmallVector<mlir::Value>> transposed;

  const llvm::DenseMap<mlir::Value, mlir::Value> &buffers;
  struct Key {
    mlir::Value value;
    Index index;
    mlir::Value scalarGuard, laneGuard;
    int64_t lanes, active; // a block whose last lanes do not exist lacks their elements
    bool operator<(const Key &other) const;
  };
  std::map<Key, mlir::Value> memo;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<std::pair<Index, mlir::Value>>> held;
  Guard guard; // of everything pulled now

  std::optional<Place> storedAt(mlir::Value value, const Index &index);
  mlir::Value compute(mlir::Value value, const Index &index);
  mlir::Value computeOp(mlir::Operation *op, mlir::Value value, const Index &index);

  mlir::Value pullScalar(mlir::Value value, const Index &index);
  mlir::Value constantBlock(mlir::Operation *op, const Index &index);
  mlir::Value padBlock(mlir::Operation *op, const Index &index);
  mlir::Value concatenateBlock(mlir::Operation *op, const Index &index);
  mlir::Value gatherBlock(mlir::Operation *op, const Index &index);
  mlir::Value randomBlock(mlir::Operation *op, const Index &index);
  mlir::Value windowBlock(mlir::Operation *op, const Index &index);
  mlir::Value scatterWindowBlock(mlir::Operation *op, const Index &index);
};

// While it lives, what was computed before serves, and what is computed is forgotten after it: a
// region that may not run.
class KeptScope {
public:
  explicit KeptScope(Puller &puller)
      : puller(puller), memo(puller.memo), transposed(puller.transposed) {}
  ~KeptScope() {
    puller.memo = std::move(memo);
    puller.transposed = std::move(transposed);
  }
  KeptScope(const KeptScope &) = delete;
  KeptScope &operator=(const KeptScope &) = delete;

private:
  Puller &puller;
  decltype(Puller::memo) memo;
  decltype(Puller::transposed) transposed;
};

// Position of the operand's element that a pure index change (reshape, transpose, broadcast, slice,
// reverse) reads for a result's position; nothing for other ops.
std::optional<Index> operandIndex(Access &access, mlir::Operation *op, const Index &index);

// Dimensions of a map's results between which data turns: vectors run along one, and lines of
// vectors along others, flattened, outermost first, that lie together in an operand that the
// vectors are strided in, or in the results.
struct Squares {
  int64_t laneDim = -1; // -1: nothing turns, or too little to pay
  llvm::SmallVector<int64_t> lineDims;
};
Squares squaresOf(mlir::Value value, int64_t lanes);

// After log2(lanes) rounds of exchanging ever smaller blocks, vector i holds lane i of all vectors.
llvm::SmallVector<mlir::Value> transposeInRegisters(mlir::OpBuilder &b, mlir::Location loc,
                                                    llvm::SmallVector<mlir::Value> rows);

// Reductions start a phase of their own; everything else is pulled.
bool isReduction(mlir::Operation *op);

} // namespace fluxion::codegen
