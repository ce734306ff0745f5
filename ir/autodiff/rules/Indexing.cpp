// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Indexing.h"

using namespace mlir;
using namespace fluxion::ir;

// y = x[indices]  =>  dx = dy added into zeros at the indices
SmallVector<Value> GatherOp::adjoint(Emitter &emit, ValueRange grads) {
  Expr zeros = emit.zeros(getX().getType());
  return {ScatterOp::create(emit.builder, emit.loc, zeros, getIndices(), grads[0], getAxis()),
          Value()};
}

// y = x; y[indices] += u  =>  dx = dy, du = dy[indices]
SmallVector<Value> ScatterOp::adjoint(Emitter &emit, ValueRange grads) {
  return {grads[0], Value(),
          GatherOp::create(emit.builder, emit.loc, grads[0], getIndices(), getAxis())};
}
