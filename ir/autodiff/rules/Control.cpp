// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Control.h"

using namespace mlir;
using namespace fluxion::ir;

// y_i = x_i  =>  dx_i = dy_i
SmallVector<Value> BarrierOp::adjoint(Emitter &, ValueRange grads) {
  return llvm::to_vector(grads);
}
