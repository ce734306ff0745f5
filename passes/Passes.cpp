// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Passes.h"

void fluxion::passes::registerPasses(const ir::KernelModel *model) {
  registerDifferentiatePass();
  registerDecomposePass();
  registerSimplifyPass();
  registerAssignLayoutPass();
  registerAssignPrecisionPass();
  mlir::registerPass([model] { return createFusePass({}, model); });
  registerOutlinePass();
  mlir::registerPass([model] { return createSchedulePass({}, model, nullptr); });
  registerOrderPass();
  registerPlanMemoryPass();
}
