// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Random.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace fluxion::ir;

LogicalResult RandomBitsOp::verify() {
  if ((int64_t)getStream() < 0 || (int64_t)getStream() >= (int64_t(1) << 32) ||
      getType().getNumElements() >= (int64_t(1) << 34))
    return emitOpError(
        "random_bits_c1: stream must be in [0, 2^32) and the result have fewer than 2^34 elements");
  return success();
}

#define GET_OP_CLASSES
#include "ir/ops/Random.cpp.inc"

void fluxion::ir::registerRandomOps(FluxionDialect *dialect) {
  dialect->add<
#define GET_OP_LIST
#include "ir/ops/Random.cpp.inc"
      >();
}
