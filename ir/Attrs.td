// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Enumerations and attributes of the dialect.
#ifndef FLUXION_IR_ATTRS_TD
#define FLUXION_IR_ATTRS_TD

include "ir/Dialect.td"

class Fluxion_Attr<string name, string mnem, list<Trait> traits = []>
    : AttrDef<Fluxion_Dialect, name, traits> { let mnemonic = mnem; }

class Fluxion_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::fluxion::ir";
}

def Fluxion_CompareDirection : Fluxion_Enum<"CompareDirection", "comparison", [
  I32EnumAttrCase<"EQ", 0, "eq">, I32EnumAttrCase<"NE", 1, "ne">, I32EnumAttrCase<"LT", 2, "lt">,
  I32EnumAttrCase<"LE", 3, "le">, I32EnumAttrCase<"GT", 4, "gt">, I32EnumAttrCase<"GE", 5, "ge">]>;
def Fluxion_CompareDirectionAttr : EnumAttr<Fluxion_Dialect, Fluxion_CompareDirection, "direction">;

def Fluxion_ReduceKind : Fluxion_Enum<"ReduceKind", "associative combination", [
  I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Prod", 1, "prod">,
  I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">,
  I32EnumAttrCase<"And", 4, "and">, I32EnumAttrCase<"Or", 5, "or">]>;
def Fluxion_ReduceKindAttr : EnumAttr<Fluxion_Dialect, Fluxion_ReduceKind, "reduce">;

def Fluxion_Precision : Fluxion_Enum<"Precision", "how exactly f32 factors are multiplied", [
  I32EnumAttrCase<"Full", 0, "full">,   // as f32 are
  I32EnumAttrCase<"Tf32", 1, "tf32">]>; // rounded to 10 bits of mantissa where a target gains from it
def Fluxion_PrecisionAttr : EnumAttr<Fluxion_Dialect, Fluxion_Precision, "precision">;

def Fluxion_StateRole : Fluxion_Enum<"StateRole", "what a state item is for", [
  I32EnumAttrCase<"Param", 0, "param">,       // trained by the optimiser
  I32EnumAttrCase<"Buffer", 1, "buffer">,     // running statistics and the like
  I32EnumAttrCase<"Slot", 2, "slot">,         // optimiser memory
  I32EnumAttrCase<"Step", 3, "step">,         // the step counter, i64
  I32EnumAttrCase<"Seed", 4, "seed">]>;       // the random seed, i64
def Fluxion_StateRoleAttr : EnumAttr<Fluxion_Dialect, Fluxion_StateRole, "role">;

def Fluxion_KernelKind : Fluxion_Enum<"KernelKind", "how a kernel iterates", [
  I32EnumAttrCase<"Map", 0, "map">, I32EnumAttrCase<"Row", 1, "row">,
  I32EnumAttrCase<"Contract", 2, "contract">, I32EnumAttrCase<"Window", 3, "window">,
  I32EnumAttrCase<"Index", 4, "index">, I32EnumAttrCase<"Attention", 5, "attention">,
  I32EnumAttrCase<"Update", 6, "update">, I32EnumAttrCase<"Library", 7, "library">]>;
def Fluxion_KernelKindAttr : EnumAttr<Fluxion_Dialect, Fluxion_KernelKind, "kind">;

def Fluxion_PlaceSpace : Fluxion_Enum<"PlaceSpace", "where a planned buffer lives", [
  I32EnumAttrCase<"Arena", 0, "arena">, I32EnumAttrCase<"State", 1, "state">,
  I32EnumAttrCase<"Input", 2, "input">, I32EnumAttrCase<"Output", 3, "output">,
  I32EnumAttrCase<"Constant", 4, "constant">]>;

def Fluxion_PlaceAttr : Fluxion_Attr<"Place", "place"> {
  let summary = "the planned address of a kernel's result";
  let description = [{
    `arena`, `state` and `constant`: `slot` is a byte offset into that block. `input` and `output`:
    `slot` is the position of the entry point's argument or result.
  }];
  let parameters = (ins EnumParameter<Fluxion_PlaceSpace>:$space, "int64_t":$slot);
  let assemblyFormat = "`<` $space `,` $slot `>`";
}

def Fluxion_ScheduleAttr : Fluxion_Attr<"Schedule", "schedule"> {
  let summary = "how a kernel is generated: tiles, vector width, parallel tasks, backend";
  let description = [{
    Data, never code: printed in IR, stored in the tuning database, replayed, benchmarked. The keys
    each kernel kind understands are listed in `passes/README.md`; unknown keys are refused by the
    backend that meets them.
  }];
  let parameters = (ins "::mlir::DictionaryAttr":$config);
  let assemblyFormat = "`<` $config `>`";
}

def Fluxion_TargetAttr : Fluxion_Attr<"Target", "target"> {
  let summary = "the machine a module is compiled for; read through ir::TargetInfo";
  let parameters = (ins "::mlir::DictionaryAttr":$config);
  let assemblyFormat = "`<` $config `>`";
}

#endif // FLUXION_IR_ATTRS_TD
