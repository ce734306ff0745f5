// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "codegen/llvm/loops/Plan.h"

namespace fluxion::codegen {

// Adds the values that phases after this one may read whole.
void storedBy(const Phase &phase, llvm::SmallVectorImpl<StoredValue> &earlier);

} // namespace fluxion::codegen
