// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What compile() makes of functions, their transformations and training programs, by numbers that
// no part of the compiler computed.
#include "tests/frontend/OptimReference.h"

#include <cmath>
#include <fstream>
#include <gmock/gmock.h>

using namespace fluxion;
using fluxion_testing::OptimReference;
using testing::HasSubstr;

namespace {

template <typename T> Array array(Type type, std::initializer_list<T> values) {
  std::vector<T> list(values);
  return Array(std::move(type), std::span<const T>(list));
}
Array f64s(std::initializer_list<double> values) {
  return array<double>(f64((int64_t)values.size()), values);
}
void expectNear(const Array &found, const std::vector<double> &expected, double tolerance = 1e-12) {
  ASSERT_EQ(found.type().dtype, DType::f64);
  ASSERT_EQ(found.type().elements(), (int64_t)expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(found.data<double>()[i], expected[i], tolerance) << "at " << i;
}

// Rosenbrock's valley at (-1.2, 1): value 24.2, gradient (-215.6, -88), Hessian ((1330, 480), (480,
// 200)).
Function valley() {
  return function({f64(2)}, [](Tensor p) {
    Tensor a = slice(p, {0}, {1}), b = slice(p, {1}, {2});
    return sum(square(1 - a) + 100 * square(b - square(a)));
  });
}
const std::initializer_list<double> start{-1.2, 1}, direction{2, -0.5};

TEST(Compile, FunctionAndGradients) {
  expectNear(compile(valley())(f64s(start))[0], {24.2}, 1e-12);
  expectNear(compile(grad(valley()))(f64s(start))[0], {-215.6, -88}, 1e-11);
  auto [value, grads] = compile(value_and_grad(valley()))(f64s(start));
  expectNear(value, {24.2}, 1e-12);
  ASSERT_EQ(grads.size(), 1u);
  expectNear(grads[0], {-215.6, -88}, 1e-11);
}

TEST(Compile, PullsAndPushes) {
  auto pulled = compile(vjp(valley()))(f64s(start), array<double>(f64(), {3}));
  ASSERT_EQ(pulled.size(), 2u);
  expectNear(pulled[1], {3 * -215.6, 3 * -88}, 1e-11);
  auto pushed = compile(jvp(valley()))(f64s(start), f64s(direction));
  ASSERT_EQ(pushed.size(), 2u);
  expectNear(pushed[1], {2 * -215.6 - 0.5 * -88}, 1e-11);
}

TEST(Compile, SecondOrderThreeWays) {
  expectNear(compile(hessian(valley()))(f64s(start))[0], {1330, 480, 480, 200}, 1e-9);
  std::vector<double> product{2 * 1330 - 0.5 * 480, 2 * 480 - 0.5 * 200};
  expectNear(compile(jvp(grad(valley())))(f64s(start), f64s(direction))[1], product, 1e-9);
  expectNear(compile(vjp(grad(valley())))(f64s(start), f64s(direction))[1], product, 1e-9);
  expectNear(compile(hessian(checkpoint(valley())))(f64s(start))[0], {1330, 480, 480, 200}, 1e-9);
}

TEST(Compile, CustomVjpAndStopGradient) {
  Type t = f64(2);
  Function straight = custom_vjp(function({t}, [](Tensor x) { return round(x); }),
                                 function({t, t, t}, [](Tensor, Tensor, Tensor c) { return c; }));
  Function loss = function({t}, [straight](Tensor x) { return sum(square(straight({x})[0])); });
  expectNear(compile(grad(loss))(f64s({1.7, -2.2}))[0], {4, -4});
  Function held = function({t}, [](Tensor x) { return sum(stop_gradient(x * x) * x); });
  expectNear(compile(grad(held))(f64s({3, -2}))[0], {9, 4});
}

TEST(Compile, ArgumentsOfOtherTypesAreRefused) {
  CompiledFunction f = compile(valley());
  auto answer = [&](auto &&...arguments) -> std::string {
    try {
      f(arguments...);
    } catch (const std::runtime_error &error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(answer(f64s({1, 2, 3})), HasSubstr("f64[2], but got f64[3]"));
  EXPECT_THAT(answer(Array{1, 2}), HasSubstr("f64[2], but got f32[2]"));
  EXPECT_THAT(answer(), HasSubstr("main takes 1 inputs, called with 0"));
  EXPECT_THROW(Array(f32(3), std::span<const float>()), Error);
}

TEST(Compile, EmitsEveryKind) {
  std::string folder = testing::TempDir() + "/";
  auto text = [](const std::string &path) {
    std::stringstream read;
    read << std::ifstream(path).rdbuf();
    return read.str();
  };
  Program square = program(valley());
  CompileInfo info = emit(square, {.kind = Emit::Object, .path = folder + "valley.o"});
  EXPECT_GT(info.kernels, 0);
  EXPECT_EQ(text(folder + "valley.o").substr(0, 4), "\x7f"
                                                    "ELF");
  EXPECT_THAT(text(folder + "valley.h"), HasSubstr("fx_program"));
  emit(square, {.kind = Emit::Ir, .path = folder + "valley.mlir"});
  EXPECT_THAT(text(folder + "valley.mlir"), HasSubstr("func.func @main"));
  emit(square, {.kind = Emit::Llvm, .path = folder + "valley.ll"});
  EXPECT_THAT(text(folder + "valley.ll"), HasSubstr("define "));
  emit(square, {.kind = Emit::Assembly, .path = folder + "valley.s"});
  EXPECT_THAT(text(folder + "valley.s"), HasSubstr(".text"));
}

// loss = sum(c p^2) / 2, whose gradient is c p.
struct Bowl {
  Param p;
  FX_LAYER(Bowl, p)
};
const std::vector<double> curvature{0.5, 4, -1, 9};

void expectTrajectory(const Optimizer &optimizer, const std::function<double(int)> &rate) {
  SCOPED_TRACE("rule " + std::to_string(optimizer.kind));
  Type type = f64(4);
  Compiled compiled = compile(
      training(Bowl{Param(type, constant_init(1.5))},
               {.loss = [](const Bowl &m, Tensor c) { return 0.5 * sum(c * square(m.p.value())); },
                .inputs = {type},
                .optimizer = optimizer}));
  compiled.init(1);
  OptimReference reference(optimizer, rate);
  std::vector<double> p(4, 1.5);
  for (int t = 1; t <= 25; ++t) {
    compiled.step(Array(type, std::span<const double>(curvature)));
    std::vector<double> g;
    for (int i = 0; i < 4; ++i)
      g.push_back(curvature[i] * p[i]);
    reference.update(p, g, t);
    double largest = std::abs(*std::max_element(p.begin(), p.end()));
    expectNear(compiled.state("p"), p, 1e-6 * std::max(1.0, largest)); // rates are f32
    ASSERT_FALSE(testing::Test::HasFailure()) << "update " << t;
  }
}

class Trajectories : public testing::TestWithParam<Optimizer::Kind> {};

TEST_P(Trajectories, FollowTheFormula) {
  Optimizer optimizer;
  optimizer.kind = GetParam();
  optimizer.lr = 0.03;
  auto rate = [](int) { return 0.03; };
  expectTrajectory(optimizer, rate);
  optimizer.weight_decay = 0.1;
  expectTrajectory(optimizer, rate);
  optimizer.clip_value = 2;
  expectTrajectory(optimizer, rate);
  optimizer.clip_norm = 1.5;
  expectTrajectory(optimizer, rate);
  optimizer.schedule = cosine_schedule(0.05, 20, 0.01);
  expectTrajectory(optimizer, [](int step) {
    return 0.01 + 0.04 * 0.5 * (1 + std::cos(M_PI * std::min(step / 20.0, 1.0)));
  });
}
INSTANTIATE_TEST_SUITE_P(Optim, Trajectories,
                         testing::Values(Optimizer::Sgd, Optimizer::Momentum, Optimizer::Nesterov,
                                         Optimizer::Adam, Optimizer::AdamW, Optimizer::RmsProp));

} // namespace
