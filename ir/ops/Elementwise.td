// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementwise ops. Each op's meaning on one element is its `scalarBody` (ir/ops/ScalarBody.h).
#ifndef FLUXION_IR_OPS_ELEMENTWISE_TD
#define FLUXION_IR_OPS_ELEMENTWISE_TD

include "ir/Attrs.td"

class Fluxion_UnaryOp<string mnemonic, string formula, Type type, list<Trait> traits = []>
    : Fluxion_Op<mnemonic, !listconcat([Pure, Pointwise, SameOperandsAndResultType], traits)> {
  let description = formula;
  let arguments = (ins type:$x);
  let results = (outs type:$y);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}
class Fluxion_UnaryFloatOp<string mnemonic, string formula, list<Trait> traits = [Differentiable]>
    : Fluxion_UnaryOp<mnemonic, formula, Fluxion_FloatTensor, traits>;

class Fluxion_BinaryOp<string mnemonic, string formula, Type type, list<Trait> traits = []>
    : Fluxion_Op<mnemonic, !listconcat([Pure, Pointwise, SameOperandsAndResultType], traits)> {
  let description = formula;
  let arguments = (ins type:$x, type:$y);
  let results = (outs type:$z);
  let assemblyFormat = "$x `,` $y attr-dict `:` type($x)";
}

// ---- Unary, floating point -----------------------------------------------------------------------
def Fluxion_ExpOp : Fluxion_UnaryFloatOp<"exp", "y = e^x. Adjoint: dx = dy * y.">;
def Fluxion_Expm1Op : Fluxion_UnaryFloatOp<"expm1", "y = e^x - 1. Adjoint: dx = dy * (y + 1).">;
def Fluxion_LogOp : Fluxion_UnaryFloatOp<"log", "y = ln x. Adjoint: dx = dy / x.">;
def Fluxion_Log1pOp : Fluxion_UnaryFloatOp<"log1p", "y = ln(1 + x). Adjoint: dx = dy / (1 + x).">;
def Fluxion_SqrtOp : Fluxion_UnaryFloatOp<"sqrt", "y = sqrt x. Adjoint: dx = dy / (2 y).">;
def Fluxion_RsqrtOp : Fluxion_UnaryFloatOp<"rsqrt", "y = 1 / sqrt x. Adjoint: dx = -dy * y / (2 x).">;
def Fluxion_TanhOp : Fluxion_UnaryFloatOp<"tanh", "y = tanh x. Adjoint: dx = dy * (1 - y^2).">;
def Fluxion_SinOp : Fluxion_UnaryFloatOp<"sin", "y = sin x. Adjoint: dx = dy * cos x.">;
def Fluxion_CosOp : Fluxion_UnaryFloatOp<"cos", "y = cos x. Adjoint: dx = -dy * sin x.">;
def Fluxion_ErfOp : Fluxion_UnaryFloatOp<"erf",
    "y = 2/sqrt(pi) * integral from 0 to x of e^(-t^2). Adjoint: dx = dy * 2/sqrt(pi) * e^(-x^2).">;
def Fluxion_FloorOp : Fluxion_UnaryFloatOp<"floor", "Largest integer not above x.",
    [NoGradient<"piecewise constant">]>;
def Fluxion_CeilOp : Fluxion_UnaryFloatOp<"ceil", "Smallest integer not below x.",
    [NoGradient<"piecewise constant">]>;
def Fluxion_RoundOp : Fluxion_UnaryFloatOp<"round", "Nearest integer, ties to even.",
    [NoGradient<"piecewise constant">]>;
