// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Composites of neural networks: one op, its definition, and an adjoint only where it pays.
#ifndef FLUXION_IR_OPS_NN_TD
#define FLUXION_IR_OPS_NN_TD

include "ir/Attrs.td"

// softmax_c1, log_softmax_c1: the dimension is in range.
class Fluxion_SoftmaxLikeOp<string mnemonic, string formula>
    : Fluxion_CompositeOp<mnemonic, [SameOperandsAndResultType, Differentiable]> {
  let summary = formula;
  let description = "`" # mnemonic # "_c1`: the dimension is in range.";
  let arguments = (ins Fluxion_FloatTensor:$x, I64Attr:$dim);
  let results = (outs Fluxion_FloatTensor:$y);
  let assemblyFormat = "$x `dim` $dim attr-dict `:` type($x)";
  let hasVerifier = 1;
}
def Fluxion_SoftmaxOp : Fluxion_SoftmaxLikeOp<"softmax",
    "y = e^(x - max) / sum e^(x - max) along a dimension; dx = y * (dy - sum(dy * y))">;
def Fluxion_LogSoftmaxOp : Fluxion_SoftmaxLikeOp<"log_softmax",
    "y = x - max - ln sum e^(x - max) along a dimension; dx = dy - e^y * sum(dy)">;

def Fluxion_CrossEntropyOp : Fluxion_CompositeOp<"cross_entropy", [InfersType, Differentiable]> {
  let summary = "loss[i] = -log_softmax(logits[i])[label[i]], over the last dimension";
  let description = [{
    dlogits = dloss * (softmax(logits) - one_hot(label)). A label outside [0, classes) contributes the
    log-sum-exp alone, so a caller may mask rows by such a label and a zero cotangent.
    - `cross_entropy_c1`: labels are i32 or i64 with the shape of logits without its last dimension.
  }];
  let arguments = (ins Fluxion_FloatTensor:$logits, Fluxion_IntTensor:$labels);
  let results = (outs Fluxion_FloatTensor:$loss);
  let assemblyFormat = "$logits `,` $labels attr-dict `:` functional-type(operands, $loss)";
}
def Fluxion_LayerNormOp : Fluxion_CompositeOp<"layer_norm", [Differentiable, AllTypesMatch<["x", "y"]>]> {
  let summary = "y = (x - mean) / sqrt(var + epsilon) * scale + offset over the last dimensions";
  let description = [{
    Ba, Kiros, Hinton 2016 (arXiv:1607.06450), biased variance. Statistics are over the trailing
    dimensions that scale and offset have.
    - `layer_norm_c1`: scale and offset have the shape of the trailing dimensions of x.
  }];
  let arguments = (ins Fluxion_FloatTensor:$x, Fluxion_FloatTensor:$scale, Fluxion_FloatTensor:$offset, F64Attr:$epsilon);
  let results = (outs Fluxion_FloatTensor:$y);
  let assemblyFormat = "$x `,` $scale `,` $offset attr-dict `:` type($x) `,` type($scale) `,` type($offset)";
  let hasVerifier = 1;
}
def Fluxion_BatchNormOp : Fluxion_CompositeOp<"batch_norm", [InfersType, Differentiable]> {
  let summary = "y = (x - mean) / sqrt(var + epsilon) * scale + offset per feature, batch statistics";
  let description = [{
    Ioffe and Szegedy 2015 (arXiv:1502.03167), training mode: mean and biased variance over all
    dimensions but `feature_dim`, returned for the running averages; their cotangents are honoured.
    - `batch_norm_c1`: feature_dim is in range; scale and offset have one element a feature.
  }];
  let arguments = (ins Fluxion_FloatTensor:$x, Fluxion_FloatTensor:$scale, Fluxion_FloatTensor:$offset,
                       I64Attr:$feature_dim, F64Attr:$epsilon);
  let results = (outs Fluxion_FloatTensor:$y, Fluxion_FloatTensor:$mean, Fluxion_FloatTensor:$variance);
  let assemblyFormat = "$x `,` $scale `,` $offset attr-dict `:` functional-type(operands, results)";
}
def Fluxion_DropoutOp : Fluxion_CompositeOp<"dropout", [AllTypesMatch<["x", "y"]>]> {
  let summary = "y = x / (1 - rate) where a uniform draw is at least rate, else 0";
  let description = [{
    Srivastava et al. 2014, inverted. The mask is a function of (seed, step, stream) and is replayed in
    the reverse pass, never stored.
    - `dropout_c1`: 0 <= rate < 1.
  }];
  let arguments = (ins Fluxion_FloatTensor:$x, Fluxion_I64Scalar:$seed, Fluxion_I64Scalar:$step, I64Attr:$stream, F64Attr:$rate);
  let results = (outs Fluxion_FloatTensor:$y);
  let assemblyFormat = "$x `,` $seed `,` $step `stream` $stream `rate` $rate attr-dict `:` type($x)";
  let hasVerifier = 1;
}

defvar poolArgs = (ins Fluxion_FloatTensor:$x, DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$padding);
def Fluxion_MaxPoolOp : Fluxion_CompositeOp<"max_pool", [InfersType, Differentiable]> {
  let summary = "largest element of each window; padding never wins";
  let description = [{Attributes as `reduce_window`, over all dimensions (`window_c1`, `window_c2`). The adjoint
    gives each cotangent to the first largest element of its window.}];
  let arguments = poolArgs;
  let results = (outs Fluxion_FloatTensor:$y);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $y)";
}
def Fluxion_AvgPoolOp : Fluxion_CompositeOp<"avg_pool", [InfersType]> {
  let summary = "mean of each window";
  let description = [{Attributes as `reduce_window`, over all dimensions (`window_c1`, `window_c2`). With
    `count_include_pad` padding counts as elements of value 0 (PyTorch's default), else it does not count.}];
  let arguments = !con(poolArgs, (ins UnitAttr:$count_include_pad));
  let results = (outs Fluxion_FloatTensor:$y);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $y)";
}

#endif // FLUXION_IR_OPS_NN_TD
