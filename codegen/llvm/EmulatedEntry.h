// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A launch table as a host function: what a GPU would do, by fx_simt_launch.
#pragma once

#include "codegen/llvm/LaunchTable.h"

namespace fluxion::codegen {

inline constexpr llvm::StringLiteral simtLaunchName = "fx_simt_launch";

// Emits the block of constants at the builder's insertion point, for emitEmulatedEntry.
void emitConstantBlock(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef symbol,
                       const std::string &bytes);

// Emits the fx_entry_fn `symbol`, which makes every launch, then the copies, and last looks at the
// checks, as a device does. Kernels are functions `void (ptr...)` of the module that the builder is
// in.
void emitEmulatedEntry(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef symbol,
                       const LaunchTable &table, llvm::StringRef constants);

} // namespace fluxion::codegen
