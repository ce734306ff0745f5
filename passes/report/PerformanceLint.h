// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace fluxion::passes {

struct LintOptions {
  int64_t copyBytes = 1 << 20;   // kernels that only move more data than this are reported
  double contractionFlops = 1e6; // and contractions above this that no contraction generator takes
};

struct LintFinding {
  mlir::Location where;
  std::string rule, message; // rule: "copy" or "contraction"
};

// Slow things the compiler left in a scheduled program.
std::vector<LintFinding> lintPerformance(mlir::ModuleOp module, const LintOptions &options = {});

} // namespace fluxion::passes
