// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A backend whose kernels are the phases of a plan, one after the other, each a function or
// several.
#pragma once

#include "codegen/common/Backend.h"
#include "codegen/llvm/loops/Plan.h"

namespace fluxion::codegen {

class PhaseBackend : public Backend {
public:
  ir::KernelCost cost(ir::KernelOp kernel, const ir::TargetInfo &target) const final;
  mlir::FailureOr<EmittedKernel> emit(ir::KernelOp kernel, mlir::OpBuilder &b,
                                      llvm::StringRef symbol,
                                      const ir::TargetInfo &target) const override;

protected:
  // Seconds, and what this backend adds to a plan. Bytes and operations of `cost` are known.
  virtual void estimate(ir::KernelOp kernel, const KernelPlan &plan, const ir::TargetInfo &target,
                        ir::KernelCost &cost) const = 0;
  virtual int64_t functionsOf(const Phase &) const { return 1; }
  // Function `part` of a phase, behind phases that stored `earlier`.
  virtual void emitFunction(ir::KernelOp kernel, const Phase &phase, int64_t part,
                            llvm::StringRef symbol, llvm::ArrayRef<StoredValue> earlier,
                            const ir::TargetInfo &target, mlir::OpBuilder &b,
                            EmittedKernel &emitted) const = 0;
};

} // namespace fluxion::codegen
