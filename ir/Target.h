// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What passes and generators may know of the machine: the module attribute `fluxion.target`.
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace fluxion::ir {

class TargetAttr;

struct TargetInfo {
  std::string kind = "cpu";          // "cpu", "cuda", or "cuda-emulated": its kernels on the host
  std::string triple, cpu, features; // as LLVM spells them
  int64_t vectorBytes = 16;          // widest useful vector register
  int64_t vectorRegisters = 16;      // how many of them
  int64_t l1Bytes = 32 << 10, l2Bytes = 1 << 20, l3Bytes = 16 << 20; // per core, per core, shared
  int64_t cores = 1; // for choosing the number of tasks, never for choosing a result
  bool fma = false;
  int64_t sharedBytes = 0; // GPUs: most shared memory of a block

  bool isGpu() const { return kind != "cpu"; }
  int64_t computeCapability() const; // of a GPU: 90 of "sm_90a"; else 0
  bool hasAvx512() const { return !isGpu() && vectorBytes == 64 && triple.starts_with("x86_64"); }
  TargetAttr toAttr(mlir::MLIRContext *context) const;
  static TargetInfo fromAttr(TargetAttr attr);
  // The module's target; a portable CPU where it names none.
  static TargetInfo of(mlir::ModuleOp module);

  int64_t lanes(mlir::Type element) const; // elements of a vector register
};

inline constexpr llvm::StringLiteral targetAttrName = "fluxion.target";
inline constexpr llvm::StringLiteral entryAttrName = "fluxion.entry"; // unit, on an entry point
inline constexpr llvm::StringLiteral nameAttrName =
    "fluxion.name"; // string, on its arguments and results
inline constexpr llvm::StringLiteral programAttrName = "fluxion.program"; // string, on the module

} // namespace fluxion::ir
