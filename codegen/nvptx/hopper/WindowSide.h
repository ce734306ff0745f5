// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The left side of a convolution, channels last: rows of a tile are a box of positions of the
// result, and what a window position reads of the input for them is a box too, zeros around it.
#pragma once

#include "codegen/common/Backend.h"
#include "codegen/nvptx/contract/Contraction.h"

namespace fluxion::codegen {

struct WindowSide {
  unsigned buffer = 0; // of the kernel's operands
  int64_t channels = 1;
  llvm::SmallVector<int64_t> input;               // sizes along x, y, ..., then the batch
  llvm::SmallVector<int64_t> result;              // of the result, likewise
  llvm::SmallVector<int64_t> taps, dilation, low; // of x, y, ...; zeros before the first
  bool reversed = false;                          // the kernel is

  int64_t tapCount() const;
  // Positions of a tile of so many rows, a power of two, along each dimension; and tiles.
  llvm::SmallVector<int64_t> boxOf(int64_t rows) const;
  llvm::SmallVector<int64_t> tilesOf(int64_t rows) const;
  // Of `lineBytes` of channels at one window position.
  TensorMap map(uint32_t dataType, int64_t elementBytes, int64_t lineBytes, int64_t rows) const;
};

// Nothing where boxes cannot say it: steps between windows or input elements, groups, channels that
// are not last, or inputs that are computed on the way.
std::optional<WindowSide> describeWindow(const Contraction &c);

} // namespace fluxion::codegen
