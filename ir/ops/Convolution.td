// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FLUXION_IR_OPS_CONVOLUTION_TD
#define FLUXION_IR_OPS_CONVOLUTION_TD

include "ir/Attrs.td"

def Fluxion_ConvolutionOp : Fluxion_Op<"convolution", [Pure, InfersType, Differentiable]> {
  let summary = "cross-correlation of any rank and layout, closed under its adjoints";
  let description = [{
    out[b, o, y] = sum over c, k of input[b, c, y * stride + k * rhs_dilation - pad_low] * kernel[o, c, k],
    reading the input as if `lhs_dilation - 1` zeros stood between neighbours and zeros around it.
    `input_dims` = positions of (batch, feature, spatial...) in the input, `kernel_dims` = positions of
    (output feature, input feature, spatial...), `output_dims` = positions of (batch, feature, spatial...)
    in the result: NCHW is [0, 1, 2, 3], NHWC is [0, 3, 1, 2], OIHW is [0, 1, 2, 3], HWIO is [3, 2, 0, 1].
    `padding` is (low, high) for each spatial dimension, flat, and may be negative (it crops).
    `window_reversal` flips the kernel in every spatial dimension.
    `precision` and `wide_result` are as in `dot_general`.
    - `convolution_c1`: all operands have one rank, at least 3, and one element type.
    - `convolution_c2`: the three dimension lists are permutations of the rank.
    - `convolution_c3`: one stride and dilation a spatial dimension, two paddings; strides and dilations >= 1.
    - `convolution_c4`: input features = kernel input features * feature_group_count.
    - `convolution_c5`: output features are divisible by both group counts; the batch by batch_group_count;
      one of the two is 1.
    - `convolution_c6`: the window fits into the padded input (a result dimension is never negative).
    - `convolution_c7`: `precision = tf32` is of f32 operands, `wide_result` of bf16 or f16 ones.
  }];
  let arguments = (ins Fluxion_FloatTensor:$input, Fluxion_FloatTensor:$kernel,
      DenseI64ArrayAttr:$window_strides, DenseI64ArrayAttr:$padding,
      DenseI64ArrayAttr:$lhs_dilation, DenseI64ArrayAttr:$rhs_dilation,
      DenseI64ArrayAttr:$input_dims, DenseI64ArrayAttr:$kernel_dims, DenseI64ArrayAttr:$output_dims,
      DefaultValuedAttr<I64Attr, "1">:$feature_group_count, DefaultValuedAttr<I64Attr, "1">:$batch_group_count,
      UnitAttr:$window_reversal,
      DefaultValuedAttr<Fluxion_PrecisionAttr, "::fluxion::ir::Precision::Full">:$precision, UnitAttr:$wide_result);
  let results = (outs Fluxion_FloatTensor:$result);
  let assemblyFormat = "$input `,` $kernel attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = [{
    int64_t spatialRank() { return (int64_t)getWindowStrides().size(); }
  }];
}

#endif // FLUXION_IR_OPS_CONVOLUTION_TD
