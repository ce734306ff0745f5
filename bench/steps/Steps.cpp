// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "bench/steps/Steps.h"

#include "bench/harness/Workload.h"

#include <stdexcept>

namespace fluxion::bench {

const std::vector<Step> &steps() {
  static const std::vector<Step> all = {{"mlp", "vision/mlp", "mnist"},
                                        {"lenet", "vision/lenet", "mnist"},
                                        {"resnet20_cifar", "vision/resnet20", "cifar10"}};
  return all;
}

Program programOf(const Step &step) {
  for (const Model &model : models())
    if (step.model == model.name)
      return model.make({});
  throw std::runtime_error("the zoo has no " + step.model);
}

void addSteps() {
  for (const Step &step : steps())
    add({step.name, [step] { return programOf(step); }, 0, 0, "step"});
}

} // namespace fluxion::bench
