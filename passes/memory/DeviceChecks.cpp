// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/memory/DeviceChecks.h"

#include "passes/memory/Copies.h"

#include "ir/ops/Ops.h"

using namespace mlir;

namespace fluxion::passes {
void chainChecks(func::FuncOp entry) {
  Value before;
  for (auto check : entry.getOps<ir::CheckOp>()) {
    if (before) {
      OpBuilder b(check);
      auto both = mapKernel(b, check.getLoc(), "check_and", {before, check.getPred()},
                            before.getType(), [&](ValueRange preds) {
                              return SmallVector<Value>{
                                  ir::AndOp::create(b, check.getLoc(), preds[0], preds[1])};
                            });
      check.getPredMutable().assign(both.getResult(0));
    }
    before = check.getPred();
  }
}

} // namespace fluxion::passes
