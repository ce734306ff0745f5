// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Contractions by Hopper's tensor cores: one warp has tiles of both sides copied into a ring of
// stages in shared memory, warpgroups multiply them from there as they arrive.
#pragma once

#include "codegen/nvptx/contract/ContractEmitter.h"
#include "codegen/nvptx/hopper/HopperPlan.h"

namespace fluxion::codegen {

class HopperContractEmitter final : public ContractEmitter {
public:
  HopperContractEmitter(ir::KernelOp kernel, const Phase &phase, const ir::TargetInfo &target,
                        mlir::OpBuilder &builder, const HopperPlan &plan)
      : ContractEmitter(kernel, phase, target, builder), plan(plan) {
    if (plan.exchanged)
      c = exchangedSides(c);
  }

private:
  const HopperPlan plan;
  Value memory;                 // shared: stages, results or sums on their way, barriers
  Value memoryWord;             // its address, i32
  Value tid, warpgroup;         // i32; the warpgroup equal for a warp
  int64_t columns = plan.tileN; // that the launch finishes at a time
  // Shared memory where results wait for their copies.
  int64_t resultsAt = plan.stages * plan.stageBytes();
  Value rowGroup, share; // of a consuming warpgroup: which rows, which of those that share them
  struct Tile {          // i32: first positions, and the batch
    Value m, n, batch;
    Values box; // of m where rows are boxes of positions: x, y, ..., the image
  };
  struct Ring { // i32: a stage, and the parity of its present round
    Value stage, parity;
  };

  // HopperContract.cpp
  void emitBody() override;
  std::vector<TensorMap> tensorMaps() override;
  Value mapArgument(size_t map) const {
    return arguments[arguments.size() - launch.maps.size() + map];
  }
  void prepare();
  void emitFinish();
  ThreadSums threadSums();
  void initialiseBarriers();
  Tile tileAt(Value number);
  Values firstOfBox(const WindowSide &image, Value number, int64_t positions);
  // For every tile of the block; the ring goes on from tile to tile.
  using TileBody = llvm::function_ref<Ring(const Tile &, const Piece &, Ring)>;
  void forTiles(Ring ring, TileBody body);
  Ring after(const Ring &ring, int64_t stages);
  Piece chunkOf(Value tile); // that the block does
  void produce();
  void fetch(const Tile &tile, Value step, const Ring &ring);
  void fetchSide(int side, const Tile &tile, Value slice, Value offset, Value full);
  struct Tap {     // i32: what a slice of k, or the left side's rows, read at each position
    Values at;     // window position, x first
    Value channel; // the first; beyond the last where a stage has more slices than there are
  };
  Tap tapAt(Value flat, int64_t channels, llvm::ArrayRef<int64_t> taps);
  Tap tapOf(const Tile &tile, Value slice);
  Values phasesOf(const Tile &tile);
  Values boxPosition(const WindowSide &image, const Values &box, const Tap &tap,
                     const Values &phases);
  Values imagePosition(int side, const Tile &tile, Value slice, int64_t offset);
  Values matrixPosition(int side, const Tile &tile, Value slice, int64_t offset);
  void consume();
  Value multiplyStage(Value sums, const Ring &ring, const Values &left);
  Value descriptor(int side, Value start);
  Values addShares(Values sums);

  // AcrossSides.cpp
  Values readLeft(const Ring &ring); // the fragments of a stage, one after another
  void turnRight(const Ring &ring);
  Value swizzled(Value offset, int64_t span);

  // HopperEpilogue.cpp
  void finishResults(const Tile &tile, Values sums);
  void storeDirectly(const Tile &tile, Values sums);
  void storeByCopies(const Tile &tile, Values sums);
  void waitForCopies();
  void sumColumns(const Tile &tile, llvm::ArrayRef<Value> sums);
  Values columnTermsAt(const Tile &tile, llvm::ArrayRef<Value> sums, int64_t block, int64_t half);
  bool storesByCopies();
  bool liesInOrder();
  llvm::SmallVector<int64_t> rowGroupBox() const;
  Value packed(const Tile &tile, Values sums, int64_t block, int64_t half);
  Value pair(llvm::ArrayRef<Value> sums, int64_t block, int64_t half);
  struct Position { // of two neighbouring results of a thread
    Values m;       // i64, flattened; or of every dimension of m, innermost first
    Value n;        // i64
  };
  Position positionOf(const Tile &tile, int64_t block, int64_t half);
  llvm::SmallVector<int64_t> rowSizes() const; // of Position::m
  Value rowExists(const Position &at);         // null: it does
  Values splitRow(Value row, llvm::ArrayRef<int64_t> box);
  Index resultIndex(const Position &at, bool lanes);
  Index resultIndexWithin(Position at); // beyond the product: at its last positions

  // Instructions.cpp: i32 arithmetic and single instructions.
  Value word(int64_t value);
  Value isEqual(Value x, int64_t y), isLess(Value x, Value y);
  Value inMemory(Value offset); // i32 bytes
  Value fullBarrier(Value stage), emptyBarrier(Value stage);
  void waitFor(Value barrier, Value parity);
  void arrive(Value barrier, int64_t bytes, Value condition); // null: always
  void release(Value stage, Value condition);
  void meet(Value barrier, int64_t threads);
  Value uniform(Value x);
  mlir::LLVM::LLVMStructType sumsType();
  Value multiply(Value sums, Value a, Value b);
  Value multiply(Value sums, mlir::ValueRange fragment, Value b);
  Values waitForSums(Value sums);
};

} // namespace fluxion::codegen
