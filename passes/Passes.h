// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The passes of Passes.td. Users call runPipeline (Pipeline.h); fluxion-opt registers them by flag.
#pragma once

#include "ir/KernelModel.h"

#include "mlir/Pass/Pass.h"

namespace fluxion::passes {

class ScheduleSource;

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

// Forms of the passes that ask a kernel model; a null model takes every kernel.
std::unique_ptr<mlir::Pass> createFusePass(const FusePassOptions &options,
                                           const ir::KernelModel *model);
std::unique_ptr<mlir::Pass> createSchedulePass(const SchedulePassOptions &options,
                                               const ir::KernelModel *model,
                                               const ScheduleSource *source);

// Makes every pass a flag of the running tool. The model, if any, must outlive all pipelines.
void registerPasses(const ir::KernelModel *model);

// Left on the module by a pass that failed for what the user asked, not for a mistake of ours.
inline constexpr llvm::StringLiteral inputErrorAttrName = "fluxion.input_error"; // unit

} // namespace fluxion::passes
