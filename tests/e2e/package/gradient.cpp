// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The value and the gradient of a function of one's own, compiled in this process: Rosenbrock's
// valley, descended from its classical starting point.
#include <fluxion/fluxion.h>

#include <cmath>
#include <cstdio>

using namespace fluxion;

int main() {
  Function rosenbrock = function({f32(2)}, [](Tensor p) {
    Tensor x = slice(p, {0}, {1}), y = slice(p, {1}, {2});
    return sum(square(1 - x) + 100 * square(y - square(x)));
  });
  auto compiled = compile(value_and_grad(rosenbrock));

  // At (-1.2, 1): value 24.2, gradient (-215.6, -88).
  auto [value, grads] = compiled(Array{-1.2f, 1.0f});
  const float *gradient = grads.at(0).data<float>();
  std::printf("value %.4f gradient %.4f %.4f\n", value.item(), gradient[0], gradient[1]);
  if (std::abs(value.item() - 24.2f) > 1e-4f || std::abs(gradient[0] + 215.6f) > 1e-3f ||
      std::abs(gradient[1] + 88.0f) > 1e-3f)
    return 1;

  Array point{-1.2f, 1.0f};
  float last = value.item();
  for (int step = 0; step < 20000; ++step) {
    auto [f, g] = compiled(point);
    for (int i = 0; i < 2; ++i)
      point.data<float>()[i] -= 1e-3f * g.at(0).data<float>()[i];
    last = f.item();
  }
  std::printf("minimum %.2e at %.3f %.3f\n", last, point.data<float>()[0], point.data<float>()[1]);
  return last < 1e-4f ? 0 : 1;
}
