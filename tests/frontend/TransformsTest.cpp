// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/Evaluate.h"

#include <cmath>
#include <gmock/gmock.h>

using namespace fluxion;
using fluxion_testing::evaluate;
using fluxion_testing::Numbers;

namespace {

void expectNear(const Numbers &found, const Numbers &expected, double tolerance = 1e-9) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], tolerance) << "at " << i;
}

const Numbers x{0.5, -1, 2}, y{3, 0.25, -2};

Function product() {
  return function({f64(3), f64(3)}, [](Tensor a, Tensor b) { return dot(tanh(a), b); });
}
Numbers gradientInX() {
  Numbers g;
  for (size_t i = 0; i < x.size(); ++i)
    g.push_back(y[i] * (1 - std::tanh(x[i]) * std::tanh(x[i])));
  return g;
}

TEST(Transforms, GradGivesACotangentAnInput) {
  auto g = evaluate(grad(product()), {x, y});
  ASSERT_EQ(g.size(), 2u);
  expectNear(g[0], gradientInX());
  expectNear(g[1], {std::tanh(0.5), std::tanh(-1.), std::tanh(2.)});
}

TEST(Transforms, IntegerInputsHaveNoGradient) {
  Function f =
      function({f64(3), i32(2)}, [](Tensor a, Tensor i) { return sum(square(gather(a, i))); });
  auto g = evaluate(grad(f), {x, {2, 2}});
  ASSERT_EQ(g.size(), 1u);
  expectNear(g[0], {0, 0, 8});
}

TEST(Transforms, ValueAndGradGivesBoth) {
  auto all = evaluate(value_and_grad(product()).function, {x, y});
  ASSERT_EQ(all.size(), 3u);
  expectNear(all[0], {3 * std::tanh(0.5) + 0.25 * std::tanh(-1.) - 2 * std::tanh(2.)});
  expectNear(all[1], gradientInX());
}

TEST(Transforms, VjpAndJvpAreTransposes) {
  Function f = function({f64(3)}, [](Tensor a) {
    return exp(matmul(reshape(a, {1, 3}), constant(f64(3, 2), {1, 2, 3, -1, 0, 0.5})));
  });
  Numbers u{0.3, -0.7}, t{1, -2, 0.5};
  auto pulled = evaluate(vjp(f), {x, u}), pushed = evaluate(jvp(f), {x, t});
  ASSERT_EQ(pulled.size(), 2u);
  ASSERT_EQ(pushed.size(), 2u);
  expectNear(pulled[0], pushed[0]);
  double left = 0, right = 0;
  for (int i = 0; i < 3; ++i)
    left += pulled[1][i] * t[i];
  for (int i = 0; i < 2; ++i)
    right += pushed[1][i] * u[i];
  EXPECT_NE(left, 0);
  EXPECT_NEAR(left, right, 1e-12 * std::abs(left));
}

TEST(Transforms, JacobianAndHessian) {
  Function cubes = function({f64(3)}, [](Tensor a) { return a * a * a; });
  expectNear(evaluate(jacobian(cubes), {x})[0], {3 * .25, 0, 0, 0, 3, 0, 0, 0, 12});
  Function valley = function({f64(2)}, [](Tensor p) {
    Tensor a = slice(p, {0}, {1}), b = slice(p, {1}, {2});
    return sum(square(1 - a) + 100 * square(b - square(a)));
  });
  // Rosenbrock at (-1.2, 1): [[1330, 480], [480, 200]].
  expectNear(evaluate(hessian(valley), {{-1.2, 1}})[0], {1330, 480, 480, 200}, 1e-9);
}

TEST(Transforms, GradComposes) {
  Function cubic = function({f64(3)}, [](Tensor a) { return sum(a * a * a); });
  Function slope = function({f64(3)}, [cubic](Tensor a) { return sum(grad(cubic)({a})[0]); });
  Function third = function({f64(3)}, [slope](Tensor a) { return sum(grad(slope)({a})[0]); });
  expectNear(evaluate(grad(slope), {x})[0], {3, -6, 12});
  expectNear(evaluate(grad(third), {x})[0], {6, 6, 6});
}

