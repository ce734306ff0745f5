// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The constant `fx_program` of fluxion/abi.h.
#pragma once

#include "codegen/llvm/EntryPoints.h"
#include "codegen/llvm/LowerProgram.h"

namespace fluxion::codegen {

// Adds the descriptor and all it points to; returns its symbol, `fx_NAME_program`.
std::string emitDescriptor(llvm::Module &module, mlir::ModuleOp planned,
                           llvm::ArrayRef<std::pair<mlir::func::FuncOp, EntryPoint>> entries,
                           const LowerOptions &options);

} // namespace fluxion::codegen
