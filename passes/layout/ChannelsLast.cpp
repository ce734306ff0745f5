// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/layout/Layout.h"

#include "ir/Target.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

Permutation fluxion::passes::inverseOf(ArrayRef<int64_t> permutation) {
  Permutation inverse(permutation.size());
  for (auto [i, dim] : llvm::enumerate(permutation))
    inverse[dim] = (int64_t)i;
  return inverse;
}

namespace {

// Positions of (first, second, spatial...) in a tensor, as convolutions list them, and the order of
// those roles a kernel wants: a permutation that puts role order[i] at position i.
Permutation towards(ArrayRef<int64_t> dims, ArrayRef<int64_t> order) {
  return llvm::map_to_vector(order, [&](int64_t role) { return dims[role]; });
}

struct Wanted {
  Permutation input, kernel, output; // roles in the order of the dimensions
};

// Forward and input gradient: [N, spatial..., C] * [spatial..., I, O] -> [N, spatial..., O]. In a
// weight gradient batch and feature exchange roles: [f, spatial..., b] * [i, spatial..., o] ->
// [spatial..., b, f]. GPUs read a kernel along either of its features, so that an input gradient,
// whose window runs backwards, takes it as the forward convolution does.
Wanted wantedOrder(ir::ConvolutionOp conv, const ir::TargetInfo &target) {
  Permutation spatial = llvm::to_vector(llvm::seq<int64_t>(2, 2 + conv.spatialRank()));
  auto around = [&](int64_t before, int64_t after) {
    Permutation order{before};
    llvm::append_range(order, spatial);
    order.push_back(after);
    return order;
  };
  auto behind = [&](int64_t first, int64_t second) {
    Permutation order = spatial;
    order.append({first, second});
    return order;
  };
  if (conv.getInputDims()[0] > conv.getInputDims()[1])
    return {around(1, 0), around(1, 0), behind(0, 1)};
  bool asForward = target.isGpu() && conv.getWindowReversal();
  return {around(0, 1), asForward ? behind(0, 1) : behind(1, 0), around(0, 1)};
}

bool isIdentity(ArrayRef<int64_t> permutation) { return llvm::is_sorted(permutation); }

// The dimension list of a tensor whose dimension i now is the old dimension permutation[i].
Permutation renamed(ArrayRef<int64_t> dims, ArrayRef<int64_t> permutation) {
  Permutation inverse = inverseOf(permutation);
  return llvm::map_to_vector(dims, [&](int64_t dim) { return inverse[dim]; });
}

Value permuted(OpBuilder &b, Location loc, Value value, ArrayRef<int64_t> permutation) {
  return isIdentity(permutation) ? value
                                 : ir::TransposeOp::create(b, loc, value, permutation).getResult();
}

bool isDepthwise(ir::ConvolutionOp conv) {
  int64_t groups = std::max(conv.getFeatureGroupCount(), conv.getBatchGroupCount());
  return groups > 1 && groups == conv.getInput().getType().getDimSize(
                                     conv.getInputDims()[conv.getFeatureGroupCount() > 1 ? 1 : 0]);
}

// Planes of their own that nothing strides over: as good channels first on CPUs, where no neighbour
// wants channels last.
bool isPlain(ir::ConvolutionOp conv) {
  auto ones = [](ArrayRef<int64_t> values) {
    return llvm::all_of(values, [](int64_t value) { return value == 1; });
  };
  return isDepthwise(conv) && conv.spatialRank() == 2 && ones(conv.getLhsDilation()) &&
         ones(conv.getWindowStrides()) && ones(conv.getRhsDilation());
}

bool convert(ir::ConvolutionOp conv, const ir::TargetInfo &target) {
  Wanted wanted = wantedOrder(conv, target);
  Permutation input = towards(conv.getInputDims(), wanted.input),
              kernel = towards(conv.getKernelDims(), wanted.kernel),
              output = towards(conv.getOutputDims(), wanted.output);
  if (isIdentity(input) && isIdentity(kernel) && isIdentity(output))
    return false;
  OpBuilder b(conv);
  auto made = ir::ConvolutionOp::create(
      b, conv.getLoc(), permuted(b, conv.getLoc(), conv.getInput(), input),
      permuted(b, conv.getLoc(), conv.getKernel(), kernel), conv.getWindowStrides(),
      conv.getPadding(), conv.getLhsDilation(), conv.getRhsDilation(),
      renamed(conv.getInputDims(), input), renamed(conv.getKernelDims(), kernel),
      renamed(conv.getOutputDims(), output), conv.getFeatureGroupCount(), conv.getBatchGroupCount(),
      conv.getWindowReversal(), conv.getPrecision(), conv.getWideResult());
  conv.replaceAllUsesWith(permuted(b, conv.getLoc(), made, inverseOf(output)));
  conv.erase();
  return true;
}

} // namespace

int64_t fluxion::passes::makeConvolutionsChannelsLast(func::FuncOp function) {
  int64_t changed = 0;
  ir::TargetInfo target = ir::TargetInfo::of(function->getParentOfType<ModuleOp>());
  if (!target.isGpu() && llvm::all_of(function.getOps<ir::ConvolutionOp>(), isPlain))
    return changed;
  for (auto conv : llvm::to_vector(function.getOps<ir::ConvolutionOp>()))
    changed += convert(conv, target);
  return changed;
}
