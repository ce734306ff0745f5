// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/fusion/OpClass.h"

#include "ir/ops/Ops.h"
#include "ir/ops/ScalarBody.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

static bool isDepthwise(ir::ConvolutionOp conv) {
  return conv.getFeatureGroupCount() > 1 &&
         conv.getKernel().getType().getDimSize(conv.getKernelDims()[1]) == 1;
}

OpClass fluxion::passes::classify(Operation *op) {
  if (ir::hasScalarBody(op))
    return OpClass::Pointwise;
  return llvm::TypeSwitch<Operation *, OpClass>(op)
      .Case<ir::ReshapeOp>([](auto) { return OpClass::View; })
      .Case<ir::ConstantOp>([](auto) { return OpClass::Constant; })
      .Case<ir::IotaOp, ir::RandomBitsOp>([](auto) { return OpClass::Source; })
      .Case<ir::BroadcastInDimOp>([](auto) { return OpClass::Broadcast; })
      .Case<ir::TransposeOp, ir::SliceOp, ir::PadOp, ir::ConcatenateOp, ir::ReverseOp>(
          [](auto) { return OpClass::Remap; })
      .Case<ir::ReduceOp, ir::ArgmaxOp, ir::ArgminOp>([](auto) { return OpClass::Reduce; })
      .Case<ir::DotGeneralOp>([](auto) { return OpClass::Contract; })
      .Case<ir::ConvolutionOp>([](ir::ConvolutionOp conv) {
        return isDepthwise(conv) ? OpClass::Window : OpClass::Contract;
      })
      .Case<ir::ReduceWindowOp, ir::WindowArgmaxOp, ir::WindowGatherOp, ir::WindowScatterOp>(
          [](auto) { return OpClass::Window; })
      .Case<ir::GatherOp, ir::ScatterOp>([](auto) { return OpClass::Index; })
      .Case<ir::KernelOp>([](auto) { return OpClass::Kernel; })
      .Default([](Operation *) { return OpClass::Boundary; });
}

bool fluxion::passes::isCheapToRecompute(Operation *op) {
  switch (classify(op)) {
  case OpClass::Constant:
    return isa<SplatElementsAttr>(cast<ir::ConstantOp>(op).getValue());
  case OpClass::Source:
  case OpClass::Broadcast:
    return true;
  default:
    return false;
  }
}

double fluxion::passes::elementsOf(Operation *op) {
  return (double)cast<RankedTensorType>(op->getResult(0).getType()).getNumElements();
}

bool fluxion::passes::readsMemory(OpOperand &use) {
  switch (classify(use.getOwner())) {
  case OpClass::Boundary:
  case OpClass::View:
  case OpClass::Contract:
  case OpClass::Window:
  case OpClass::Index:
  case OpClass::Kernel:
    return true;
  case OpClass::Remap: {
    Operation *def = use.get().getDefiningOp();
    return !(isa<ir::PadOp>(use.getOwner()) && use.getOperandNumber() == 1 &&
             classify(def) == OpClass::Constant);
  }
  default:
    return false;
  }
}

StringRef fluxion::passes::compositeOf(Operation *op) {
  StringRef outermost, gradient;
  Location loc = op->getLoc();
  while (auto name = dyn_cast<NameLoc>(loc)) {
    StringRef text = name.getName().getValue();
    (text.ends_with("_grad") ? gradient : outermost) = text;
    loc = name.getChildLoc();
  }
  return outermost.empty() ? gradient : outermost;
}
