// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/LibraryBackend.h"

#include "codegen/common/ScheduleKeys.h"
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

// The kernel's body is one product of two of its operands.
std::optional<LibraryProduct> productOf(ir::KernelOp kernel) {
  Block &body = kernel.getBody().front();
  auto dot = dyn_cast<ir::DotGeneralOp>(body.front());
  if (!dot || body.getOperations().size() != 2 || kernel.getNumResults() != 1)
    return std::nullopt;
  auto left = dyn_cast<BlockArgument>(dot.getLhs()), right = dyn_cast<BlockArgument>(dot.getRhs());
  std::optional<Side> sides[] = {
      sideOf(dot.getLhs(), dot.getLhsBatching(), dot.getLhsContracting()),
      sideOf(dot.getRhs(), dot.getRhsBatching(), dot.getRhsContracting())};
  LibraryProduct product;
  product.factors = cast<RankedTensorType>(dot.getLhs().getType()).getElementType();
  product.sums = cast<RankedTensorType>(dot.getType()).getElementType();
  bool known = product.factors.isF32() || product.factors.isBF16() || product.factors.isF16();
  if (!left || !right || !sides[0] || !sides[1] || !known)
    return std::nullopt;
  product.batches = sides[0]->batches;
  product.m = sides[0]->free, product.n = sides[1]->free, product.k = sides[0]->contracted;
  product.tf32 = dot.getPrecision() == ir::Precision::Tf32;
  product.leftTransposed = !sides[0]->contractedLast;
  product.rightTransposed = sides[1]->contractedLast;
  product.left = left.getArgNumber(), product.right = right.getArgNumber();
  product.result = kernel.getNumOperands(), product.workspace = product.result + 1;
  product.workspaceBytes = workspaceBytes;
  if (product.batches * product.m * product.n * product.k == 0)
    return std::nullopt;
  return product;
}

class LibraryBackend final : public Backend {
public:
  explicit LibraryBackend(const Backend &own) : own(own) {}
  StringRef name() const override { return "library"; }

  ir::KernelCost cost(ir::KernelOp kernel, const ir::TargetInfo &target) const override {
    ir::KernelCost cost = own.cost(kernel, target);
    if (target.kind != "cuda" || !productOf(kernel) || cost.backend.empty()) {
      cost.backend.clear();
      cost.refusal = "takes dense products with nothing fused, on a device";
      return cost;
    }
    ScheduleKeys keys(kernel);
    keys.finish();
    cost.backend = "library";
    cost.schedule = keys.decided("library");
    cost.scheduleRefusal = keys.refusal();
    cost.scratchBytes = std::max(cost.scratchBytes, workspaceBytes);
    cost.inPlace = false;
    cost.seconds = 0;
    return cost;
  }

  FailureOr<EmittedKernel> emit(ir::KernelOp kernel, OpBuilder &b, StringRef symbol,
                                const ir::TargetInfo &target) const override {
    FailureOr<EmittedKernel> emitted = own.emit(kernel, b, symbol, target);
    std::optional<LibraryProduct> product = productOf(kernel);
    if (failed(emitted) || emitted->launches.empty() || !product)
      return emitted;
    product->launches = emitted->launches.size();
    emitted->launches[0].product = product;
    return emitted;
  }

private:
  const Backend &own;
};

} // namespace

std::unique_ptr<Backend> fluxion::codegen::makeLibraryBackend(const Backend &own) {
  return std::make_unique<LibraryBackend>(own);
}
