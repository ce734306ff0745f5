// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How memory is met along the dimensions of an iteration space.
#pragma once

#include "codegen/llvm/loops/Plan.h"

namespace fluxion::codegen {

struct Walk {
  // A dimension and the one before it are one run of every operand in memory that sees either:
  // positions of both can be counted together.
  llvm::SmallVector<bool> joined;
  // Neighbours along the last dimension are neighbours in memory, or the same element.
  bool inOrder = true;
  bool isPlain = true; // elementwise on what lies at its own position
};
Walk walkOf(llvm::ArrayRef<mlir::Value> values); // of one shape

// The sizes that `joined` makes one, side by side.
llvm::SmallVector<llvm::SmallVector<int64_t>> runsOf(llvm::ArrayRef<int64_t> sizes,
                                                     llvm::ArrayRef<bool> joined);

} // namespace fluxion::codegen
