// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A program written by hand, as the compiler would describe it, and files to read and damage.
#pragma once

#include "fluxion/runtime.h"

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <unistd.h>

namespace fluxion::rt::test {

// weight f32[2, 3], stored with its dimensions exchanged; bias f32[3]; step and seed. init sets the
// seed; step adds its input to the bias and fails its check for a negative one.
inline int32_t init(fx_context *, void *state, void *, const void *const *in, void *const *) {
  float *values = static_cast<float *>(state);
  for (int i = 0; i < 6; ++i)
    values[i] = float(i);
  std::memset(static_cast<char *>(state) + 64, 0, 64);
  std::memset(static_cast<char *>(state) + 128, 0, 8);
  std::memcpy(static_cast<char *>(state) + 192, in[0], 8);
  return 0;
}
inline int32_t step(fx_context *, void *state, void *, const void *const *in, void *const *out) {
  float value = *static_cast<const float *>(in[0]);
  if (value < 0)
    return 1;
  float *bias = reinterpret_cast<float *>(static_cast<char *>(state) + 64);
  for (int i = 0; i < 3; ++i)
    bias[i] += value;
  int64_t count;
  std::memcpy(&count, static_cast<char *>(state) + 128, 8);
  ++count;
  std::memcpy(static_cast<char *>(state) + 128, &count, 8);
  *static_cast<float *>(out[0]) = bias[0];
  return 0;
}

inline const int64_t weightDims[] = {2, 3}, biasDims[] = {3}, weightLayout[] = {1, 0};
inline const fx_tensor stateItems[] = {
    {"net.weight", FX_F32, FX_PARAM, 2, weightDims, 0, 24, weightLayout},
    {"net.bias", FX_F32, FX_PARAM, 1, biasDims, 64, 12, nullptr},
    {"step", FX_I64, FX_STEP, 0, nullptr, 128, 8, nullptr},
    {"seed", FX_I64, FX_SEED, 0, nullptr, 192, 8, nullptr}};
inline const fx_tensor seedInput[] = {{"seed", FX_I64, FX_VALUE, 0, nullptr, 0, 8, nullptr}};
inline const fx_tensor floatValue[] = {{"value", FX_F32, FX_VALUE, 0, nullptr, 0, 4, nullptr}};
inline const char *const stepChecks[] = {"value must not be negative"};
inline const fx_entry entries[] = {{"init", init, 1, 0, 0, 1, seedInput, nullptr, nullptr, 0, 0, 0,
                                    nullptr, nullptr, nullptr, nullptr, 0, 0, nullptr},
                                   {"step", step, 1, 1, 1, 1, floatValue, floatValue, stepChecks,
                                    64, 0, 0, nullptr, nullptr, nullptr, nullptr, 0, 0, nullptr}};

inline fx_program program() {
  fx_program made = {};
  made.abi_version = FX_ABI_VERSION;
  made.num_state = 4, made.state = stateItems;
  made.num_entries = 2, made.entries = entries;
  made.name = "test/net", made.target = "cpu:any", made.hash = "0123abcd";
  made.state_bytes = 256, made.arena_bytes = 64;
  return made;
}

inline std::unique_ptr<Instance> instanceOf(const fx_program &program) {
  std::unique_ptr<Instance> made;
  Status status = Instance::create(&program, std::make_shared<ThreadPool>(1), made);
  EXPECT_TRUE(status) << status.message();
  return made;
}

// A folder that goes with the test.
class Folder {
public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "fluxion-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string &name) const { return path + "/" + name; }
  std::string path;
};

inline std::string read(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
inline void write(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

} // namespace fluxion::rt::test
