// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// GPU kernels as functions of the host: what a thread knows of itself, barriers, shuffles and
// shared memory become calls of runtime/simt, and every access of memory is checked by it.
#pragma once

#include "ir/Target.h"

#include "mlir/IR/BuiltinOps.h"

namespace fluxion::codegen {

// Before: functions marked nvvm.kernel, memory ops of the LLVM dialect. After: each is an internal
// function with the same arguments, which one emulated thread calls.
mlir::LogicalResult lowerToHost(mlir::ModuleOp module, const ir::TargetInfo &target);

} // namespace fluxion::codegen
