// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Training programs: entry points, state, counts, the printed model.
#include "tests/frontend/Evaluate.h"

#include <gmock/gmock.h>

using namespace fluxion;
using fluxion_testing::Numbers;
using fluxion_testing::Running;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;
using testing::UnorderedElementsAre;

namespace {

Program zoo(const std::string &name, int64_t batch = 2) {
  for (const Model &model : models())
    if (model.name == name)
      return model.make({.batch = batch});
  throw std::runtime_error("no model " + name);
}

TEST(Zoo, ParameterCounts) {
  EXPECT_EQ(zoo("vision/mlp").parameterCount(), 669706);
  EXPECT_EQ(zoo("vision/lenet").parameterCount(), 61706);
  EXPECT_EQ(zoo("vision/lenet_digits").parameterCount(), 156 + 2416 + 7800 + 10164 + 850);
  EXPECT_EQ(zoo("vision/resnet20").parameterCount(), 272474);
  EXPECT_EQ(zoo("vision/resnet20a").parameterCount(), 269722);
}

TEST(Zoo, TracesTheSameTwice) {
  for (const Model &model : models())
    EXPECT_EQ(model.make({}).str(), model.make({}).str()) << model.name;
}

Program small(Optimizer optimizer = adam()) {
  return classifier(chain(dense(4, 3, relu), dense(3, 2)),
                    {.inputs = {f32(5, 4), i32(5)}, .optimizer = optimizer});
}

TEST(Training, StateInOrder) {
  EXPECT_THAT(Running(small()).items(),
              ElementsAre("0.weight", "0.bias", "1.weight", "1.bias",
                          "optimizer.first_moment.0.weight", "optimizer.first_moment.0.bias",
                          "optimizer.first_moment.1.weight", "optimizer.first_moment.1.bias",
                          "optimizer.second_moment.0.weight", "optimizer.second_moment.0.bias",
                          "optimizer.second_moment.1.weight", "optimizer.second_moment.1.bias",
                          "training.step", "training.seed"));
}

TEST(Training, EntryPoints) {
  Running run(small());
  Numbers x(20, 0.5), labels{0, 1, 0, -1, -1};
  run.init(42);
  EXPECT_EQ(run.get("training.seed")[0], 42);
  EXPECT_THAT(run.run("step", {x, labels}), UnorderedElementsAre(Key("loss"), Key("accuracy")));
  auto results = run.run("evaluate", {x, labels});
  EXPECT_THAT(results, UnorderedElementsAre(Key("loss"), Key("accuracy"), Key("count")));
  EXPECT_EQ(results.at("count")[0], 3);
  EXPECT_EQ(run.run("predict", {x}).at("output").size(), 10u);
  EXPECT_EQ(run.get("training.step")[0], 1);
}

TEST(Training, Learns) {
  Running run(small(adam({.lr = 0.05})));
  run.init(1);
  Numbers x, labels;
  for (int i = 0; i < 5; ++i) {
    labels.push_back(i % 2);
    for (int j = 0; j < 4; ++j)
      x.push_back((i % 2 ? 1 : -1) * (1 + 0.1 * j));
  }
  double first = run.run("step", {x, labels}).at("loss")[0], last = 0;
  for (int i = 0; i < 60; ++i)
    last = run.run("step", {x, labels}).at("loss")[0];
  EXPECT_LT(last, 0.2 * first);
  EXPECT_EQ(run.run("evaluate", {x, labels}).at("accuracy")[0], 1);
}

TEST(Training, UserMetricsAndThreeInputs) {
  Program program =
      training(dense(2, 1), {.loss =
                                 [](const Dense &m, Tensor x, Tensor y, Tensor weight) {
                                   Tensor error = m(x) - y;
                                   metric("mae", mean(abs(error)));
                                   return mean(weight * square(error));
                                 },
                             .inputs = {f32(3, 2), f32(3, 1), f32(3, 1)},
                             .input_names = {"x", "y", "weight"}});
  Running run(program);
  run.init(1);
  EXPECT_THAT(run.run("step", {Numbers(6, 1), Numbers(3, 0), Numbers(3, 1)}),
              UnorderedElementsAre(Key("loss"), Key("mae")));
  EXPECT_EQ(run.run("evaluate", {Numbers(6, 1), Numbers(3, 0), Numbers(3, 1)}).at("count")[0], 3);
  EXPECT_THAT(program.str(), HasSubstr("fluxion.name = \"weight\""));
}

TEST(Training, ASharedLayerIsOneParameter) {
  Dense shared = dense(4, 4);
  Program program =
      classifier(chain(shared, relu, shared), {.inputs = {f32(2, 4), i32(2)}, .optimizer = sgd()});
  EXPECT_EQ(program.parameterCount(), 20);
  EXPECT_THAT(Running(program).items(),
              ElementsAre("0.weight", "0.bias", "training.step", "training.seed"));
}

TEST(Summary, PoolsShowWhatIsNotTheDefault) {
  EXPECT_EQ(max_pool().str(), "max_pool(2)");
  EXPECT_EQ(max_pool({.window = 3, .stride = 2, .pad = 1}).str(), "max_pool(3, stride 2, pad 1)");
  EXPECT_EQ(avg_pool({.window = 4, .stride = 4}).str(), "avg_pool(4)");
}

TEST(Summary, NamesLayersShapesAndCounts) {
  std::string text = zoo("vision/mlp", 128).summary();
  EXPECT_THAT(text, HasSubstr("dense(784 => 512, relu)"));
  EXPECT_THAT(text, testing::ContainsRegex(
                        "hidden: dense\\(784 => 512, relu\\) +f32\\[128, 512\\] +401920\n"));
  EXPECT_THAT(text,
              testing::ContainsRegex("output: dense\\(512 => 10\\) +f32\\[128, 10\\] +5130\n"));
  EXPECT_THAT(text, HasSubstr("669706 parameters\nf32[128, 28, 28] -> f32[128, 10]"));
  EXPECT_THAT(zoo("vision/lenet", 64).summary(),
              testing::ContainsRegex("max_pool\\(2\\) +f32\\[64, 6, 14, 14\\] +-\n"));
}

} // namespace
