// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fluxion demo with FLUXION_DATA_DIR: LeNet on MNIST, ResNet-20 on CIFAR-10, published weights.
#include "fluxion/runtime.h"
#include "frontend/driver/Compiled.h"
#include "frontend/driver/Npz.h"
#include "frontend/driver/commands/Commands.h"
#include "frontend/driver/commands/Demo.h"
#include "runtime/data/Data.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

namespace fluxion::driver {
namespace {

std::string demoMnist(const std::string &folder) {
  Curve curve = runTrainer(trainCommand("vision/lenet", folder, " --epochs=3"));
  std::printf("LeNet on MNIST: 3 epochs, %zu steps of %.2f ms (median) in %.1f s; %.2f %% on the "
              "test images\n",
              curve.losses.size(), curve.medianMs, curve.seconds, 100 * curve.accuracy);
  return curve.accuracy >= 0.989 ? "" : "accuracy on MNIST is below 98.9 %";
}

// A part of one epoch: enough to see it learn.
std::string demoCifar(const std::string &folder) {
  Curve curve = runTrainer(trainCommand("vision/resnet20", folder, " --batch-limit=150"));
  auto mean = [&](size_t first) {
    double sum = 0;
    for (size_t i = first; i < first + 10; ++i)
      sum += std::stod(curve.losses.at(i));
    return sum / 10;
  };
  double before = mean(0), after = mean(curve.losses.size() - 10);
  std::printf("ResNet-20 on CIFAR-10: %zu steps of %.1f ms (median), a part of an epoch; mean loss "
              "of ten steps %.3f at first, %.3f at last\n",
              curve.losses.size(), curve.medianMs, before, after);
  return after < before ? "" : "ResNet-20 did not learn";
}

std::string demoPublished(const std::string &folder, const CompileFlags &flags) {
  std::string weights = folder + "/cifar10_resnet_weights/";
  rt::Split data;
  if (rt::Status status = rt::loadData("cifar10", folder, data); !status)
    throw std::runtime_error(status.message());
  constexpr int64_t batch = 100;
  Compiled model = compile(makeModel("vision/resnet20a", batch), flags.options());
  model.init(1);
  model.loadWeights(weights + "resnet20-12fca82f.safetensors");
  Array expected;
  for (auto &[name, array] : readNpz(weights + "reference_logits_test1000.npz"))
    if (name == "resnet20-12fca82f")
      expected = array;
  int64_t count = std::min(data.test.count, int64_t(expected.size() / 40)) / batch * batch;
  int64_t correct = 0;
  double worst = 0;
  for (int64_t first = 0; first < count; first += batch) {
    Array images(f32(batch, 3, 32, 32));
    for (int64_t row = 0; row < batch; ++row)
      data.test.row(first + row, images.data<float>() + row * data.test.width);
    Array logits = model.predict(images).at(0);
    const float *found = logits.data<float>(), *wanted = expected.data<float>() + first * 10;
    for (int64_t i = 0; i < batch * 10; ++i)
      worst = std::max(worst, double(std::fabs(found[i] - wanted[i])));
    for (int64_t row = 0; row < batch; ++row)
      correct += std::max_element(found + row * 10, found + row * 10 + 10) - (found + row * 10) ==
                 data.test.labels[first + row];
  }
  std::printf("ResNet-20 with published weights: %.1f %% of %ld test images; logits within %.1e of "
              "the published program's\n",
              100 * double(correct) / double(count), count, worst);
  return worst < 1e-3 ? "" : "the published logits are not reproduced";
}

} // namespace

std::string demoRealData(const std::string &folder, const CompileFlags &flags) {
  auto has = [&](const char *name) { return std::filesystem::exists(folder + "/" + name); };
  std::string problem;
  std::printf("with the data in %s\n", folder.c_str());
  if (has("mnist"))
    problem = demoMnist(folder);
  if (has("cifar10") && problem.empty())
    problem = demoCifar(folder);
  if (has("cifar10_resnet_weights") && has("cifar10") && problem.empty())
    problem = demoPublished(folder, flags);
  std::printf("\n");
  return problem;
}

} // namespace fluxion::driver
