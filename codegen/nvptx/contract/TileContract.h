// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pipeline of every GPU since sm_80: a ring of steps along k in shared memory, filled by
// asynchronous copies some steps ahead of the products.
#pragma once

#include "codegen/nvptx/contract/ContractEmitter.h"

namespace fluxion::codegen {

// Then the schedule's keys are the contraction's own.
bool hasOneContraction(ir::KernelOp kernel);
// The contraction's plan: by the keys of the kernel's schedule where it has no other contraction.
ContractPlan planOf(const Contraction &c, ir::KernelOp kernel, const ir::TargetInfo &target);

class TileContractEmitter : public ContractEmitter {
public:
  using ContractEmitter::ContractEmitter;

protected:
  ContractPlan plan = planOf(c, kernel, target);
  struct Copy {          // what a thread brings of a side each step
    Index own;           // position along the side
    Value exists;        // within the side
    Value summed, local; // position along the step; byte in the side's stage
  };
  struct Side {
    StageShape shape;
    int64_t vector = 1;  // elements of a copy
    bool isAsync = true; // or through registers: computed, or narrower than a copy may be
    int64_t at = 0;      // byte in a stage
    llvm::SmallVector<Copy> copies;
  };
  Side sides[2];
  Value ring;                      // shared memory
  Value warpM, warpN, warpK, lane; // of the thread, i64

  virtual Values zeroSums() = 0;
  // Adds the products of the step in the stage at byte `stage` (i32).
  virtual Values step(Value stage, mlir::ValueRange sums) = 0;
  // Leaves the thread's sums in the block's tile; `row` and `column` count from the warp's tile.
  virtual void leaveSums(mlir::ValueRange sums) = 0;

  int64_t elementBytes() const { return c.element.getIntOrFloatBitWidth() / 8; }
  Value word(int64_t value);                            // i32
  Value byteAt(Value base, Value offset, int64_t plus); // both i32
  // Byte, from a stage's start, of a position of the warp's part of a side.
  Value placeInStage(int side, Value own, Value k);
  int64_t strideOwn(int side) const; // bytes from one position to the next
  int64_t strideK(int side) const;
  void storeSum(Value row, Value column, mlir::ValueRange neighbours); // along n

private:
  SumTile tile;
  Value firstM, firstN, firstK, lastK;

  void emitBody() final;
  void emitPiece(const Piece &piece);
  void emitFinish();
  void findThread();
  void standInGrid();
  void standAt(Value number);
  Values sumSteps();
  void finishSums(mlir::ValueRange sums);
  ThreadSums threadSums();
  void planSide(int side, Value first);
  Value kIndexBase(Value k);
  Index kIndex(Value k, const Copy &copy, int64_t vector);
  void copySide(int side, Value k, Value stage);
  Values pullSide(int side, Value k);
  void storeSide(int side, mlir::ValueRange values, Value stage);
  void copyAhead(Value k, Value stage);
  void fitting(int side, size_t copy, llvm::function_ref<void()> body);
  Value nextStage(Value stage);
  bool anyAsync() const { return sides[0].isAsync || sides[1].isAsync; }
};

// Fused multiply-adds in registers: any element type.
class FmaContractEmitter final : public TileContractEmitter {
public:
  using TileContractEmitter::TileContractEmitter;

private:
  Value places[2]; // byte of the thread's first factor in a stage
  int64_t threadsOf(int side) const { return side == 0 ? 4 : 8; } // of a warp
  int64_t perThread(int side) const { return side == 0 ? plan.perWarpM : plan.perWarpN; }
  int64_t most() const { return 16 / elementBytes(); }
  Value acrossWarp(int side);
  int64_t neighbours(int side) const; // of a thread's positions that lie together
  int64_t offsetOf(int side, int64_t i) const;
  Values factorsAt(int side, Value stage, int64_t k, int64_t count);
  Value multiplyAdd(Value x, Value y, Value sum);

  Values zeroSums() override;
  Values step(Value stage, mlir::ValueRange sums) override;
  void leaveSums(mlir::ValueRange sums) override;
};

// Tensor cores by mma.sync: bf16, f16, and f32 rounded to tf32; f32 sums.
class MmaContractEmitter final : public TileContractEmitter {
public:
  using TileContractEmitter::TileContractEmitter;

private:
  Value places[2];
  bool isTf32() const { return c.element.isF32(); }
  int64_t depth() const { return 32 / elementBytes(); } // of a product, along k
  // Factors of tf32 that do not lie along k have no matrix load.
  bool wordByWord(int side) const { return isTf32() && !c.alongSummed[side]; }
  Values words(int side, Value stage, int64_t own, int64_t k, int64_t rows);
  Values fragment(int side, Value stage, int64_t own, int64_t k, int64_t rows);
  Values multiply(mlir::ValueRange left, mlir::ValueRange right, mlir::ValueRange sums);

  Values zeroSums() override;
  Values step(Value stage, mlir::ValueRange sums) override;
  void leaveSums(mlir::ValueRange sums) override;
};

} // namespace fluxion::codegen
