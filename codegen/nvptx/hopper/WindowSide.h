// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An image of a convolution, channels last: what a window position reads for a box of positions of
// the result is a box too, zeros around it.
#pragma once

#include "codegen/common/Backend.h"
#include "codegen/nvptx/contract/Contraction.h"

namespace fluxion::codegen {

// Of dimensions x, y, ..., innermost first, then the batch: position p of the result reads, at
// window position t, the image at step * p + dilation * t - low.
struct WindowSide {
  unsigned buffer = 0; // of the kernel's operands
  int64_t channels = 1;
  llvm::SmallVector<int64_t> input;  // sizes
  llvm::SmallVector<int64_t> result; // of the result, or of one phase of it
  llvm::SmallVector<int64_t> taps, step, dilation, low;
  bool reversed = false; // the kernel is
  // An image with zeros between its elements: results so many apart (a phase, `batch` of the
  // contraction's batch dimensions; -1: all are alike) take every so many'th tap.
  llvm::SmallVector<int64_t> phases, batch;
  // Boxes hold positions of the image only, save beyond the batch's end.
  bool whole = false;

  int64_t spatialRank() const { return taps.size(); }
  int64_t tapCount() const;                     // of the kernel
  llvm::SmallVector<int64_t> phaseTaps() const; // of one phase
  // Positions of a box of so many, a power of two, along each dimension; and boxes.
  llvm::SmallVector<int64_t> boxOf(int64_t positions) const;
  llvm::SmallVector<int64_t> boxesOf(int64_t positions) const;
  // A box of so many positions, and so many channels of each.
  TensorMap map(uint32_t dataType, int64_t elementBytes, int64_t channels, int64_t positions) const;
};

// The left side, and in the gradient of a kernel, which sums over positions, the right side too.
// Nothing where boxes cannot say it: groups, channels that are not last, or images that are
// computed on the way.
struct Windows {
  WindowSide left;
  std::optional<WindowSide> right;
};
std::optional<Windows> describeWindows(const Contraction &c);

} // namespace fluxion::codegen