TEST(Transforms, AllCompose) {
  Function valley = function({f64(2)}, [](Tensor p) {
    Tensor a = slice(p, {0}, {1}), b = slice(p, {1}, {2});
    return sum(square(1 - a) + 100 * square(b - square(a)));
  });
  const Numbers p{-1.2, 1}, t{2, -0.5}, product{2 * 1330 - 0.5 * 480, 2 * 480 - 0.5 * 200};
  expectNear(evaluate(jvp(grad(valley)), {p, t})[1], product);
  expectNear(evaluate(vjp(grad(valley)), {p, t})[1], product);
  expectNear(evaluate(jvp(value_and_grad(valley)), {p, t})[2], {2 * -215.6 - 0.5 * -88});
  expectNear(evaluate(grad(value_and_grad(valley)), {p})[0], {-215.6, -88});
  expectNear(evaluate(grad(checkpoint(value_and_grad(valley))), {p})[0], {-215.6, -88});
  expectNear(evaluate(hessian(checkpoint(valley)), {p})[0], {1330, 480, 480, 200});
  // Along a line: f(p + s t) twice differentiated is t H t.
  Function line = function({f64()}, [valley, p, t](Tensor s) {
    return valley({constant(f64(2), p) + s * constant(f64(2), t)})[0];
  });
  double curvature = t[0] * product[0] + t[1] * product[1];
  expectNear(evaluate(grad(grad(line)), {{0}})[0], {curvature});
  Function slope = function({f64()}, [line](Tensor s) { return jvp(line)({s, ones(f64())})[1]; });
  expectNear(evaluate(jvp(slope), {{0}, {1}})[1], {curvature});
  expectNear(evaluate(hessian(line), {{0}})[0], {curvature});
}

TEST(Transforms, InnerFunctionsMayCapture) {
  // d/da of sum_i d/db (a b^2) = 2 a b at b = y, seen from outside as a function of a.
  Function outer = function({f64(3), f64(3)}, [](Tensor a, Tensor b) {
    Function inner = function({f64(3)}, [a](Tensor c) { return sum(a * c * c); });
    return sum(grad(inner)({b})[0]);
  });
  expectNear(evaluate(grad(outer), {x, y})[0], {6, 0.5, -4});
  Function rows = function({f64(3)}, [](Tensor a) {
    Function inner = function({f64(2)}, [a](Tensor c) { return c * sum(a); });
    return jacobian(inner)({ones(f64(2))})[0];
  });
  expectNear(evaluate(rows, {x})[0], {1.5, 0, 0, 1.5});
}

TEST(Transforms, CheckpointKeepsValuesAndGradients) {
  Function body = function({f64(3)}, [](Tensor a) { return sin(exp(a)); });
  auto loss = [](Function f) {
    return function({f64(3)}, [f](Tensor a) { return sum(square(f({a})[0])); });
  };
  auto plain = evaluate(value_and_grad(loss(body)).function, {x}),
       saved = evaluate(value_and_grad(loss(checkpoint(body))).function, {x});
  expectNear(saved[0], plain[0]);
  expectNear(saved[1], plain[1]);
  EXPECT_NE(plain[1][0], 0);
  // What a checkpointed function captures still has its gradient.
  Function captured = function({f64(3)}, [](Tensor a) {
    return sum(checkpoint(function({f64(3)}, [a](Tensor c) { return a * c; }))(
        {constant(f64(3), {5, 6, 7})})[0]);
  });
  expectNear(evaluate(grad(captured), {x})[0], {5, 6, 7});
}

TEST(Transforms, CustomVjpReplacesTheAdjoint) {
  Function rounded = custom_vjp(
      function({f64(3)}, [](Tensor a) { return floor(a); }),
      function({f64(3), f64(3), f64(3)}, [](Tensor a, Tensor r, Tensor c) { return c * (a - r); }));
  Function f = function({f64(3)}, [rounded](Tensor a) { return sum(2 * rounded({a})[0]); });
  expectNear(evaluate(f, {x})[0], {2});
  expectNear(evaluate(grad(f), {x})[0], {1, 0, 0});
}

TEST(Transforms, CustomVjpOfAnotherTypeIsRefused) {
  Function f = custom_vjp(
      function({f64(3)}, [](Tensor a) { return a; }),
      function({f64(3), f64(3), f64(3)}, [](Tensor, Tensor, Tensor) { return zeros(f64(2)); }));
  try {
    evaluate(f, {x});
    FAIL();
  } catch (const Error &error) {
    EXPECT_THAT(error.what(),
                testing::HasSubstr("backward does not give one cotangent for each input"));
    EXPECT_THAT(error.where().file_name(), testing::HasSubstr("TransformsTest.cpp"));
  }
}

TEST(Transforms, StopGradientIsConstant) {
  Function f = function({f64(3)}, [](Tensor a) { return sum(stop_gradient(a * a) * a); });
  expectNear(evaluate(grad(f), {x})[0], {.25, 1, 4});
}

} // namespace
