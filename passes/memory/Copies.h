// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Map kernels that planning adds to an entry point.
#pragma once

#include "ir/ops/Update.h"

namespace fluxion::passes {

// A map kernel of one op over values of one type.
ir::KernelOp mapKernel(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef name,
                       mlir::ValueRange inputs,
                       llvm::function_ref<mlir::Value(mlir::ValueRange)> op);

// A kernel whose result is the same value in other memory.
ir::KernelOp copyKernel(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef name,
                        mlir::Value value);

} // namespace fluxion::passes
