// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Passes.h"
#include "passes/Program.h"
#include "passes/fusion/Planner.h"

namespace fluxion::passes {
#define GEN_PASS_DEF_OUTLINEPASS
#include "passes/Passes.h.inc"

namespace {
struct OutlinePass : impl::OutlinePassBase<OutlinePass> {
  using OutlinePassBase::OutlinePassBase;

  void runOnOperation() override {
    for (mlir::func::FuncOp function : entryPoints(getOperation())) {
      Planner planner(function, {.fuse = false});
      planner.plan();
      formKernels(planner.groups);
    }
  }
};
} // namespace
} // namespace fluxion::passes
