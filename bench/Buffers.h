// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Inputs and outputs of an entry point in this machine's memory, and its time on the GPU, for
// programs that link the runtime alone.
#pragma once

#include "fluxion/runtime.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

namespace fluxion::bench {

struct Buffers {
  std::vector<std::vector<std::byte>> bytes;
  std::vector<void *> pointers;
  Buffers(const fx_tensor *tensors, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i)
      bytes.emplace_back(tensors[i].bytes);
    for (auto &buffer : bytes)
      pointers.push_back(buffer.data());
  }
};

inline constexpr size_t widths[] = {8, 4, 2, 2, 8, 4, 2, 1, 1, 1}; // by fx_dtype

// Small numbers; integers stay in 0..9, which serve as indices and labels.
inline void fill(const fx_tensor &tensor, std::vector<std::byte> &bytes, uint32_t seed) {
  size_t width = widths[tensor.dtype];
  for (size_t i = 0; i < bytes.size() / width; ++i) {
    seed = seed * 1664525 + 1013904223;
    float real = float(seed >> 8) / float(1 << 23) - 1;
    double wide = real;
    int64_t whole = (seed >> 8) % (tensor.dtype == FX_I1 ? 2 : 10); // its low bytes come first
    auto half = uint16_t(0x3c00 | (seed >> 8 & 0x3ff));             // f16: 1..2
    const void *from = &whole;
    if (tensor.dtype == FX_F64)
      from = &wide;
    else if (tensor.dtype == FX_F32)
      from = &real;
    else if (tensor.dtype == FX_F16)
      from = &half;
    else if (tensor.dtype == FX_BF16)
      from = reinterpret_cast<const char *>(&real) + 2;
    std::memcpy(&bytes[width * i], from, width);
  }
}

// Of `entry`, filled.
inline Buffers inputsOf(const fx_entry &entry) {
  Buffers inputs(entry.inputs, entry.num_inputs);
  for (uint32_t i = 0; i < entry.num_inputs; ++i)
    fill(entry.inputs[i], inputs.bytes[i], 7 + i);
  return inputs;
}

// Null, and said on stderr, where the target cannot run it.
inline std::unique_ptr<rt::Instance> start(const fx_program &program, const char *target) {
  std::unique_ptr<rt::Instance> instance;
  if (rt::Status status = rt::Instance::create(&program, nullptr, instance, target); !status)
    std::fprintf(stderr, "error: %s\n", status.message().c_str());
  return instance;
}

// The least seconds of a run, of three rounds of so many.
inline rt::Status measureLeast(rt::Instance &gpu, const fx_entry &entry, const Buffers &inputs,
                               Buffers &outputs, int64_t runs, double &seconds) {
  std::vector<const void *> in(inputs.pointers.begin(), inputs.pointers.end());
  seconds = INFINITY;
  for (int round = 0; round < 3; ++round) {
    double once = 0;
    if (rt::Status status = gpu.measure(entry, in, outputs.pointers, runs, once); !status)
      return status;
    seconds = std::min(seconds, once);
  }
  return {};
}

// Element i as a number, exact for all but wide integers.
inline double number(const fx_tensor &tensor, const std::vector<std::byte> &bytes, size_t i) {
  size_t width = widths[tensor.dtype];
  const std::byte *at = &bytes[width * i];
  double wide;
  float real = 0;
  int64_t whole = 0;
  if (tensor.dtype == FX_F64)
    return std::memcpy(&wide, at, 8), wide;
  if (tensor.dtype == FX_F32 || tensor.dtype == FX_BF16)
    return std::memcpy(reinterpret_cast<char *>(&real) + 4 - width, at, width), real;
  return std::memcpy(&whole, at, width), double(whole);
}

inline double difference(const Buffers &a, const Buffers &b, const fx_entry &entry) {
  double worst = 0;
  for (uint32_t o = 0; o < entry.num_outputs; ++o) {
    const fx_tensor &tensor = entry.outputs[o];
    double largest = 1e-30, apart = 0;
    for (size_t i = 0; i < a.bytes[o].size() / widths[tensor.dtype]; ++i) {
      double x = number(tensor, a.bytes[o], i), y = number(tensor, b.bytes[o], i);
      largest = std::max(largest, std::fabs(y));
      apart = x == y ? apart : std::isfinite(x) ? std::max(apart, std::fabs(x - y)) : INFINITY;
    }
    // Narrow floats keep eight bits.
    worst = std::max(worst, apart / largest / (tensor.dtype == FX_BF16 ? 256 : 1));
  }
  return worst;
}

} // namespace fluxion::bench
