// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The steps of the assign-layout pass.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fluxion::passes {

using Permutation = llvm::SmallVector<int64_t>;

Permutation inverseOf(llvm::ArrayRef<int64_t> permutation);

mlir::Value reshaped(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                     llvm::ArrayRef<int64_t> shape);

// Convolutions of one tap as products of planes, image by image, where a function has no others: no
// operand nor result is transposed. Returns how many changed.
int64_t planesToProducts(mlir::func::FuncOp function);

// Gives every convolution channels-last operands and result, between transposes; none of them where
// all are depthwise with stride 1, which run as well as they are. Returns how many changed.
int64_t makeConvolutionsChannelsLast(mlir::func::FuncOp function);

// A convolution over a dilated input (the input gradient of a stride) with too few result features
// to fill a vector computes neighbouring results, a dilation of them, as features of one undilated
// convolution. Returns how many changed.
int64_t mergePhases(mlir::func::FuncOp function);

// Moves every transpose below the ops that can work on the transposed values instead, so that it
// meets its inverse or an end of the program.
void sinkTransposes(mlir::func::FuncOp function);

// State items whose new values are made in another order of dimensions than the declared one are
// stored in that order, where this saves transposes. Returns whether any is.
bool packState(mlir::ModuleOp module);

} // namespace fluxion::passes
