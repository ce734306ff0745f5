// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products as cuBLASLt takes them.
#include "codegen/nvptx/LibraryCalls.h"
#include "ir/ops/Contraction.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

constexpr int64_t workspaceBytes = int64_t(32) << 20; // what NVIDIA advises for Hopper

// Sizes of a side whose dimensions lie as [batch, rows, columns], each of them several in order,
// and which of the two is contracted.
struct Side {
  int64_t batches = 1, free = 1, contracted = 1;
  bool contractedLast = true;
};
std::optional<Side> sideOf(Value operand, ArrayRef<int64_t> batching,
                           ArrayRef<int64_t> contracting) {
  auto type = cast<RankedTensorType>(operand.getType());
  Side side;
  int64_t rank = type.getRank(), batch = batching.size(), summed = contracting.size();
  side.contractedLast = summed == 0 || contracting[0] == rank - summed;
  int64_t first = side.contractedLast ? rank - summed : batch;
  for (auto [i, dim] : llvm::enumerate(batching))
    if (dim != (int64_t)i)
      return std::nullopt;
  for (auto [i, dim] : llvm::enumerate(contracting))
    if (dim != first + (int64_t)i)
      return std::nullopt;
  for (int64_t d = 0; d < rank; ++d)
    (d < batch                          ? side.batches
     : first <= d && d < first + summed ? side.contracted
                                        : side.free) *= type.getDimSize(d);
  return side;
}

} // namespace

std::optional<DescribedCall> fluxion::codegen::describeProductCall(ir::KernelOp kernel,
                                                                   std::string &refusal) {
  auto dot = cast<ir::DotGeneralOp>(kernel.getBody().front().front());
  std::optional<Side> left = sideOf(dot.getLhs(), dot.getLhsBatching(), dot.getLhsContracting()),
                      right = sideOf(dot.getRhs(), dot.getRhsBatching(), dot.getRhsContracting());
  DescribedCall described;
  LibraryCall &call = described.call;
  call.factors = cast<RankedTensorType>(dot.getLhs().getType()).getElementType();
  call.sums = cast<RankedTensorType>(dot.getType()).getElementType();
  if (!call.factors.isF32() && !call.factors.isBF16() && !call.factors.isF16()) {
    refusal = "cuBLASLt is given f32, bf16 and f16 alone";
    return std::nullopt;
  }
  if (!left || !right || left->batches * left->free * right->free * left->contracted == 0) {
    refusal = "cuBLASLt takes sides that are batches of dense matrices";
    return std::nullopt;
  }
  call.tf32 = dot.getPrecision() == ir::Precision::Tf32;
  call.what = fx_product{left->batches,         left->free,           right->free, left->contracted,
                         !left->contractedLast, right->contractedLast};
  call.workspaceBytes = workspaceBytes;
  return described;
}
