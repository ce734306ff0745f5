// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// bench_kernels: one kernel each.
#include "bench/harness/Workload.h"
#include "bench/kernels/Kernels.h"

int main(int argc, char **argv) {
  fluxion::bench::addContractions();
  fluxion::bench::addConvolutions();
  fluxion::bench::addRows();
  fluxion::bench::addMaps();
  return fluxion::bench::run(argc, argv);
}
