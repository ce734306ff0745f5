// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/report/PerformanceLint.h"

#include "passes/fusion/OpClass.h"
#include "passes/schedule/Cost.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

// The backend the schedule names; empty before scheduling.
static StringRef backendOf(ir::KernelOp kernel) {
  auto schedule = kernel.getSchedule();
  auto backend = schedule ? schedule->getConfig().getAs<StringAttr>("backend") : StringAttr();
  return backend ? backend.getValue() : StringRef();
}

std::vector<LintFinding> fluxion::passes::lintPerformance(ModuleOp module,
                                                          const LintOptions &options) {
  std::vector<LintFinding> findings;
  module.walk([&](ir::KernelOp kernel) {
    bool movesOnly = true;
    double contraction = 0;
    for (Operation &op : kernel.getBody().front().without_terminator()) {
      OpClass kind = classify(&op);
      movesOnly &= kind == OpClass::Remap || kind == OpClass::View || kind == OpClass::Broadcast ||
                   kind == OpClass::Constant;
      if (kind == OpClass::Contract)
        contraction += flopsOf(&op);
    }
    ir::KernelCost work = countWork(kernel);
    if (movesOnly && work.bytes > (double)options.copyBytes)
      findings.push_back({kernel.getLoc(), "copy",
                          llvm::formatv("kernel \"{0}\" only moves {1} bytes", kernel.getName(),
                                        (int64_t)work.bytes)});
    StringRef backend = backendOf(kernel);
    if (contraction > options.contractionFlops && backend == "llvm-loops")
      findings.push_back({kernel.getLoc(), "contraction",
                          llvm::formatv("kernel \"{0}\" of {1} flops runs as plain loops",
                                        kernel.getName(), (int64_t)contraction)});
  });
  return findings;
}
