// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/schedule/Cost.h"

#include "passes/fusion/OpClass.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

ir::KernelCost fluxion::passes::countWork(ir::KernelOp kernel) {
  ir::KernelCost cost;
  for (Operation &op : kernel.getBody().front().without_terminator())
    cost.flops += flopsOf(&op);
  for (Value value : kernel->getOperands())
    cost.bytes += byteSize(value.getType());
  for (Value value : kernel->getResults())
    cost.bytes += byteSize(value.getType());
  return cost;
}
