// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every function of shapes.mlir as GPU kernels: emulated, and on the device where there is one.
#include "tests/codegen/Harness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

using namespace fluxion_testing;

namespace {

class Shapes : public ::testing::TestWithParam<const char *> {
protected:
  void expectReference(const std::string &target) {
    std::ifstream file(FLUXION_SHAPES);
    std::stringstream text;
    text << file.rdbuf();
    Case program(text.str());
    driver::Request request;
    request.options.target = target;
    program.compile(request);
    int entries = 0;
    std::istringstream words(text.str());
    for (std::string line; std::getline(words, line);) {
      size_t at = line.find("func.func @");
      if (at == std::string::npos)
        continue;
      std::string name = line.substr(at + 11, line.find('(') - at - 11);
      // Sums of thousands of narrow floats differ by their order.
      double tolerance = name.find("bf16") != std::string::npos ? 2e-2 : 1e-4;
      std::vector<Tensor> inputs = program.inputsOf(name, {});
      if (name.find("tf32") != std::string::npos) // factors that need no rounding
        for (Tensor &input : inputs)
          for (double &value : input.floats)
            value = std::round(std::ldexp(value, 8)) * 0x1p-8;
      std::vector<Tensor> expected = program.reference(name, inputs);
      for (Tensor &tensor : expected)
        tensor = rounded(tensor);
      std::vector<Tensor> found = program.compiled(name, inputs);
      EXPECT_EQ(difference(expected, found, tolerance), "") << name;
      std::vector<Tensor> again = program.compiled(name, inputs);
      for (size_t i = 0; i < found.size(); ++i)
        EXPECT_EQ(toBytes(found[i]), toBytes(again[i])) << name << " differs from run to run";
      ++entries;
    }
    EXPECT_GT(entries, 50);
  }
};

TEST_P(Shapes, EqualTheReference) { expectReference(GetParam()); }

TEST_F(Shapes, EqualTheReferenceOnTheDevice) {
  std::string arch;
  if (rt::Status status = rt::deviceArch(arch); !status)
    GTEST_SKIP() << "needs an NVIDIA GPU: " << status.message();
  expectReference("cuda");
}

INSTANTIATE_TEST_SUITE_P(Emulated, Shapes,
                         ::testing::Values("cuda-emulated:sm_80", "cuda-emulated:sm_90a"));

} // namespace
