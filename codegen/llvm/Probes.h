// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the probe of a running entry point sees (fx_context): floating-point results of kernels.
#pragma once

#include "codegen/llvm/Texts.h"
#include "fluxion/abi.h"
#include "ir/ops/Update.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>

namespace fluxion::codegen {

// A state item or an output has its own name, another value that of its kernel and the state this
// reads.
struct ProbedValue {
  mlir::Value value;
  std::string name;
  int32_t dtype = 0; // fx_dtype
  int64_t count = 0;
};

int32_t dtypeOf(mlir::Type element);

// Before: the kernel's results have places.
llvm::SmallVector<ProbedValue> probedResults(mlir::func::FuncOp entry, ir::KernelOp kernel);

// The calls of the probe in one fx_entry_fn.
class ProbeCalls {
public:
  ProbeCalls(mlir::OpBuilder &builder, mlir::Value context) : b(builder), context(context) {}

  // Ends the block at the builder; it goes on behind, where the probe is known.
  void load();
  // `data` gives the address of the elements of a value by its number.
  void emit(llvm::ArrayRef<ProbedValue> values, Texts &texts,
            llvm::function_ref<mlir::Value(size_t)> data);

private:
  mlir::Location loc() { return context.getLoc(); }
  mlir::OpBuilder &b;
  mlir::Value context, probe;
};

} // namespace fluxion::codegen
