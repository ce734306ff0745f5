// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What every backend that plans kernels as phases counts.
#pragma once

#include "codegen/llvm/loops/Plan.h"
#include "ir/KernelModel.h"

namespace fluxion::codegen {

// Adds the kernel's floating-point operations and its least traffic.
void countWork(ir::KernelOp kernel, ir::KernelCost &cost);

// Adds the values that phases after this one may read whole.
void storedBy(const Phase &phase, llvm::SmallVectorImpl<StoredValue> &earlier);

} // namespace fluxion::codegen
