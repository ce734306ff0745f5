// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Map kernels that planning adds to an entry point.
#pragma once

#include "ir/ops/Update.h"

namespace fluxion::passes {

// A map kernel over values of one type, which its results have too.
ir::KernelOp mapKernel(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef name,
                       mlir::ValueRange inputs, size_t results,
                       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::ValueRange)> body);

// A kernel whose results are the same values, of one type, in other memory.
ir::KernelOp copyKernel(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef name,
                        mlir::ValueRange values);

} // namespace fluxion::passes
