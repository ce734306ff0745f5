// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "codegen/common/Backend.h"
#include "codegen/halide/DescribeWindow.h"

namespace fluxion::codegen {

// Scratch memory before what the pipeline allocates, where its result is made; 0: made in place.
int64_t alignedResultBytes(ir::KernelOp kernel, const DescribedWindow &d);
// The phase `symbol` of a kernel: calls of the Halide function d.kernel.symbol.
KernelPhase emitHalideCall(mlir::OpBuilder &builder, llvm::StringRef symbol, ir::KernelOp kernel,
                           const DescribedWindow &d, int64_t scratchBytes);

} // namespace fluxion::codegen
