// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/Dialect.h"

#define GET_OP_CLASSES
#include "tests/ir/forgotten/Forgotten.h.inc"

#define GET_OP_CLASSES
#include "tests/ir/forgotten/Forgotten.cpp.inc"

int main() {
  mlir::MLIRContext context;
  context.getOrLoadDialect<fluxion::ir::FluxionDialect>()->add<fluxion::ir::ForgottenOp>();
}
