// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Derivatives where differences cannot tell: ties, zeros and infinities, values that stop or
// replace a gradient.
#include "tests/autodiff/Derivatives.h"
#include "tests/codegen/Harness.h"

#include "ir/ops/Control.h"
#include "ir/ops/Elementwise.h"
#include "ir/ops/Nn.h"
#include "ir/ops/Reduction.h"
#include "ir/ops/Shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

using namespace fluxion_testing;
using namespace fluxion::ir;
using namespace mlir;
using ::testing::DoubleNear;
using ::testing::ElementsAre;

namespace {

using Numbers = std::vector<double>;
constexpr double inf = std::numeric_limits<double>::infinity(), nan = NAN;

// Vectors of the given numbers through one of the functions of Derivatives; compiled code agrees.
std::vector<Numbers> run(const std::string &f, const GradientCase &c,
                         const std::vector<Numbers> &inputs) {
  Derivatives d(c);
  std::vector<Tensor> tensors = d.directionsOf(f);
  EXPECT_EQ(tensors.size(), inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(tensors[i].floats.size(), inputs[i].size());
    tensors[i].floats = inputs[i];
  }
  std::vector<Tensor> evaluated = d.call(f, tensors);
  Case compiled(d.text());
  compiled.compile({}, /*threads=*/1);
  EXPECT_EQ(difference(evaluated, compiled.compiled(f, tensors), 1e-14), "") << d.text();
  std::vector<Numbers> results;
  for (Tensor &result : evaluated)
    results.push_back(result.floats);
  return results;
}

template <typename Op> GradientCase binary(int64_t size) {
  return {"", {{{size}}, {{size}}}, [](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {Op::create(emit.builder, emit.loc, x[0].type(), x[0], x[1])};
          }};
}
GradientCase reduce(ReduceKind kind, int64_t size) {
  return {"", {{{size}}}, [=](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {emit.reduce(kind, x[0], 0)};
          }};
}
// x > 0 ? f(x) : 0
GradientCase guarded(int64_t size, std::function<Expr(Emitter &, Expr)> f) {
  return {"", {{{size}}}, [f](Emitter &emit, ArrayRef<Expr> x) -> Values {
            Expr zero = emit.like(0, x[0]);
            return {
                emit.select(emit.compare(CompareDirection::GT, x[0], zero), f(emit, x[0]), zero)};
          }};
}

TEST(Ties, MaxAndMinShareTheCotangent) {
  auto g = run("pull", binary<MaxOp>(4), {{1, 2, 3, -0.0}, {1, 3, 2, 0.0}, {8, 8, 8, 8}});
  EXPECT_THAT(g, ElementsAre(Numbers{4, 0, 8, 4}, Numbers{4, 8, 0, 4}));
  g = run("pull", binary<MinOp>(3), {{1, 2, 3}, {1, 3, 2}, {8, 8, 8}});
  EXPECT_THAT(g, ElementsAre(Numbers{4, 8, 0}, Numbers{4, 0, 8}));
}
TEST(Ties, ReduceSharesAmongAllWinners) {
  EXPECT_THAT(run("pull", reduce(ReduceKind::Max, 5), {{5, 1, 5, 5, 2}, {6}}),
              ElementsAre(Numbers{2, 0, 2, 2, 0}));
  EXPECT_THAT(run("pull", reduce(ReduceKind::Min, 4), {{1, 1, 2, 3}, {6}}),
              ElementsAre(Numbers{3, 3, 0, 0}));
  EXPECT_THAT(run("pull", reduce(ReduceKind::Max, 2), {{-inf, -inf}, {6}}),
              ElementsAre(Numbers{3, 3}));
}
TEST(Ties, WindowsGiveAllToTheFirst) {
  for (ReduceKind kind : {ReduceKind::Max, ReduceKind::Min}) {
    GradientCase c{"", {{{6}}}, [=](Emitter &emit, ArrayRef<Expr> x) -> Values {
                     return {ReduceWindowOp::create(emit.builder, emit.loc, kind, x[0], Shape{3},
                                                    Shape{1}, Shape{1, 0}, Shape{1})};
                   }};
    EXPECT_THAT(run("pull", c, {{2, 2, 2, 2, 2, 2}, {1, 10, 100, 1000, 10000}}),
                ElementsAre(Numbers{11, 100, 1000, 10000, 0, 0}));
  }
  GradientCase pool{
      "", {{{4}}}, [](Emitter &emit, ArrayRef<Expr> x) -> Values {
        return {MaxPoolOp::create(emit.builder, emit.loc, x[0], Shape{2}, Shape{2}, Shape{0, 0})};
      }};
  EXPECT_THAT(run("pull", pool, {{3, 3, 1, 4}, {1, 10}}), ElementsAre(Numbers{1, 0, 0, 10}));
}
TEST(Ties, ClampPassesAtItsBounds) {
  GradientCase c{"", {{{5}}, {{5}}, {{5}}}, [](Emitter &emit, ArrayRef<Expr> x) -> Values {
                   return {ClampOp::create(emit.builder, emit.loc, x[0].type(), x[0], x[1], x[2])};
                 }};
  EXPECT_THAT(run("pull", c, {Numbers(5, -1), {-2, -1, 0, 1, 2}, Numbers(5, 1), Numbers(5, 8)}),
              ElementsAre(Numbers{8, 0, 0, 0, 0}, Numbers{0, 8, 8, 8, 0}, Numbers{0, 0, 0, 0, 8}));
}
TEST(Ties, ReluAndAbsAreFlatAtZero) {
  GradientCase c{"", {{{3}}}, [](Emitter &emit, ArrayRef<Expr> x) -> Values {
                   return {ReluOp::create(emit.builder, emit.loc, x[0].type(), x[0]),
                           emit.abs(x[0])};
                 }};
  EXPECT_THAT(run("pull", c, {{-1, 0, 1}, {8, 8, 8}, {1, 1, 1}}), ElementsAre(Numbers{-1, 0, 9}));
}

TEST(StrongZero, TheBranchNotTakenGetsExactlyZero) {
  GradientCase c{"", {{{4}}, {{4}}}, [](Emitter &emit, ArrayRef<Expr> x) -> Values {
                   Expr chosen = emit.compare(CompareDirection::EQ, x[0], x[0]); // not where NaN
                   return {emit.select(chosen, x[0], x[1])};
                 }};
  EXPECT_THAT(run("pull", c, {{1, nan, 2, nan}, {nan, 3, inf, 4}, {5, 6, 7, 8}}),
              ElementsAre(Numbers{5, 0, 7, 0}, Numbers{0, 6, 0, 8}));
}

struct Guarded {
  const char *name;
  std::function<Expr(Emitter &, Expr)> f;
};
void PrintTo(const Guarded &g, std::ostream *out) { *out << g.name; }
class NothingLeaks : public ::testing::TestWithParam<Guarded> {};

// Infinite or undefined at x <= 0, both values and slopes.
TEST_P(NothingLeaks, OutOfTheBranchNotTaken) {
  GradientCase c = guarded(4, GetParam().f);
  for (const char *f : {"pull", "push"}) {
    Numbers g = run(f, c, {{-1, 0, 0.5, 2}, {1, 1, 1, 1}})[0];
    EXPECT_EQ(g[0], 0) << f;
    EXPECT_EQ(g[1], 0) << f;
    EXPECT_TRUE(std::isfinite(g[2]) && g[2] != 0) << f;
    EXPECT_TRUE(std::isfinite(g[3]) && g[3] != 0) << f;
  }
  Numbers x{-1, 0, 0.5, 2}, ones(4, 1);
  for (const auto &second :
       {run("pull_pull", c, {x, ones, ones}), run("push_pull", c, {x, ones, ones, ones})})
    for (const Numbers &g : second)
      EXPECT_TRUE(g[0] == 0 && g[1] == 0 && std::isfinite(g[2]));
}
INSTANTIATE_TEST_SUITE_P(
    Functions, NothingLeaks,
    ::testing::Values(Guarded{"log", [](Emitter &e, Expr x) { return e.log(x); }},
                      Guarded{"sqrt", [](Emitter &e, Expr x) { return e.sqrt(x); }},
                      Guarded{"rsqrt", [](Emitter &e, Expr x) { return e.rsqrt(x); }},
                      Guarded{"reciprocal", [](Emitter &, Expr x) { return 1.0 / x; }},
                      Guarded{"power", [](Emitter &e, Expr x) { return e.pow(x, e.like(0.5, x)); }},
                      Guarded{"x_log_x", [](Emitter &e, Expr x) { return x * e.log(x); }},
                      Guarded{"log_of_sqrt",
                              [](Emitter &e, Expr x) { return e.log(e.sqrt(x) * 3.0) - x; }},
                      Guarded{"nested",
                              [](Emitter &e, Expr x) {
                                Expr large =
                                    e.compare(CompareDirection::LT, e.log(x), e.like(9, x));
                                return e.select(large, e.sqrt(x), e.exp(x));
                              }}),
    [](const auto &info) { return info.param.name; });

// The usual length of a vector, which has no direction at zero.
TEST(StrongZero, ANormThatIsGuardedAtZero) {
  GradientCase c{"", {{{3}}}, [](Emitter &emit, ArrayRef<Expr> x) -> Values {
                   Expr squares = emit.sum(x[0] * x[0], 0), zero = emit.like(0, squares);
                   return {emit.select(emit.compare(CompareDirection::GT, squares, zero),
                                       emit.sqrt(squares), zero)};
                 }};
  EXPECT_THAT(run("pull", c, {{0, 0, 0}, {1}}), ElementsAre(Numbers{0, 0, 0}));
  EXPECT_THAT(run("pull", c, {{0, 3, 4}, {5}}), ElementsAre(Numbers{0, 3, 4}));
  EXPECT_THAT(run("push", c, {{0, 0, 0}, {1, 1, 1}}), ElementsAre(Numbers{0}));
}

TEST(Zeros, ProductsOfTheOthers) {
  GradientCase c = reduce(ReduceKind::Prod, 4);
  EXPECT_THAT(run("pull", c, {{2, 3, 4, 5}, {1}}), ElementsAre(Numbers{60, 40, 30, 24}));
  EXPECT_THAT(run("pull", c, {{2, 0, 4, 5}, {1}}), ElementsAre(Numbers{0, 40, 0, 0}));
  EXPECT_THAT(run("pull", c, {{2, 0, 0, 5}, {1}}), ElementsAre(Numbers{0, 0, 0, 0}));
  EXPECT_THAT(run("push", c, {{2, 0, 4, 5}, {1, 1, 1, 1}}), ElementsAre(Numbers{40}));
  // The second derivative of a product is the product of the other two, zeros or not.
  auto second = run("pull_pull", c, {{2, 0, 4, 5}, {1}, {1, 0, 0, 0}});
  EXPECT_THAT(second[0], ElementsAre(0, 20, 0, 0));
  second = run("pull_pull", c, {{2, 0, 0, 5}, {1}, {0, 1, 0, 0}});
  EXPECT_THAT(second[0], ElementsAre(0, 0, 10, 0));
}
TEST(Zeros, PowersAtZero) {
  GradientCase c = binary<PowOp>(5);
  auto g = run("pull", c, {{0, 0, 0, 2, 3}, {2, 1, 0, 0, 1}, {1, 1, 1, 1, 1}});
  EXPECT_THAT(g[0], ElementsAre(0, 1, 0, 0, 1));
  EXPECT_THAT(
      g[1], ::testing::Pointwise(DoubleNear(1e-15), {0., 0., 0., std::log(2.), 3 * std::log(3.)}));
  // d2/dx2 of x^2 and x^3 at 0; d2/dx dy of x^y at y = 0 is 1 / x.
  auto second =
      run("pull_pull", binary<PowOp>(3), {{0, 0, 4}, {2, 3, 0}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}});
  EXPECT_THAT(second[0], ElementsAre(2, 0, 0));
  EXPECT_EQ(second[1][2], 0.25);
}
TEST(Zeros, ThePaddingOfInfinitiesHasAFiniteCotangent) {
  GradientCase c{
      "", {{{2}}, {{}}}, [](Emitter &emit, ArrayRef<Expr> x) -> Values {
        return {PadOp::create(emit.builder, emit.loc, x[0], x[1], Shape{1}, Shape{1}, Shape{1})};
      }};
  EXPECT_THAT(run("pull", c, {{7, 8}, {0}, {1, inf, 10, nan, 100}})[1], ElementsAre(111));
}

