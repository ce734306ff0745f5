// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/Dialect.h"

#define GET_OP_CLASSES
#include "tests/ir/forgotten/Forgotten.h.inc"

llvm::SmallVector<mlir::Value> fluxion::ir::ForgottenOp::adjoint(Emitter &,
                                                                 mlir::ValueRange grads) {
  return llvm::to_vector(grads);
}
