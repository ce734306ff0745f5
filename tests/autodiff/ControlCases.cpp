// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The region ops: each beside what it contains, so that the usual checks say what it must do.
#include "ir/ops/Control.h"

#include "ir/ops/Elementwise.h"
#include "tests/autodiff/Derivatives.h"

using namespace mlir;
using namespace fluxion::ir;

namespace fluxion_testing {
namespace {

Values checkpoint(Emitter &emit, ValueRange inputs, const RegionBody &body) {
  Region region;
  SmallVector<Type> types = fillRegion(emit, region, inputs.getTypes(), body);
  auto op = CheckpointOp::create(emit.builder, emit.loc, types, inputs);
  op.getBody().takeBody(region);
  return Values(op.getResults());
}

Values customVjp(Emitter &emit, ValueRange inputs, const RegionBody &primal,
                 const RegionBody &backward) {
  Region first, second;
  SmallVector<Type> types = fillRegion(emit, first, inputs.getTypes(), primal),
                    all(inputs.getTypes());
  llvm::append_range(all, types);
  llvm::append_range(all, types);
  fillRegion(emit, second, all, backward);
  auto op = CustomVjpOp::create(emit.builder, emit.loc, types, inputs);
  op.getPrimal().takeBody(first);
  op.getBackward().takeBody(second);
  return Values(op.getResults());
}

// The cotangents alone, of all inputs.
Values vjp(Emitter &emit, ValueRange inputs, ValueRange cotangents, const RegionBody &body) {
  Region region;
  SmallVector<Type> types = fillRegion(emit, region, inputs.getTypes(), body);
  size_t results = types.size();
  llvm::append_range(types, inputs.getTypes());
  auto op = VjpOp::create(emit.builder, emit.loc, types, inputs, cotangents,
                          llvm::to_vector(llvm::seq<int64_t>(0, (int64_t)inputs.size())));
  op.getBody().takeBody(region);
  return Values(op.getResults().drop_front((unsigned)results));
}

Values jvp(Emitter &emit, ValueRange inputs, ValueRange tangents, const RegionBody &body) {
  Region region;
  SmallVector<Type> types = fillRegion(emit, region, inputs.getTypes(), body);
  size_t results = types.size();
  types.append(types.begin(), types.begin() + (ptrdiff_t)results);
  auto op = JvpOp::create(emit.builder, emit.loc, types, inputs, tangents,
                          llvm::to_vector(llvm::seq<int64_t>(0, (int64_t)inputs.size())),
                          (int64_t)results);
  op.getBody().takeBody(region);
  return Values(op.getResults().drop_front((unsigned)results));
}

// sin(e^x) * y, e^x
Values wave(Emitter &emit, ValueRange x) {
  Expr grown = emit.exp(emit(x[0]));
  return {emit.sin(grown) * emit(x[1]), grown};
}

Values backwardOfProduct(Emitter &emit, ValueRange v) { // x, y, z, dz
  return {emit(v[3]) * emit(v[1]), emit(v[3]) * emit(v[0])};
}
Values product(Emitter &emit, ValueRange v) { return {emit(v[0]) * emit(v[1])}; }

} // namespace

std::vector<GradientCase> controlCases() {
  const std::vector<Input> two = {{{4}}, {{4}}};
  return {
      {"barrier", two,
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         Values xs{emit.sin(x[0]), x[1]};
         auto barrier = BarrierOp::create(emit.builder, emit.loc, ValueRange(xs).getTypes(), xs);
         return {emit(barrier.getYs()[0]) * emit(barrier.getYs()[1])};
       }},
      {"stop_gradient_elsewhere", two,
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         Expr constant = emit.like(2, x[0]);
         Expr stopped =
             emit(StopGradientOp::create(emit.builder, emit.loc, constant.type(), constant));
         return {stopped * x[0] * x[1]};
       }},
      {"checkpoint", two,
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         Values y = checkpoint(emit, ValueRange{x[0], x[1]}, wave);
         return {emit(y[0]) * emit(y[1]), y[0]};
       }},
      {"checkpoint_that_captures", two,
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         Expr outside = emit.sin(x[1]);
         return checkpoint(emit, ValueRange{x[0]}, [&](Emitter &e, ValueRange in) -> Values {
           return {e.exp(e(in[0]) * outside) * outside};
         });
       }},
      // The captured value is also the input: both ways count.
      {"checkpoint_that_captures_its_input", two,
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return checkpoint(emit, ValueRange{x[0]}, [&](Emitter &e, ValueRange in) -> Values {
           return {e.exp(e(in[0]) * x[0]) * x[1]};
         });
       }},
      {"checkpoint_in_a_checkpoint", two,
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return checkpoint(emit, ValueRange{x[0], x[1]}, [](Emitter &e, ValueRange in) -> Values {
           Values inner = checkpoint(e, in, wave);
           return {e(inner[0]) * e(inner[1])};
         });
       }},
      {"checkpoints_in_a_row", two,
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         Values first = checkpoint(emit, ValueRange{x[0], x[1]}, wave);
         return checkpoint(emit, first, [](Emitter &e, ValueRange in) -> Values {
           return {e.tanh(e(in[0]) * e(in[1]))};
         });
       }},
      {"custom_vjp", two,
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         Values z = customVjp(emit, ValueRange{emit.sin(x[0]), x[1]}, product, backwardOfProduct);
         return {emit(z[0]) * x[0]};
       }},
      {"custom_vjp_in_a_checkpoint", two,
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return checkpoint(emit, ValueRange{x[0], x[1]}, [](Emitter &e, ValueRange in) -> Values {
           return {e.exp(e(customVjp(e, in, product, backwardOfProduct)[0]))};
         });
       }},
      // backward reads the primal's result: e^x
      {"custom_vjp_of_its_result",
       {{{4}}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return customVjp(
             emit, ValueRange{x[0]},
             [](Emitter &e, ValueRange in) -> Values { return {e.exp(e(in[0]))}; },
             [](Emitter &e, ValueRange v) -> Values { return {e(v[2]) * e(v[1])}; });
       }},
      {"vjp", two,
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return vjp(emit, ValueRange{x[0], x[1]}, ValueRange{emit.sin(x[1]), x[0]}, wave);
       }},
      // What a region captures is constant to it, even the very value that is its input.
      {"vjp_that_captures_its_input",
       {{{4}}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return vjp(
             emit, ValueRange{x[0]}, ValueRange{emit.like(1, x[0])},
             [&](Emitter &e, ValueRange in) -> Values { return {e(in[0]) * e(in[0]) * x[0]}; });
       }},
      {"vjp_of_one_value_twice",
       {{{4}}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return vjp(emit, ValueRange{x[0], x[0]}, ValueRange{x[0], x[0]}, wave);
       }},
      {"jvp", two,
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return jvp(emit, ValueRange{x[0], x[1]}, ValueRange{emit.sin(x[1]), x[0]}, wave);
       }},
      {"jvp_that_captures_its_input",
       {{{4}}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return jvp(
             emit, ValueRange{x[0]}, ValueRange{emit.like(1, x[0])},
             [&](Emitter &e, ValueRange in) -> Values { return {e(in[0]) * e(in[0]) * x[0]}; });
       }},
      {"jvp_of_a_vjp_of_a_checkpoint", two,
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return jvp(emit, ValueRange{x[0], x[1]}, ValueRange{x[1], x[0]},
                    [](Emitter &e, ValueRange in) -> Values {
                      return vjp(e, in, ValueRange{in[1], in[0]},
                                 [](Emitter &inner, ValueRange v) -> Values {
                                   return checkpoint(inner, v, wave);
                                 });
                    });
       }},
  };
}

} // namespace fluxion_testing
