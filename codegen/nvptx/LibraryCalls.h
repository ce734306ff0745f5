// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which kernels a library of NVIDIA's could do, and how it is told.
#pragma once

#include "codegen/common/Backend.h"

namespace fluxion::codegen {

struct DescribedCall {
  LibraryCall call; // without launches
  // Where the library wants a convolution's kernel in another order: it lies as `shape` says, and
  // dimension order[i] of it is wanted as dimension i.
  llvm::SmallVector<int64_t> shape, order;
  int64_t turnedBytes() const;
};

// Before: the kernel's body is one product, or convolution, of two of its operands. Where the
// library cannot do it `refusal` says why.
std::optional<DescribedCall> describeProductCall(ir::KernelOp kernel, std::string &refusal);
std::optional<DescribedCall> describeConvolutionCall(ir::KernelOp kernel, std::string &refusal);

} // namespace fluxion::codegen
