// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/Dialect.h"

#include "ir/ops/Ops.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fluxion::ir;

#include "ir/AttrsEnums.cpp.inc"
#include "ir/Dialect.cpp.inc"
#include "ir/Interfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "ir/Attrs.cpp.inc"

void FluxionDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "ir/Attrs.cpp.inc"
      >();
  registerElementwiseOps(this);
  registerContractionOps(this);
  registerConvolutionOps(this);
  registerReductionOps(this);
  registerShapeOps(this);
  registerIndexingOps(this);
  registerRandomOps(this);
  registerNnOps(this);
  registerControlOps(this);
  registerUpdateOps(this);
}

Operation *FluxionDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                               Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  return elements && elements.getType() == type
             ? ConstantOp::create(builder, loc, elements).getOperation()
             : nullptr;
}
