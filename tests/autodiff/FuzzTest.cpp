// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random functions and their derivatives: compiled by the whole pipeline, and with each pass left
// out, they equal the evaluated ones.
#include "tests/autodiff/RandomGraph.h"
#include "tests/codegen/Harness.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

using namespace fluxion_testing;

namespace {

struct Variant {
  const char *name;
  std::vector<std::string> skip;
};
const Variant variants[] = {
    {"the whole pipeline", {}},
    {"without simplify", {"simplify"}},
    {"without layout", {"assign-layout"}},
    {"without fusion", {"fuse"}},
    {"without ordering", {"order"}},
    {"with nothing but what must be", {"simplify", "assign-layout", "fuse", "order"}},
};

// What a tolerance is relative to.
double scale(const std::vector<Tensor> &tensors) { return std::max(1.0, largest(tensors)); }

void checkSeed(unsigned seed) {
  GradientCase graph = randomGraph(seed, 6 + (int)(seed % 18), seed % 4 == 0 ? 2 : 1);
  Derivatives evaluated(graph);
  std::vector<std::string> functions = {"value", "pull", "push"};
  if (graph.order > 1)
    functions.push_back("pull_pull");
  std::map<std::string, std::vector<Tensor>> inputs, expected;
  for (const std::string &f : functions) {
    inputs[f] = evaluated.inputsOf(f);
    expected[f] = evaluated.call(f, inputs[f]);
  }
  size_t arguments = graph.inputs.size();
  std::vector<Tensor> u(inputs["pull"].begin() + (ptrdiff_t)arguments, inputs["pull"].end()),
      t(inputs["push"].begin() + (ptrdiff_t)arguments, inputs["push"].end()), x(inputs["value"]);
  std::vector<Tensor> forward = x, backward = x;
  forward.insert(forward.end(), t.begin(), t.end());
  backward.insert(backward.end(), u.begin(), u.end());
  forward = evaluated.call("push", forward);
  backward = evaluated.call("pull", backward);
  EXPECT_NEAR(dot(u, forward), dot(backward, t), 1e-11 * (scale(forward) + scale(backward)) * 100)
      << "<u, J t> and <J^T u, t>";

  // A compiler that ends the process leaves the program behind.
  std::string file = ::testing::TempDir() + "fluxion_fuzz_" + std::to_string(seed) + ".mlir";
  std::ofstream(file) << evaluated.text();

  std::map<std::string, std::vector<Tensor>> planned;
  for (const Variant &variant : variants) {
    Case compiled(evaluated.text());
    driver::Request request;
    request.options.skip = variant.skip;
    compiled.compile(request, /*threads=*/1);
    for (const std::string &f : functions) {
      std::vector<Tensor> found = compiled.compiled(f, inputs[f]);
      EXPECT_EQ(difference(expected[f], found, 1e-11 * scale(expected[f])), "")
          << f << " " << variant.name;
      if (!variant.skip.empty())
        continue;
      planned[f] = expected[f]; // types of a context that lives on
      for (size_t r = 0; r < found.size(); ++r)
        planned[f][r].floats = found[r].floats;
    }
  }
  Case apart(evaluated.text());
  driver::Request request;
  request.apart = true;
  apart.compile(request, /*threads=*/2);
  for (const std::string &f : functions)
    EXPECT_EQ(difference(planned[f], apart.compiled(f, inputs[f]), 0), "")
        << f << ": buffers that share memory, or a second thread, change bits";
  if (::testing::Test::HasFailure())
    ADD_FAILURE() << "seed " << seed << ": the program is in " << file;
  else
    std::remove(file.c_str());
}

class RandomGraphs : public ::testing::TestWithParam<unsigned> {};
TEST_P(RandomGraphs, CompileToWhatTheyMean) { checkSeed(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Seeds, RandomGraphs, ::testing::Range(1u, 25u));

// More seeds by hand: FLUXION_FUZZ=from,to.
TEST(MoreRandomGraphs, OfTheSeedsAskedFor) {
  const char *range = std::getenv("FLUXION_FUZZ");
  if (!range)
    GTEST_SKIP() << "for seeds beyond the suite's own, set FLUXION_FUZZ=from,to";
  unsigned from = 0, to = 0;
  ASSERT_EQ(std::sscanf(range, "%u,%u", &from, &to), 2);
  for (unsigned seed = from; seed < to && !HasFailure(); ++seed)
    checkSeed(seed);
}

} // namespace
