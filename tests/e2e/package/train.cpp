// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A model and a training loop of one's own, on data of one's own: points of two spirals, told
// apart.
#include <fluxion/fluxion.h>

#include <cmath>
#include <cstdio>
#include <random>

using namespace fluxion;

struct Classifier {
  Dense first = dense(2, 64, fluxion::tanh);
  Dense second = dense(64, 64, fluxion::tanh);
  Dense output = dense(64, 2);
  FX_LAYER(Classifier, first, second, output)

  Tensor operator()(Tensor x) const { return output(second(first(x))); }
};

constexpr int64_t batch = 64;

struct Spirals {
  std::mt19937 random{7};
  Array points{f32(batch, 2)}, labels{i32(batch)};

  void draw() {
    std::uniform_real_distribution<float> along(0.5f, 6.0f);
    std::normal_distribution<float> noise(0.0f, 0.03f);
    for (int64_t i = 0; i < batch; ++i) {
      int32_t label = int32_t(i % 2);
      float t = along(random), turn = t + 3.14159265f * float(label);
      points.data<float>()[2 * i] = t / 3 * std::cos(turn) + noise(random);
      points.data<float>()[2 * i + 1] = t / 3 * std::sin(turn) + noise(random);
      labels.data<int32_t>()[i] = label;
    }
  }
};

int main() {
  Program program = training(
      Classifier{},
      {
          .loss = [](const Classifier &m, Tensor x, Tensor y) { return cross_entropy(m(x), y); },
          .inputs = {f32(batch, 2), i32(batch)},
          .optimizer = adam({.lr = 3e-3}),
          .input_names = {"point", "label"},
          .name = "spirals",
      });
  Compiled model = compile(program);
  model.init(1);

  Spirals data;
  float first = 0, loss = 0;
  for (int step = 0; step < 1500; ++step) {
    data.draw();
    loss = model.step(data.points, data.labels).at(0).item();
    if (step == 0)
      first = loss;
  }
  data.draw();
  std::vector<Array> scores = model.predict(data.points);
  int right = 0;
  for (int64_t i = 0; i < batch; ++i) {
    const float *row = scores.at(0).data<float>() + 2 * i;
    right += (row[1] > row[0]) == (data.labels.data<int32_t>()[i] == 1);
  }
  std::printf("loss %.4f -> %.4f, %d of %d right\n", first, loss, right, int(batch));
  return first > 0.4f && loss < 0.1f && right >= 62 ? 0 : 1;
}
