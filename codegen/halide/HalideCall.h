// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "codegen/common/Backend.h"
#include "codegen/halide/DescribeWindow.h"

namespace fluxion::codegen {

// Of a forking kernel's scratch memory, before what its pipeline allocates.
int64_t alignedResultBytes(ir::KernelOp kernel);
// The phase `symbol` of a kernel: calls of the Halide function d.kernel.symbol.
KernelPhase emitHalideCall(mlir::OpBuilder &builder, llvm::StringRef symbol, ir::KernelOp kernel,
                           const DescribedWindow &d, int64_t scratchBytes);

} // namespace fluxion::codegen
