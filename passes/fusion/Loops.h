// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which ops can run in one loop nest: the rule behind map, row and update kernels.
#pragma once

#include "passes/fusion/Groups.h"

namespace fluxion::passes {

// A row kernel walks `shape`; its reductions all remove the dimensions not in `kept`, so that one
// pass of the outer loops over `kept` sees whole rows. Where these are the leading dimensions,
// other reductions may remove just them: results of the kernel that nothing inside reads. A map has
// no reduction and keeps everything.
struct Loops {
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<int64_t> kept;
  bool reduces = false;
};

// The loops that a kernel of these ops runs in. None where two ops need different ones, or where a
// value made inside is read at another index than it is made at.
std::optional<Loops> sharedLoops(const Groups &groups, llvm::ArrayRef<mlir::Operation *> ops);

} // namespace fluxion::passes
