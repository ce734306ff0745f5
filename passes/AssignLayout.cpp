// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Passes.h"
#include "passes/Program.h"
#include "passes/layout/Layout.h"
#include "passes/simplify/Patterns.h"

using namespace mlir;

namespace fluxion::passes {
#define GEN_PASS_DEF_ASSIGNLAYOUTPASS
#include "passes/Passes.h.inc"

namespace {
struct AssignLayoutPass : impl::AssignLayoutPassBase<AssignLayoutPass> {
  using AssignLayoutPassBase::AssignLayoutPassBase;

  void runOnOperation() override {
    int64_t changed = 0;
    for (func::FuncOp function : entryPoints(getOperation())) {
      changed += mergePhases(function);
      changed += planesToProducts(function);
      if (int64_t here = makeConvolutionsChannelsLast(function)) {
        changed += here;
        sinkTransposes(function);
      }
    }
    if (!changed)
      return;
    if (failed(simplify(getOperation())))
      return signalPassFailure();
    if (packState && passes::packState(getOperation()) && failed(simplify(getOperation())))
      signalPassFailure();
  }
};
} // namespace
} // namespace fluxion::passes
