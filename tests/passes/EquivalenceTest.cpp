// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes keep meaning: programs compiled with a pass left out compute the same, and a step whose
// buffers are all apart, in memory full of NaNs, computes the same bits.
#include "tests/passes/Harness.h"
#include "tests/passes/RandomProgram.h"

#include "fluxion/Program.h"

#include <gtest/gtest.h>

using fluxion::passes::MemoryMode;
using fluxion::passes::PipelineOptions;

namespace {

struct Variant {
  const char *name;
  PipelineOptions options;
};

std::vector<Variant> variants() {
  std::vector<Variant> list(6);
  list[0].name = "without simplify", list[0].options.skip = {"simplify"};
  list[1].name = "without layout", list[1].options.layout = false;
  list[2].name = "without fusion", list[2].options.fusion = false;
  list[3].name = "without recomputation", list[3].options.recompute = false;
  list[4].name = "without ordering", list[4].options.skip = {"order"};
  list[5].name = "with nothing but what must be",
  list[5].options.skip = {"simplify", "assign-layout", "fuse", "order"};
  return list;
}

PipelineOptions apart() {
  PipelineOptions options;
  options.memory = MemoryMode::Apart;
  return options;
}

class RandomPrograms : public testing::TestWithParam<unsigned> {};

TEST_P(RandomPrograms, EveryPassKeepsTheMeaning) {
  std::string text = randomProgram(GetParam(), 20 + GetParam() % 60);
  Outcome full = runProgram(text, {});
  ASSERT_FALSE(full.empty());
  EXPECT_EQ(full, runProgram(text, apart())) << "buffers that share memory change bits\n" << text;
  for (const Variant &variant : variants())
    EXPECT_LT(difference(full, runProgram(text, variant.options)), 1e-5) << variant.name << "\n"
                                                                         << text;
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomPrograms, testing::Range(1u, 13u));

class ZooPrograms : public testing::TestWithParam<const char *> {
protected:
  std::string text() {
    for (const fluxion::Model &model : fluxion::models())
      if (std::string(model.name) == GetParam())
        return model.make({.batch = 2}).str();
    ADD_FAILURE() << "no model named " << GetParam();
    return "";
  }
};

TEST_P(ZooPrograms, TheMemoryPlanChangesNoBit) {
  Outcome planned = runProgram(text(), {});
  ASSERT_FALSE(planned.empty());
  EXPECT_EQ(planned, runProgram(text(), apart()));
}
INSTANTIATE_TEST_SUITE_P(Models, ZooPrograms,
                         testing::Values("vision/mlp", "vision/lenet", "vision/lenet_digits",
                                         "vision/resnet20", "vision/resnet20a"));

TEST(ZooPasses, EveryPassKeepsTheMeaningOfLeNet) {
  for (const fluxion::Model &model : fluxion::models()) {
    if (std::string(model.name) != "vision/lenet")
      continue;
    std::string text = model.make({.batch = 4}).str();
    Outcome full = runProgram(text, {}, "step");
    for (const Variant &variant : variants())
      EXPECT_LT(difference(full, runProgram(text, variant.options, "step")), 1e-4) << variant.name;
  }
}

} // namespace
