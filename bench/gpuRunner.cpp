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

constexpr size_t widths[] = {8, 4, 2, 2, 8, 4, 2, 1, 1, 1}; // by fx_dtype

// Small numbers; integers stay in 0..9, which serve as indices and labels.
void fill(const fx_tensor &tensor, std::vector<std::byte> &bytes, uint32_t seed) {
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

// Element i as a number, exact for all but wide integers.
double number(const fx_tensor &tensor, const std::vector<std::byte> &bytes, size_t i) {
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

double difference(const Buffers &a, const Buffers &b, const fx_entry &entry) {
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

int fail(const Status &status) {
  std::fprintf(stderr, "error: %s\n", status.message().c_str());
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  double tolerance = argc > 1 ? std::atof(argv[1]) : 1e-4; // sums of thousands in another order
  int64_t runs = argc > 2 ? std::atoll(argv[2]) : 200;
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
    if (Status status = gpu->measure(onGpu, in, found.pointers, runs, seconds); !status)
      return fail(status);
    double apart = difference(found, expected, onGpu);
    bool isRounded = std::strstr(onGpu.name, "tf32") != nullptr; // here, and not on the CPU
    bool good = apart <= (isRounded ? std::max(tolerance, 3e-3) : tolerance);
    code |= !good;
    std::printf("%-40s %10.2f us %9.1f GB/s  difference %.1e%s\n", onGpu.name, 1e6 * seconds,
                double(bytes) / seconds / 1e9, apart, good ? "" : "  WRONG");
    std::fflush(stdout);
  }
  return code;
}
