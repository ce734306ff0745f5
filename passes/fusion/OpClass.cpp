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

int64_t fluxion::passes::byteSize(Type tensor) {
  auto type = cast<RankedTensorType>(tensor);
  return type.getNumElements() * ((type.getElementTypeBitWidth() + 7) / 8);
}

static double elements(Type type) { return (double)cast<RankedTensorType>(type).getNumElements(); }

double fluxion::passes::flopsOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, double>(op)
      .Case([](ir::DotGeneralOp dot) {
        double depth = 1;
        for (int64_t dim : dot.getLhsContracting())
          depth *= dot.getLhs().getType().getDimSize(dim);
        return 2 * depth * elements(dot.getType());
      })
      .Case([](ir::ConvolutionOp conv) {
        auto kernel = conv.getKernel().getType();
        double taps = elements(kernel) / kernel.getDimSize(conv.getKernelDims()[0]);
        for (int64_t dilation :
             conv.getLhsDilation()) // only one in `dilation` taps meets an element
          taps /= dilation;
        return 2 * taps * elements(conv.getType());
      })
      .Case<ir::ReduceOp, ir::ArgmaxOp, ir::ArgminOp>(
          [](auto reduce) { return elements(reduce.getX().getType()); })
      .Case<ir::ReduceWindowOp, ir::WindowArgmaxOp>([](auto window) {
        double taps = 1;
        for (int64_t size : window.getWindow())
          taps *= size;
        return taps * elements(window.getType());
      })
      .Case<ir::ExpOp, ir::Expm1Op, ir::LogOp, ir::Log1pOp, ir::TanhOp, ir::SinOp, ir::CosOp,
            ir::ErfOp, ir::PowOp, ir::Atan2Op>(
          [](Operation *math) { return 8 * elements(math->getResult(0).getType()); })
      .Case([](ir::RandomBitsOp random) { return 20 * elements(random.getType()); })
      .Default([](Operation *other) {
        return classify(other) == OpClass::Pointwise ? elements(other->getResult(0).getType())
                                                     : 0.0;
      });
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
