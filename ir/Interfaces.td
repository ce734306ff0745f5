// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an op may promise: an adjoint, a decomposition.
#ifndef FLUXION_IR_INTERFACES_TD
#define FLUXION_IR_INTERFACES_TD

include "mlir/IR/OpBase.td"

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::fluxion::ir";
  let description = [{
    The op has an adjoint. The rule is written beside its family in `ir/autodiff/rules`; an op that
    declares the interface without a rule does not link.
  }];
  let methods = [InterfaceMethod<
    [{Cotangents of the operands from the cotangents of the results (never null; the caller
      materialises symbolic zeros). One value per operand; a null value is a symbolic zero.}],
    "::llvm::SmallVector<::mlir::Value>", "adjoint",
    (ins "::fluxion::ir::Emitter &":$emit, "::mlir::ValueRange":$cotangents)>];
}

def CompositeOpInterface : OpInterface<"CompositeOpInterface"> {
  let cppNamespace = "::fluxion::ir";
  let description = [{
    The op is defined by other ops. Autodiff (unless the op is also Differentiable), the evaluator
    and codegen see the decomposition.
  }];
  let methods = [InterfaceMethod<
    "Builds the definition at the emitter's insertion point; one value per result.",
    "::llvm::SmallVector<::mlir::Value>", "decompose", (ins "::fluxion::ir::Emitter &":$emit)>];
}

#endif // FLUXION_IR_INTERFACES_TD
