// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/loops/Work.h"

#include "codegen/llvm/loops/Puller.h"
#include "ir/ops/Contraction.h"
#include "ir/ops/Convolution.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

double elementsOf(Value value) {
  return (double)cast<RankedTensorType>(value.getType()).getNumElements();
}
double bytesOf(Value value) {
  return elementsOf(value) *
         ((cast<RankedTensorType>(value.getType()).getElementTypeBitWidth() + 7) / 8);
}

// Multiply-add counts 2; every other element computed counts 1.
double flopsOf(Operation &op) {
  if (auto dot = dyn_cast<ir::DotGeneralOp>(op)) {
    double depth = 1;
    for (int64_t dim : dot.getLhsContracting())
      depth *= cast<RankedTensorType>(dot.getLhs().getType()).getDimSize(dim);
    return 2 * depth * elementsOf(dot.getResult());
  }
  if (auto conv = dyn_cast<ir::ConvolutionOp>(op)) {
    auto kernel = cast<RankedTensorType>(conv.getKernel().getType());
    return 2 * elementsOf(conv.getResult()) * kernel.getNumElements() /
           kernel.getDimSize(conv.getKernelDims()[0]);
  }
  if (isReduction(&op))
    return elementsOf(op.getOperand(0));
  return op.getNumResults() ? elementsOf(op.getResult(0)) : 0;
}

} // namespace

void fluxion::codegen::countWork(ir::KernelOp kernel, ir::KernelCost &cost) {
  for (Value value : kernel.getInputs())
    cost.bytes += bytesOf(value);
  for (Value value : kernel.getResults())
    cost.bytes += bytesOf(value);
  for (Operation &op : kernel.getBody().front().without_terminator())
    cost.flops += flopsOf(op);
}

void fluxion::codegen::storedBy(const Phase &phase, SmallVectorImpl<StoredValue> &earlier) {
  bool partial = phase.kind == Phase::Pack || phase.kind == Phase::PadInput ||
                 (phase.kind == Phase::Reduce && phase.reductions[0].chunks > 1);
  for (const StoredValue &stored : phase.stores)
    if (!partial && !(phase.kind == Phase::Combine && &stored == phase.stores.begin()))
      earlier.push_back(stored);
}
