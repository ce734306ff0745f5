// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every entry point of a program (PROGRAM, from an emitted object) on the GPU against the same on
// the CPU: the largest difference relative to the largest value, and the time of a run. Links
// libfluxion_rt alone, for machines without a compiler; bench/gpu.py builds it.
#include "bench/Buffers.h"

extern "C" const fx_program PROGRAM;
using namespace fluxion::bench;
using namespace fluxion::rt;

namespace {

int fail(const Status &status) {
  std::fprintf(stderr, "error: %s\n", status.message().c_str());
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  double tolerance = argc > 1 ? std::atof(argv[1]) : 1e-4; // sums of thousands in another order
  int64_t runs = argc > 2 ? std::atoll(argv[2]) : 200;
  std::unique_ptr<Instance> gpu = start(PROGRAM, "cuda");
  if (!gpu)
    return 1;
  std::unique_ptr<Instance> cpu = start(PROGRAM, "cpu");
  if (!cpu)
    return 1;
  int code = 0;
  for (uint32_t e = 0; e < PROGRAM.num_entries; ++e) {
    const fx_entry &onGpu = gpu->program().entries[e], &onCpu = *cpu->entry(onGpu.name);
    Buffers inputs = inputsOf(onGpu), found(onGpu.outputs, onGpu.num_outputs),
            expected(onGpu.outputs, onGpu.num_outputs);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < onGpu.num_inputs; ++i)
      bytes += onGpu.inputs[i].bytes;
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
