// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Passes.h"

#include "ir/Dialect.h"
#include "ir/autodiff/Differentiate.h"

namespace fluxion::passes {
#define GEN_PASS_DEF_DIFFERENTIATEPASS
#include "passes/Passes.h.inc"

namespace {
struct DifferentiatePass : impl::DifferentiatePassBase<DifferentiatePass> {
  using DifferentiatePassBase::DifferentiatePassBase;
  void runOnOperation() override {
    // Adjoints take the location of their op: it tells kernels what they are the gradient of.
    getOperation().walk([&](ir::CompositeOpInterface op) {
      std::string name = (op->getName().stripDialect() + "_grad").str();
      op->setLoc(mlir::NameLoc::get(mlir::StringAttr::get(&getContext(), name), op->getLoc()));
    });
    if (failed(ir::differentiate(getOperation())))
      signalPassFailure();
  }
};
} // namespace
} // namespace fluxion::passes
