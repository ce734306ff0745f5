// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every differentiable op by definition: directional finite differences, <u, J t> = <J^T u, t>,
// the same for the derivative itself, and a composite beside its decomposition.
#include "tests/autodiff/Derivatives.h"

#include "ir/Dialect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

using namespace fluxion_testing;

namespace {

std::vector<Tensor> moved(std::vector<Tensor> x, const std::vector<Tensor> &direction, double by) {
  for (size_t r = 0; r < x.size(); ++r)
    for (size_t i = 0; i < x[r].floats.size(); ++i)
      x[r].floats[i] += by * direction[r].floats[i];
  return x;
}

template <typename... T> std::vector<Tensor> joined(std::vector<Tensor> first, const T &...more) {
  (first.insert(first.end(), more.begin(), more.end()), ...);
  return first;
}

void expectNear(const std::vector<Tensor> &found, const std::vector<Tensor> &expected,
                double tolerance, const std::string &what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (size_t r = 0; r < found.size(); ++r) {
    ASSERT_EQ(found[r].type, expected[r].type) << what;
    for (size_t i = 0; i < found[r].floats.size(); ++i)
      ASSERT_NEAR(found[r].floats[i], expected[r].floats[i], tolerance)
          << what << " [" << r << "][" << i << "]";
  }
}

// (f(x - 2ht) - 8 f(x - ht) + 8 f(x + ht) - f(x + 2ht)) / 12h, an error of h^4
std::vector<Tensor> differences(Derivatives &d, const std::string &f, const std::vector<Tensor> &x,
                                const std::vector<Tensor> &t) {
  constexpr double h = 1e-4;
  std::vector<Tensor> slope = d.call(f, x);
  for (Tensor &tensor : slope)
    std::fill(tensor.floats.begin(), tensor.floats.end(), 0);
  for (auto [at, weight] : {std::pair{-2, 1.}, {-1, -8.}, {1, 8.}, {2, -1.}})
    slope = moved(slope, d.call(f, moved(x, t, at * h)), weight / (12 * h));
  return slope;
}

void checkDerivative(Derivatives &d, const std::string &f, const std::string &push,
                     const std::string &pull) {
  std::vector<Tensor> x = d.inputsOf(f), direction = d.directionsOf(f), t = floatsOf(direction);
  std::vector<Tensor> y = d.call(f, x), forward = d.call(push, joined(x, t));
  double scale = 1 + largest(y) + largest(forward);
  ASSERT_TRUE(std::isfinite(scale)) << "a case that leaves the domain";
  expectNear(forward, differences(d, f, x, direction), 1e-8 * scale, push + " of " + f);

  std::vector<Tensor> u = d.directionsOf(pull);
  u.erase(u.begin(), u.begin() + (ptrdiff_t)x.size());
  std::vector<Tensor> backward = d.call(pull, joined(x, u));
  ASSERT_EQ(backward.size(), t.size());
  double left = dot(u, forward), right = dot(backward, t);
  EXPECT_NEAR(left, right, 1e-12 * (scale + largest(backward)) * double(1 + t.size()))
      << "<u, J t> and <J^T u, t> of " << f;
}

class Gradient : public ::testing::TestWithParam<GradientCase> {};
class Composite : public ::testing::TestWithParam<GradientCase> {};

std::vector<GradientCase> compositeCases() {
  std::vector<GradientCase> cases;
  llvm::copy_if(allCases(), std::back_inserter(cases),
                [](const GradientCase &c) { return Derivatives(c).hasComposite(); });
  return cases;
}

TEST_P(Gradient, EqualsDifferencesAndItsTranspose) {
  Derivatives d(GetParam());
  checkDerivative(d, "value", "push", "pull");
  if (GetParam().order > 1)
    checkDerivative(d, "pull", "push_pull", "pull_pull");
  if (HasFailure())
    ADD_FAILURE() << d.text();
}

TEST_P(Composite, HasTheGradientOfItsDecomposition) {
  Derivatives whole(GetParam());
  ASSERT_TRUE(whole.hasComposite());
  Derivatives parts(GetParam(), /*decomposed=*/true);
  for (std::string f : {"value", "pull", "push", "pull_pull"}) {
    if (GetParam().order == 1 && f == "pull_pull")
      continue;
    std::vector<Tensor> expected = parts.call(f, parts.inputsOf(f)),
                        found = whole.call(f, whole.inputsOf(f));
    ASSERT_EQ(found.size(), expected.size());
    for (size_t r = 0; r < found.size(); ++r)
      for (size_t i = 0; i < found[r].floats.size(); ++i)
        ASSERT_NEAR(found[r].floats[i], expected[r].floats[i], 1e-11 * (1 + largest(expected)))
            << f << " [" << r << "][" << i << "]\n"
            << whole.text();
  }
}

std::string nameOf(const ::testing::TestParamInfo<GradientCase> &info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Ops, Gradient, ::testing::ValuesIn(allCases()), nameOf);
INSTANTIATE_TEST_SUITE_P(Ops, Composite, ::testing::ValuesIn(compositeCases()), nameOf);

// An op that is added without a case here fails this.
TEST(Gradients, EveryDifferentiableOpHasACase) {
  std::set<std::string> covered, wanted;
  for (const GradientCase &c : allCases()) {
    Derivatives d(c);
    covered.insert(d.ops().begin(), d.ops().end());
  }
  mlir::MLIRContext context;
  context.loadDialect<ir::FluxionDialect>();
  for (mlir::RegisteredOperationName op : context.getRegisteredOperations())
    if (op.getDialectNamespace() == "fluxion" &&
        (op.hasInterface<ir::DifferentiableOpInterface>() ||
         (op.hasInterface<ir::CompositeOpInterface>() && !op.hasTrait<ir::NoGradient>())))
      wanted.insert(op.stripDialect().str());
  for (const char *region : {"vjp", "jvp", "checkpoint", "custom_vjp", "stop_gradient"})
    wanted.insert(region);
  EXPECT_GT(wanted.size(), 50u);
  for (const std::string &mnemonic : wanted)
    EXPECT_TRUE(covered.count(mnemonic)) << "no gradient case for " << mnemonic;
}

} // namespace
