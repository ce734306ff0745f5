// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A libcuda, a libcublasLt and a libcudnn, whose device is this process, for machines without a
// GPU. Memory is the host's, kernels are functions that a test defines, and work that is given to a
// stream waits there until somebody must see its result, so that what is changed or freed too early
// is seen to be wrong.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fluxion::fake {

// One launch, whole: `args` are the values of the kernel's parameters.
using Kernel = void (*)(void *const *args, const unsigned grid[3], const unsigned block[3],
                        unsigned sharedBytes, void *user);

struct GraphCounts {
  uint64_t nodes, kernels, edges;
};

struct Counts {
  GraphCounts last; // the graph that was instantiated last
  uint64_t graphLaunches, kernels, graphs, modules, programmaticEdges;
  uint64_t deviceBytes, pinnedBytes;     // allocated now
  uint64_t copiedIn;                     // from host to device, bytes
  uint64_t calls;                        // of the driver and the library, but what gives back
  uint64_t libraryCalls, libraryObjects; // products and convolutions; what is alive now
  int mathType;                          // of the last convolution: cudnnMathType_t
};

// What the library exports under the name `fluxion_fake_cuda`.
struct Control {
  void (*reset)(); // one device of 1 GiB, sm_90; no kernels, no failures
  void (*setDevice)(int count, int major, int minor, size_t bytes);
  void (*define)(const char *kernel, unsigned parameters, Kernel function, void *user);
  // The call after `after` more of a function of the driver, by name, gives `result`.
  void (*fail)(const char *function, int after, int result);
  void (*lack)(const char *function); // it is not there, until reset
  // Running a kernel loses the device; all later calls give `result`.
  void (*failKernel)(const char *kernel, int result);
  Counts (*counts)();
};

} // namespace fluxion::fake
