// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/Work.h"

#include "ir/ops/Ops.h"
#include "ir/ops/ScalarBody.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::ir;

int64_t fluxion::ir::byteSize(Type tensor) {
  auto type = cast<RankedTensorType>(tensor);
  return type.getNumElements() * ((type.getElementTypeBitWidth() + 7) / 8);
}

static double elements(Type type) { return (double)cast<RankedTensorType>(type).getNumElements(); }

double fluxion::ir::flopsOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, double>(op)
      .Case([](DotGeneralOp dot) {
        double depth = 1;
        for (int64_t dim : dot.getLhsContracting())
          depth *= dot.getLhs().getType().getDimSize(dim);
        return 2 * depth * elements(dot.getType());
      })
      .Case([](ConvolutionOp conv) {
        auto kernel = conv.getKernel().getType();
        double taps = elements(kernel) / kernel.getDimSize(conv.getKernelDims()[0]);
        for (int64_t dilation :
             conv.getLhsDilation()) // only one in `dilation` taps meets an element
          taps /= dilation;
        return 2 * taps * elements(conv.getType());
      })
      .Case<ReduceOp, ArgmaxOp, ArgminOp>(
          [](auto reduce) { return elements(reduce.getX().getType()); })
      .Case<ReduceWindowOp, WindowArgmaxOp>([](auto window) {
        double taps = 1;
        for (int64_t size : window.getWindow())
          taps *= size;
        return taps * elements(window.getType());
      })
      .Case<ExpOp, Expm1Op, LogOp, Log1pOp, TanhOp, SinOp, CosOp, ErfOp, PowOp, Atan2Op>(
          [](Operation *math) { return 8 * elements(math->getResult(0).getType()); })
      .Case([](RandomBitsOp random) { return 20 * elements(random.getType()); })
      .Default([](Operation *other) {
        return hasScalarBody(other) ? elements(other->getResult(0).getType()) : 0.0;
      });
}

void fluxion::ir::countWork(KernelOp kernel, KernelCost &cost) {
  cost.flops = cost.bytes = 0;
  for (Operation &op : kernel.getBody().front().without_terminator())
    cost.flops += flopsOf(&op);
  for (Value value : kernel->getOperands())
    cost.bytes += (double)byteSize(value.getType());
  for (Value value : kernel->getResults())
    cost.bytes += (double)byteSize(value.getType());
}
