// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FLUXION_IR_OPS_SHAPE_TD
#define FLUXION_IR_OPS_SHAPE_TD

include "ir/Attrs.td"

def Fluxion_ConstantOp : Fluxion_Op<"constant", [Pure, ConstantLike, InfersType, NoGradient<"a constant">]> {
  let summary = "a tensor known at compile time; splats cost nothing";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Fluxion_Tensor:$y);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}
def Fluxion_IotaOp : Fluxion_Op<"iota", [Pure, NoGradient<"a constant">]> {
  let summary = "y[i...] = i[dim]";
  let description = "`iota_c1`: the dimension is in range.";
  let arguments = (ins I64Attr:$dim);
  let results = (outs Fluxion_NumberTensor:$y);
  let assemblyFormat = "`dim` $dim attr-dict `:` type($y)";
  let hasVerifier = 1;
}
def Fluxion_ReshapeOp : Fluxion_Op<"reshape", [Pure, SameOperandsAndResultElementType, Differentiable]> {
  let summary = "the same elements in row-major order under another shape";
  let description = "`reshape_c1`: the number of elements is kept.";
  let arguments = (ins Fluxion_Tensor:$x);
  let results = (outs Fluxion_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $y)";
  let hasVerifier = 1; let hasFolder = 1;
}
def Fluxion_TransposeOp : Fluxion_Op<"transpose", [Pure, InfersType, Differentiable]> {
  let summary = "result dimension i is operand dimension permutation[i]";
  let description = "`transpose_c1`: a permutation of the operand's dimensions.";
  let arguments = (ins Fluxion_Tensor:$x, DenseI64ArrayAttr:$permutation);
  let results = (outs Fluxion_Tensor:$y);
  let assemblyFormat = "$x $permutation attr-dict `:` functional-type($x, $y)";
  let hasFolder = 1;
}
def Fluxion_BroadcastInDimOp : Fluxion_Op<"broadcast_in_dim", [Pure, SameOperandsAndResultElementType, Differentiable]> {
  let summary = "operand dimension i becomes result dimension dims[i]; the others, and sizes of 1, repeat";
  let description = [{
    - `broadcast_in_dim_c1`: one increasing, in-range result dimension for each operand dimension.
    - `broadcast_in_dim_c2`: each operand size is 1 or equals its result dimension.
  }];
  let arguments = (ins Fluxion_Tensor:$x, DenseI64ArrayAttr:$dims);
  let results = (outs Fluxion_Tensor:$y);
  let assemblyFormat = "$x `dims` $dims attr-dict `:` functional-type($x, $y)";
  let hasVerifier = 1; let hasFolder = 1;
}
def Fluxion_SliceOp : Fluxion_Op<"slice", [Pure, InfersType, Differentiable]> {
  let summary = "y[i] = x[start + i * stride], i < ceil((limit - start) / stride)";
  let description = [{
    - `slice_c1`: one start, limit and stride a dimension.
    - `slice_c2`: 0 <= start <= limit <= size, stride >= 1.
  }];
  let arguments = (ins Fluxion_Tensor:$x, DenseI64ArrayAttr:$start, DenseI64ArrayAttr:$limit, DenseI64ArrayAttr:$stride);
  let results = (outs Fluxion_Tensor:$y);
  let assemblyFormat = "$x `from` $start `to` $limit `by` $stride attr-dict `:` functional-type($x, $y)";
}
def Fluxion_PadOp : Fluxion_Op<"pad", [Pure, InfersType, Differentiable]> {
  let summary = "padding around and `interior` values between elements; negative low and high crop";
  let description = [{
    - `pad_c1`: one low, high and interior a dimension; interior >= 0.
    - `pad_c2`: no result dimension is negative; value has the element type of x.
  }];
  let arguments = (ins Fluxion_Tensor:$x, Fluxion_Tensor:$value, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high,
                       DenseI64ArrayAttr:$interior);
  let results = (outs Fluxion_Tensor:$y);
  let assemblyFormat = "$x `with` $value `low` $low `high` $high `interior` $interior attr-dict `:` functional-type(operands, $y)";
}
def Fluxion_ConcatenateOp : Fluxion_Op<"concatenate", [Pure, InfersType, Differentiable]> {
  let summary = "operands one after another along a dimension";
  let description = [{
    - `concatenate_c1`: at least one operand; the dimension is in range.
    - `concatenate_c2`: ranks, element types and all other dimensions are equal.
  }];
  let arguments = (ins Variadic<Fluxion_Tensor>:$xs, I64Attr:$dim);
  let results = (outs Fluxion_Tensor:$y);
  let assemblyFormat = "$xs `dim` $dim attr-dict `:` functional-type($xs, $y)";
}
def Fluxion_ReverseOp : Fluxion_Op<"reverse", [Pure, SameOperandsAndResultType, Differentiable]> {
  let summary = "elements in reverse order along dimensions";
  let description = "`reverse_c1`: dimensions are in range, increasing.";
  let arguments = (ins Fluxion_Tensor:$x, DenseI64ArrayAttr:$dims);
  let results = (outs Fluxion_Tensor:$y);
  let assemblyFormat = "$x `dims` $dims attr-dict `:` type($x)";
  let hasVerifier = 1;
}

#endif // FLUXION_IR_OPS_SHAPE_TD
