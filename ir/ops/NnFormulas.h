// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Formulas that definitions and adjoints of the composites share.
#pragma once

#include "ir/autodiff/Emitter.h"

namespace fluxion::ir {

struct Normalised {
  Expr value; // (x - mean) / sqrt(variance + epsilon), in the shape of x
  Expr scale; // 1 / sqrt(variance + epsilon), repeated to the shape of x
  Expr mean, variance;
};

Expr meanOver(Emitter &emit, Expr x, llvm::ArrayRef<int64_t> dims);
// Two passes: the variance is the mean of squared deviations, sound for any mean.
Normalised normalise(Emitter &emit, Expr x, llvm::ArrayRef<int64_t> dims, double epsilon);
Expr softmaxFormula(Emitter &emit, Expr x, int64_t dim);
// True where the last index is the label: one_hot as a predicate of the type's shape.
Expr isLabel(Emitter &emit, mlir::Value labels, mlir::RankedTensorType type);

} // namespace fluxion::ir
