// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FLUXION_IR_OPS_CONTRACTION_TD
#define FLUXION_IR_OPS_CONTRACTION_TD

include "ir/Attrs.td"

def Fluxion_DotGeneralOp : Fluxion_Op<"dot_general", [Pure, InfersType, Differentiable]> {
  let summary = "sum of products over contracting dimensions, batched";
  let description = [{
    Result dimensions: batch, then free dimensions of lhs, then free dimensions of rhs, each in
    operand order (StableHLO `dot_general`).
    - `dot_general_c1`: batching lists have equal length, so have contracting lists.
    - `dot_general_c2`: every dimension is in range and named once an operand.
    - `dot_general_c3`: paired dimensions have equal sizes.
    `precision = tf32` lets a target round f32 factors to 10 bits of mantissa before it multiplies them; sums are f32.
    `wide_result` gives the f32 sums of bf16 or f16 factors as they are.
    - `dot_general_c4`: element types are equal.
    - `dot_general_c5`: `precision = tf32` is of f32 operands, `wide_result` of bf16 or f16 ones.
  }];
  let arguments = (ins Fluxion_NumberTensor:$lhs, Fluxion_NumberTensor:$rhs,
      DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$lhs_batching, DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$rhs_batching,
      DenseI64ArrayAttr:$lhs_contracting, DenseI64ArrayAttr:$rhs_contracting,
      DefaultValuedAttr<Fluxion_PrecisionAttr, "::fluxion::ir::Precision::Full">:$precision, UnitAttr:$wide_result);
  let results = (outs Fluxion_NumberTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs (`batching` $lhs_batching^ `x` $rhs_batching)?
    `contracting` $lhs_contracting `x` $rhs_contracting attr-dict `:` functional-type(operands, results)
  }];
}

#endif // FLUXION_IR_OPS_CONTRACTION_TD
