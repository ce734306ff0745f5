// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parts of fluxion demo.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fluxion::driver {

struct CompileFlags;

struct Curve {
  std::vector<std::string> losses; // as printed, %.9g: equal text means equal bits
  double accuracy = 0, medianMs = 0, seconds = 0, firstStep = 0;
  int64_t peakBytes = 0;
};

// Runs a trainer with --json and reads its events; on a terminal it shows its progress itself.
Curve runTrainer(const std::string &command);

// The command that trains a model by this program.
std::string trainCommand(const std::string &model, const std::string &data,
                         const std::string &rest);

// LeNet on MNIST and ResNet-20 on CIFAR-10, as far as the folder has them. Empty, or what went
// wrong.
std::string demoRealData(const std::string &folder, const CompileFlags &flags);

} // namespace fluxion::driver
