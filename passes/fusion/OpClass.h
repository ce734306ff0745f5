// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What fusion, cost and the memory plan need to know of an op's kind of work.
#pragma once

#include "ir/Work.h"

#include "mlir/IR/Operation.h"

namespace fluxion::passes {

enum class OpClass {
  Boundary, // reads, writes, checks, the terminator: never inside a kernel
  View,     // reshape: the same bytes
  Constant,
  Pointwise, // one result element from the operand elements at the same index
  Source,    // iota, random_bits: elements from their index and scalars
  Broadcast,
  Remap,    // transpose, slice, pad, concatenate, reverse: elements from elsewhere
  Reduce,   // reduce, argmax, argmin
  Contract, // dot_general, convolution
  Window,   // reduce_window and its adjoints, depthwise convolution
  Index,    // gather, scatter
  Kernel
};

OpClass classify(mlir::Operation *op);

// Ops a kernel may compute again rather than read from memory: they cost less than the traffic.
bool isCheapToRecompute(mlir::Operation *op);

// Of the first result.
double elementsOf(mlir::Operation *op);

// Must the operand be in memory for its user?
bool readsMemory(mlir::OpOperand &use);

// The outermost composite an op came from, recorded in its location by the decompose pass, or the
// composite whose gradient it is part of ("softmax_grad"), recorded by the differentiate pass; or
// empty.
llvm::StringRef compositeOf(mlir::Operation *op);

} // namespace fluxion::passes
