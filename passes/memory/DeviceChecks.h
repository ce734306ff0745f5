// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Assertions of programs for GPUs. Nobody looks at them before all launches are made: what follows
// the last one does nothing where it failed, so each includes those before it, and state is written
// by kernels alone.
#pragma once

#include "ir/ops/Update.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fluxion::passes {

// Makes the predicate of every check the conjunction of its own and those before it.
void chainChecks(mlir::func::FuncOp entry);

} // namespace fluxion::passes
