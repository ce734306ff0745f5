// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FLUXION_IR_OPS_REDUCTION_TD
#define FLUXION_IR_OPS_REDUCTION_TD

include "ir/Attrs.td"

def Fluxion_ReduceOp : Fluxion_Op<"reduce", [Pure, InfersType, Differentiable]> {
  let summary = "combination over dimensions, which are removed";
  let description = [{
    The empty combination is the identity of the kind. Max and min propagate NaN. Adjoint of max and
    min: the cotangent is split evenly among all elements equal to the result.
    - `reduce_c1`: dimensions are in range, increasing.
    - `reduce_c2`: `and` and `or` take i1 or integers; the others take numbers.
  }];
  let arguments = (ins Fluxion_ReduceKindAttr:$kind, Fluxion_Tensor:$x, DenseI64ArrayAttr:$dims);
  let results = (outs Fluxion_Tensor:$y);
  let assemblyFormat = "$kind $x `dims` $dims attr-dict `:` functional-type($x, $y)";
}

// Their clauses are argmax_c1 and argmin_c1.
class Fluxion_ArgOp<string mnemonic, string what> : Fluxion_Op<mnemonic, [Pure, InfersType, NoGradient<"an index">]> {
  let summary = "position of the " # what # " along one dimension, the first at a tie; NaN wins";
  let description = "`" # mnemonic # "_c1`: the dimension is in range and not empty.";
  let arguments = (ins Fluxion_NumberTensor:$x, I64Attr:$dim);
  let results = (outs Fluxion_I32Tensor:$y);
  let assemblyFormat = "$x `dim` $dim attr-dict `:` functional-type($x, $y)";
}
def Fluxion_ArgmaxOp : Fluxion_ArgOp<"argmax", "largest element">;
def Fluxion_ArgminOp : Fluxion_ArgOp<"argmin", "smallest element">;

// All window ops give one window size, stride and dilation a dimension of x, and (low, high) padding
// for each, flat. Padding holds the identity of the kind and is never selected by an argmax.
defvar windowArgs = (ins DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$padding,
                         DenseI64ArrayAttr:$dilation);
defvar windowClauses = [{
    - `window_c1`: window, strides and dilation have one entry a dimension, padding two; all >= 1, padding >= 0.
    - `window_c2`: the window fits into the padded operand.
  }];

def Fluxion_ReduceWindowOp : Fluxion_Op<"reduce_window", [Pure, InfersType, Differentiable]> {
  let summary = "y[o] = combination of x[o * stride + k * dilation - low] over the window k";
  let description = windowClauses # "- `reduce_window_c1`: the kind is sum, max or min.";
  let arguments = !con((ins Fluxion_ReduceKindAttr:$kind, Fluxion_NumberTensor:$x), windowArgs);
  let results = (outs Fluxion_NumberTensor:$y);
  let assemblyFormat = "$kind $x attr-dict `:` functional-type($x, $y)";
}
def Fluxion_WindowArgmaxOp : Fluxion_Op<"window_argmax", [Pure, InfersType, NoGradient<"an index">]> {
  let summary = "row-major position inside each window of its largest element, the first at a tie";
  let description = windowClauses;
  let arguments = !con((ins Fluxion_NumberTensor:$x), windowArgs);
  let results = (outs Fluxion_I32Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $y)";
}
def Fluxion_WindowGatherOp : Fluxion_Op<"window_gather", [Pure, InfersType, Differentiable]> {
  let summary = "y[o] = the element of window o of x at position index[o]";
  let description = windowClauses # "- `window_gather_c1`: index has the shape of the result.";
  let arguments = !con((ins Fluxion_FloatTensor:$x, Fluxion_I32Tensor:$index), windowArgs);
  let results = (outs Fluxion_FloatTensor:$y);
  let assemblyFormat = "$x `,` $index attr-dict `:` functional-type(operands, $y)";
}
def Fluxion_WindowScatterOp : Fluxion_Op<"window_scatter", [Pure, Differentiable]> {
  let summary = "adds y[o] to the element of window o of a zero x at position index[o]";
  let description = windowClauses # "- `window_scatter_c1`: y and index have the shape that a window over x gives.";
  let arguments = !con((ins Fluxion_FloatTensor:$y, Fluxion_I32Tensor:$index), windowArgs);
  let results = (outs Fluxion_FloatTensor:$x);
  let assemblyFormat = "$y `,` $index attr-dict `:` functional-type(operands, $x)";
  let hasVerifier = 1;
}

#endif // FLUXION_IR_OPS_REDUCTION_TD
