// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The dialect, its type constraints and the base classes that every op family shares.
#ifndef FLUXION_IR_DIALECT_TD
#define FLUXION_IR_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

def Fluxion_Dialect : Dialect {
  let name = "fluxion";
  let cppNamespace = "::fluxion::ir";
  let summary = "differentiable dataflow programs on ranked tensors";
  let description = [{
    A closed, small tensor calculus on builtin ranked tensors with static shapes. Primitives carry a
    verifier, an adjoint, a reference evaluation and a lowering; composites are one op that
    decomposes into primitives. Everything a program changes is a declared `fluxion.state`.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = [{
    template <typename... Ops> void add() { addOperations<Ops...>(); }
  }];
}

// ---- Tensors -----------------------------------------------------------------------------------

def Fluxion_Float : AnyTypeOf<[F64, F32, BF16, F16], "floating-point element">;
def Fluxion_Int : AnyTypeOf<[I64, I32, I16, I8, UI8, I1], "integer element">;

def Fluxion_Tensor : RankedTensorOf<[F64, F32, BF16, F16, I64, I32, I16, I8, UI8, I1]>;
def Fluxion_FloatTensor : RankedTensorOf<[F64, F32, BF16, F16]>;
def Fluxion_IntTensor : RankedTensorOf<[I64, I32, I16, I8, UI8, I1]>;
def Fluxion_NumberTensor : RankedTensorOf<[F64, F32, BF16, F16, I64, I32, I16, I8, UI8]>;
def Fluxion_PredTensor : RankedTensorOf<[I1]>;
def Fluxion_I32Tensor : RankedTensorOf<[I32]>;
def Fluxion_I64Scalar : Type<0DTensorOf<[I64]>.predicate, "0D tensor of i64">,
    BuildableType<"::mlir::RankedTensorType::get({}, $_builder.getI64Type())">;

// ---- Traits ------------------------------------------------------------------------------------

include "ir/Interfaces.td"

// The op has no derivative by nature; the reason is read by `fluxion-opt` and the op reference.
class NoGradient<string why> : NativeOpTrait<"NoGradient"> {
  let cppNamespace = "::fluxion::ir";
  string reason = why;
}
// One result element depends on the operand elements at the same index; see ir/ops/ScalarBody.h.
def Pointwise : NativeOpTrait<"Pointwise"> { let cppNamespace = "::fluxion::ir"; }

// ---- Bases -------------------------------------------------------------------------------------

class Fluxion_Op<string mnemonic, list<Trait> traits = []> : Op<Fluxion_Dialect, mnemonic, traits>;

def Differentiable : DeclareOpInterfaceMethods<DifferentiableOpInterface>;
def Composite : DeclareOpInterfaceMethods<CompositeOpInterface>;
def InfersType : DeclareOpInterfaceMethods<InferTypeOpInterface>;

// A composite's decomposition and adjoint are pure functions of its operands.
class Fluxion_CompositeOp<string mnemonic, list<Trait> traits = []>
    : Fluxion_Op<mnemonic, !listconcat([Pure, Composite], traits)>;

#endif // FLUXION_IR_DIALECT_TD
