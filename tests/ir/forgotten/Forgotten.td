// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An op that promises an adjoint.
include "ir/Dialect.td"

def ForgottenOp : Fluxion_Op<"forgotten", [Pure, SameOperandsAndResultType, Differentiable]> {
  let arguments = (ins Fluxion_FloatTensor:$x);
  let results = (outs Fluxion_FloatTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}
