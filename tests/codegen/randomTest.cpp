// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random programs, fused and scheduled as any other, for every target of this machine beside the
// reference evaluator.
#include "tests/codegen/Harness.h"
#include "tests/passes/RandomProgram.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>

using namespace fluxion_testing;

namespace {

// An entry point that gives every state item of `text` numbers in [-1, 1).
std::string initOf(const std::string &text, unsigned seed) {
  std::mt19937 random(seed);
  std::string body;
  std::istringstream lines(text);
  int count = 0;
  for (std::string line; std::getline(lines, line);) {
    size_t at = line.find('@'), colon = line.find(" : ");
    if (line.rfind("fluxion.state ", 0) != 0)
      continue;
    std::string name = line.substr(at, colon - at), type = line.substr(colon + 3), numbers;
    int64_t elements = 1;
    for (size_t i = type.find('<') + 1, x; (x = type.find('x', i)) != std::string::npos; i = x + 1)
      if (type[i] != 'f')
        elements *= std::stoll(type.substr(i, x - i));
    for (int64_t i = 0; i < elements; ++i)
      numbers += (i ? ", " : "") + std::to_string(int(random() % 2048) / 1024.0 - 1);
    std::string flat = "tensor<" + std::to_string(elements) + "xf32>", c = std::to_string(count++);
    body += "%c" + c + " = fluxion.constant dense<[" + numbers + "]> : " + flat + "\n%r" + c +
            " = fluxion.reshape %c" + c + " : (" + flat + ") -> " + type + "\nfluxion.write " +
            name + ", %r" + c + " : " + type + "\n";
  }
  return "func.func @init() attributes {fluxion.entry} {\n" + body + "return\n}\n";
}

void expectEqual(std::string text, unsigned seed) {
  text += initOf(text, seed);
  for (const std::string &target : runnableTargets()) {
    Case program(text);
    driver::Request request;
    request.options.target = target;
    program.compile(request);
    std::vector<Tensor> inputs = program.inputsOf("step", {.low = -1, .high = 1});
    for (Tensor &input : inputs)
      input = rounded(input);
    program.compiled("init", {});
    program.copyStateToReference();
    for (int step = 0; step < 2; ++step)
      ASSERT_EQ(
          difference(program.reference("step", inputs), program.compiled("step", inputs), 1e-4), "")
          << target << ", step " << step << "\n"
          << text;
  }
}

class RandomPrograms : public ::testing::TestWithParam<unsigned> {};

TEST_P(RandomPrograms, EqualTheReference) {
  expectEqual(randomProgram(GetParam(), 10 + GetParam() % 50), GetParam());
}

TEST_P(RandomPrograms, InBlocksEqualTheReference) {
  expectEqual(randomProgram(GetParam(), 10 + GetParam() % 30, ProgramSizes::Blocks), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomPrograms, ::testing::Range(1u, 41u));

} // namespace
