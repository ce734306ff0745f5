// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Entry points of a program (PROGRAM, from an emitted object) on the GPU beside those that a
// library does: NAME_library is the same on the same inputs, NAME_alone what the library needs no
// turn for, on inputs of its own. Times are of runs in CUDA graphs; bench/gpu.py builds it.
#include "bench/Buffers.h"

extern "C" const fx_program PROGRAM;
using namespace fluxion::bench;
using namespace fluxion::rt;

namespace {

// The least seconds of a run, and what it computed.
Status measure(Instance &gpu, const fx_entry &entry, Buffers &outputs, double &seconds) {
  return measureLeast(gpu, entry, inputsOf(entry), outputs, 200, seconds);
}

// Beside the same of the library; what it cannot do is said and is no error.
void compareTimes(Instance &gpu, const std::string &name, double own, const char *what,
                  Buffers &outputs, bool &done) {
  const fx_entry *entry = gpu.entry(name.c_str());
  double seconds = 0;
  done = false;
  if (!entry || !gpu.hasLibraries(*entry))
    return;
  if (Status status = measure(gpu, *entry, outputs, seconds); !status) {
    std::printf("  %s: %s", what, status.message().c_str());
    return;
  }
  done = true;
  std::printf("  %s %9.2f us  ratio %5.3f", what, 1e6 * seconds, seconds / own);
}

int run(Instance &gpu, const fx_entry &entry) {
  Buffers found(entry.outputs, entry.num_outputs), expected(entry.outputs, entry.num_outputs);
  double own = 0;
  if (Status status = measure(gpu, entry, found, own); !status) {
    std::printf("%-36s %s\n", entry.name, status.message().c_str());
    return 1;
  }
  std::printf("%-36s %9.2f us", entry.name, 1e6 * own);
  bool alone, done;
  Buffers others(entry.outputs, entry.num_outputs); // as large, in another order
  compareTimes(gpu, entry.name + std::string("_alone"), own, "library alone", others, alone);
  compareTimes(gpu, entry.name + std::string("_library"), own, "with turn", expected, done);
  double apart = done ? difference(found, expected, entry) : 0;
  // f32 factors may be rounded, each library in its way.
  bool isRight = apart <= (entry.outputs[0].dtype == FX_F32 ? 2e-3 : 1e-4);
  std::printf("  difference %.1e%s\n", apart, isRight ? "" : "  WRONG");
  std::fflush(stdout);
  return !isRight;
}

} // namespace

// Entry points whose name holds the argument; all without one.
int main(int argc, char **argv) {
  std::unique_ptr<Instance> gpu = start(PROGRAM, "cuda");
  if (!gpu)
    return 1;
  if (!gpu->note().empty())
    std::printf("%s\n", gpu->note().c_str());
  int code = 0;
  for (uint32_t e = 0; e < PROGRAM.num_entries; ++e) {
    std::string name = PROGRAM.entries[e].name;
    bool isOwn = !name.ends_with("_library") && !name.ends_with("_alone");
    if (isOwn && (argc < 2 || name.find(argv[1]) != std::string::npos))
      code |= run(*gpu, gpu->program().entries[e]);
  }
  return code;
}
