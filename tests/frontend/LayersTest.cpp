// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Layers, initial values and losses by their numbers.
#include "tests/frontend/Evaluate.h"

#include <cmath>
#include <gmock/gmock.h>
#include <numeric>

using namespace fluxion;
using fluxion_testing::evaluate;
using fluxion_testing::Numbers;
using fluxion_testing::Running;
using testing::Each;
using testing::ElementsAre;

namespace {

Running running(Layer model, Type input, int64_t classes) {
  return Running(
      classifier(model, {.inputs = {input, i32(input.shape[0])}, .optimizer = sgd({.lr = 0})}));
}
Numbers range(int64_t count, double step = 0.1) {
  Numbers values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(std::sin(double(i) * 1.7) + step * double(i % 5));
  return values;
}
double meanOf(const Numbers &v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / double(v.size());
}

TEST(Layers, DenseIsXTimesWTransposed) {
  Running run = running(dense(2, 3), f32(1, 2), 3);
  run.init(1);
  run.set("weight", {1, 2, 3, 4, 5, 6});
  run.set("bias", {10, 20, 30});
  EXPECT_THAT(run.run("predict", {{1, -1}}).at("output"), ElementsAre(9, 19, 29));
}

TEST(Layers, NamesAreDotted) {
  struct Block {
    Layer body = chain(dense(4, 4), relu, batch_norm(4));
    std::vector<Dense> heads{dense(4, 4), dense(4, 2)};
    FX_LAYER(Block, body, heads)
    Tensor operator()(Tensor x) const { return heads[1](heads[0](body(x))); }
  };
  Program program = classifier(residual(Block{}, dense(4, 2)), {.inputs = {f32(3, 4), i32(3)}});
  EXPECT_THAT(Running(program).items(),
              ElementsAre("main.body.0.weight", "main.body.0.bias", "main.body.2.weight",
                          "main.body.2.bias", "main.body.2.running_mean", "main.body.2.running_var",
                          "main.heads.0.weight", "main.heads.0.bias", "main.heads.1.weight",
                          "main.heads.1.bias", "skip.weight", "skip.bias", "training.step",
                          "training.seed"));
  EXPECT_EQ(program.parameterCount(), 20 + 8 + 20 + 10 + 10);
}

TEST(Layers, BatchNormAveragesAsPyTorch) {
  Running run = running(batch_norm(2), f32(4, 2), 2);
  run.init(1);
  run.run("step", {{1, 10, 2, 20, 3, 30, 6, 40}, {0, 1, 0, 1}});
  // mean 3 and 25; unbiased variance 14/3 and 500/3; momentum 0.1.
  EXPECT_NEAR(run.get("running_mean")[0], 0.3, 1e-6);
  EXPECT_NEAR(run.get("running_mean")[1], 2.5, 1e-6);
  EXPECT_NEAR(run.get("running_var")[0], 0.9 + 0.1 * 14 / 3, 1e-5);
  EXPECT_NEAR(run.get("running_var")[1], 0.9 + 0.1 * 500 / 3, 1e-4);
  run.set("running_mean", {1, 2});
  run.set("running_var", {4, 9});
  run.set("weight", {2, 1});
  run.set("bias", {0, 5});
  Numbers y = run.run("predict", {{3, 5, 1, 2, 1, 2, 1, 2}}).at("output");
  EXPECT_NEAR(y[0], 2, 1e-5);
  EXPECT_NEAR(y[1], 6, 1e-5);
  EXPECT_NEAR(y[2], 0, 1e-5);
}

// The running mean of a batch norm whose effect crosses the given transformation.
double runningMean(const std::function<Tensor(const BatchNorm &, Tensor)> &call) {
  Program program =
      training(batch_norm(2),
               {.loss = [call](const BatchNorm &m, Tensor x) { return sum(square(call(m, x))); },
                .inputs = {f32(4, 2)},
                .optimizer = sgd({.lr = 0})});
  Running run(program);
  run.init(1);
  run.run("step", {{1, 10, 2, 20, 3, 30, 6, 40}});
  return run.get("running_mean")[0];
}

TEST(Layers, RunningStatisticsLeaveTransformedFunctions) {
  EXPECT_NEAR(runningMean([](const BatchNorm &m, Tensor x) { return m(x); }), 0.3, 1e-6);
  EXPECT_NEAR(runningMean([](const BatchNorm &m, Tensor x) {
                return checkpoint(function({f32(4, 2)}, [m](Tensor y) { return m(y); }))({x})[0];
              }),
              0.3, 1e-6);
  EXPECT_NEAR(runningMean([](const BatchNorm &m, Tensor x) {
                return grad(function({f32(4, 2)}, [m](Tensor y) { return sum(square(m(y) - 1)); }))(
                    {x})[0];
              }),
              0.3, 1e-6);
  EXPECT_NEAR(runningMean([](const BatchNorm &m, Tensor x) {
                Type t = f32(4, 2);
                return custom_vjp(function({t}, [m](Tensor y) { return m(y); }),
                                  function({t, t, t}, [](Tensor, Tensor, Tensor c) { return c; }))(
                    {x})[0];
              }),
              0.3, 1e-6);
  // Twice in one step: averaged twice, the second time from the result of the first.
  EXPECT_NEAR(runningMean([](const BatchNorm &m, Tensor x) { return m(x) + m(x); }),
              0.9 * 0.3 + 0.3, 1e-6);
}

TEST(Layers, LayerNorm) {
  Running run = running(layer_norm({4}), f32(1, 4), 4);
  run.init(1);
  Numbers y = run.run("predict", {{1, 2, 3, 6}}).at("output");
  double deviation = std::sqrt(3.5 + 1e-5);
  for (int i = 0; i < 4; ++i)
    EXPECT_NEAR(y[i], (Numbers{1, 2, 3, 6}[i] - 3) / deviation, 1e-6);
}

TEST(Layers, DropoutIsForTrainingOnly) {
  Program program =
      training(chain(dropout(0.25), dense(1, 1)),
               {.loss = [](const Layer &, Tensor x) { return mean(dropout(0.25)(x)); },
                .inputs = {f32(4000, 1)}});
  Running run(program);
  run.init(7);
  Numbers input(4000, 1.0);
  double first = run.run("step", {input}).at("loss")[0],
         second = run.run("step", {input}).at("loss")[0];
  EXPECT_NEAR(first, 1, 0.03); // inverted: the mean is kept
  EXPECT_NE(first, second);
  EXPECT_NEAR(run.run("evaluate", {input}).at("loss")[0], 1, 1e-6);
  run.init(7);
  EXPECT_EQ(run.run("step", {input}).at("loss")[0], first);
}

TEST(Layers, Pools) {
  auto f = [](Layer layer) {
    return function({f64(1, 1, 4, 4)}, [layer](Tensor x) { return layer(x); });
  };
  Numbers x{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  EXPECT_THAT(evaluate(f(max_pool()), {x})[0], ElementsAre(6, 8, 14, 16));
  EXPECT_THAT(evaluate(f(avg_pool()), {x})[0], ElementsAre(3.5, 5.5, 11.5, 13.5));
  EXPECT_THAT(evaluate(f(max_pool({.window = 3, .stride = 2, .pad = 1})), {x})[0],
              ElementsAre(6, 8, 14, 16));
  EXPECT_THAT(evaluate(f(global_avg_pool), {x})[0], ElementsAre(8.5));
}

TEST(Layers, EmbeddingReadsRows) {
  Embedding table = embedding(3, 2);
  Program program = training(table, {.loss = [](const Embedding &m, Tensor i) { return sum(m(i)); },
                                     .inputs = {i32(2)},
                                     .optimizer = sgd({.lr = 1})});
  Running run(program);
  run.init(1);
  run.set("weight", {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(run.run("step", {{2, 2}}).at("loss")[0], 22);
  EXPECT_THAT(run.get("weight"), ElementsAre(1, 2, 3, 4, 3, 4));
}

TEST(Layers, CombinatorsAddAndJoin) {
  Layer twice = [](Tensor x) { return x * 2; };
  auto f = [](Layer layer) {
    return function({f64(1, 2)}, [layer](Tensor x) { return layer(x); });
  };
  EXPECT_THAT(evaluate(f(residual(chain(twice, twice))), {{1, 2}})[0], ElementsAre(5, 10));
  EXPECT_THAT(evaluate(f(residual(twice, twice)), {{1, 2}})[0], ElementsAre(4, 8));
  EXPECT_THAT(evaluate(f(parallel({twice, identity})), {{1, 2}})[0], ElementsAre(2, 4, 1, 2));
}

// A transposed convolution is the reverse of the convolution with the same weight.
TEST(Layers, ConvolutionTransposeIsTheAdjoint) {
  for (int64_t groups : {1, 2})
    for (int64_t stride : {1, 2}) {
      ConvolutionOptions o{.stride = {stride}, .pad = {1}, .groups = groups};
      int64_t size = stride == 1 ? 5 : 9;
      Type big = f64(2, 6, size, size), small = f64(2, 4, 5, 5), weight = f64(4, 6 / groups, 3, 3);
      Function forward =
          function({big, weight}, [o](Tensor x, Tensor w) { return convolution(x, w, o); });
      Function back = function({small, weight},
                               [o](Tensor x, Tensor w) { return convolution_transpose(x, w, o); });
      Numbers w = range(weight.elements()), u = range(small.elements(), 0.3);
      Numbers expected = evaluate(vjp(forward), {range(big.elements()), w, u})[1],
              found = evaluate(back, {u, w})[0];
      ASSERT_EQ(found.size(), expected.size());
      for (size_t i = 0; i < found.size(); ++i)
        ASSERT_NEAR(found[i], expected[i], 1e-12) << "groups " << groups << " stride " << stride;
    }
}

// Initial values.

struct One {
  Param p;
  FX_LAYER(One, p)
};
Numbers initial(Init init, Type type, int64_t seed = 3) {
  Program program =
      training(One{Param(type, init)},
               {.loss = [](const One &m, Tensor x) { return sum(m.p.value()) * sum(x); },
                .inputs = {f32(1)}});
  Running run(program);
  run.init(seed);
  return run.get("p");
}
double deviationOf(const Numbers &v) {
  double squares = 0, m = meanOf(v);
  for (double x : v)
    squares += (x - m) * (x - m);
  return std::sqrt(squares / double(v.size()));
}

TEST(Init, Distributions) {
  Type type = f32(200, 50);
  EXPECT_THAT(initial(zeros_init(), type), Each(0));
  EXPECT_THAT(initial(ones_init(), type), Each(1));
  EXPECT_THAT(initial(constant_init(2.5), type), Each(2.5));
  Numbers uniform = initial(uniform_init(0.2), type), normal = initial(normal_init(0.3), type),
          cut = initial(truncated_normal_init(0.3), type);
  EXPECT_THAT(uniform, Each(testing::AllOf(testing::Ge(-0.2), testing::Lt(0.2))));
  EXPECT_NEAR(deviationOf(uniform), 0.2 / std::sqrt(3), 0.003);
  EXPECT_NEAR(meanOf(normal), 0, 0.01);
  EXPECT_NEAR(deviationOf(normal), 0.3, 0.01);
  double limit = 2 * 0.3 / 0.8796;
  EXPECT_THAT(cut, Each(testing::AllOf(testing::Ge(-limit), testing::Le(limit))));
  EXPECT_NEAR(deviationOf(cut), 0.3, 0.01);
  // P(|z| < 1 | |z| < 2) = 0.6827 / 0.9545.
  double inner = double(std::count_if(cut.begin(), cut.end(),
                                      [](double x) { return std::abs(x) < 0.3 / 0.8796; })) /
                 double(cut.size());
  EXPECT_NEAR(inner, 0.7152, 0.015);
}

TEST(Init, FanFormulas) {
  Type conv = f32(8, 4, 3, 3); // fan in 36, fan out 72
  EXPECT_NEAR(fan_init(kaiming_normal, conv).scale, std::sqrt(2.0 / 36), 1e-12);
  EXPECT_NEAR(fan_init(kaiming_uniform, conv).scale, std::sqrt(6.0 / 36), 1e-12);
  EXPECT_NEAR(fan_init(glorot_uniform, conv).scale, std::sqrt(6.0 / 108), 1e-12);
  EXPECT_NEAR(fan_init(lecun_normal, conv).scale, std::sqrt(1.0 / 36), 1e-12);
}

TEST(Init, OrthogonalRowsOrColumns) {
  for (Type type : {f32(6, 10), f32(10, 6), f32(8, 8)}) {
    Numbers w = initial(orthogonal_init(2), type);
    int64_t rows = type.shape[0], columns = type.shape[1], few = std::min(rows, columns),
            many = std::max(rows, columns);
    for (int64_t i = 0; i < few; ++i)
      for (int64_t j = 0; j < few; ++j) {
        double product = 0;
        for (int64_t k = 0; k < many; ++k)
          product += rows <= columns ? w[i * columns + k] * w[j * columns + k]
                                     : w[k * columns + i] * w[k * columns + j];
        EXPECT_NEAR(product, i == j ? 4 : 0, 1e-4) << type.str();
      }
  }
}

TEST(Init, LayersTakeAnyOfThem) {
  auto weight = [](Layer layer, Type input) {
    Running run = running(layer, input, 4);
    run.init(3);
    return run.get("weight");
  };
  Numbers w = weight(dense(4, 4, identity, {.init = orthogonal_init()}), f32(2, 4));
  EXPECT_NEAR(w[0] * w[0] + w[1] * w[1] + w[2] * w[2] + w[3] * w[3], 1, 1e-5);
  EXPECT_NEAR(w[0] * w[4] + w[1] * w[5] + w[2] * w[6] + w[3] * w[7], 0, 1e-5);
  EXPECT_THAT(weight(dense(4, 4, identity, {.init = constant_init(0.5)}), f32(2, 4)), Each(0.5));
  double limit = std::sqrt(6.0 / 500);
  Numbers glorot = weight(dense(300, 200, identity, {.init = glorot_uniform}), f32(2, 300));
  EXPECT_THAT(glorot, Each(testing::AllOf(testing::Ge(-limit), testing::Lt(limit))));
  EXPECT_NEAR(deviationOf(glorot), limit / std::sqrt(3), 0.01 * limit);
}

TEST(Init, TheSeedDecides) {
  Numbers a = initial(normal_init(1), f32(16), 3), again = initial(normal_init(1), f32(16), 3),
          b = initial(normal_init(1), f32(16), 4);
  EXPECT_EQ(a, again);
  EXPECT_NE(a, b);
}

// Losses.

double value(std::vector<Type> types, std::function<Tensor(const Tensors &)> f,
             const std::vector<Numbers> &inputs) {
  return evaluate(function(std::move(types), std::move(f)), inputs)[0][0];
}

TEST(Losses, ByHand) {
  std::vector<Type> two{f64(4), f64(4)};
  Numbers p{1, 2, -3, 0.5}, t{1.5, 0, -3, 0};
  EXPECT_NEAR(value(two, [](const Tensors &x) { return mse(x[0], x[1]); }, {p, t}),
              (0.25 + 4 + 0 + 0.25) / 4, 1e-12);
  EXPECT_NEAR(value(two, [](const Tensors &x) { return mae(x[0], x[1]); }, {p, t}),
              (0.5 + 2 + 0 + 0.5) / 4, 1e-12);
  EXPECT_NEAR(value(two, [](const Tensors &x) { return huber(x[0], x[1]); }, {p, t}),
              (0.125 + 1.5 + 0 + 0.125) / 4, 1e-12);
  Numbers likely{1, 0, 0.25, 1};
  double expected = 0;
  for (int i = 0; i < 4; ++i) {
    double q = 1 / (1 + std::exp(-p[i]));
    expected -= likely[i] * std::log(q) + (1 - likely[i]) * std::log(1 - q);
  }
  EXPECT_NEAR(
      value(two, [](const Tensors &x) { return binary_cross_entropy(x[0], x[1]); }, {p, likely}),
      expected / 4, 1e-12);
  // Far out it neither overflows nor loses the sign.
  EXPECT_NEAR(value(two, [](const Tensors &x) { return binary_cross_entropy(x[0], x[1]); },
                    {{1000, -1000, 0, 0}, {0, 0, 0, 0}}),
              (1000 + 2 * std::log(2)) / 4, 1e-9);
}

TEST(Losses, CrossEntropyIgnoresNegativeLabels) {
  std::vector<Type> types{f64(3, 2), i32(3)};
  auto loss = [](const Tensors &x) { return cross_entropy(x[0], x[1]); };
  Numbers logits{1, 3, 0, 0, 9, -9};
  double rows = std::log(1 + std::exp(2.)) + std::log(2.);
  EXPECT_NEAR(value(types, loss, {logits, {0, 1, -1}}), rows / 2, 1e-12);
  EXPECT_EQ(value(types, loss, {logits, {-1, -1, -1}}), 0);
  EXPECT_NEAR(
      value(types, [](const Tensors &x) { return accuracy(x[0], x[1]); }, {logits, {1, 1, -1}}),
      0.5, 1e-7);
  Numbers g = evaluate(grad(function(types, loss)), {logits, {0, 1, -1}})[0];
  EXPECT_NEAR(g[2], 0.25, 1e-12);
  EXPECT_EQ(g[4], 0);
}

} // namespace
