// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Optimisers against PyTorch's documented formulas written out in f64, and learning rates.
#include "tests/frontend/Evaluate.h"

#include <cmath>
#include <gmock/gmock.h>

using namespace fluxion;
using fluxion_testing::evaluate;
using fluxion_testing::Numbers;
using fluxion_testing::Running;

namespace {

// loss = sum(c p^2) / 2, whose gradient is c p.
struct Bowl {
  Param p = Param(f32(2), zeros_init());
  FX_LAYER(Bowl, p)
};
Program bowl(Optimizer optimizer, std::vector<std::string> frozen = {}) {
  return training(
      Bowl{}, {.loss = [](const Bowl &m, Tensor c) { return 0.5 * sum(c * square(m.p.value())); },
               .inputs = {f32(2)},
               .optimizer = optimizer,
               .frozen = frozen});
}

const Numbers start{1.5, -0.5}, curvature{0.5, 4};

struct Slots {
  double first = 0, second = 0;
};
using Rule = std::function<double(double p, double g, Slots &slots, int t)>;

void expectTrajectory(Optimizer optimizer, const Rule &rule) {
  Running run(bowl(optimizer));
  run.init(1);
  run.set("p", start);
  Numbers p = start;
  Slots slots[2];
  for (int t = 1; t <= 20; ++t) {
    auto results = run.run("step", {curvature});
    EXPECT_NEAR(results.at("loss")[0],
                0.5 * (curvature[0] * p[0] * p[0] + curvature[1] * p[1] * p[1]), 2e-6);
    for (int i = 0; i < 2; ++i)
      p[i] = rule(p[i], curvature[i] * p[i], slots[i], t);
    Numbers found = run.get("p");
    ASSERT_NEAR(found[0], p[0], 2e-6) << "step " << t;
    ASSERT_NEAR(found[1], p[1], 2e-6) << "step " << t;
  }
  EXPECT_EQ(run.get("training.step")[0], 20);
}

TEST(Optim, Sgd) {
  expectTrajectory(sgd({.lr = 0.1, .weight_decay = 0.01}),
                   [](double p, double g, Slots &, int) { return p - 0.1 * (g + 0.01 * p); });
}
TEST(Optim, Momentum) {
  expectTrajectory(momentum({.lr = 0.05, .momentum = 0.8}), [](double p, double g, Slots &s, int) {
    s.first = 0.8 * s.first + g;
    return p - 0.05 * s.first;
  });
}
TEST(Optim, Nesterov) {
  expectTrajectory(nesterov({.lr = 0.05, .momentum = 0.8, .weight_decay = 0.02}),
                   [](double p, double g, Slots &s, int) {
                     g += 0.02 * p;
                     s.first = 0.8 * s.first + g;
                     return p - 0.05 * (g + 0.8 * s.first);
                   });
}
double adamStep(Slots &s, double g, int t, double lr) {
  s.first = 0.9 * s.first + 0.1 * g;
  s.second = 0.999 * s.second + 0.001 * g * g;
  return lr * (s.first / (1 - std::pow(0.9, t))) /
         (std::sqrt(s.second / (1 - std::pow(0.999, t))) + 1e-8);
}
TEST(Optim, Adam) {
  expectTrajectory(
      adam({.lr = 0.01, .weight_decay = 0.1}),
      [](double p, double g, Slots &s, int t) { return p - adamStep(s, g + 0.1 * p, t, 0.01); });
}
TEST(Optim, AdamW) {
  expectTrajectory(adamw({.lr = 0.01, .weight_decay = 0.1}),
                   [](double p, double g, Slots &s, int t) {
                     return p * (1 - 0.01 * 0.1) - adamStep(s, g, t, 0.01);
                   });
}
TEST(Optim, RmsProp) {
  expectTrajectory(rmsprop({.lr = 0.01}), [](double p, double g, Slots &s, int) {
    s.second = 0.99 * s.second + 0.01 * g * g;
    return p - 0.01 * g / (std::sqrt(s.second) + 1e-8);
  });
}
TEST(Optim, ClipsByValue) {
  expectTrajectory(sgd({.lr = 0.1, .clip_value = 0.6}), [](double p, double g, Slots &, int) {
    return p - 0.1 * std::clamp(g, -0.6, 0.6);
  });
}
TEST(Optim, ClipsByGlobalNorm) {
  Running run(bowl(sgd({.lr = 0.1, .clip_norm = 1})));
  run.init(1);
  run.set("p", start);
  run.run("step", {curvature});
  double norm = std::hypot(0.75, -2), factor = 1 / (norm + 1e-6);
  EXPECT_NEAR(run.get("p")[0], 1.5 - 0.1 * 0.75 * factor, 1e-6);
  EXPECT_NEAR(run.get("p")[1], -0.5 + 0.1 * 2 * factor, 1e-6);
  run.set("p", {0.1, 0.1});
  run.run("step", {curvature}); // below the norm: as it is
  EXPECT_NEAR(run.get("p")[1], 0.1 - 0.1 * 0.4, 1e-6);
}
TEST(Optim, FrozenParametersStay) {
  Running run(bowl(adam(), {"p"}));
  run.init(1);
  run.set("p", start);
  run.run("step", {curvature});
  EXPECT_EQ(run.get("p"), start);
  EXPECT_THAT(run.items(), testing::ElementsAre("p", "training.step", "training.seed"));
}
TEST(Optim, ALossThatIsNotFiniteLeavesTheState) {
  Running run(bowl(momentum()));
  run.init(1);
  run.set("p", {std::nan(""), 1});
  try {
    run.run("step", {curvature});
    FAIL() << "the step went on";
  } catch (const std::runtime_error &error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("the loss is not finite"));
  }
  EXPECT_EQ(run.get("p")[1], 1);
  EXPECT_EQ(run.get("training.step")[0], 0);
}

