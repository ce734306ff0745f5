// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Region ops that transform programs. Only the differentiate pass gives them meaning.
#ifndef FLUXION_IR_OPS_CONTROL_TD
#define FLUXION_IR_OPS_CONTROL_TD

include "ir/Attrs.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

// The differentiate pass replaces these ops, innermost first, before any adjoint could be asked for.
def ExpandedByDifferentiate : NoGradient<"expanded by the differentiate pass">;

def Fluxion_YieldOp : Fluxion_Op<"yield", [Pure, Terminator, ReturnLike, NoGradient<"a terminator">]> {
  let summary = "the results of a region";
  let arguments = (ins Variadic<Fluxion_Tensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{}]>];
}
def Fluxion_VjpOp : Fluxion_Op<"vjp", [AttrSizedOperandSegments, SingleBlock, RecursiveMemoryEffects, ExpandedByDifferentiate]> {
  let summary = "results of a region and the cotangents of its inputs";
  let description = [{
    The region's arguments are `inputs`; it may capture values, which are constants to it. Its first
    `cotangents.size()` results are differentiated, the rest are auxiliary. Results of the op: all
    results of the region, then one cotangent for each input listed in `wrt`.
    - `vjp_c1`: region arguments have the types of inputs; cotangents those of the first results.
    - `vjp_c2`: wrt is increasing, in range, and names float inputs.
    - `vjp_c3`: result types are the region's results followed by the wrt inputs' types.
  }];
  let arguments = (ins Variadic<Fluxion_Tensor>:$inputs, Variadic<Fluxion_FloatTensor>:$cotangents, DenseI64ArrayAttr:$wrt);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<Fluxion_Tensor>:$results);
  let assemblyFormat = "`(` $inputs `)` `cotangents` `(` $cotangents `)` `wrt` $wrt $body attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def Fluxion_JvpOp : Fluxion_Op<"jvp", [AttrSizedOperandSegments, SingleBlock, RecursiveMemoryEffects, ExpandedByDifferentiate]> {
  let summary = "results of a region and their tangents";
  let description = [{
    The region's arguments are `inputs`; input `wrt[i]` moves along `tangents[i]`. Results of the op: all
    results of the region, then the tangents of its first `num_tangents` results.
    - `jvp_c1`: region arguments have the types of inputs; tangents those of the wrt inputs.
    - `jvp_c2`: result types are the region's results followed by its first num_tangents results' types.
  }];
  let arguments = (ins Variadic<Fluxion_Tensor>:$inputs, Variadic<Fluxion_FloatTensor>:$tangents, DenseI64ArrayAttr:$wrt,
                       I64Attr:$num_tangents);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<Fluxion_Tensor>:$results);
  let assemblyFormat = "`(` $inputs `)` `tangents` `(` $tangents `)` `wrt` $wrt `of` $num_tangents $body attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def Fluxion_CheckpointOp : Fluxion_Op<"checkpoint", [SingleBlock, RecursiveMemoryEffects, ExpandedByDifferentiate]> {
  let summary = "a region whose intermediates are recomputed in the reverse pass";
  let description = "`checkpoint_c1`: region arguments have the types of inputs, results those of the region's yield.";
  let arguments = (ins Variadic<Fluxion_Tensor>:$inputs);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<Fluxion_Tensor>:$results);
  let assemblyFormat = "`(` $inputs `)` $body attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def Fluxion_CustomVjpOp : Fluxion_Op<"custom_vjp", [SingleBlock, RecursiveMemoryEffects, ExpandedByDifferentiate]> {
  let summary = "a region with an adjoint given by the user";
  let description = [{
    `primal` takes the inputs; `backward` takes the inputs, the primal's results and their cotangents, and
    yields one cotangent for each input (of an integer input: ignored zeros).
    - `custom_vjp_c1`: region signatures are as above.
  }];
  let arguments = (ins Variadic<Fluxion_Tensor>:$inputs);
  let regions = (region SizedRegion<1>:$primal, SizedRegion<1>:$backward);
  let results = (outs Variadic<Fluxion_Tensor>:$results);
  let assemblyFormat = "`(` $inputs `)` $primal `backward` $backward attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Fluxion_BarrierOp : Fluxion_Op<"barrier", [Pure, Differentiable]> {
  let summary = "each result is the operand at its position, available once all operands are";
  let description = [{Recomputation reads its inputs through a barrier on the cotangent that asks for it, so no pass
    merges it with the first computation or moves it before the reverse pass. It costs nothing at run time.
    - `barrier_c1`: result types are the operands' types.}];
  let arguments = (ins Variadic<Fluxion_Tensor>:$xs);
  let results = (outs Variadic<Fluxion_Tensor>:$ys);
  let assemblyFormat = "$xs attr-dict `:` functional-type($xs, $ys)";
  let hasVerifier = 1;
}

#endif // FLUXION_IR_OPS_CONTROL_TD
