// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How Hopper's warpgroup products compute a contraction: which operands its copy engine can fetch,
// tiles, stages and chunks. Decided from sizes and the target alone.
#pragma once

#include "codegen/common/Backend.h"
#include "codegen/common/ScheduleKeys.h"
#include "codegen/nvptx/contract/StreamPlan.h"
#include "codegen/nvptx/hopper/WindowSide.h"

namespace fluxion::codegen {

// A side as lines of memory that copies bring to shared memory in boxes.
struct TensorSide {
  unsigned buffer = 0;     // of the kernel's operands
  bool alongSummed = true; // lines run along k, else along m or n
  int64_t pitch = 0;       // elements from line to line
  int64_t batchPitch = 0;  // 0: one for all batches
  // Of a convolution's kernel: from one window position to the next, each of so many channels along
  // k; 0: k is one.
  int64_t tapPitch = 0, channels = 0;
};

struct HopperPlan {
  TensorSide sides[2];
  // What a side is instead: images of a convolution, read along k by the left side; by both sides
  // of the gradient of its kernel, whose k is positions.
  std::optional<WindowSide> windows[2];
  int64_t elementBytes = 2;
  bool exchanged = false; // the left side is the right operand
  int64_t tileM = 128, tileN = 256;
  int64_t sharing = 1; // warpgroups that take every so many'th stage of the same rows
  int64_t stages = 4;
  int64_t tilesM = 1, tilesN = 1, batches = 1;
  int64_t blocks = 1; // along the grid's first dimension; fewer than tiles: each takes several
  int64_t chunks = 1, chunkSteps = 1; // k is split into so many, of so many stages
  int64_t steps = 1;                  // stages that k has
  StreamPlan stream;                  // then there is one chunk
  double cycles = 0;                  // predicted, of all blocks

  static constexpr int64_t lineBytes = 128; // of k in a stage
  // Of k in a box, several to a stage where a window position has few channels.
  int64_t sliceBytes = lineBytes;
  int64_t slices() const { return lineBytes / sliceBytes; }
  int64_t depth() const { return sliceBytes / elementBytes; }
  // 32-bit products take sides along k alone from shared memory. Of those across it the left one is
  // read into registers, the right one turned where it lies, stage by stage.
  bool isAcross(int side) const { return elementBytes == 4 && !sides[side].alongSummed; }
  bool leftInRegisters() const { return isAcross(0); }
  bool turnsRight() const { return isAcross(1); }
  bool multipliesAlong(int side) const { return sides[side].alongSummed || isAcross(side); }
  bool rowsAreBoxes() const { return windows[0] && !windows[1]; }
  bool sumsBoxes() const { return windows[1].has_value(); }
  int64_t tiles() const { return tilesM * tilesN * batches; }
  int64_t rowGroups() const { return tileM / 64; }
  int64_t consumers() const { return rowGroups() * sharing; } // warpgroups
  // And a warp that fetches; where products need more registers than all threads could have alike,
  // a warpgroup that gives its own away.
  int64_t threads() const { return consumers() * 128 + (movesRegisters() ? 128 : 32); }
  bool movesRegisters() const { return tileN == 256 && (leftInRegisters() || turnsRight()); }
  int64_t tileOf(int side) const { return side == 0 ? tileM : tileN; }
  int64_t sideBytes(int side) const { return tileOf(side) * lineBytes; }
  int64_t stageBytes() const { return sideBytes(0) + sideBytes(1); }
  // Elements of a line of a box: along k, or a part of m or n.
  int64_t boxLine(int side) const;
  int64_t imageLines() const; // of images in a stage
  // Shared memory after the stages: tiles of results on their way out, or sums of the warpgroups
  // that share rows; then the barriers.
  int64_t resultBytes() const { return consumers() / sharing * 64 * lineBytes * 2; }
  int64_t sumBytes() const { return (sharing - 1) * rowGroups() * 64 * tileN * 4; }
  int64_t barriersAt() const { return stages * stageBytes() + resultBytes() + sumBytes(); }
  int64_t sharedBytes() const { return barriersAt() + 16 * stages; }
  int64_t sumsOfThread() const { return tileN / 2; }
  // Of a tile that a block of a stream's second launch finishes.
  int64_t stripColumns() const { return tileN % 64 ? tileN : 64; }
  int64_t streamedBytes() const {
    return stream.isEmpty() ? 0 : stream.slots() * tileM * tileN * 4;
  }
  TensorMap mapOf(int side, const Contraction &c) const;
};

// Nothing where another pipeline must do it: element types without tensor cores, operands that are
// computed on the way, strides that no copy can follow, convolutions that copies would make slow.
// `keys` are null where the schedule is not this contraction's.
std::optional<HopperPlan> planHopper(const Contraction &c, const ir::TargetInfo &target,
                                     ScheduleKeys *keys);

// Other tiles, then with the tiles of `own` another number of stages, other streams, the other side
// as the left.
std::vector<ScheduleVariation> hopperVariations(mlir::DictionaryAttr own);

} // namespace fluxion::codegen
