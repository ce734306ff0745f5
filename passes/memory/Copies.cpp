// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/memory/Copies.h"

#include "ir/ops/Ops.h"

using namespace mlir;
using namespace fluxion;

ir::KernelOp fluxion::passes::mapKernel(OpBuilder &b, Location loc, StringRef name,
                                        ValueRange inputs, size_t results,
                                        llvm::function_ref<SmallVector<Value>(ValueRange)> body) {
  SmallVector<Type> types(results, inputs[0].getType());
  auto kernel = ir::KernelOp::create(b, loc, types, inputs, ir::KernelKind::Map, name,
                                     ir::ScheduleAttr(), ArrayAttr());
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Location> locations(inputs.size(), loc);
  Block *block = b.createBlock(&kernel.getBody(), {}, inputs.getTypes(), locations);
  ir::YieldOp::create(b, loc, body(block->getArguments()));
  return kernel;
}

ir::KernelOp fluxion::passes::copyKernel(OpBuilder &b, Location loc, StringRef name,
                                         ValueRange values) {
  return mapKernel(b, loc, name, values, values.size(), [&](ValueRange elements) {
    return llvm::map_to_vector(elements, [&](Value element) -> Value {
      return ir::StopGradientOp::create(b, loc, element.getType(), element);
    });
  });
}
