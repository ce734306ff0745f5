// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reverse and forward mode as a program transformation. The result is ordinary dialect, so higher
// orders are the same transformation of its own output.
#pragma once

#include "mlir/IR/BuiltinOps.h"

namespace fluxion::ir {

// Before: any module of the dialect.
// After: no vjp, jvp, checkpoint or custom_vjp is left; recomputation of checkpoints reads through
// `fluxion.barrier`. Composites with an adjoint of their own stay composites.
mlir::LogicalResult differentiate(mlir::ModuleOp module);

// After: no composite is left.
mlir::LogicalResult decomposeComposites(mlir::ModuleOp module);

} // namespace fluxion::ir
