// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Entry points: the calls of a step in order, every pointer an offset known at compile time.
#pragma once

#include "codegen/common/Backend.h"
#include "codegen/llvm/LaunchTable.h"
#include "codegen/llvm/LowerProgram.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>

namespace fluxion::codegen {

struct EntryPoint {
  std::string symbol;               // of the fx_entry_fn
  std::vector<std::string> checks;  // messages, in order
  int64_t kernels = 0;              // calls
  std::optional<LaunchTable> table; // of a GPU target
  std::vector<Fork> forks;
};

// Emits `i32 symbol(context, state, arena, inputs, outputs)` at the builder's insertion point.
// `emitted` gives the phases of each kernel op.
mlir::FailureOr<EntryPoint>
emitEntryPoint(mlir::func::FuncOp entry, mlir::OpBuilder &builder, llvm::StringRef symbol,
               llvm::function_ref<const EmittedKernel &(ir::KernelOp)> emitted);

// The same for a GPU target: a launch table and no function, unless one is emitted from the table.
mlir::FailureOr<EntryPoint>
tabulateEntryPoint(mlir::func::FuncOp entry, ConstantBlock &constants, llvm::StringRef symbol,
                   llvm::function_ref<const EmittedKernel &(ir::KernelOp)> emitted);

} // namespace fluxion::codegen
