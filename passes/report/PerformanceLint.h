// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace fluxion::passes {

struct LintOptions {
  int64_t copyBytes = 1 << 20; // kernels that only move more data than this are reported
};

struct LintFinding {
  mlir::Location where;
  std::string kernel;
  std::string rule, message; // rule: "copy"
};

// Slow things the compiler left in a planned program; codegen/llvm/CodeLint.h has those of its
// code.
std::vector<LintFinding> lintPerformance(mlir::ModuleOp module, const LintOptions &options = {});

} // namespace fluxion::passes
