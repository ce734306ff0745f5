// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Declared state, run-time assertions, and the kernel that fusion forms.
#ifndef FLUXION_IR_OPS_UPDATE_TD
#define FLUXION_IR_OPS_UPDATE_TD

include "ir/Attrs.td"
include "mlir/IR/SymbolInterfaces.td"

def Fluxion_StateOp : Fluxion_Op<"state", [Symbol, NoGradient<"a declaration">]> {
  let summary = "one item of the program's state";
  let description = [{
    Module-level. Entry points are `func.func`s with the attribute `fluxion.entry`; all share the state.
    `offset`, set by the memory planner, is the item's byte offset in the state block.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<Fluxion_Tensor>:$type, Fluxion_StateRoleAttr:$role,
                       OptionalAttr<I64Attr>:$offset);
  let assemblyFormat = "$role $sym_name `:` $type attr-dict";
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType tensorType() { return ::llvm::cast<::mlir::RankedTensorType>(getType()); }
  }];
}
def Fluxion_ReadOp : Fluxion_Op<"read", [Pure, NoGradient<"differentiate with respect to the value passed to vjp">,
                                         DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a state item as it was when the entry point began";
  let description = "`read_c1`: the symbol names a state item of this type.";
  let arguments = (ins FlatSymbolRefAttr:$state);
  let results = (outs Fluxion_Tensor:$value);
  let assemblyFormat = "$state attr-dict `:` type($value)";
}
def Fluxion_WriteOp : Fluxion_Op<"write", [MemoryEffects<[MemWrite]>, NoGradient<"an effect">,
                                           DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value a state item takes when the entry point ends; at most one a function";
  let description = "`write_c1`: the symbol names a state item of this type.";
  let arguments = (ins FlatSymbolRefAttr:$state, Fluxion_Tensor:$value);
  let assemblyFormat = "$state `,` $value attr-dict `:` type($value)";
}
def Fluxion_CheckOp : Fluxion_Op<"check", [MemoryEffects<[MemWrite]>, NoGradient<"an assertion">]> {
  let summary = "fails the entry point with a message where a predicate is false";
  let arguments = (ins 0DTensorOf<[I1]>:$pred, StrAttr:$message);
  let assemblyFormat = "$pred `,` $message attr-dict `:` type($pred)";
}
def Fluxion_KernelOp : Fluxion_Op<"kernel", [IsolatedFromAbove, SingleBlock, Pure, NoGradient<"made after autodiff">]> {
  let summary = "level-1 ops that run as one kernel";
  let description = [{
    The body's block arguments are the operands; its `yield` gives the results. `places`, set by the
    memory planner, is the address of each result.
    - `kernel_c1`: block arguments have the operands' types, yielded values the results' types.
    - `kernel_c2`: places, if present, has one entry a result.
  }];
  let arguments = (ins Variadic<Fluxion_Tensor>:$inputs, Fluxion_KernelKindAttr:$kind, StrAttr:$name,
                       OptionalAttr<Fluxion_ScheduleAttr>:$schedule, OptionalAttr<ArrayAttr>:$places);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<Fluxion_Tensor>:$results);
  let assemblyFormat = [{
    $kind $name `(` $inputs `)` (`schedule` $schedule^)? (`at` $places^)? $body attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // FLUXION_IR_OPS_UPDATE_TD
