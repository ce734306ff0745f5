// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sizes of tensors, and what is counted with them.
#pragma once

#include "ir/Shapes.h"

namespace fluxion::codegen {

using ir::shapeOf;
using ir::typeOf;

inline int64_t ceilDiv(int64_t x, int64_t y) { return (x + y - 1) / y; }
inline int64_t product(llvm::ArrayRef<int64_t> sizes) {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  return count;
}

} // namespace fluxion::codegen
