// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/contract/ContractPlan.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {
int64_t ceilDiv(int64_t x, int64_t y) { return (x + y - 1) / y; }

// Largest first: the first that fits the product and gives most multiprocessors a tile.
ContractPlan tileFor(const Contraction &c, const ir::TargetInfo &target) {
  struct Shape {
    int64_t tileM, tileN, threadM, threadN;
  };
  const Shape shapes[] = {{128, 128, 8, 8}, {128, 64, 8, 4}, {64, 64, 4, 4}, {64, 32, 4, 2},
                          {64, 16, 4, 1},   {32, 32, 2, 2},  {32, 16, 2, 1}};
  bool wide = c.element.getIntOrFloatBitWidth() > 32;
  double least = INFINITY;
  ContractPlan plan;
  for (const Shape &shape : shapes) {
    if (wide && shape.threadM * shape.threadN > 16)
      continue;
    int64_t tiles = ceilDiv(c.m, shape.tileM) * ceilDiv(c.n, shape.tileN) * c.batches;
    // Work of a multiprocessor, in tiles; small thread tiles wait for shared memory.
    double flops = (double)shape.tileM * shape.tileN,
           loads =
               8.0 * (shape.tileM * shape.tileN) * (1.0 / shape.threadM + 1.0 / shape.threadN) / 2,
           cost = ceilDiv(tiles, target.cores) * (flops + loads);
    if (cost < least) {
      least = cost;
      plan.tileM = shape.tileM, plan.tileN = shape.tileN;
      plan.threadM = shape.threadM, plan.threadN = shape.threadN;
    }
  }
  plan.tilesM = ceilDiv(c.m, plan.tileM), plan.tilesN = ceilDiv(c.n, plan.tileN);
  return plan;
}
} // namespace

ContractPlan fluxion::codegen::planContraction(const Contraction &c, const ir::TargetInfo &target) {
  ContractPlan plan = tileFor(c, target);
  plan.chunks = c.reduction->chunks;
  plan.chunkLength =
      plan.chunks == 1 ? c.k : ceilDiv(ceilDiv(c.k, plan.chunks), plan.tileK) * plan.tileK;
  return plan;
}

int64_t fluxion::codegen::contractChunks(const Contraction &c, const ir::TargetInfo &target) {
  constexpr int64_t most = 256;
  ContractPlan plan = tileFor(c, target);
  int64_t tiles = plan.tilesM * plan.tilesN * c.batches, shortest = 8 * plan.tileK;
  // Chunks are whole steps of a tile.
  int64_t chunks =
      std::clamp<int64_t>(target.cores / tiles, 1, std::max<int64_t>(1, c.k / shortest));
  int64_t length = ceilDiv(ceilDiv(c.k, std::min(chunks, most)), plan.tileK) * plan.tileK;
  return ceilDiv(c.k, length);
}
