// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// With FLUXION_DATA_DIR: the first steps of ResNet-20 on CIFAR-10 are those of the reference
// evaluator, which knows no kernels, schedules or memory plans.
#include "frontend/driver/Compiled.h"
#include "runtime/data/Data.h"
#include "tests/frontend/Evaluate.h"

#include <gtest/gtest.h>

#include <cstdlib>

using namespace fluxion;
using fluxion_testing::Numbers;
using fluxion_testing::Running;

namespace {

Program make(const std::string &name, int64_t batch) {
  for (const Model &model : models())
    if (name == model.name)
      return model.make({.batch = batch});
  throw std::runtime_error("no model " + name);
}

TEST(Cifar, ResNet20FollowsTheReferenceEvaluator) {
  const char *folder = std::getenv("FLUXION_DATA_DIR");
  if (!folder)
    GTEST_SKIP() << "needs CIFAR-10: set FLUXION_DATA_DIR";
  rt::Split data;
  rt::Status status = rt::loadData("cifar10", folder, data);
  ASSERT_TRUE(status) << status.message();
  const int64_t batch = 4, pixels = 3 * 32 * 32;
  Program program = make("vision/resnet20", batch);
  Compiled compiled = compile(program, {.cache = false});
  Running reference(program);
  compiled.init(1);
  reference.run("init", {{1}});
  double first = 0, last = 0;
  for (int64_t step = 0; step < 4; ++step) {
    std::vector<float> images(batch * pixels);
    for (int64_t row = 0; row < batch; ++row)
      data.train.row(step * batch + row, &images[row * pixels]);
    const int32_t *labels = &data.train.labels[step * batch];
    double expected =
        reference
            .run("step", {Numbers(images.begin(), images.end()), Numbers(labels, labels + batch)})
            .at("loss")[0];
    double found = compiled
                       .step(Array(f32(batch, 3, 32, 32), std::span<const float>(images)),
                             Array(i32(batch), std::span<const int32_t>(labels, batch)))[0]
                       .item();
    EXPECT_NEAR(found, expected, 1e-4) << "step " << step;
    (step ? last : first) = found;
  }
  EXPECT_NE(first, last);
}

} // namespace
