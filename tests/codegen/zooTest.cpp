// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whole training steps: against the reference evaluator, without the memory plan, at any number of
// threads.
#include "tests/codegen/Harness.h"

#include <gtest/gtest.h>

using namespace fluxion_testing;

namespace {

struct ZooCase {
  const char *model;
  int64_t batch;
  int steps;
  double tolerance;
  const char *target = "cpu", *precision = "f32";
};
void PrintTo(const ZooCase &c, std::ostream *out) {
  *out << c.model << " in " << c.precision << " for " << c.target;
}

Program programOf(const ZooCase &c) {
  for (const fluxion::Model &model : fluxion::models())
    if (std::string(c.model) == model.name)
      return model.make({.batch = c.batch});
  throw std::runtime_error("no such model");
}

class Zoo : public ::testing::TestWithParam<ZooCase> {};
class ZooBits : public Zoo {};

Tensor seedTensor(Case &program) {
  Tensor seed(program.function("init").getArgumentTypes()[0]);
  seed.integers[0] = 7;
  return seed;
}

// Loss and every state item after each step.
TEST_P(Zoo, StepsEqualTheReference) {
  Case program(programOf(GetParam()));
  driver::Request request;
  request.options.target = GetParam().target;
  request.options.precision = GetParam().precision;
  program.compile(request);
  program.compiled("init", {seedTensor(program)});
  program.copyStateToReference();
  Inputs range{0, 1, 0, 9};
  for (int step = 0; step < GetParam().steps; ++step) {
    range.seed = step + 1;
    std::vector<Tensor> batch = program.inputsOf("step", range);
    std::vector<Tensor> expected = program.reference("step", batch),
                        found = program.compiled("step", batch);
    EXPECT_EQ(difference({expected[0]}, {found[0]}, GetParam().tolerance), "")
        << "loss of step " << step;
  }
  std::vector<Tensor> batch = program.inputsOf("evaluate", range);
  EXPECT_EQ(difference({program.reference("evaluate", batch)[0]},
                       {program.compiled("evaluate", batch)[0]}, 10 * GetParam().tolerance),
            "");
}

// Planned and unplanned memory, one thread and three: the same bits.
TEST_P(ZooBits, DoNotDependOnMemoryPlanOrThreads) {
  Case program(programOf(GetParam()));
  std::vector<std::byte> first;
  std::vector<Tensor> firstResults;
  struct Variant {
    bool apart;
    int threads;
  };
  for (Variant variant : {Variant{false, 1}, Variant{true, 1}, Variant{false, 3}}) {
    driver::Request request;
    request.options.target = GetParam().target;
    request.apart = variant.apart;
    program.compile(request, variant.threads);
    program.compiled("init", {seedTensor(program)});
    std::vector<Tensor> results;
    for (int step = 0; step < std::min(3, GetParam().steps); ++step)
      for (Tensor &result :
           program.compiled("step", program.inputsOf("step", {0, 1, 0, 9, uint64_t(step + 1)})))
        results.push_back(result);
    if (firstResults.empty()) {
      firstResults = results;
      first = program.stateBytes();
      continue;
    }
    EXPECT_EQ(difference(firstResults, results, 0), "") << (variant.apart ? "apart" : "threads");
    EXPECT_TRUE(first == program.stateBytes()) << (variant.apart ? "apart" : "threads");
  }
}

const ZooCase models[] = {{"vision/mlp", 8, 3, 1e-4},
                          {"vision/lenet", 4, 3, 1e-4},
                          {"vision/lenet_digits", 8, 4, 1e-4},
                          {"vision/resnet20", 2, 2, 1e-4},
                          {"vision/resnet20a", 2, 1, 1e-4}};
INSTANTIATE_TEST_SUITE_P(Models, Zoo, ::testing::ValuesIn(models));
INSTANTIATE_TEST_SUITE_P(Models, ZooBits, ::testing::ValuesIn(models));

// The same steps as kernels of a GPU, every access checked.
INSTANTIATE_TEST_SUITE_P(
    Emulated, Zoo,
    ::testing::Values(ZooCase{"vision/mlp", 16, 2, 2e-2, "cuda-emulated:sm_90a", "bf16"},
                      ZooCase{"vision/resnet20", 1, 1, 5e-2, "cuda-emulated:sm_90a", "bf16"},
                      ZooCase{"vision/mlp", 4, 2, 1e-4, "cuda-emulated"},
                      ZooCase{"vision/lenet", 2, 1, 1e-4, "cuda-emulated"},
                      ZooCase{"vision/resnet20", 1, 1, 1e-4, "cuda-emulated:sm_90a"}));
INSTANTIATE_TEST_SUITE_P(Emulated, ZooBits,
                         ::testing::Values(ZooCase{"vision/lenet", 2, 1, 1e-4, "cuda-emulated"}));

// Rounded factors; on CPUs tf32 is f32.
INSTANTIATE_TEST_SUITE_P(
    Precision, Zoo,
    ::testing::Values(ZooCase{"vision/mlp", 8, 3, 1e-4, "cpu", "tf32"},
                      ZooCase{"vision/lenet", 4, 2, 2e-2, "cpu", "bf16"},
                      ZooCase{"vision/lenet", 2, 2, 5e-3, "cuda-emulated", "tf32"},
                      ZooCase{"vision/resnet20", 1, 1, 2e-2, "cuda-emulated:sm_90a", "tf32"},
                      ZooCase{"vision/mlp", 4, 2, 2e-2, "cuda-emulated", "bf16"}));

} // namespace
