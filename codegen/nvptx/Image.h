// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// GPU kernels as what a driver loads: PTX by LLVM, and a cubin where NVIDIA's ptxas is at hand.
#pragma once

#include "ir/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <vector>

namespace fluxion::codegen {

struct LowerOptions;

struct Image {
  std::string arch;  // "sm_90a"
  uint32_t kind = 0; // FX_IMAGE_PTX or FX_IMAGE_CUBIN of fluxion/abi.h
  std::string bytes;
};

// Before: a module of nothing but kernels and their data; it is consumed. PTX, then a cubin if
// ptxas is found (FLUXION_PTXAS, PATH, or the toolkit's usual place).
llvm::Expected<std::vector<Image>> emitImages(mlir::ModuleOp kernels, const ir::TargetInfo &target,
                                              const LowerOptions &options);

// PTX alone.
llvm::Expected<std::string> emitPtx(mlir::ModuleOp kernels, const ir::TargetInfo &target,
                                    const LowerOptions &options);

// The assembler's path, or empty.
std::string findPtxas();
// Assembles PTX; `log` gets what ptxas reports of registers, spills and shared memory.
llvm::Expected<std::string> assemblePtx(llvm::StringRef ptx, const ir::TargetInfo &target,
                                        std::string *log = nullptr);

} // namespace fluxion::codegen
