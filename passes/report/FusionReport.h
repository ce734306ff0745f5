// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the compiler made of a program, in numbers: `fluxion show --report`.
#pragma once

#include "passes/schedule/ScheduleSource.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

#include <string>
#include <vector>

namespace fluxion::passes {

struct KernelReport {
  std::string name, kind, backend;
  double flops = 0, bytes = 0, seconds = 0; // seconds predicted for one thread; 0: not known
  std::vector<std::pair<std::string, double>> others; // backends not chosen, predicted seconds
  int64_t tasks = 1;
  double measured = 0;                   // seconds with the schedule in use; 0: not measured
  std::vector<Measurement> measurements; // of this schedule and others, fastest first
  int64_t count = 1;                     // equal kernels of this entry point are one line
};

struct EntryReport {
  std::string name;
  std::vector<KernelReport> kernels; // in order of execution
  int64_t kernelCount = 0, arenaBytes = 0;
  double flops = 0, bytes = 0, seconds = 0;
};

// Before: kernels are scheduled; arenaBytes is known once memory is planned.
// `measured`, if given, knows times.
std::vector<EntryReport> reportEntries(mlir::ModuleOp module,
                                       const ScheduleSource *measured = nullptr);

// A table for people. `unfused`, if given, is the same program compiled without fusion.
std::string fusionReport(mlir::ModuleOp module, mlir::ModuleOp unfused = {},
                         const ScheduleSource *measured = nullptr);
llvm::json::Value fusionReportJson(mlir::ModuleOp module, mlir::ModuleOp unfused = {},
                                   const ScheduleSource *measured = nullptr);

} // namespace fluxion::passes
