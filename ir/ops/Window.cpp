// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Window.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;

FailureOr<SmallVector<int64_t>>
fluxion::ir::windowShape(std::optional<Location> loc, RankedTensorType x, ArrayRef<int64_t> window,
                         ArrayRef<int64_t> strides, ArrayRef<int64_t> padding,
                         ArrayRef<int64_t> dilation) {
  int64_t rank = x.getRank();
  auto below = [](int64_t least) { return [least](int64_t value) { return value < least; }; };
  if ((int64_t)window.size() != rank || (int64_t)strides.size() != rank ||
      (int64_t)dilation.size() != rank || (int64_t)padding.size() != 2 * rank ||
      llvm::any_of(window, below(1)) || llvm::any_of(strides, below(1)) ||
      llvm::any_of(dilation, below(1)) || llvm::any_of(padding, below(0)))
    return emitOptionalError(loc, "window_c1: ", x, " needs ", rank,
                             " windows, strides and dilations of at least 1 and ", 2 * rank,
                             " paddings of at least 0");
  SmallVector<int64_t> shape;
  for (int64_t d = 0; d < rank; ++d) {
    int64_t padded = x.getDimSize(d) + padding[2 * d] + padding[2 * d + 1],
            span = (window[d] - 1) * dilation[d] + 1;
    if (span > padded)
      return emitOptionalError(loc, "window_c2: a window of ", span, " does not fit into the ",
                               padded, " padded elements of dimension ", d);
    shape.push_back((padded - span) / strides[d] + 1);
  }
  return shape;
}