TEST(Regions, StopGradientIsAConstant) {
  GradientCase c{"", {{{2}}}, [](Emitter &emit, ArrayRef<Expr> x) -> Values {
                   Expr stopped = emit(
                       StopGradientOp::create(emit.builder, emit.loc, x[0].type(), x[0] * x[0]));
                   return {stopped * x[0]};
                 }};
  EXPECT_THAT(run("pull", c, {{2, 3}, {1, 1}}), ElementsAre(Numbers{4, 9}));
  EXPECT_THAT(run("push", c, {{2, 3}, {1, 1}}), ElementsAre(Numbers{4, 9}));
  EXPECT_THAT(run("pull_pull", c, {{2, 3}, {1, 1}, {1, 1}})[0], ElementsAre(0, 0));
}

// A gradient that is not the function's own shows that the given one is used, in every mode.
TEST(Regions, CustomVjpReplacesTheAdjoint) {
  GradientCase c{"", {{{2}}}, [](Emitter &emit, ArrayRef<Expr> x) -> Values {
                   Type type = x[0].type();
                   auto op = CustomVjpOp::create(emit.builder, emit.loc, type, ValueRange{x[0]});
                   fillRegion(emit, op.getPrimal(), type, [](Emitter &e, ValueRange v) -> Values {
                     return {e.floor(e(v[0]))};
                   });
                   fillRegion(emit, op.getBackward(), {type, type, type},
                              [](Emitter &e, ValueRange v) -> Values { // dz (x - floor x)
                                return {e(v[2]) * (e(v[0]) - e(v[1]))};
                              });
                   return {op.getResults()[0]};
                 }};
  EXPECT_THAT(run("value", c, {{2.5, 3.25}}), ElementsAre(Numbers{2, 3}));
  EXPECT_THAT(run("pull", c, {{2.5, 3.25}, {1, 8}}), ElementsAre(Numbers{0.5, 2}));
  EXPECT_THAT(run("push", c, {{2.5, 3.25}, {1, 8}}), ElementsAre(Numbers{0.5, 2}));
  // of u (x - r), where r has the given derivative: u (1 - (x - r))
  EXPECT_THAT(run("pull_pull", c, {{2.5, 3.25}, {1, 8}, {1, 1}})[0], ElementsAre(0.5, 6));
}

