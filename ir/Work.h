// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How much an op computes and moves.
#pragma once

#include "ir/KernelModel.h"

namespace fluxion::ir {

// Multiply-adds count 2, other arithmetic 1 an element, transcendental functions 8.
double flopsOf(mlir::Operation *op);

// Of a tensor in memory, where an i1 takes a byte.
int64_t byteSize(mlir::Type tensor);

// Sets the kernel's floating-point operations and its least traffic, counted from its body.
void countWork(KernelOp kernel, KernelCost &cost);

} // namespace fluxion::ir
