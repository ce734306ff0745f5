// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Passes.h"
#include "passes/simplify/Patterns.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace fluxion::passes {
#define GEN_PASS_DEF_SIMPLIFYPASS
#include "passes/Passes.h.inc"

namespace {
struct SimplifyPass : impl::SimplifyPassBase<SimplifyPass> {
  using SimplifyPassBase::SimplifyPassBase;

  void runOnOperation() override {
    if (failed(simplify(getOperation())))
      signalPassFailure();
  }
};
} // namespace

LogicalResult simplify(ModuleOp module) {
  RewritePatternSet set(module.getContext());
  populateAlgebraPatterns(set);
  populateConstantPatterns(set);
  populateBroadcastPatterns(set);
  populateReshapePatterns(set);
  populateTransposePatterns(set);
  FrozenRewritePatternSet patterns(std::move(set));
  auto mergeEqual = [&] {
    IRRewriter rewriter(module.getContext());
    DominanceInfo dominance(module);
    eliminateCommonSubExpressions(rewriter, dominance, module);
  };
  // Equal expressions that become one enable rewrites, and the other way round; two rounds settle
  // it.
  for (int round = 0; round < 2; ++round) {
    mergeEqual();
    if (failed(applyPatternsGreedily(module, patterns)))
      return failure();
  }
  mergeEqual();
  return success();
}
} // namespace fluxion::passes
