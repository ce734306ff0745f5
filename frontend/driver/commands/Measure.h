// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Entry points and single kernels on a stopwatch: what bench and tune share.
#pragma once

#include "fluxion/compile.h"
#include "frontend/dsl/Trace.h"
#include "ir/ops/Update.h"

#include <map>

namespace fluxion::driver {

struct Timing {
  double best = 0, median = 0; // seconds
  int64_t runs = 0;
};

// Runs an entry point on random inputs for a while; short ones in batches of at least 0.2 ms.
Timing timeEntry(Compiled &compiled, const std::string &name, double seconds);

bool isMlirFile(const std::string &subject);
// A model of the zoo, or a .mlir file.
Program subjectProgram(const std::string &subject, int64_t batch);

struct DistinctKernel {
  ir::KernelOp kernel; // the first of its kind
  std::string name;
  int64_t count = 1;
};
// Kernels by fingerprint, in program order.
std::vector<DistinctKernel> distinctKernels(mlir::ModuleOp planned);

// Kernels, each as an entry point of its own; a null schedule leaves the kernel's.
class KernelProgram {
public:
  void add(ir::KernelOp kernel, const std::string &entry, mlir::DictionaryAttr schedule = {});
  Program finish();

private:
  std::string text;
};

} // namespace fluxion::driver
