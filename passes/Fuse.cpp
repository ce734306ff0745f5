// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Passes.h"
#include "passes/Program.h"
#include "passes/fusion/Planner.h"

namespace fluxion::passes {
#define GEN_PASS_DEF_FUSEPASS
#include "passes/Passes.h.inc"

namespace {
struct FusePass : impl::FusePassBase<FusePass> {
  using FusePassBase::FusePassBase;
  FusePass(const FusePassOptions &options, const ir::KernelModel *model)
      : FusePassBase(options), model(model) {}
  FusePass(const FusePass &other) : FusePassBase(other), model(other.model) {}

  void runOnOperation() override {
    for (mlir::func::FuncOp function : entryPoints(getOperation())) {
      Planner planner(function,
                      {.model = model, .fuse = true, .recompute = recompute, .maxOps = maxOps});
      planner.plan();
      formKernels(planner.groups);
    }
  }

private:
  const ir::KernelModel *model = nullptr;
};
} // namespace

std::unique_ptr<mlir::Pass> createFusePass(const FusePassOptions &options,
                                           const ir::KernelModel *model) {
  return std::make_unique<FusePass>(options, model);
}
} // namespace fluxion::passes
