// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The shape of a sliding window, shared by pooling and the window ops.
#pragma once

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Location.h"

#include <optional>

namespace fluxion::ir {

// Shape that a window over x gives; clauses window_c1 and window_c2. `padding` is (low, high) a
// dimension.
llvm::FailureOr<llvm::SmallVector<int64_t>>
windowShape(std::optional<mlir::Location> loc, mlir::RankedTensorType x,
            llvm::ArrayRef<int64_t> window, llvm::ArrayRef<int64_t> strides,
            llvm::ArrayRef<int64_t> padding, llvm::ArrayRef<int64_t> dilation);

} // namespace fluxion::ir
