// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Slow things that only the generated code shows.
#pragma once

#include "codegen/llvm/LowerProgram.h"

namespace fluxion::codegen {

struct CodeLintOptions {
  double contractionFlops = 1e5; // smaller contractions may run in scalars
  double forkSeconds = 8e-6;     // work below this costs less than waking a thread
};

struct CodeFinding {
  std::string rule; // "contraction", "libm", "spill" or "fork"
  std::string function, message;
};

// - contraction: the sums of a kernel that multiplies and adds run in scalars;
// - libm: a loop calls a function of the C mathematical library, or what LLVM lowers to one;
// - spill: an innermost loop keeps a vector register in memory;
// - fork: threads are woken for less work than that costs.
// Before: `program` is as emitAssembly leaves it, and `assembly` is what that returned.
std::vector<CodeFinding> lintCode(const LoweredProgram &program, llvm::StringRef assembly,
                                  const CodeLintOptions &options = {});

} // namespace fluxion::codegen
