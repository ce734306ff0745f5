// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of 16 x 8 x 32 bytes by the tensor cores of a warp. A factor of the fragments that they
// take is loaded by ldmatrix from rows along k, or transposed from rows along the side.
#include "codegen/nvptx/contract/TileContract.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {
constexpr int64_t sumsOfProduct = 4; // of a thread
} // namespace

MmaContractEmitter::Values MmaContractEmitter::zeroSums() {
  // Rows of 16 bytes that this lane names for ldmatrix: matrices are 8 positions of the side by 16
  // bytes of k. The left side's come side first (two of them, then the next 16 bytes), the right
  // side's k first.
  int64_t chunk = 16 / elementBytes();
  for (int side : {0, 1}) {
    Value inMatrix = modulo(lane, 8), first = modulo(over(lane, 8), 2), second = over(lane, 16);
    Value ownMatrix = side == 0 ? first : second, kMatrix = side == 0 ? second : first;
    Value own = times(ownMatrix, 8), k = times(kMatrix, chunk);
    if (wordByWord(side))
      own = over(lane, 4), k = modulo(lane, 4);
    else
      (c.alongSummed[side] ? own : k) = plus(c.alongSummed[side] ? own : k, inMatrix);
    places[side] = placeInStage(side, own, k);
  }
  return Values(plan.perWarpM * plan.perWarpN * sumsOfProduct, identity(r));
}

// tf32, transposed: the words of a fragment one by one.
MmaContractEmitter::Values MmaContractEmitter::words(int side, Value stage, int64_t own, int64_t k,
                                                     int64_t rows) {
  Value start = arith::AddIOp::create(b, loc, stage, places[side]);
  Values loaded;
  auto load = [&](int64_t row, int64_t depth) {
    Value at = byteAt(ring, start, (own + row) * strideOwn(side) + (k + depth) * strideK(side));
    loaded.push_back(loadShared(at, b.getI32Type(), word(0)));
  };
  for (int64_t outer = 0; outer < (side == 0 ? 8 : rows); outer += side == 0 ? 4 : 8)
    for (int64_t inner = 0; inner < (side == 0 ? rows : 8); inner += side == 0 ? 8 : 4)
      side == 0 ? load(inner, outer) : load(outer, inner);
  return loaded;
}

// The words a thread holds of `rows` positions of a side (8 or 16) by 32 bytes of k.
MmaContractEmitter::Values MmaContractEmitter::fragment(int side, Value stage, int64_t own,
                                                        int64_t k, int64_t rows) {
  Values loaded;
  if (wordByWord(side)) {
    loaded = words(side, stage, own, k, rows);
  } else {
    Type i32 = b.getI32Type();
    uint32_t count = (uint32_t)rows / 4;
    auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(count, i32));
    Value start = arith::AddIOp::create(b, loc, stage, places[side]);
    Value all = NVVM::LdMatrixOp::create(
        b, loc, type, byteAt(ring, start, own * strideOwn(side) + k * strideK(side)), count,
        c.alongSummed[side] ? NVVM::MMALayout::row : NVVM::MMALayout::col,
        NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
    for (uint32_t i = 0; i < count; ++i)
      loaded.push_back(LLVM::ExtractValueOp::create(b, loc, all, i));
  }
  // Ties as Hopper's copies round them, where that exists.
  auto rounding =
      target.computeCapability() >= 90 ? NVVM::FPRoundingMode::RN : NVVM::FPRoundingMode::RNA;
  if (isTf32())
    for (Value &word : loaded)
      word = NVVM::ConvertFloatToTF32Op::create(
          b, loc, b.getI32Type(), LLVM::BitcastOp::create(b, loc, b.getF32Type(), word), rounding);
  else if (c.element.isF16())
    for (Value &word : loaded)
      word = LLVM::BitcastOp::create(b, loc, VectorType::get({2}, c.element), word);
  return loaded;
}

MmaContractEmitter::Values MmaContractEmitter::multiply(ValueRange left, ValueRange right,
                                                        ValueRange sums) {
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(),
                                               SmallVector<Type>(sumsOfProduct, b.getF32Type()));
  NVVM::MMATypes element = isTf32()             ? NVVM::MMATypes::tf32
                           : c.element.isBF16() ? NVVM::MMATypes::bf16
                                                : NVVM::MMATypes::f16;
  Value all = NVVM::MmaOp::create(
      b, loc, type, left, right, sums, {16, 8, depth()}, std::nullopt, std::nullopt,
      std::array<NVVM::MMATypes, 2>{element, element},
      std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col});
  Values results;
  for (int64_t i = 0; i < sumsOfProduct; ++i)
    results.push_back(LLVM::ExtractValueOp::create(b, loc, all, i));
  return results;
}

MmaContractEmitter::Values MmaContractEmitter::step(Value stage, ValueRange sums) {
  Values next(sums);
  for (int64_t k = 0; k < plan.warpK(); k += depth()) {
    SmallVector<Values> left, right;
    for (int64_t i = 0; i < plan.perWarpM; ++i)
      left.push_back(fragment(0, stage, 16 * i, k, 16));
    for (int64_t j = 0; j < plan.perWarpN; j += 2) { // two products' at once
      int64_t rows = std::min<int64_t>(16, 8 * (plan.perWarpN - j));
      Values both = fragment(1, stage, 8 * j, k, rows);
      for (int64_t of = 0; of < rows / 8; ++of)
        right.push_back(Values(ValueRange(both).slice(2 * of, 2)));
    }
    for (int64_t i = 0; i < plan.perWarpM; ++i)
      for (int64_t j = 0; j < plan.perWarpN; ++j) {
        int64_t at = (i * plan.perWarpN + j) * sumsOfProduct;
        Values product = multiply(left[i], right[j], ValueRange(next).slice(at, sumsOfProduct));
        llvm::copy(product, next.begin() + at);
      }
  }
  return next;
}

// A thread's sums of a product: two neighbours in each of two rows, 8 apart.
void MmaContractEmitter::leaveSums(ValueRange sums) {
  Value row = over(lane, 4), column = times(modulo(lane, 4), 2);
  for (int64_t i = 0; i < plan.perWarpM; ++i)
    for (int64_t j = 0; j < plan.perWarpN; ++j)
      for (int64_t half = 0; half < 2; ++half)
        storeSum(plus(row, number(16 * i + 8 * half)), plus(column, number(8 * j)),
                 sums.slice((i * plan.perWarpN + j) * sumsOfProduct + 2 * half, 2));
}
