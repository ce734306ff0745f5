// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A contraction as every GPU pipeline sees it: result[batch, m, n] is a sum over k of
// left[batch, m, k] * right[batch, n, k]. Products and convolutions, their gradients too, become
// this; a convolution's left side is read through its window (implicit GEMM). Of a dilated input
// the results a dilation apart are a batch of their own, that takes only the taps which meet
// elements.
#pragma once

#include "codegen/llvm/loops/Plan.h"

namespace fluxion::codegen {

// What one of a flattened group's indices adds to a dimension of the result, or of what is summed.
struct ContractDim {
  int64_t dim = 0, size = 1;
  int64_t step = 1; // positions from one index to the next
  // Of a window over a dilated input: the index of this batch dimension is the phase of the result,
  // whose first tap that may meet an element is the least one of first - phase, modulo the step.
  int64_t phase = -1, first = 0;
};
using ContractDims = llvm::SmallVector<ContractDim>;
int64_t sizeOf(llvm::ArrayRef<ContractDim> dims);
llvm::SmallVector<int64_t> sizesOf(llvm::ArrayRef<ContractDim> dims);

struct Contraction {
  const Reduction *reduction = nullptr;
  // Groups of indices, outermost first, each ordered as the side that it walks lies in memory. Of
  // batch, m and n dimensions are positions among Reduction::kept; of k among its extents.
  ContractDims batchDims, mDims, nDims, kDims;
  int64_t batches = 1, m = 1, n = 1, k = 1;
  mlir::Type element, accumulator; // of the sides; of sums
  // Which way the sides (0: left, 1: right) are contiguous in memory.
  std::array<bool, 2> alongSummed{};
  // Neighbours along a side's last dimension all exist where one does: no window moves along it.
  std::array<bool, 2> wholeLast{true, true};
  bool tf32 = false; // f32 factors may be rounded for tensor cores

  const ContractDims &dimsOf(int side) const { return side == 0 ? mDims : nDims; }
  int64_t sizeOfSide(int side) const { return side == 0 ? m : n; }
  // Which group the result is contiguous along: n, or else m.
  bool resultAlongN() const;
  // Dimensions along which a side, or the result, is contiguous.
  const ContractDims &innerDims(int side) const { return alongSummed[side] ? kDims : dimsOf(side); }
};
// The same results, the sides' roles exchanged: m is what was n.
Contraction exchangedSides(Contraction c);

// Before: a contraction's reduction (isContraction).
Contraction describeContraction(const Reduction &r);

} // namespace fluxion::codegen
