// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every pass of the pipeline: `def FooPass` is written in Foo.cpp, its flag is --fluxion-foo and its
// test tests/passes/foo.mlir.
#ifndef FLUXION_PASSES_TD
#define FLUXION_PASSES_TD

include "mlir/Pass/PassBase.td"

class Fluxion_Pass<string flag> : Pass<"fluxion-" # flag, "::mlir::ModuleOp">;

def DifferentiatePass : Fluxion_Pass<"differentiate"> {
  let summary = "expand vjp, jvp, checkpoint and custom_vjp, innermost first";
  let description = "After: no region op of the dialect is left but kernels.";
}
def DecomposePass : Fluxion_Pass<"decompose"> {
  let summary = "replace every composite by its definition";
  let description = [{
    After: only primitives. The location of each op names the composite it came from, which is how
    kernels get their names.
  }];
}
def SimplifyPass : Fluxion_Pass<"simplify"> {
  let summary = "algebra that keeps IEEE meaning, shape motion, folding, common subexpressions, dead code";
}
def AssignLayoutPass : Fluxion_Pass<"assign-layout"> {
  let summary = "channels last inside convolutional nets: transpose at the edges, cancel in between";
  let description = "Before: primitives only. After: the same values, transposes that cancel are gone.";
  let options = [Option<"packState", "pack-state", "bool", /*default=*/"true",
                        "keep weights in the state in the layout their convolutions read">];
}
def AssignPrecisionPass : Fluxion_Pass<"assign-precision"> {
  let summary = "multiply f32 factors of products and convolutions as tf32 or bf16";
  let description = [{
    Before: primitives only. After: with `tf32` every f32 contraction is marked; with `bf16` it takes operands converted to
    bf16 and gives f32 sums. All else, the state too, stays f32. With `f32` nothing changes.
  }];
  let options = [Option<"precision", "precision", "std::string", /*default=*/"\"f32\"", "f32, tf32 or bf16">];
}
def FusePass : Fluxion_Pass<"fuse"> {
  let summary = "group ops into multi-consumer, multi-output kernels";
  let description = "Before: primitives only. After: ops worth grouping are inside `fluxion.kernel`.";
  let options = [
    Option<"recompute", "recompute", "bool", /*default=*/"true", "duplicate cheap ops into the kernels that use them">,
    Option<"maxOps", "max-ops", "int64_t", /*default=*/"160", "largest number of ops in a kernel">];
}
def OutlinePass : Fluxion_Pass<"outline"> {
  let summary = "put every op that is still outside into a kernel of its own";
  let description = [{
    After: an entry point holds kernels, reads, writes, checks, barriers, reshapes (views) and
    constants only.
  }];
}
def SchedulePass : Fluxion_Pass<"schedule"> {
  let summary = "attach a schedule, the backend and the predicted cost to every kernel";
  let options = [Option<"overrides", "schedule", "std::string", /*default=*/"\"\"",
                        "key=value,... written over every schedule that is found">];
}
def OrderPass : Fluxion_Pass<"order"> {
  let summary = "order kernels for the least peak memory; updates right after their gradients";
}
def PlanMemoryPass : Fluxion_Pass<"plan-memory"> {
  let summary = "give every buffer of the step an address";
  let description = [{
    Before: entry points hold only what `outline` leaves. After: every kernel has places, every state
    item an offset; barriers are gone, as the order is fixed; `fluxion.state_bytes` and each entry's
    `fluxion.arena_bytes` are set; an independent check has refuted any overlap of live buffers.
  }];
  let options = [Option<"apart", "apart", "bool", /*default=*/"false",
                        "no two buffers share memory and no state is updated in place">];
}

#endif // FLUXION_PASSES_TD
