// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a contraction is spread over blocks, warps and time: decided from sizes and the target alone,
// or by the keys of a schedule.
#pragma once

#include "codegen/common/Backend.h"
#include "codegen/common/ScheduleKeys.h"
#include "codegen/nvptx/contract/Contraction.h"
#include "codegen/nvptx/contract/StreamPlan.h"

namespace fluxion::codegen {

struct ContractPlan {
  bool tensorCores = false;
  // Warps along the block's tile, and warps that share each step along k.
  int64_t warpsM = 1, warpsN = 1, warpsK = 1;
  // What a warp's tile is made of: products of a tensor core (16 x 8), or results of a thread, of
  // which a warp has 4 x 8.
  int64_t perWarpM = 1, perWarpN = 1;
  int64_t tileK = 16;      // positions along k of a step of all warps
  int64_t stages = 2;      // steps whose operands are in shared memory
  int64_t chunks = 1;      // k is split into so many, whose results a second phase adds in order
  int64_t chunkLength = 1; // a multiple of tileK where there are several chunks
  int64_t tilesM = 1, tilesN = 1; // blocks
  StreamPlan stream;              // then there is one chunk

  int64_t blocks = 1; // that a multiprocessor must have registers for at once
  double cycles = 0;  // predicted, of all blocks

  int64_t warpM() const { return perWarpM * (tensorCores ? 16 : 4); }
  int64_t warpN() const { return perWarpN * 8; }
  int64_t warpK() const { return tileK / warpsK; }
  int64_t tileM() const { return warpsM * warpM(); }
  int64_t tileN() const { return warpsN * warpN(); }
  int64_t tileOf(int side) const { return side == 0 ? tileM() : tileN(); }
  int64_t threads() const { return 32 * warpsM * warpsN * warpsK; }
  int64_t tiles(const Contraction &c) const {
    return std::max<int64_t>(1, tilesM * tilesN * c.batches);
  }
  int64_t stepsOf(const Contraction &c) const { return ceilDiv(c.k, tileK); }
  int64_t sumsOfThread() const { return perWarpM * perWarpN * (tensorCores ? 4 : 1); }
  int64_t streamedBytes(const Contraction &c) const; // parts of sums that wait in memory
};

// A side's tile in shared memory: rows of what is contiguous in memory, each `pitch` elements.
struct StageShape {
  int64_t rows = 0, columns = 0, pitch = 0, bytes = 0;
};
StageShape stageShape(const Contraction &c, const ContractPlan &plan, int side);
// Sums of a block's tile, of each of the warps that share k.
StageShape sumShape(const Contraction &c, const ContractPlan &plan);
int64_t sharedBytes(const Contraction &c, const ContractPlan &plan);
// Of so many sums over a tile's rows (ColumnSums.cpp).
int64_t columnBytes(const Contraction &c, const ContractPlan &plan, int64_t count);

// Everything; `keys` are null where the schedule is not this contraction's.
ContractPlan planContraction(const Contraction &c, const ir::TargetInfo &target,
                             ScheduleKeys *keys);
// Other tiles, as the model would complete them, then other single decisions.
std::vector<ScheduleVariation>
contractVariations(const Contraction &c, const ir::TargetInfo &target, mlir::MLIRContext *context);

} // namespace fluxion::codegen
