// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The training loop with a program written by hand: what is said when numbers are not finite.
#include "fluxion/train.h"
#include "tests/runtime/Support.h"

#include <cmath>
#include <gmock/gmock.h>
#include <span>

using namespace fluxion::rt;
using testing::HasSubstr;

namespace {

// A weight that grows tenfold a step, and its square: the square is the first to overflow, the
// loss, made of the next weight's, follows in a later step. A mask is infinite in every step.
struct Values {
  float weight, square;
  int64_t step, seed;
};

void show(fx_context *context, const char *name, const float &value) {
  if (context->probe)
    context->probe(context, name, FX_F32, &value, 1);
}

int32_t init(fx_context *, void *state, void *, const void *const *in, void *const *) {
  int64_t seed;
  std::memcpy(&seed, in[0], sizeof seed);
  *static_cast<Values *>(state) = {1, 0, 0, seed};
  return 0;
}

int32_t step(fx_context *context, void *state, void *, const void *const *in, void *const *out) {
  auto &v = *static_cast<Values *>(state);
  float mask = -INFINITY, hidden = v.weight + static_cast<const float *>(in[0])[0];
  show(context, "mask f32[1]", mask);
  show(context, "hidden f32[1]", hidden);
  float loss = hidden - (std::isfinite(v.square) || v.step % 3 ? 0 : v.square);
  v.weight = hidden * 10, v.square = v.weight * v.weight;
  show(context, "net.weight", v.weight);
  show(context, "net.square", v.square);
  show(context, "loss", loss);
  ++v.step;
  *static_cast<float *>(out[0]) = loss;
  return 0;
}

int32_t evaluate(fx_context *, void *, void *, const void *const *, void *const *out) {
  *static_cast<float *>(out[0]) = 0, *static_cast<float *>(out[1]) = 1;
  return 0;
}

const int64_t features[] = {1, 1}, labels[] = {1};
const fx_tensor state[] = {
    {"net.weight", FX_F32, FX_PARAM, 0, nullptr, offsetof(Values, weight), 4, nullptr},
    {"net.square", FX_F32, FX_SLOT, 0, nullptr, offsetof(Values, square), 4, nullptr},
    {"step", FX_I64, FX_STEP, 0, nullptr, offsetof(Values, step), 8, nullptr},
    {"seed", FX_I64, FX_SEED, 0, nullptr, offsetof(Values, seed), 8, nullptr}};
const fx_tensor seedInput[] = {{"seed", FX_I64, FX_VALUE, 0, nullptr, 0, 8, nullptr}};
const fx_tensor batch[] = {{"point", FX_F32, FX_VALUE, 2, features, 0, 4, nullptr},
                           {"label", FX_I32, FX_VALUE, 1, labels, 0, 4, nullptr}};
const fx_tensor results[] = {{"loss", FX_F32, FX_VALUE, 0, nullptr, 0, 4, nullptr},
                             {"count", FX_F32, FX_VALUE, 0, nullptr, 0, 4, nullptr}};
fx_entry entryOf(const char *name, fx_entry_fn run, std::span<const fx_tensor> inputs,
                 std::span<const fx_tensor> outputs) {
  fx_entry entry{};
  entry.name = name, entry.run = run, entry.num_kernels = 1;
  entry.num_inputs = (uint32_t)inputs.size(), entry.num_outputs = (uint32_t)outputs.size();
  entry.inputs = inputs.data(), entry.outputs = outputs.data();
  return entry;
}
const fx_entry entries[] = {entryOf("init", init, seedInput, {}),
                            entryOf("step", step, batch, std::span(results).first(1)),
                            entryOf("evaluate", evaluate, batch, results)};
const fx_program program = [] {
  fx_program growing{};
  growing.abi_version = FX_ABI_VERSION, growing.num_state = 4, growing.num_entries = 3;
  growing.name = "test/growing", growing.target = "cpu:any", growing.hash = "00";
  growing.state_bytes = sizeof(Values), growing.state = state, growing.entries = entries;
  return growing;
}();

class Train : public testing::Test {
protected:
  std::string run(std::vector<std::string> words, int code) {
    auto instance = test::instanceOf(program);
    words.insert(words.begin(), {"train", "--data=" + folder.path, "--save=" + saved});
    std::vector<char *> argv;
    for (std::string &word : words)
      argv.push_back(word.data());
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    EXPECT_EQ(trainMain(*instance, "csv", (int)argv.size(), argv.data(), {}), code);
    output = testing::internal::GetCapturedStdout();
    return testing::internal::GetCapturedStderr();
  }
  void rows(int count, const std::string &value) {
    std::string text;
    for (int row = 0; row < count; ++row)
      text += value + ",0\n";
    test::write(folder / "csv.csv", text);
  }
  test::Folder folder;
  std::string saved = folder / "state.safetensors", output;
};

} // namespace

// 10^19 squared is the last square that fits; 10^20 of step 20 does not. The loss follows when the
// step counter, 21, is a multiple of three.
TEST_F(Train, theFirstValueThatIsNotFiniteIsNamedInItsStep) {
  rows(50, "0");
  for (const char *snapshots :
       {"--snapshot-every=1", "--snapshot-every=7", "--snapshot-every=200"}) {
    EXPECT_EQ(run({snapshots}, 1),
              "error: step 22: the loss is not finite; first offending tensor: "
              "net.square, of step 20; the last good state, of step 19, is in " +
                  saved + "\n");
    auto instance = test::instanceOf(program);
    ASSERT_TRUE(loadState(*instance, saved));
    EXPECT_EQ(reinterpret_cast<Values *>(instance->state())->step, 19);
  }
}

TEST_F(Train, inputsComeFirst) {
  rows(10, "nan");
  EXPECT_THAT(run({}, 1),
              HasSubstr("step 1: the loss is not finite; first offending tensor: point, "
                        "an input; the last good state, of step 0"));
}

TEST_F(Train, finiteRunsEnd) {
  rows(10, "0");
  EXPECT_EQ(run({"--json"}, 0), "");
  EXPECT_THAT(output, HasSubstr(R"("event": "end", "steps": 8)"));
}
