// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/memory/Copies.h"

#include "ir/ops/Ops.h"

using namespace mlir;
using namespace fluxion;

ir::KernelOp fluxion::passes::mapKernel(OpBuilder &b, Location loc, StringRef name,
                                        ValueRange inputs,
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

ir::KernelOp fluxion::passes::copyKernel(OpBuilder &b, Location loc, StringRef name, Value value) {
  return mapKernel(b, loc, name, value, [&](ValueRange values) -> Value {
    return ir::StopGradientOp::create(b, loc, values[0].getType(), values[0]);
  });
}