// c -> c c x at c = x: what is captured stays constant, so 2 x x and not 3 x x.
TEST(Regions, ACapturedInputIsConstant) {
  for (bool forward : {false, true}) {
    GradientCase c{
        "", {{{2}}}, [&](Emitter &emit, ArrayRef<Expr> x) -> Values {
          Type type = x[0].type();
          Values one{emit.like(1, x[0])}, in{x[0]};
          SmallVector<Type> types{type, type};
          Operation *op =
              forward
                  ? JvpOp::create(emit.builder, emit.loc, types, in, one, Shape{0}, 1)
                        .getOperation()
                  : VjpOp::create(emit.builder, emit.loc, types, in, one, Shape{0}).getOperation();
          fillRegion(emit, op->getRegion(0), type, [&](Emitter &e, ValueRange v) -> Values {
            return {e(v[0]) * e(v[0]) * x[0]};
          });
          return {op->getResult(1)};
        }};
    EXPECT_THAT(run("value", c, {{2, 3}}), ElementsAre(Numbers{8, 18}));
    EXPECT_THAT(run("pull", c, {{2, 3}, {1, 1}}), ElementsAre(Numbers{8, 12}));
  }
}

// The recomputation hides behind a barrier that waits for the cotangent; without one, the reverse
// pass would share the forward pass' values and nothing would be saved.
TEST(Regions, CheckpointRecomputesBehindABarrier) {
  GradientCase c{
      "", {{{2}}}, [](Emitter &emit, ArrayRef<Expr> x) -> Values {
        auto op =
            CheckpointOp::create(emit.builder, emit.loc, TypeRange{x[0].type()}, ValueRange{x[0]});
        fillRegion(emit, op.getBody(), x[0].type(),
                   [](Emitter &e, ValueRange v) -> Values { return {e.sin(e.exp(e(v[0])))}; });
        return {op.getResults()[0]};
      }};
  Derivatives d(c);
  int exponentials = 0, guarded = 0;
  d.function("pull").walk([&](ExpOp op) {
    ++exponentials;
    guarded += op.getX().getDefiningOp<BarrierOp>() != nullptr;
  });
  EXPECT_EQ(exponentials, 2);
  EXPECT_EQ(guarded, 1);
}

} // namespace
