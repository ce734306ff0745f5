// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/autodiff/Derivatives.h"

#include "ir/ops/Elementwise.h"

using namespace mlir;
using namespace fluxion::ir;

namespace fluxion_testing {
namespace {

template <typename Op> GradientCase unary(const char *name, double low = -2, double high = 2) {
  return {name, {{{3, 5}, low, high}}, [](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {Op::create(emit.builder, emit.loc, x[0].type(), x[0])};
          }};
}

template <typename Op> GradientCase binary(const char *name, Input x = {}, Input y = {}) {
  x.shape = y.shape = {3, 5};
  return {name, {x, y}, [](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {Op::create(emit.builder, emit.loc, x[0].type(), x[0], x[1])};
          }};
}

Expr clamp(Emitter &emit, Expr low, Expr x, Expr high) {
  return emit(ClampOp::create(emit.builder, emit.loc, x.type(), low, x, high));
}

const Input positive{{}, 0.5, 3}, away{{}, 1, 3};

} // namespace

std::vector<GradientCase> elementwiseCases() {
  return {
      unary<ExpOp>("exp"),
      unary<Expm1Op>("expm1"),
      unary<LogOp>("log", 0.5, 4),
      unary<Log1pOp>("log1p", -0.5, 3),
      unary<SqrtOp>("sqrt", 0.5, 4),
      unary<RsqrtOp>("rsqrt", 0.5, 4),
      unary<TanhOp>("tanh"),
      unary<SinOp>("sin"),
      unary<CosOp>("cos"),
      unary<ErfOp>("erf"),
      unary<NegOp>("neg"),
      unary<AbsOp>("abs"),
      unary<ReluOp>("relu"),
      unary<SigmoidOp>("sigmoid", -8, 8),
      unary<SiluOp>("silu", -4, 4),
      unary<GeluOp>("gelu", -3, 3),
      binary<AddOp>("add"),
      binary<SubOp>("sub"),
      binary<MulOp>("mul"),
      binary<DivOp>("div", {}, away),
      binary<RemainderOp>("remainder", {{}, 4, 9}, {{}, 2, 3}),
      binary<RemainderOp>("remainder_negative", {{}, -9, -4}, {{}, -3, -2}),
      binary<PowOp>("pow", positive, {}),
      binary<MaxOp>("max"),
      binary<MinOp>("min"),
      binary<Atan2Op>("atan2", away, {}),
      binary<Atan2Op>("atan2_left", {}, {{}, -3, -1}),
      {"pow_negative_base",
       {{{6}, -2, -1}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return {emit.pow(x[0], emit.like(3, x[0]))};
       }},
      {"pow_of_itself",
       {{{6}, 0.5, 2}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values { return {emit.pow(x[0], x[0])}; }},
      {"select",
       {{{4, 3}}, {{4, 3}}, {{4, 3}}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return {emit.select(emit.compare(CompareDirection::LT, x[0], x[1]), x[1] * x[2],
                             emit.exp(x[0]))};
       }},
      {"clamp",
       {{{24}, -1, -0.5}, {{24}}, {{24}, 0.5, 1}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return {clamp(emit, x[0], x[1] * x[1] * x[1], x[2])};
       }},
      {"clamp_crossed_bounds",
       {{{24}}, {{24}}, {{24}}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values { return {clamp(emit, x[0], x[1], x[2])}; }},
      {"accumulate",
       {{{7}}, {{7}}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return {AccumulateOp::create(emit.builder, emit.loc, x[0].type(),
                                      ValueRange{x[0] * x[1], x[1], emit.sin(x[0])})};
       }},
      {"convert",
       {{{7}}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values { // the evaluator keeps f64 in every type
         Expr narrow = emit.convert(x[0] * x[0], emit.builder.getF32Type());
         return {emit.convert(emit.sin(narrow), emit.builder.getF64Type())};
       },
       2,
       /*compiled=*/false},
      {"one_value_many_uses",
       {{{5}}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         Expr y = emit.sin(x[0]);
         return {y * y + y * x[0], y, x[0], y};
       }},
      {"unused_input_and_constant_result",
       {{{5}}, {{3}}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return {emit.exp(x[0]), emit.like(2, x[1])};
       }},
  };
}

const std::vector<GradientCase> &allCases() {
  static const std::vector<GradientCase> all = [] {
    std::vector<GradientCase> cases;
    for (auto family : {elementwiseCases, contractionCases, convolutionCases, reductionCases,
                        shapeCases, indexingCases, nnCases, controlCases})
      llvm::append_range(cases, family());
    return cases;
  }();
  return all;
}

} // namespace fluxion_testing
