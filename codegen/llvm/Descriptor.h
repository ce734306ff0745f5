// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The constant `fx_program` of fluxion/abi.h.
#pragma once

#include "codegen/llvm/EntryPoints.h"
#include "codegen/llvm/LowerProgram.h"

namespace fluxion::codegen {

// What a program for a GPU holds beside its launch tables.
struct DeviceParts {
  llvm::ArrayRef<Image> images;
  llvm::StringRef constants;
};

// Adds the descriptor and all it points to; returns its symbol.
std::string emitDescriptor(llvm::Module &module, mlir::ModuleOp planned,
                           llvm::ArrayRef<std::pair<mlir::func::FuncOp, EntryPoint>> entries,
                           const DeviceParts &device, const LowerOptions &options);

} // namespace fluxion::codegen
