// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "codegen/halide/WindowKernel.h"
#include "ir/Target.h"
#include "ir/ops/Update.h"

#include <optional>

namespace fluxion::codegen {

// A kernel in plain data, and how it splits into equal tasks along the outermost dimension of its
// result.
struct DescribedWindow {
  halide::WindowKernel kernel;
  int64_t tasks = 1;
  int64_t operandTaskDim = 0;                     // the dimension of operands that tasks run along
  llvm::SmallVector<int64_t> operandBytesPerTask; // 0: the whole operand in every task
  int64_t resultBytesPerTask = 0;
  double bytes = 0, flops = 0, vectorTaps = 0; // of all tasks
};

// Nothing where Halide does not express the kernel: it must be one op, with its operands the
// kernel's in order.
std::optional<DescribedWindow> describeWindow(ir::KernelOp kernel, const ir::TargetInfo &target);

} // namespace fluxion::codegen
