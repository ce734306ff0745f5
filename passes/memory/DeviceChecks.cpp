// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/memory/DeviceChecks.h"

#include "ir/ops/Ops.h"

using namespace mlir;

namespace fluxion::passes {
namespace {

// A map kernel of one op over values of one type.
ir::KernelOp mapKernel(OpBuilder &b, Location loc, StringRef name, ValueRange inputs,
                       llvm::function_ref<Value(ValueRange)> op) {
  Type type = inputs[0].getType();
  auto kernel = ir::KernelOp::create(b, loc, TypeRange(type), inputs, ir::KernelKind::Map, name,
                                     ir::ScheduleAttr(), ArrayAttr());
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Location> locations(inputs.size(), loc);
  Block *body = b.createBlock(&kernel.getBody(), {}, inputs.getTypes(), locations);
  ir::YieldOp::create(b, loc, op(body->getArguments()));
  return kernel;
}

} // namespace

void chainChecks(func::FuncOp entry) {
  Value before;
  for (auto check : entry.getOps<ir::CheckOp>()) {
    if (before) {
      OpBuilder b(check);
      auto both = mapKernel(b, check.getLoc(), "check_and", {before, check.getPred()},
                            [&](ValueRange preds) -> Value {
                              return ir::AndOp::create(b, check.getLoc(), preds[0], preds[1]);
                            });
      check.getPredMutable().assign(both.getResult(0));
    }
    before = check.getPred();
  }
}

ir::KernelOp copyByKernel(ir::WriteOp write) {
  OpBuilder b(write->getBlock()->getTerminator());
  auto copy =
      mapKernel(b, write.getLoc(), "copy_state", write.getValue(), [&](ValueRange values) -> Value {
        return ir::StopGradientOp::create(b, write.getLoc(), values[0].getType(), values[0]);
      });
  write->moveBefore(write->getBlock()->getTerminator());
  write.getValueMutable().assign(copy.getResult(0));
  return copy;
}

} // namespace fluxion::passes
