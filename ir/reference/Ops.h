// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One function a family; each returns nothing for ops of other families.
#pragma once

#include "ir/reference/Tensor.h"

#include "mlir/IR/Operation.h"

#include <optional>

namespace fluxion::ir::reference {

using Results = std::optional<llvm::SmallVector<Tensor>>;
Results evalElementwise(mlir::Operation *op, llvm::ArrayRef<Tensor> x);
Results evalContraction(mlir::Operation *op, llvm::ArrayRef<Tensor> x);
Results evalReduction(mlir::Operation *op, llvm::ArrayRef<Tensor> x);
Results evalShape(mlir::Operation *op, llvm::ArrayRef<Tensor> x);
Results evalIndexing(mlir::Operation *op, llvm::ArrayRef<Tensor> x);

} // namespace fluxion::ir::reference