def Fluxion_IsFiniteOp : Fluxion_Op<"is_finite",
    [Pure, Pointwise, SameOperandsAndResultShape, InfersType, NoGradient<"a predicate">]> {
  let summary = "true where x is neither infinite nor NaN";
  let arguments = (ins Fluxion_FloatTensor:$x);
  let results = (outs Fluxion_PredTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

// ---- Unary, any number ---------------------------------------------------------------------------
def Fluxion_NegOp : Fluxion_UnaryOp<"neg", "y = -x. Adjoint: dx = -dy.", Fluxion_NumberTensor, [Differentiable]>;
def Fluxion_AbsOp : Fluxion_UnaryOp<"abs", "y = |x|. Adjoint: dx = dy * sign x (0 at 0).",
    Fluxion_NumberTensor, [Differentiable]>;
def Fluxion_SignOp : Fluxion_UnaryOp<"sign", "y = -1, 0 or 1; NaN stays NaN.", Fluxion_NumberTensor,
    [NoGradient<"piecewise constant">]>;
def Fluxion_NotOp : Fluxion_UnaryOp<"not", "Bitwise complement; logical not on i1.", Fluxion_IntTensor,
    [NoGradient<"integer">]>;

// ---- Binary --------------------------------------------------------------------------------------
def Fluxion_AddOp : Fluxion_BinaryOp<"add", "z = x + y. Adjoint: dx = dz, dy = dz.", Fluxion_NumberTensor,
    [Commutative, Differentiable]> { let hasFolder = 1; }
def Fluxion_SubOp : Fluxion_BinaryOp<"sub", "z = x - y. Adjoint: dx = dz, dy = -dz.", Fluxion_NumberTensor,
    [Differentiable]> { let hasFolder = 1; }
def Fluxion_MulOp : Fluxion_BinaryOp<"mul", "z = x * y. Adjoint: dx = dz * y, dy = dz * x.", Fluxion_NumberTensor,
    [Commutative, Differentiable]> { let hasFolder = 1; }
def Fluxion_DivOp : Fluxion_BinaryOp<"div", [{z = x / y; integers truncate towards zero and x / 0 is 0
    for integers. Adjoint: dx = dz / y, dy = -dz * z / y.}], Fluxion_NumberTensor, [Differentiable]> {
  let hasFolder = 1;
}
def Fluxion_RemainderOp : Fluxion_BinaryOp<"remainder", [{z = x - y * trunc(x / y), the sign of x (C's fmod);
    integer x rem 0 is 0. Adjoint: dx = dz, dy = -dz * trunc(x / y).}], Fluxion_NumberTensor, [Differentiable]>;
def Fluxion_PowOp : Fluxion_BinaryOp<"pow", [{z = x^y as IEEE 754 pow. Adjoint: dx = dz * y * x^(y-1),
    dy = dz * z * ln x (0 where x is 0).}], Fluxion_FloatTensor, [Differentiable]>;
def Fluxion_MaxOp : Fluxion_BinaryOp<"max", [{Larger of x and y; NaN if either is NaN. Adjoint: all of dz to
    the larger one, half to each at a tie.}], Fluxion_NumberTensor, [Commutative, Differentiable]>;
def Fluxion_MinOp : Fluxion_BinaryOp<"min", [{Smaller of x and y; NaN if either is NaN. Adjoint: all of dz to
    the smaller one, half to each at a tie.}], Fluxion_NumberTensor, [Commutative, Differentiable]>;
def Fluxion_Atan2Op : Fluxion_BinaryOp<"atan2", [{Angle of the point (y, x), in (-pi, pi]: atan2(first operand,
    second operand) as IEEE 754. Adjoint: dfirst = dz * second / r2, dsecond = -dz * first / r2.}],
    Fluxion_FloatTensor, [Differentiable]>;

class Fluxion_BitwiseOp<string mnemonic, string formula, list<Trait> traits = []>
    : Fluxion_BinaryOp<mnemonic, formula, Fluxion_IntTensor, !listconcat([NoGradient<"integer">], traits)>;
def Fluxion_AndOp : Fluxion_BitwiseOp<"and", "Bitwise and; logical and on i1.", [Commutative]>;
def Fluxion_OrOp : Fluxion_BitwiseOp<"or", "Bitwise or; logical or on i1.", [Commutative]>;
def Fluxion_XorOp : Fluxion_BitwiseOp<"xor", "Bitwise exclusive or.", [Commutative]>;
def Fluxion_ShiftLeftOp : Fluxion_BitwiseOp<"shift_left", "x << y; 0 when y is at least the bit width.">;
def Fluxion_ShiftRightLogicalOp : Fluxion_BitwiseOp<"shift_right_logical",
    "x >> y filling with zeros; 0 when y is at least the bit width.">;
def Fluxion_ShiftRightArithmeticOp : Fluxion_BitwiseOp<"shift_right_arithmetic",
    "x >> y filling with the sign; all sign bits when y is at least the bit width.">;

// ---- Compare, select, clamp, convert -------------------------------------------------------------
def Fluxion_CompareOp : Fluxion_Op<"compare", [Pure, Pointwise, SameTypeOperands,
    SameOperandsAndResultShape, InfersType, NoGradient<"a predicate">]> {
  let summary = "elementwise comparison";
  let description = [{IEEE 754 on floats: every comparison with NaN is false except `ne`. Signed on
    integers, unsigned on ui8 and i1.}];
  let arguments = (ins Fluxion_CompareDirectionAttr:$direction, Fluxion_Tensor:$x, Fluxion_Tensor:$y);
  let results = (outs Fluxion_PredTensor:$z);
  let assemblyFormat = "$direction $x `,` $y attr-dict `:` type($x)";
}
def Fluxion_SelectOp : Fluxion_Op<"select", [Pure, Pointwise, SameOperandsAndResultShape,
    AllTypesMatch<["on_true", "on_false", "z"]>, Differentiable]> {
  let summary = "z = pred ? on_true : on_false";
  let description = [{The adjoint is strong-zero: the cotangent of the branch not taken is exactly 0,
    whatever its value, and stays 0 down the pointwise ops that made the branch, whatever their slope.}];
  let arguments = (ins Fluxion_PredTensor:$pred, Fluxion_Tensor:$on_true, Fluxion_Tensor:$on_false);
  let results = (outs Fluxion_Tensor:$z);
  let assemblyFormat = "$pred `,` $on_true `,` $on_false attr-dict `:` type($pred) `,` type($z)";
  let hasFolder = 1;
}
def Fluxion_ClampOp : Fluxion_Op<"clamp", [Pure, Pointwise, SameOperandsAndResultType, Differentiable]> {
  let summary = "y = min(max(x, low), high)";
  let description = "Adjoint: dx = dy where low <= x <= high, else 0; the bound that binds takes the rest.";
  let arguments = (ins Fluxion_NumberTensor:$low, Fluxion_NumberTensor:$x, Fluxion_NumberTensor:$high);
  let results = (outs Fluxion_NumberTensor:$y);
  let assemblyFormat = "$low `,` $x `,` $high attr-dict `:` type($x)";
}
def Fluxion_ConvertOp : Fluxion_Op<"convert", [Pure, Pointwise, SameOperandsAndResultShape, Differentiable]> {
  let summary = "element type conversion";
  let description = [{Float to integer truncates towards zero and saturates, NaN to 0; to i1 is
    x != 0; narrowing floats round to nearest even; narrowing integers wrap.}];
  let arguments = (ins Fluxion_Tensor:$x);
  let results = (outs Fluxion_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $y)";
  let hasFolder = 1;
}
def Fluxion_BitcastConvertOp : Fluxion_Op<"bitcast_convert", [Pure, Pointwise, SameOperandsAndResultShape,
    NoGradient<"reinterprets bits">]> {
  let summary = "the same bits as another element type of equal width";
  let description = "`bitcast_convert_c1`: the element widths are equal.";
  let arguments = (ins Fluxion_Tensor:$x);
  let results = (outs Fluxion_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $y)";
  let hasVerifier = 1;
}

// ---- Autodiff helpers ----------------------------------------------------------------------------
def Fluxion_AccumulateOp : Fluxion_Op<"accumulate", [Pure, Pointwise, SameOperandsAndResultType, Differentiable]> {
  let summary = "sum of the cotangents that meet at one value, in operand order";
  let description = [{Made by autodiff alone, so that lowering may add in place (a GEMM with beta = 1, a
    scatter) in place of materialising every contribution.}];
  let arguments = (ins Variadic<Fluxion_NumberTensor>:$cotangents);
  let results = (outs Fluxion_NumberTensor:$sum);
  let assemblyFormat = "$cotangents attr-dict `:` type($sum)";
  let hasFolder = 1;
}
def Fluxion_StopGradientOp : Fluxion_UnaryOp<"stop_gradient", "y = x with a zero adjoint.", Fluxion_Tensor,
    [NoGradient<"stops by definition">]>;

// ---- Activations (composites) --------------------------------------------------------------------
class Fluxion_ActivationOp<string mnemonic, string formula>
    : Fluxion_CompositeOp<mnemonic, [Pointwise, SameOperandsAndResultType, Differentiable]> {
  let description = formula;
  let arguments = (ins Fluxion_FloatTensor:$x);
  let results = (outs Fluxion_FloatTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}
def Fluxion_ReluOp : Fluxion_ActivationOp<"relu", "y = max(x, 0). Adjoint: dx = dy where x > 0, else 0.">;
def Fluxion_SigmoidOp : Fluxion_ActivationOp<"sigmoid",
    "y = 1 / (1 + e^-x), without overflow. Adjoint: dx = dy * y * (1 - y).">;
def Fluxion_SiluOp : Fluxion_ActivationOp<"silu", "y = x * sigmoid(x) (Elfwing 2017, arXiv:1702.03118).">;
def Fluxion_GeluOp : Fluxion_ActivationOp<"gelu",
    "y = x * (1 + erf(x / sqrt 2)) / 2, the exact form (Hendrycks and Gimpel 2016, arXiv:1606.08415).">;

#endif // FLUXION_IR_OPS_ELEMENTWISE_TD
