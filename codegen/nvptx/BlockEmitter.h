// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Emits a phase as the function of one GPU launch: `void symbol(operands..., results..., scratch,
// guard)`. Elements are computed exactly as on a CPU; only who computes which differs.
#pragma once

#include "codegen/common/Backend.h"
#include "codegen/llvm/loops/PhaseEmitter.h"
#include "codegen/nvptx/GridPlan.h"

namespace fluxion::codegen {

class BlockEmitter : public PhaseEmitter {
public:
  using PhaseEmitter::PhaseEmitter;
  virtual ~BlockEmitter() = default;
  // `part`: which launch of the phase.
  KernelLaunch emitLaunch(llvm::StringRef symbol, llvm::ArrayRef<StoredValue> earlier,
                          int64_t part);

protected:
  using Body = llvm::function_ref<void()>;
  KernelLaunch launch;
  int64_t part = 0; // which launch of the phase
  mlir::LLVM::LLVMFuncOp function;
  int64_t sharedGlobals = 0;
  int64_t leastBlocks = 0; // of a multiprocessor, which bounds registers; 0: any

  // BlockEmitter.cpp
  void startEarly(mlir::Block *entry);
  virtual void emitBody();
  // The last parameters of the function, after the guard.
  virtual std::vector<TensorMap> tensorMaps() { return {}; }
  void describeMaps(size_t first); // parameters
  Value thread();                  // i64, within the block
  Value blockIndex(int dimension); // i64, within the grid
  Value narrow(Value value);       // i64 to i32
  Value widened(Value value);      // and back, unsigned
  void branch(Value condition, Body then, Body otherwise = nullptr);
  Values choose(Value condition, llvm::function_ref<Values()> then, mlir::ValueRange otherwise);
  Value isBelow(Value value, int64_t bound);
  // Unsigned integers of any width.
  Value like(Value x, int64_t y); // y, of the type of x
  Value select(Value condition, Value x, Value y), subtract(Value x, Value y);
  Value plus(Value x, Value y), times(Value x, int64_t y), over(Value x, int64_t y),
      modulo(Value x, int64_t y);
  // Positions of `flat` in `sizes`, as loop variables of the access.
  Index positions(Value flat, llvm::ArrayRef<int64_t> sizes);
  // The same where the last size is taken in blocks of so many, whose lanes the access then has.
  Index lanePositions(Value flat, llvm::ArrayRef<int64_t> sizes, int64_t lanes);
  // The same where sizes are runs of dimensions.
  Index runPositions(Value flat, llvm::ArrayRef<llvm::SmallVector<int64_t>> runs,
                     int64_t lanes = 1);
  // As affine expressions of one.
  Index split(mlir::AffineExpr flat, llvm::ArrayRef<int64_t> sizes);

  // Threads.cpp
  Value shared(mlir::Type element, int64_t count); // address of a block's memory
  Value dynamicShared(int64_t bytes);              // of a kernel that has no other memory shared
  Value sharedAt(Value base, mlir::Type element, Value index);
  Value loadShared(Value base, mlir::Type element, Value index, int64_t lanes = 1);
  void storeShared(Value base, mlir::Type element, Value index, Value value);
  void barrier();
  void warpBarrier();
  Value shuffleDown(Value value, int64_t by), broadcastFirst(Value value);
  Value shuffle(Value value, bool down, int64_t by);
  Values combinePair(const Reduction &r, mlir::ValueRange x, mlir::ValueRange y);
  // Of all values of a group: `width()` of each reduction.
  Values combineAll(llvm::ArrayRef<const Reduction *> group, mlir::ValueRange x,
                    mlir::ValueRange y);
  Values acrossLanes(llvm::ArrayRef<const Reduction *> group, Values values);
  // Of `threads` neighbouring threads, in all of them; in a fixed order.
  Values acrossThreads(llvm::ArrayRef<const Reduction *> group, Values values, int64_t threads);

