// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The reference evaluator: plain loops in f64, readable as the definition of every op. It is the
// oracle of the tests and folds constants.
#pragma once

#include "ir/reference/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>
#include <string>

namespace fluxion::ir::reference {

using State = std::map<std::string, Tensor>; // by the state item's name

// Results of a function of primitives, composites and kernels; differentiate first. Reads see the
// state as it was; writes take effect at the end. Fails with a diagnostic at the op: a failed
// check, an op without a definition.
mlir::FailureOr<llvm::SmallVector<Tensor>>
evaluate(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> inputs, State *state = nullptr);

// One primitive op.
mlir::FailureOr<llvm::SmallVector<Tensor>> evaluateOp(mlir::Operation *op,
                                                      llvm::ArrayRef<Tensor> operands);

} // namespace fluxion::ir::reference
