// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Entry points of GPU targets: the launches of a step in order, every address a place.
#pragma once

#include "codegen/common/Backend.h"
#include "codegen/llvm/Probes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>
#include <vector>

namespace fluxion::codegen {

struct TableLaunch {
  KernelLaunch shape;
  std::string where; // file:line:column of the model, or empty
  std::vector<fx_place> args;
  std::vector<int64_t> bytes; // of each argument; 0: the null address
  int64_t reads = 0;          // so many arguments are only read, as a guard is; others are written
  std::vector<uint32_t> after;
  int32_t guard = -1;              // see fx_launch
  std::vector<ProbedValue> probed; // what is complete after it, and where it lies
  std::vector<fx_place> probedPlaces;
};

struct LaunchTable {
  std::vector<TableLaunch> launches;
  std::vector<fx_copy> copies;
  std::vector<fx_place> checks;       // where the predicates lie when all launches are done
  std::vector<int32_t> checkLaunches; // which launch writes them; -1: none
};

// The block of constants that the entry points of a program share.
class ConstantBlock {
public:
  int64_t add(mlir::DenseElementsAttr elements); // returns the offset
  const std::string &bytes() const { return block; }

private:
  std::string block;
  llvm::DenseMap<mlir::Attribute, int64_t> offsets;
};

// Before: the entry point is planned for a GPU target, so that predicates outlive all launches,
// each includes those before it, and state that is written after a check is written by a kernel.
mlir::FailureOr<LaunchTable>
makeLaunchTable(mlir::func::FuncOp entry, ConstantBlock &constants,
                llvm::function_ref<const EmittedKernel &(ir::KernelOp)> emitted);

} // namespace fluxion::codegen
