// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a traced program to scheduled kernels with addresses. Pipeline.cpp reads from top to bottom.
#pragma once

#include "passes/schedule/ScheduleSource.h"

#include "ir/KernelModel.h"

#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <string>
#include <vector>

namespace fluxion::passes {

enum class MemoryMode {
  Planned, // buffers share addresses, state is updated in place
  Apart    // every buffer has its own address, so that a run with poisoned buffers proves the plan
};

struct PipelineOptions {
  const ir::KernelModel *model = nullptr;    // null: every kernel is taken, at no known cost
  const ScheduleSource *schedules = nullptr; // the tuning database
  std::string schedule;          // "key=value,...", written over every kernel's schedule
  std::string precision = "f32"; // factors of f32 contractions: f32, tf32 or bf16
  std::vector<std::string> skip; // names of passes
  std::string stopAfter;         // name of a stage; empty: to the end
  bool layout = true, fusion = true, recompute = true;
  MemoryMode memory = MemoryMode::Planned;
  std::function<void(llvm::StringRef pass, mlir::ModuleOp after)> dump;
  std::function<void(llvm::StringRef stage, llvm::StringRef pass, double seconds)> timing;
  // File written when a pass fails, see writeReproducer; empty: none.
  std::string reproducer;
};

struct PassName {
  llvm::StringRef stage, pass;
};
// In the order they run.
llvm::ArrayRef<PassName> pipelinePasses();
std::vector<llvm::StringRef> stageNames();

// Errors are emitted at the module: an unknown name in the options, or a pass that failed, by name.
mlir::LogicalResult runPipeline(mlir::ModuleOp module, const PipelineOptions &options);

// `file` is where a dump of the pass belongs: "03-simplify.mlir".
std::string dumpFileName(llvm::StringRef pass);

} // namespace fluxion::passes