  // MapKernel.cpp
  struct MapPart { // one shape
    MapGroup group;
    int64_t count = 0, lanes = 1, first = 0, blocks = 1;
    std::optional<SquareGrid> squares;
    std::optional<LineGrid> lines;
    int64_t vectors() const { return count / lanes; }
    int64_t threads() const { return vectors() + count % lanes; }
    bool takesBlocks() const { return squares || lines; } // all threads of each
  };
  void emitMaps(llvm::ArrayRef<StoredValue> stores);
  void emitMapPart(const MapPart &part);
  void emitSquarePart(const MapPart &part, Value block);
  void emitLinePart(const MapPart &part, Value block);

  // ScatterKernel.cpp
  void emitScatter();
  void emitScatterLinks();
  void emitScatterSums();
  Value scatterPosition(Value update);

  // RowKernel.cpp
  struct HeldBlock { // of a row, in a thread's registers
    mlir::AffineExpr first;
    Value exists; // null: always
  };
  llvm::SmallVector<HeldBlock> heldBlocks;
  void emitRows();
  void emitRowsAndColumns(const RowGrid &grid);
  void holdBlocks(Value lane, const RowGrid &grid);
  void emitOneRow(const Index &at, Value lane, const RowGrid &grid, Body beforeStores = nullptr);
  void storeColumns(mlir::ValueRange sums, int64_t lanes);
  Values addColumns(const Index &at, mlir::ValueRange sums, int64_t lanes);
  void emitResults(const Index &at, Value lane, const RowGrid &grid);
  void emitHeldResults(llvm::ArrayRef<StoredValue> group, const Index &at, int64_t lanes);
  Values reduceHeld(llvm::ArrayRef<const Reduction *> group, const Index &kept, int64_t lanes);
  Values reduceStrided(llvm::ArrayRef<const Reduction *> group, const Index &kept, Value from,
                       Value to, const ReduceGrid &grid, int64_t lanes = 1);
  Values addStrided(llvm::ArrayRef<const Reduction *> group, mlir::ValueRange carried,
                    mlir::ValueRange pivots, const Index &kept, const Index &reduced);
  Values strideParts(llvm::ArrayRef<const Reduction *> group, mlir::ValueRange sums,
                     mlir::ValueRange pivots, Value count);

  // Moments.cpp
  // The combinations of all threads, and lanes, that share a result: in all of them, or at least
  // in those that store it.
  using Across = llvm::function_ref<Values(llvm::ArrayRef<const Reduction *> group,
                                           mlir::ValueRange values, bool inAll)>;
  Values joinParts(llvm::ArrayRef<const Reduction *> group, mlir::ValueRange parts, Across across);
  Value momentTerm(const Reduction &mean, const Index &kept, const Index &reduced);
  Values addToMoments(const Reduction &mean, mlir::ValueRange sums, Value pivot, const Index &kept,
                      const Index &reduced);
  Values addPartToMoments(const Reduction &mean, mlir::ValueRange sums, Value pivot,
                          mlir::ValueRange part);
  Values momentsOf(const Reduction &mean, mlir::ValueRange sums, Value pivot, Value count);
  Values partMoments(const Reduction &mean, const Reduction &spread, const Index &kept,
                     mlir::AffineExpr chunk);
  Value ofChunk(const Reduction &r, Value chunk, llvm::function_ref<double(double)> ofCount);
  Value shareOfAll(const Reduction &mean);

  // ReduceKernel.cpp
  void emitReductions();
  void emitColumns(const ReduceGrid &grid);
  Values acrossGroups(llvm::ArrayRef<const Reduction *> group, mlir::ValueRange values,
                      const ReduceGrid &grid, bool inAll);
  void emitAlong(const ReduceGrid &grid);
  void emitWindows(const WindowGrid &grid);
  void emitCombine();
  void finish(const Index &kept, Values values);
};

} // namespace fluxion::codegen
