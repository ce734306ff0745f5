// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FLUXION_IR_OPS_RANDOM_TD
#define FLUXION_IR_OPS_RANDOM_TD

include "ir/Attrs.td"

defvar randomArgs = (ins Fluxion_I64Scalar:$seed, Fluxion_I64Scalar:$step, I64Attr:$stream);

def Fluxion_RandomBitsOp : Fluxion_Op<"random_bits", [Pure, NoGradient<"random">]> {
  let summary = "independent uniform 32-bit words (Philox4x32-10)";
  let description = [{
    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Element e (row-major) is word
    e mod 4 of the block with key (seed low, seed high) and counter (e / 4, stream, step low, step high),
    32-bit words each. Replay, recomputation and any number of threads give the same bits.
    - `random_bits_c1`: stream is in [0, 2^32); fewer than 2^34 elements.
  }];
  let arguments = randomArgs;
  let results = (outs Fluxion_I32Tensor:$bits);
  let assemblyFormat = "$seed `,` $step `stream` $stream attr-dict `:` type($bits)";
  let hasVerifier = 1;
}

class Fluxion_RandomOp<string mnemonic, string what> : Fluxion_CompositeOp<mnemonic, [NoGradient<"random">]> {
  let summary = what;
  let arguments = randomArgs;
  let results = (outs Fluxion_FloatTensor:$y);
  let assemblyFormat = "$seed `,` $step `stream` $stream attr-dict `:` type($y)";
}
def Fluxion_RandomUniformOp : Fluxion_RandomOp<"random_uniform", "uniform on [0, 1): (bits >> 8) * 2^-24">;
def Fluxion_RandomNormalOp : Fluxion_RandomOp<"random_normal",
    "standard normal by Box and Muller's transform of two uniform draws, streams `stream` and `stream + 1`">;

#endif // FLUXION_IR_OPS_RANDOM_TD
