// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Map kernels that planning adds to an entry point.
#pragma once

#include "ir/ops/Update.h"

namespace fluxion::passes {

// A map kernel; `make` builds its results, of the given types, from its operands.
ir::KernelOp mapKernel(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef name,
                       mlir::ValueRange inputs, mlir::TypeRange results,
                       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::ValueRange)> make);

// A kernel whose results are the same values in other memory.
ir::KernelOp copyKernel(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef name,
                        mlir::ValueRange values);

} // namespace fluxion::passes
