// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/Dialect.h"

#define GET_OP_CLASSES
#include "ir/ops/Contraction.h.inc"

namespace fluxion::ir {

// The result's element type of a contraction of such operands; null where they cannot have it.
mlir::Type contractionElement(mlir::Type element, Precision precision, bool wideResult);

} // namespace fluxion::ir
