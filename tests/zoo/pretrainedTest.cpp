// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// With FLUXION_DATA_DIR: published ResNet-20 weights load by name and give their reference logits;
// LeNet learns MNIST in three epochs.
#include "fluxion/train.h"
#include "frontend/driver/Compiled.h"
#include "frontend/driver/Npz.h"
#include "runtime/data/Data.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

using namespace fluxion;

namespace {

const char *dataFolder() { return std::getenv("FLUXION_DATA_DIR"); }

Program make(const std::string &name, int64_t batch) {
  for (const Model &model : models())
    if (name == model.name)
      return model.make({.batch = batch});
  throw std::runtime_error("no model " + name);
}

TEST(Pretrained, ResNet20GivesItsReferenceLogits) {
  if (!dataFolder())
    GTEST_SKIP() << "needs the published weights and CIFAR-10: set FLUXION_DATA_DIR";
  std::string folder = dataFolder();
  Compiled model = compile(make("vision/resnet20a", 100), {.cache = false});
  model.init(1);
  model.loadWeights(folder + "/cifar10_resnet_weights/resnet20-12fca82f.safetensors");
  Array expected;
  for (auto &[name, array] :
       driver::readNpz(folder + "/cifar10_resnet_weights/reference_logits_test1000.npz"))
    if (name == "resnet20-12fca82f")
      expected = array;
  ASSERT_EQ(expected.type(), f32(1000, 10));
  rt::Split data;
  rt::Status status = rt::loadData("cifar10", folder, data);
  ASSERT_TRUE(status) << status.message();
  ASSERT_EQ(data.test.count, 1000);
  int correct = 0;
  double worst = 0;
  for (int64_t first = 0; first < 1000; first += 100) {
    Array images(f32(100, 3, 32, 32));
    for (int64_t row = 0; row < 100; ++row)
      data.test.row(first + row, images.data<float>() + row * 3072);
    Array logits = model.predict(images).at(0);
    for (int64_t row = 0; row < 100; ++row) {
      const float *found = logits.data<float>() + row * 10;
      for (int64_t c = 0; c < 10; ++c)
        worst = std::max(
            worst, (double)std::fabs(found[c] - expected.data<float>()[(first + row) * 10 + c]));
      correct += std::max_element(found, found + 10) - found == data.test.labels[first + row];
    }
  }
  EXPECT_LT(worst, 1e-3);
  EXPECT_EQ(correct, 915); // 91.5 %, as measured by an independent program
}

TEST(Pretrained, LeNetLearnsMnistInThreeEpochs) {
  if (!dataFolder())
    GTEST_SKIP() << "needs MNIST: set FLUXION_DATA_DIR";
  Compiled model = compile(make("vision/lenet", 64), {.cache = false});
  std::string data = std::string("--data=") + dataFolder(), epochs = "--epochs=3", json = "--json",
              program = "lenet";
  char *argv[] = {program.data(), data.data(), epochs.data(), json.data()};
  ::testing::internal::CaptureStdout();
  int code = rt::trainMain(*model.impl->instance, "mnist", 4, argv, {});
  std::string output = ::testing::internal::GetCapturedStdout();
  ASSERT_EQ(code, 0);
  size_t at = output.rfind("\"test_accuracy\": ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_GE(std::atof(output.c_str() + at + 17), 0.989);
}

} // namespace
