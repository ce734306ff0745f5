// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a contraction is spread over blocks and threads: decided from sizes and the target alone.
#pragma once

#include "codegen/nvptx/contract/Contraction.h"

namespace fluxion::codegen {

struct ContractPlan {
  int64_t tileM = 64, tileN = 64, tileK = 16; // of a block, and of a step along k
  int64_t threadM = 4, threadN = 4;           // results of a thread
  int64_t tilesM = 1, tilesN = 1;             // blocks
  int64_t chunks = 1;      // k is split into so many, whose results a second phase adds in order
  int64_t chunkLength = 1; // a multiple of tileK where there are several chunks
  int64_t threadsM() const { return tileM / threadM; }
  int64_t threadsN() const { return tileN / threadN; }
  int64_t threads() const { return threadsM() * threadsN(); }
};
// For the chunks that the reduction has.
ContractPlan planContraction(const Contraction &c, const ir::TargetInfo &target);
// How many there should be.
int64_t contractChunks(const Contraction &c, const ir::TargetInfo &target);

} // namespace fluxion::codegen
