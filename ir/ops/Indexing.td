// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FLUXION_IR_OPS_INDEXING_TD
#define FLUXION_IR_OPS_INDEXING_TD

include "ir/Attrs.td"

def Fluxion_GatherOp : Fluxion_Op<"gather", [Pure, InfersType, Differentiable]> {
  let summary = "slices of x along an axis at given positions (NumPy `take`)";
  let description = [{
    y has shape x.shape[:axis] + indices.shape + x.shape[axis+1:]. An index outside [0, size) is clamped.
    - `gather_c1`: the axis is in range and not empty; indices are i32 or i64.
  }];
  let arguments = (ins Fluxion_Tensor:$x, Fluxion_IntTensor:$indices, I64Attr:$axis);
  let results = (outs Fluxion_Tensor:$y);
  let assemblyFormat = "$x `,` $indices `axis` $axis attr-dict `:` functional-type(operands, $y)";
}
def Fluxion_ScatterOp : Fluxion_Op<"scatter", [Pure, Differentiable, AllTypesMatch<["x", "y"]>]> {
  let summary = "x with updates added along an axis at given positions, in row-major order of the indices";
  let description = [{
    The transpose of `gather`: y = x; y[..., indices[i...], ...] += updates[..., i..., ...]. An index
    outside [0, size) is clamped. Repeated indices add up in index order, so the result is deterministic.
    - `scatter_c1`: the axis is in range; indices are i32 or i64.
    - `scatter_c2`: updates have the shape that gather(x, indices) gives, and the element type of x.
  }];
  let arguments = (ins Fluxion_NumberTensor:$x, Fluxion_IntTensor:$indices, Fluxion_NumberTensor:$updates, I64Attr:$axis);
  let results = (outs Fluxion_NumberTensor:$y);
  let assemblyFormat = "$x `,` $indices `,` $updates `axis` $axis attr-dict `:` type($x) `,` type($indices) `,` type($updates)";
  let hasVerifier = 1;
}

#endif // FLUXION_IR_OPS_INDEXING_TD
