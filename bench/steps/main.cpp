// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// bench_steps: whole training steps of the zoo, what compiling them takes, and the start of a
// standalone program.
#include "bench/harness/Workload.h"
#include "bench/steps/Steps.h"

int main(int argc, char **argv) {
  fluxion::bench::addSteps();
  fluxion::bench::addCompilations();
  fluxion::bench::addStarts();
  return fluxion::bench::run(argc, argv);
}
