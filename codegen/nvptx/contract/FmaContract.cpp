// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The threads of a warp stand 4 x 8 over its tile, so that what they read of shared memory together
// is little: lanes that differ in bit 0 read the same rows, in bit 1 the same columns, since 16
// bytes a lane take half the cycles where neighbours, or every other two, share them. A thread's
// results are neighbours in groups of 16 bytes along a side whose tile lies that way, and apart
// along one that lies along k: both are read 16 bytes at a time from all banks.
#include "codegen/nvptx/contract/TileContract.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

int64_t FmaContractEmitter::neighbours(int side) const {
  return c.alongSummed[side] ? 1 : std::gcd(perThread(side), most());
}

int64_t FmaContractEmitter::offsetOf(int side, int64_t i) const {
  int64_t near = neighbours(side);
  return i / near * near * threadsOf(side) + i % near;
}

// Where the thread stands in its warp: rows by bits 1 and 2 of the lane, columns by the others.
Value FmaContractEmitter::acrossWarp(int side) {
  return side == 0 ? modulo(over(lane, 2), 4) : plus(modulo(lane, 2), times(over(lane, 8), 2));
}

FmaContractEmitter::Values FmaContractEmitter::zeroSums() {
  for (int side : {0, 1})
    places[side] = placeInStage(side, times(acrossWarp(side), neighbours(side)), number(0));
  return Values(plan.perWarpM * plan.perWarpN, identity(r));
}

// Factors of the thread's positions, `count` along k of each.
FmaContractEmitter::Values FmaContractEmitter::factorsAt(int side, Value stage, int64_t k,
                                                         int64_t count) {
  bool isAlong = c.alongSummed[side];
  int64_t near = neighbours(side), lanes = isAlong ? count : near, positions = perThread(side);
  Value start = arith::AddIOp::create(b, loc, stage, places[side]);
  Values factors(positions * count);
  for (int64_t i = 0; i < positions; i += near)
    for (int64_t depth = 0; depth < count; depth += isAlong ? count : 1) {
      Value at =
          byteAt(ring, start, offsetOf(side, i) * strideOwn(side) + (k + depth) * strideK(side));
      Value vector = loadShared(at, c.element, word(0), lanes);
      for (int64_t lane = 0; lane < lanes; ++lane) {
        Value factor =
            lanes == 1 ? vector : vector::ExtractOp::create(b, loc, vector, lane).getResult();
        int64_t position = isAlong ? i : i + lane, of = isAlong ? depth + lane : depth;
        factors[position * count + of] = access.emit.convert(factor, c.element, c.accumulator);
      }
    }
  return factors;
}

FmaContractEmitter::Values FmaContractEmitter::step(Value stage, ValueRange sums) {
  Values next(sums);
  int64_t depth = std::gcd(plan.warpK(), most());
  for (int64_t k = 0; k < plan.warpK(); k += depth) {
    Values x = factorsAt(0, stage, k, depth), y = factorsAt(1, stage, k, depth);
    for (int64_t d = 0; d < depth; ++d)
      for (int64_t i = 0; i < plan.perWarpM; ++i)
        for (int64_t j = 0; j < plan.perWarpN; ++j) {
          Value &sum = next[i * plan.perWarpN + j];
          sum = multiplyAdd(x[i * depth + d], y[j * depth + d], sum);
        }
  }
  return next;
}

Value FmaContractEmitter::multiplyAdd(Value x, Value y, Value sum) {
  if (isa<FloatType>(c.accumulator))
    return LLVM::FMAOp::create(b, loc, x.getType(), x, y, sum);
  Value product = access.emit.apply(ir::Atom::Mul, {x, y}, c.accumulator);
  return access.emit.apply(ir::Atom::Add, {sum, product}, c.accumulator);
}

void FmaContractEmitter::leaveSums(ValueRange sums) {
  Value row = times(acrossWarp(0), neighbours(0)), column = times(acrossWarp(1), neighbours(1));
  int64_t near = neighbours(1);
  for (int64_t i = 0; i < plan.perWarpM; ++i)
    for (int64_t j = 0; j < plan.perWarpN; j += near)
      storeSum(plus(row, number(offsetOf(0, i))), plus(column, number(offsetOf(1, j))),
               sums.slice(i * plan.perWarpN + j, near));
}
