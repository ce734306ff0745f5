// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What every pass may take for granted of the module it is given.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace fluxion::passes {

// Functions with `fluxion.entry` and a body, in module order.
llvm::SmallVector<mlir::func::FuncOp> entryPoints(mlir::ModuleOp module);

// Errors at the user's place for programs that parse but cannot be compiled: an entry point without
// a body of one block, something other than static tensors of the dialect's element types that a
// memory can hold, a state item written twice.
mlir::LogicalResult checkProgram(mlir::ModuleOp module);

} // namespace fluxion::passes
