// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/ops/Update.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fluxion::passes {

// Replays a planned entry point and follows which value every byte holds: an error where a kernel
// would read bytes that another value has overwritten, or write where it still reads. Knows nothing
// of how the plan was made.
mlir::LogicalResult verifyPlan(mlir::func::FuncOp entry);

} // namespace fluxion::passes
