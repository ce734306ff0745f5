// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A convolution over a dilated input, or over a border that its tiles cannot leave out
// (Border.cpp), reads a copy with the zeros in place: the register tile then needs no condition on
// any load.
#include "codegen/llvm/loops/PhaseEmitter.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Convolution.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

bool fluxion::codegen::lanesAlongWidth(Operation *op, const ir::TargetInfo &target) {
  auto conv = dyn_cast<ir::ConvolutionOp>(op);
  if (!conv || conv.spatialRank() == 0 || conv.getFeatureGroupCount() > 1 ||
      conv.getBatchGroupCount() > 1 || conv.getWindowStrides().back() > 1)
    return false;
  ArrayRef<int64_t> output = shapeOf(conv.getResult());
  int64_t lanes = lanesFor(cast<RankedTensorType>(conv.getType()).getElementType(), target);
  int64_t features = output[conv.getOutputDims()[1]],
          width = output[conv.getOutputDims().back()] / phasesOf(op, target).back();
  bool featuresLast = conv.getOutputDims()[1] == (int64_t)output.size() - 1;
  int64_t taps = 1;
  for (int64_t dim : conv.getKernelDims().drop_front(2))
    taps *= shapeOf(conv.getKernel())[dim];
  // Half again as many busy lanes must come of it: the copy and the scattered results cost
  // something.
  int64_t covered = (width + lanes - 1) / lanes * lanes;
  return featuresLast && taps > 1 && 2 * features <= lanes &&
         2 * width * lanes >= 3 * features * covered;
}

SmallVector<int64_t> fluxion::codegen::phasesOf(Operation *op, const ir::TargetInfo &target) {
  auto conv = dyn_cast<ir::ConvolutionOp>(op);
  SmallVector<int64_t> phases(conv ? conv.spatialRank() : 0, 1);
  if (!conv || target.isGpu() || featuresOutermost(op))
    return phases;
  int64_t features = conv.getOutputDims()[1];
  if (features + 1 != (int64_t)conv.getOutputDims().size() ||
      shapeOf(conv.getResult())[features] == 1)
    return phases;
  for (int64_t d = 0; d < conv.spatialRank(); ++d) {
    int64_t dilation = conv.getLhsDilation()[d], low = conv.getPadding()[2 * d],
            outputs = shapeOf(conv.getResult())[conv.getOutputDims()[d + 2]];
    if (conv.getWindowStrides()[d] == 1 && conv.getRhsDilation()[d] == 1 && low >= 0 &&
        low < outputs && outputs % dilation == 0)
      phases[d] = dilation;
  }
  return phases;
}

int64_t fluxion::codegen::firstTap(Operation *op, int64_t dim, int64_t phase) {
  auto conv = cast<ir::ConvolutionOp>(op);
  int64_t dilation = conv.getLhsDilation()[dim];
  return ((conv.getPadding()[2 * dim] - phase) % dilation + dilation) % dilation;
}

int64_t fluxion::codegen::sharedTaps(Operation *op, const ir::TargetInfo &target) {
  auto conv = dyn_cast<ir::ConvolutionOp>(op);
  if (!conv || conv.spatialRank() == 0 || featuresOutermost(op) || lanesAlongWidth(op, target) ||
      conv.getOutputDims().back() + 2 != (int64_t)conv.getOutputDims().size())
    return 1;
  int64_t taps = shapeOf(conv.getKernel())[conv.getKernelDims().back()];
  return taps <= 5 ? taps : 1;
}

SmallVector<int64_t> PaddedShape::copySizes() const {
  return llvm::map_to_vector(order, [&](int64_t dim) { return sizes[dim]; });
}

