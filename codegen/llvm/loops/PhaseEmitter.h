// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Emits the function of one phase: `void symbol(operands..., results..., scratch, begin, end)`.
#pragma once

#include "codegen/llvm/loops/Plan.h"
#include "codegen/llvm/loops/Puller.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include "llvm/ADT/SetVector.h"

namespace fluxion::codegen {

// Elementwise values that cost much more than a load, between `value` and what is in memory or
// reduced.
llvm::SetVector<mlir::Value> costlyValues(mlir::Value value);

class PhaseEmitter { // its atoms are also a GPU's: codegen/nvptx
public:
  PhaseEmitter(ir::KernelOp kernel, const Phase &phase, const ir::TargetInfo &target,
               mlir::OpBuilder &builder)
      : kernel(kernel), phase(phase), target(target), b(builder), loc(kernel.getLoc()),
        access(builder, loc, 1), puller(access, buffers) {
    access.emit.hasFma = target.fma;
    access.emit.hasBf16 = target.kind == "cuda"; // sm_80 is the oldest
    access.emit.hasAvx512 = target.hasAvx512();
  }

  // `earlier`: what phases before this one stored.
  void emit(llvm::StringRef symbol, llvm::ArrayRef<StoredValue> earlier);

protected:
  ir::KernelOp kernel;
  const Phase &phase;
  const ir::TargetInfo &target;
  mlir::OpBuilder &b;
  mlir::Location loc;
  llvm::DenseMap<mlir::Value, mlir::Value> buffers;
  Access access;
  Puller puller;
  llvm::SmallVector<mlir::Value> arguments; // operands, results, scratch, begin, end

  using Value = mlir::Value;
  using Values = llvm::SmallVector<Value>;
  using Loop = llvm::function_ref<void(Value iv)>;
  using Fold = llvm::function_ref<Values(Value iv, mlir::ValueRange carried)>;

  Value number(int64_t value) { return access.number(value); }
  Value begin() { return arguments[arguments.size() - 2]; }
  Value end() { return arguments[arguments.size() - 1]; }
  Value addressOf(const StoredValue &stored);
  void loop(Value from, Value to, int64_t step, Loop body);
  Values foldBetween(Value from, Value to, int64_t step, mlir::ValueRange initial, Fold body);
  Values fold(int64_t from, int64_t to, int64_t step, mlir::ValueRange initial, Fold body);
  // Row-major positions of `flat` in `sizes`.
  Values decode(Value flat, llvm::ArrayRef<int64_t> sizes);
  void storeAll(llvm::ArrayRef<StoredValue> stores, const Index &index);

  // Map.cpp
  void emitMap();
  void emitMapGroup(const MapGroup &group, Value from, Value to);
  void emitFlat(const MapGroup &group, Value from, Value to);
  void emitSquares(const MapGroup &group, const Index &index, Value from);
  void emitSquare(const MapGroup &group, Index index, Value from, int64_t lines,
                  mlir::AffineExpr lane, int64_t active);
  void storeTurned(const StoredValue &stored, Values lines, Index index, mlir::AffineExpr across,
                   int64_t laneDim);
  void emitLanes(llvm::ArrayRef<StoredValue> group, Index index, int64_t dim, Value from,
                 int64_t count);
  int64_t lanesOf(llvm::ArrayRef<StoredValue> stores);
  // Blocks of lanes along positions [from, from + count), the access standing at each.
  void alongLanes(int64_t lanes, Value from, int64_t count,
                  llvm::function_ref<void(mlir::AffineExpr position)> block);
  void emitScatter();

  // Pack.cpp
  void emitPack();
  void packStrip(const Panels &side, Index index, Value strip, int64_t columns);
  void packRows(const Panels &side, Index index, Value group, int64_t columns);
  void packColumns(const Panels &side, const Index &index, Value at);
  mlir::AffineExpr inPanels(const Panels &side, const Index &index, mlir::AffineExpr panel);
  Value panelMemory(const Reduction &r, const Panels &side);
  struct NextPanel {
    llvm::SmallVector<Value> at; // batch and panel
    Value memory;                // where it is copied to; null: its lines are only asked for
  };
  Value localPanel; // what a task copied
  const NextPanel *nextPanel = nullptr;
  void emitPanelTasks(const Reduction &r);
  void packPanel(const Panels &side, llvm::ArrayRef<Value> at);
  void advanceNextPanel(const Reduction &r, mlir::AffineExpr summed);
  void prefetchLine(const Panels &side, mlir::AffineExpr line);
  void copyLine(const Panels &side, mlir::AffineExpr line);
  // PadInput.cpp
  void emitPadInput();
  // Border.cpp
  llvm::SmallVector<std::pair<Value, Value>> windowBounds; // of extents; null or none: the whole
  bool isOutside(const Reduction &r, const Index &kept, const Index &reduced);

