// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Entry points and single kernels on a stopwatch: what bench, tune and bench/ share.
#pragma once

#include "fluxion/compile.h"
#include "fluxion/runtime.h"
#include "frontend/dsl/Trace.h"
#include "ir/ops/Update.h"

#include <map>
#include <span>

namespace fluxion::driver {

// An entry point with its inputs and room for its results in one mapping: a call runs it once.
class EntryCall {
public:
  // Without inputs: random ones.
  EntryCall(Compiled &compiled, const std::string &name, std::span<const Array> inputs = {});
  void operator()();
  bool onGpu() const;
  bool isEmulated() const;   // a GPU's kernels on this machine
  bool hasLibraries() const; // see rt::Instance
  std::string target() const;
  double secondsOf(int64_t runs); // of one of so many: rt::Instance::measure
  rt::ThreadPool &pool() const;
  DType type() const; // f64 if a tensor is, else f32
  Array result(size_t index) const;

private:
  Compiled compiled;
  const fx_entry *entry = nullptr;
  rt::Arena memory;
  std::vector<const void *> in;
  std::vector<void *> out;
};

struct Timing {
  double best = 0, median = 0; // seconds
  int64_t runs = 0;
};

// Runs a call for a while; short ones in batches of at least 0.2 ms.
Timing timeCall(EntryCall &call, double seconds);

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
