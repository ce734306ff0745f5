// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rewrites of the simplify pass. All keep the IEEE meaning of NaN, infinities and signed zeros.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

namespace fluxion::passes {

void populateAlgebraPatterns(mlir::RewritePatternSet &patterns);
void populateConstantPatterns(mlir::RewritePatternSet &patterns);
void populateBroadcastPatterns(mlir::RewritePatternSet &patterns);
void populateReshapePatterns(mlir::RewritePatternSet &patterns);
void populateTransposePatterns(mlir::RewritePatternSet &patterns);

// All of them, with common subexpressions merged and dead code gone.
mlir::LogicalResult simplify(mlir::ModuleOp module);

// The number every element of a constant has, if it is one.
std::optional<double> splatNumber(mlir::Value value);

} // namespace fluxion::passes