  // Tile.cpp
  struct DepthBlock { // the summed positions that a pass over a task's tiles takes
    Index outer;      // positions of the leading extents
    Value from, to;   // of the next extent
    Value isFirst, isLast;
    mlir::AffineExpr tile; // number of the tile
  };
  const DepthBlock *block = nullptr;
  mlir::AffineExpr lanePanel, rowPanel; // which tile this is, along lanes and rows
  mlir::AffineExpr chunkStart;          // of the outermost reduced dimension; null: 0
  void emitReduce();
  void emitBlocked(const Reduction &r);
  llvm::SmallVector<int64_t> rowCounts(const Reduction &r, llvm::SmallVector<int64_t> &order);
  void emitTileAt(const Reduction &r, Index base, Value lane, Value rowBlock);
  void emitTile(const Reduction &r, const Index &base, int64_t rows, int64_t vectors,
                int64_t lastActive);
  struct TilePhase { // results at step * position + offset, window positions likewise; empty: all
    llvm::SmallVector<int64_t> offset, step, firstTap, tapStep, extents;
  };
  void boundWindow(const Reduction &r, const Index &kept, const TilePhase &at);
  void emitTilePhase(const Reduction &r, const Index &base, int64_t rows, int64_t vectors,
                     int64_t lastActive, const TilePhase &at);
  // Adds several steps of the innermost summed dimension, from where `reduced` stands.
  using Together = llvm::function_ref<Values(mlir::ValueRange, const Index &, int64_t steps)>;
  Together together; // null: one step after another
  Values tapSteps(const Reduction &r, mlir::ValueRange carried, llvm::ArrayRef<Index> indices,
                  const Index &reduced, int64_t steps, int64_t vectors,
                  llvm::function_ref<void(int64_t vector)> setLanes);
  Values sumTile(const Reduction &r, llvm::ArrayRef<int64_t> extents, mlir::ValueRange initial,
                 llvm::function_ref<Values(mlir::ValueRange, Index &)> add);
  void prefetchRight(const Reduction &r, llvm::ArrayRef<Index> indices, int64_t vectors,
                     mlir::AffineExpr summed);
  Values waitingSums(const Reduction &r, size_t count);
  mlir::AffineExpr sumPlace(int64_t vector);
  void finishElement(const Index &index, mlir::AffineExpr chunk, mlir::ValueRange values);

  // Row.cpp
  struct Stash { // a row of a value that several sweeps need
    Value value;
    int64_t sweep = 0; // that computes it
    Value memory;
    int64_t elements = 0;
  };
  llvm::SmallVector<std::pair<Value, Value>> stashing; // of the present sweep: value, origin
  int64_t sweep = -1;                                  // the pass over a row at hand
  mlir::AffineExpr rowTask;                            // which part of column reductions this is
  llvm::SmallVector<Value> rowReads; // operands whose next rows are asked for ahead
  int64_t aheadSweep = -1;           // in this pass over a row; -1: that of the results
  void emitRow();
  void emitOneRow(Value row, llvm::ArrayRef<llvm::SmallVector<const Reduction *>> sweeps,
                  llvm::ArrayRef<Stash> stashes);
  void startColumns();
  void planReadsAhead(llvm::ArrayRef<Stash> stashes);
  void readAhead(const Index &index);
  void emitRowResults(const Index &at);
  void emitRowNest(const Index &at, llvm::ArrayRef<StoredValue> stores, bool columns);
  void emitRowBlock(const Index &at, llvm::ArrayRef<StoredValue> stores, bool columns);
  llvm::SmallVector<llvm::SmallVector<const Reduction *>> rowSweeps();
  llvm::SmallVector<Stash> planStashes(llvm::ArrayRef<llvm::SmallVector<const Reduction *>> sweeps);
  Value rowOrigin(const Stash &stash, Value row);
  void keepStashed(const Reduction &r, const Index &kept, const Index &reduced);

  // Reduce.cpp
  Values identities(const Reduction &r);
  Value identity(const Reduction &r);
  Values step(const Reduction &r, mlir::ValueRange accumulators, const Index &kept,
              const Index &reduced);
  Value combine(const Reduction &r, Value x, Value y);
  Value acrossLanes(const Reduction &r, Value vector);
  std::pair<Value, Value> halves(Value vector, int64_t width);
  int64_t blocksTogether(llvm::ArrayRef<const Reduction *> group, int64_t lanes);
  Values reduceOver(llvm::ArrayRef<const Reduction *> group, llvm::ArrayRef<Index> kept,
                    bool alongLanes, int64_t lanes);
  Values foldExtents(llvm::ArrayRef<int64_t> extents, Index &reduced, mlir::ValueRange initial,
                     llvm::function_ref<Values(mlir::ValueRange)> innermost);
  Value term(const Reduction &r, const Index &kept, const Index &reduced);
  Value partialOf(const Reduction &r, const Index &kept, mlir::AffineExpr chunk);
  struct Factors { // where a term's factors lie in the operands; the left one is 0 but `inside`
    Index lhs, rhs;
    Guard inside;
  };
  Factors factorsAt(const Reduction &r, const Index &kept, const Index &reduced);
  std::pair<Value, Value> factors(const Reduction &r, const Index &kept, const Index &reduced);
  mlir::Type accumulatorElement(const Reduction &r);
};

} // namespace fluxion::codegen
