// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiled derivatives equal the evaluated ones, family by family.
#include "tests/autodiff/Derivatives.h"
#include "tests/codegen/Harness.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace fluxion_testing;

namespace {

std::vector<GradientCase> compiledCases() {
  std::vector<GradientCase> cases;
  llvm::copy_if(allCases(), std::back_inserter(cases),
                [](const GradientCase &c) { return c.compiled; });
  return cases;
}

class CompiledGradient : public ::testing::TestWithParam<GradientCase> {};

TEST_P(CompiledGradient, EqualsTheEvaluatedOne) {
  Derivatives evaluated(GetParam());
  Case compiled(evaluated.text());
  for (const char *target : {"cpu", "cuda-emulated", "cuda"}) {
    if (!strcmp(target, "cuda") && !hasDevice())
      continue;
    driver::Request request;
    request.options.target = target;
    compiled.compile(request, /*threads=*/1);
    for (std::string f : {"value", "pull", "push", "pull_pull", "push_pull"}) {
      if (!evaluated.function(f))
        continue;
      std::vector<Tensor> inputs = evaluated.inputsOf(f);
      EXPECT_EQ(difference(evaluated.call(f, inputs), compiled.compiled(f, inputs), 2e-13), "")
          << f << " for " << target;
    }
  }
  if (HasFailure())
    ADD_FAILURE() << evaluated.text();
}

INSTANTIATE_TEST_SUITE_P(Ops, CompiledGradient, ::testing::ValuesIn(compiledCases()),
                         [](const auto &info) { return info.param.name; });

} // namespace
