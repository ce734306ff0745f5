// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/LibraryBackend.h"

#include "codegen/common/ScheduleKeys.h"
#include "codegen/nvptx/LibraryCalls.h"
#include "ir/ops/Contraction.h"
#include "ir/ops/Control.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

std::optional<DescribedCall> describeCall(ir::KernelOp kernel, std::string &refusal) {
  Block &body = kernel.getBody().front();
  Operation &op = body.front();
  bool isAlone = body.getOperations().size() == 2 && op.getNumOperands() == 2 &&
                 kernel.getNumResults() == 1 &&
                 llvm::all_of(op.getOperands(), llvm::IsaPred<BlockArgument>);
  if (isAlone && isa<ir::DotGeneralOp>(op))
    return describeProductCall(kernel, refusal);
  if (isAlone && isa<ir::ConvolutionOp>(op))
    return describeConvolutionCall(kernel, refusal);
  refusal = "takes a product or a convolution with nothing fused";
  return std::nullopt;
}

// Scratch memory: a convolution's kernel in the order that the library wants, then its own.
int64_t workspaceOffset(const DescribedCall &described) {
  return (int64_t)llvm::alignTo(described.turnedBytes(), 256);
}

class LibraryBackend final : public Backend {
public:
  explicit LibraryBackend(const Backend &own) : own(own) {}
  StringRef name() const override { return "library"; }

  ir::KernelCost cost(ir::KernelOp kernel, const ir::TargetInfo &target) const override {
    ir::KernelCost cost = own.cost(kernel, target);
    if (cost.backend.empty())
      return cost;
    std::optional<DescribedCall> described;
    if (target.kind == "cuda")
      described = describeCall(kernel, cost.refusal);
    else
      cost.refusal = "is for devices alone";
    if (!described) {
      cost.backend.clear();
      return cost;
    }
    cost.refusal.clear();
    ScheduleKeys keys(kernel);
    keys.finish();
    cost.backend = "library";
    cost.schedule = keys.decided("library");
    cost.scheduleRefusal = keys.refusal();
    cost.scratchBytes =
        std::max(cost.scratchBytes, workspaceOffset(*described) + described->call.workspaceBytes);
    cost.inPlace = false;
    cost.seconds = 0;
    return cost;
  }

  FailureOr<EmittedKernel> emit(ir::KernelOp kernel, OpBuilder &b, StringRef symbol,
                                const ir::TargetInfo &target) const override {
    FailureOr<EmittedKernel> emitted = own.emit(kernel, b, symbol, target);
    std::string refusal;
    std::optional<DescribedCall> described = describeCall(kernel, refusal);
    if (failed(emitted) || emitted->launches.empty() || !described)
      return emitted;
    LibraryCall &call = described->call;
    Operation &op = kernel.getBody().front().front();
    call.launches = emitted->launches.size();
    call.left = {cast<BlockArgument>(op.getOperand(0)).getArgNumber()};
    call.right = {cast<BlockArgument>(op.getOperand(1)).getArgNumber()};
    call.result = {kernel.getNumOperands()};
    call.workspace = {call.result.position + 1, workspaceOffset(*described)};
    if (!described->order.empty() &&
        failed(turnKernel(kernel, *described, b, (symbol + "_turn").str(), target)))
      return failure();
    emitted->launches[0].call = std::make_shared<LibraryCall>(call);
    return emitted;
  }

private:
  const Backend &own;
  LogicalResult turnKernel(ir::KernelOp kernel, DescribedCall &described, OpBuilder &b,
                           StringRef symbol, const ir::TargetInfo &target) const;
};

// The convolution's kernel is turned on its way to the library or from it, by a kernel of ours.
LogicalResult LibraryBackend::turnKernel(ir::KernelOp kernel, DescribedCall &described,
                                         OpBuilder &b, StringRef symbol,
                                         const ir::TargetInfo &target) const {
  LibraryCall &call = described.call;
  bool isResult = std::get<fx_convolution>(call.what).computes == FX_CONVOLUTION_KERNEL;
  SmallVector<int64_t> shape, order;
  for (auto [i, dim] : llvm::enumerate(described.order)) {
    shape.push_back(described.shape[isResult ? dim : (int64_t)i]);
    order.push_back(isResult ? llvm::find(described.order, (int64_t)i) - described.order.begin()
                             : dim);
  }
  Location loc = kernel.getLoc();
  Block outside;
  Value from = outside.addArgument(RankedTensorType::get(shape, call.factors), loc);
  OpBuilder inside(kernel.getContext());
  inside.setInsertionPointToEnd(&outside);
  SmallVector<int64_t> turned = llvm::map_to_vector(order, [&](int64_t dim) { return shape[dim]; });
  auto turn =
      ir::KernelOp::create(inside, loc, TypeRange(RankedTensorType::get(turned, call.factors)),
                           from, ir::KernelKind::Map, "turn", ir::ScheduleAttr(), ArrayAttr());
  Block *body = inside.createBlock(&turn.getBody(), {}, from.getType(), loc);
  ir::YieldOp::create(
      inside, loc, ir::TransposeOp::create(inside, loc, body->getArgument(0), order).getResult());
  FailureOr<EmittedKernel> emitted = own.emit(turn, b, symbol, target);
  if (failed(emitted) || emitted->launches.size() != 1)
    return failure();
  LaunchPlace scratch{call.workspace.position};
  if (isResult)
    call.behind = {emitted->launches[0], scratch, call.result}, call.result = scratch;
  else
    call.before = {emitted->launches[0], call.right, scratch}, call.right = scratch;
  return success();
}

} // namespace

std::unique_ptr<Backend> fluxion::codegen::makeLibraryBackend(const Backend &own) {
  return std::make_unique<LibraryBackend>(own);
}
