// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Dense layers on 28x28 digits: the smallest complete program.
#include "fluxion/fluxion.h"

namespace fluxion::zoo {

struct Mlp {
  Dense hidden = dense(28 * 28, 512, relu);
  Dense inner = dense(512, 512, relu);
  Dense output = dense(512, 10);
  FX_LAYER(Mlp, hidden, inner, output)

  Tensor operator()(Tensor x) const { return output(inner(hidden(flatten(x)))); }
  std::string str() const {
    return "chain(\n  flatten,\n  " + hidden.str() + ",\n  " + inner.str() + ",\n  " +
           output.str() + ")";
  }
};

Program mlp(const Config &config) {
  int64_t batch = config.batch ? config.batch : 128;
  return training(Mlp{},
                  {
                      .loss = [](const Mlp &model, Tensor image,
                                 Tensor label) { return cross_entropy(model(image), label); },
                      .inputs = {f32(batch, 28, 28), i32(batch)},
                      .optimizer = adam({.lr = 1e-3}),
                      .name = "vision/mlp",
                  });
}
FX_MODEL("vision/mlp", mlp, "784-512-512-10 perceptron, Adam", "mnist")

} // namespace fluxion::zoo