std::optional<PaddedShape> fluxion::codegen::paddedInputShape(Operation *op,
                                                              const ir::TargetInfo &target) {
  auto conv = dyn_cast<ir::ConvolutionOp>(op);
  if (!conv)
    return std::nullopt;
  ArrayRef<int64_t> input = shapeOf(conv.getInput()), dims = conv.getInputDims();
  PaddedShape shape;
  shape.sizes.assign(input.begin(), input.end());
  shape.order = llvm::to_vector(llvm::seq<int64_t>(0, input.size()));
  bool needed = false;
  shape.low.assign(input.size(), 0), shape.dilation.assign(input.size(), 1);
  SmallVector<int64_t> phases = phasesOf(op, target);
  for (int64_t d = 0; d < conv.spatialRank(); ++d) {
    int64_t taps = shapeOf(conv.getKernel())[conv.getKernelDims()[d + 2]],
            outputs = shapeOf(conv.getResult())[conv.getOutputDims()[d + 2]];
    int64_t read =
        (outputs - 1) * conv.getWindowStrides()[d] + (taps - 1) * conv.getRhsDilation()[d] + 1;
    int64_t low = conv.getPadding()[2 * d], dilation = conv.getLhsDilation()[d];
    if (phases[d] > 1) { // the zeros between elements are never read
      read = (read - 1 - low) / dilation + 1 + low / dilation;
      low /= dilation, dilation = 1;
    }
    needed |= low > 0 || dilation > 1 || read - low > input[dims[d + 2]];
    shape.sizes[dims[d + 2]] = read, shape.low[dims[d + 2]] = low;
    shape.dilation[dims[d + 2]] = dilation;
  }
  if (lanesAlongWidth(op, target)) {
    int64_t width = dims.back();
    needed |= llvm::any_of(input.drop_front(width + 1), [](int64_t size) { return size > 1; });
    shape.order.erase(shape.order.begin() + width);
    shape.order.push_back(width);
  }
  // A dimension of size 1 innermost would leave the copy's loops one lane.
  SmallVector<int64_t> outer, inner;
  for (int64_t dim : shape.order)
    (shape.sizes[dim] == 1 ? outer : inner).push_back(dim);
  outer.append(inner);
  shape.order.assign(outer.begin(), outer.end());
  // Every element is read by as many taps as the window has; a single tap does not repay the copy.
  int64_t taps = 1;
  for (int64_t dim : conv.getKernelDims().drop_front(2))
    taps *= shapeOf(conv.getKernel())[dim];
  return needed && taps > 1 ? std::optional(shape) : std::nullopt;
}

// Tasks count the positions of all dimensions of the copy but the last two.
void PhaseEmitter::emitPadInput() {
  auto conv = cast<ir::ConvolutionOp>(phase.reductions[0].op);
  PaddedShape padded = *paddedInputShape(conv, target);
  SmallVector<int64_t> shape = padded.copySizes(), order = padded.order;
  ArrayRef<int64_t> input = shapeOf(conv.getInput());
  Type element = cast<RankedTensorType>(conv.getInput().getType()).getElementType();
  int64_t rank = shape.size(), lanes = lanesFor(element, target);
  Value copy = addressOf(phase.stores[0]);
  // Where each dimension's elements come from: (position - low) / dilation where that is a whole
  // number in range.
  ArrayRef<int64_t> low = padded.low, dilation = padded.dilation;
  auto block = [&](Index at, Value from, int64_t active) {
    AffineExpr lane = access.dimension(from);
    access.setLanes(lanes, lane, active);
    at[rank - 1] = lane;
    Guard inside;
    Index source(rank);
    for (auto [i, d] : llvm::enumerate(order)) {
      AffineExpr shifted = at[i] - low[d];
      inside = access.both(inside, access.within(shifted, (input[d] - 1) * dilation[d] + 1, -low[d],
                                                 shape[i] - 1 - low[d]));
      inside = access.both(inside, access.divides(shifted, dilation[d]));
      source[d] = dilation[d] == 1 ? shifted : shifted.floorDiv(dilation[d]);
    }
    Value value = puller.pullUnder(inside, conv.getInput(), source);
    if (!inside.always())
      value = access.emit.select(access.lanesOf(inside), value, access.emit.constant(0, element));
    access.store(copy, element, access.linear(shape, at), value);
    access.setScalar();
  };
  loop(begin(), end(), 1, [&](Value task) {
    Index at;
    for (Value position : decode(task, ArrayRef<int64_t>(shape).drop_back(2)))
      at.push_back(access.dimension(position));
    at.append(2, AffineExpr());
    loop(number(0), number(shape[rank - 2]), 1, [&](Value middle) {
      Index inner(at);
      inner[rank - 2] = access.dimension(middle);
      int64_t whole = shape[rank - 1] / lanes * lanes;
      if (whole > 0)
        loop(number(0), number(whole), lanes, [&](Value from) { block(inner, from, lanes); });
      if (whole < shape[rank - 1]) {
        puller.newScope();
        block(inner, number(whole), shape[rank - 1] - whole);
      }
    });
  });
}
