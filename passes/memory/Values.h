// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How values of a kernel program lie in memory, shared by ordering, planning and its check.
#pragma once

#include "ir/ops/Update.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fluxion::passes {

// The value whose bytes this one is: reshapes are followed to what they view.
mlir::Value rootOf(mlir::Value value);

// Does the kernel read operand `input` only at the index of the element of result `output` that it
// is about to write? Then both may be the same memory.
bool mayOverwrite(ir::KernelOp kernel, unsigned input, unsigned output);

} // namespace fluxion::passes