double rate(const Schedule &schedule, double step) {
  return evaluate(function({f32()}, [schedule](Tensor s) { return schedule(s); }), {{step}})[0][0];
}

TEST(Schedules, FollowTheirFormulas) {
  EXPECT_NEAR(rate(constant_schedule(0.3), 7), 0.3, 1e-7);
  Schedule stairs = step_schedule(1, 10, 0.5);
  EXPECT_NEAR(rate(stairs, 9), 1, 1e-7);
  EXPECT_NEAR(rate(stairs, 10), 0.5, 1e-7);
  EXPECT_NEAR(rate(stairs, 35), 0.125, 1e-7);
  Schedule wave = cosine_schedule(1, 100, 0.2);
  EXPECT_NEAR(rate(wave, 0), 1, 1e-7);
  EXPECT_NEAR(rate(wave, 25), 0.2 + 0.4 * (1 + std::cos(M_PI / 4)), 1e-6);
  EXPECT_NEAR(rate(wave, 100), 0.2, 1e-6);
  EXPECT_NEAR(rate(wave, 500), 0.2, 1e-6);
  Schedule warm = warmup(cosine_schedule(1, 100), 10);
  EXPECT_NEAR(rate(warm, 0), 0.1, 1e-6);
  EXPECT_NEAR(rate(warm, 4), 0.5, 1e-6);
  EXPECT_NEAR(rate(warm, 60), 0.5, 1e-6);
  Schedule cycle = one_cycle({.max_lr = 1, .steps = 100, .pct = 0.3, .div = 25, .final_div = 100});
  EXPECT_NEAR(rate(cycle, 0), 0.04, 1e-6);
  EXPECT_NEAR(rate(cycle, 15), 0.52, 1e-6);
  EXPECT_NEAR(rate(cycle, 30), 1, 1e-6);
  EXPECT_NEAR(rate(cycle, 100), 0.0004, 1e-6);
}

TEST(Schedules, SetTheRateOfTheStep) {
  Running run(bowl(sgd({.schedule = step_schedule(0.1, 1, 0.5)})));
  run.init(1);
  run.set("p", start);
  double p = start[0];
  for (double lr : {0.1, 0.05, 0.025}) {
    run.run("step", {curvature});
    p -= lr * curvature[0] * p;
    EXPECT_NEAR(run.get("p")[0], p, 1e-6);
  }
}

} // namespace
