// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/memory/Copies.h"

#include "ir/ops/Ops.h"

using namespace mlir;
using namespace fluxion;

ir::KernelOp fluxion::passes::mapKernel(OpBuilder &b, Location loc, StringRef name,
                                        ValueRange inputs, TypeRange results,
                                        llvm::function_ref<SmallVector<Value>(ValueRange)> make) {
  auto kernel = ir::KernelOp::create(b, loc, results, inputs, ir::KernelKind::Map, name,
                                     ir::ScheduleAttr(), ArrayAttr());
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Location> locations(inputs.size(), loc);
  Block *body = b.createBlock(&kernel.getBody(), {}, inputs.getTypes(), locations);
  ir::YieldOp::create(b, loc, make(body->getArguments()));
  return kernel;
}

ir::KernelOp fluxion::passes::copyKernel(OpBuilder &b, Location loc, StringRef name,
                                         ValueRange values) {
  return mapKernel(b, loc, name, values, values.getTypes(), [&](ValueRange operands) {
    return llvm::map_to_vector(operands, [&](Value value) -> Value {
      return ir::StopGradientOp::create(b, loc, value.getType(), value);
    });
  });
}
