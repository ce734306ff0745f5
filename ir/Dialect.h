// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The `fluxion` dialect: attributes, interfaces and traits. Ops are in ir/ops/<Family>.h.
#pragma once

#include "ir/autodiff/Emitter.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "ir/AttrsEnums.h.inc"
#include "ir/Dialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "ir/Attrs.h.inc"

namespace fluxion::ir {
// An op without derivative by nature; ODS states the reason as `NoGradient<"why">`.
template <typename Op> class NoGradient : public mlir::OpTrait::TraitBase<Op, NoGradient> {};
// Result element i depends on operand elements i alone; ir/ops/ScalarBody.h gives the meaning.
template <typename Op> class Pointwise : public mlir::OpTrait::TraitBase<Op, Pointwise> {};
} // namespace fluxion::ir

#include "ir/Interfaces.h.inc"

namespace fluxion::ir {
// Each op family adds its ops from its own source, which alone pays for compiling them.
void registerElementwiseOps(FluxionDialect *dialect);
void registerContractionOps(FluxionDialect *dialect);
void registerConvolutionOps(FluxionDialect *dialect);
void registerReductionOps(FluxionDialect *dialect);
void registerShapeOps(FluxionDialect *dialect);
void registerIndexingOps(FluxionDialect *dialect);
void registerRandomOps(FluxionDialect *dialect);
void registerNnOps(FluxionDialect *dialect);
void registerControlOps(FluxionDialect *dialect);
void registerUpdateOps(FluxionDialect *dialect);
} // namespace fluxion::ir
