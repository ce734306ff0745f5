// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/report/PerformanceLint.h"

#include "passes/fusion/OpClass.h"
#include "passes/schedule/Cost.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

std::vector<LintFinding> fluxion::passes::lintPerformance(ModuleOp module,
                                                          const LintOptions &options) {
  std::vector<LintFinding> findings;
  module.walk([&](ir::KernelOp kernel) {
    bool movesOnly = !kernel.getInputs().empty(); // else it fills memory
    for (Operation &op : kernel.getBody().front().without_terminator()) {
      OpClass kind = classify(&op);
      movesOnly &= kind == OpClass::Remap || kind == OpClass::View || kind == OpClass::Broadcast ||
                   kind == OpClass::Constant;
    }
    ir::KernelCost work;
    ir::countWork(kernel, work);
    if (movesOnly && work.bytes > (double)options.copyBytes)
      findings.push_back({kernel.getLoc(), kernel.getName().str(), "copy",
                          llvm::formatv("only moves {0} bytes", (int64_t)work.bytes)});
  });
  return findings;
}
