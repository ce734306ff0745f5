// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every entry point of a program (PROGRAM, from an emitted object) on the GPU against the same on
// the CPU: the largest difference relative to the largest value, and the time of a run. Links
// libfluxion_rt alone, for machines without a compiler; bench/gpu.py builds it.
#include "fluxion/runtime.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

extern "C" const fx_program PROGRAM;
using namespace fluxion::rt;

namespace {

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

// Small numbers; integers stay in 0..9, which serve as indices and labels.
void fill(const fx_tensor &tensor, std::vector<std::byte> &bytes, uint32_t seed) {
  size_t width = tensor.dtype == FX_BF16 ? 2 : 4;
  for (size_t i = 0; i < bytes.size() / width; ++i) {
    seed = seed * 1664525 + 1013904223;
    float real = float(seed >> 8) / float(1 << 23) - 1;
    int32_t whole = int32_t((seed >> 8) % 10);
    if (tensor.dtype == FX_F32)
      std::memcpy(&bytes[4 * i], &real, 4);
    else if (tensor.dtype == FX_BF16)
      std::memcpy(&bytes[2 * i], reinterpret_cast<char *>(&real) + 2, 2);
    else if (tensor.dtype == FX_I32)
      std::memcpy(&bytes[4 * i], &whole, 4);
  }
}

std::vector<float> numbers(const std::vector<std::byte> &bytes, int32_t dtype) {
  size_t width = dtype == FX_BF16 ? 2 : 4;
  std::vector<float> values(bytes.size() / width);
  for (size_t i = 0; i < values.size(); ++i)
    std::memcpy(reinterpret_cast<char *>(&values[i]) + 4 - width, &bytes[width * i], width);
  return values;
}

double difference(const Buffers &a, const Buffers &b, const fx_entry &entry) {
  double worst = 0;
  for (uint32_t o = 0; o < entry.num_outputs; ++o) {
    int32_t dtype = entry.outputs[o].dtype;
    if (dtype != FX_F32 && dtype != FX_BF16) {
      if (a.bytes[o] != b.bytes[o])
        return INFINITY;
      continue;
    }
    std::vector<float> x = numbers(a.bytes[o], dtype), y = numbers(b.bytes[o], dtype);
    double largest = 1e-30, apart = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      largest = std::max(largest, (double)std::fabs(y[i]));
      apart = x[i] == y[i]          ? apart
              : std::isfinite(x[i]) ? std::max(apart, std::fabs((double)x[i] - y[i]))
                                    : INFINITY;
    }
    worst = std::max(worst, apart / largest);
  }
  return worst;
}

int fail(const Status &status) {
  std::fprintf(stderr, "error: %s\n", status.message().c_str());
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  double tolerance = argc > 1 ? std::atof(argv[1]) : 1e-4; // sums of thousands in another order
  std::unique_ptr<Instance> gpu, cpu;
  if (Status status = Instance::create(&PROGRAM, nullptr, gpu, "cuda"); !status)
    return fail(status);
  if (Status status = Instance::create(&PROGRAM, nullptr, cpu, "cpu"); !status)
    return fail(status);
  int code = 0;
  for (uint32_t e = 0; e < PROGRAM.num_entries; ++e) {
    const fx_entry &onGpu = gpu->program().entries[e], &onCpu = *cpu->entry(onGpu.name);
    Buffers inputs(onGpu.inputs, onGpu.num_inputs), found(onGpu.outputs, onGpu.num_outputs),
        expected(onGpu.outputs, onGpu.num_outputs);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < onGpu.num_inputs; ++i) {
      fill(onGpu.inputs[i], inputs.bytes[i], 7 + i);
      bytes += onGpu.inputs[i].bytes;
    }
    for (uint32_t i = 0; i < onGpu.num_outputs; ++i)
      bytes += onGpu.outputs[i].bytes;
    std::vector<const void *> in(inputs.pointers.begin(), inputs.pointers.end());
    double seconds = 0;
    if (Status status = cpu->run(onCpu, in, expected.pointers); !status)
      return fail(status);
    if (Status status = gpu->measure(onGpu, in, found.pointers, 200, seconds); !status)
      return fail(status);
    double apart = difference(found, expected, onGpu);
    bool good = apart <= tolerance;
    code |= !good;
    std::printf("%-40s %10.2f us %9.1f GB/s  difference %.1e%s\n", onGpu.name, 1e6 * seconds,
                double(bytes) / seconds / 1e9, apart, good ? "" : "  WRONG");
    std::fflush(stdout);
  }
  return code;
}
