// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Passes.h"

#include "ir/autodiff/Differentiate.h"

namespace fluxion::passes {
#define GEN_PASS_DEF_DIFFERENTIATEPASS
#include "passes/Passes.h.inc"

namespace {
struct DifferentiatePass : impl::DifferentiatePassBase<DifferentiatePass> {
  using DifferentiatePassBase::DifferentiatePassBase;
  void runOnOperation() override {
    if (failed(ir::differentiate(getOperation())))
      signalPassFailure();
  }
};
} // namespace
} // namespace fluxion::passes
