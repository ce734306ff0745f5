// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Convolutions and their gradients as cuDNN takes them.
#include "codegen/nvptx/LibraryCalls.h"
#include "ir/Work.h"
#include "ir/ops/Convolution.h"

#include <limits>

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// Beside room for all of its tensors in an order of its own.
constexpr int64_t workspaceBytes = int64_t(32) << 20;

// A tensor of a convolution; of a kernel `first` is the output feature, `second` the input feature,
// else they are batch and feature.
struct Role {
  RankedTensorType type;
  int64_t first, second; // positions among the dimensions
  ArrayRef<int64_t> spatial;
  Role(Value value, ArrayRef<int64_t> dims, bool exchanged = false)
      : type(cast<RankedTensorType>(value.getType())), first(dims[exchanged]),
        second(dims[!exchanged]), spatial(dims.drop_front(2)) {}
  int64_t size(int64_t dim) const { return type.getDimSize(dim); }
};

// The convolution y of x with w whose result, or one of whose gradients, an op computes.
struct Convolution {
  fx_convolution_result computes;
  Role x, w, y;
  bool flipped;
  int64_t groups;
  ArrayRef<int64_t> strides, dilations;
  SmallVector<int64_t> padding; // before each spatial dimension
  int64_t window(int64_t d) const { return (w.size(w.spatial[d]) - 1) * dilations[d] + 1; }
};

bool areOnes(ArrayRef<int64_t> values) {
  return llvm::all_of(values, [](int64_t value) { return value == 1; });
}

// Everything that the op may be taken for.
SmallVector<Convolution> readingsOf(ir::ConvolutionOp op) {
  ArrayRef<int64_t> in = op.getInputDims(), ker = op.getKernelDims(), out = op.getOutputDims();
  SmallVector<int64_t> low;
  for (int64_t d = 0; d < op.spatialRank(); ++d)
    low.push_back(op.getPadding()[2 * d]);
  bool dense = areOnes(op.getLhsDilation()), flipped = op.getWindowReversal();
  int64_t groups = op.getFeatureGroupCount(), batchGroups = op.getBatchGroupCount();
  SmallVector<Convolution> list;
  if (dense && batchGroups == 1)
    list.push_back({FX_CONVOLUTION_OUTPUT, Role(op.getInput(), in), Role(op.getKernel(), ker),
                    Role(op.getResult(), out), flipped, groups, op.getWindowStrides(),
                    op.getRhsDilation(), low});
  if (areOnes(op.getWindowStrides()) && batchGroups == 1) {
    list.push_back({FX_CONVOLUTION_INPUT, Role(op.getResult(), out),
                    Role(op.getKernel(), ker, /*exchanged=*/true), Role(op.getInput(), in),
                    !flipped, groups, op.getLhsDilation(), op.getRhsDilation(), low});
    for (auto [d, padding] : llvm::enumerate(list.back().padding))
      padding = list.back().window((int64_t)d) - 1 - padding;
  }
  if (dense && groups == 1 && !flipped)
    list.push_back({FX_CONVOLUTION_KERNEL, Role(op.getInput(), in, /*exchanged=*/true),
                    Role(op.getResult(), out, /*exchanged=*/true),
                    Role(op.getKernel(), ker, /*exchanged=*/true), false, batchGroups,
                    op.getRhsDilation(), op.getWindowStrides(), low});
  return list;
}

// As many positions as a window padded alike at both ends has.
bool isPaddedAlike(const Convolution &c) {
  for (auto [i, padding] : llvm::enumerate(c.padding)) {
    int64_t d = (int64_t)i, room = c.x.size(c.x.spatial[d]) + 2 * padding - c.window(d);
    if (padding < 0 || room < 0 || c.y.size(c.y.spatial[d]) != room / c.strides[d] + 1)
      return false;
  }
  return true;
}

bool liesAs(const Role &role, bool channelsLast) {
  SmallVector<int64_t> order{role.first}, several;
  if (!channelsLast)
    order.push_back(role.second);
  llvm::append_range(order, role.spatial);
  if (channelsLast)
    order.push_back(role.second);
  for (int64_t dim : order)
    if (role.size(dim) > 1)
      several.push_back(dim);
  return llvm::is_sorted(several);
}

// How the kernel lies, and the order of its dimensions that the library wants: groups and features
// out, then features in and the window. Groups are the outer part of all features out, of an input
// gradient of all features in.
void orderKernel(const Convolution &c, bool channelsLast, DescribedCall &described) {
  enum Axis : int64_t { Group, Out, In, FirstSpatial };
  SmallVector<int64_t> axes;
  auto add = [&](int64_t axis, int64_t size) {
    if (size == 1)
      return;
    axes.push_back(axis);
    described.shape.push_back(size);
  };
  int64_t grouped = c.computes == FX_CONVOLUTION_INPUT ? c.w.second : c.w.first;
  for (int64_t d = 0; d < c.w.type.getRank(); ++d) {
    int64_t groups = d == grouped ? c.groups : 1;
    add(Group, groups);
    add(d == c.w.first    ? Out
        : d == c.w.second ? In
                          : FirstSpatial + (llvm::find(c.w.spatial, d) - c.w.spatial.begin()),
        c.w.size(d) / groups);
  }
  auto find = [&](int64_t axis) {
    if (auto at = llvm::find(axes, axis); at != axes.end())
      described.order.push_back(at - axes.begin());
  };
  find(Group), find(Out);
  if (!channelsLast)
    find(In);
  for (size_t d = 0; d < c.w.spatial.size(); ++d)
    find(FirstSpatial + (int64_t)d);
  if (channelsLast)
    find(In);
  if (llvm::is_sorted(described.order))
    described.shape.clear(), described.order.clear();
}

// Lines are planes of one line each.
fx_convolution shapeOf(const Convolution &c, bool channelsLast) {
  fx_convolution shape{};
  shape.computes = c.computes, shape.channels_last = channelsLast, shape.flipped = c.flipped;
  shape.batch = int32_t(c.x.size(c.x.first)), shape.groups = int32_t(c.groups);
  shape.in_features = int32_t(c.x.size(c.x.second));
  shape.out_features = int32_t(c.y.size(c.y.second));
  auto add = [&](int64_t x, int64_t w, int64_t y, int64_t padding, int64_t stride,
                 int64_t dilation) {
    uint32_t d = shape.spatial++;
    shape.input[d] = int32_t(x), shape.kernel[d] = int32_t(w), shape.output[d] = int32_t(y);
    shape.padding[d] = int32_t(padding), shape.stride[d] = int32_t(stride);
    shape.dilation[d] = int32_t(dilation);
  };
  if (c.padding.size() == 1)
    add(1, 1, 1, 0, 1, 1);
  for (size_t d = 0; d < c.padding.size(); ++d)
    add(c.x.size(c.x.spatial[d]), c.w.size(c.w.spatial[d]), c.y.size(c.y.spatial[d]), c.padding[d],
        c.strides[d], c.dilations[d]);
  return shape;
}

// A kernel that runs forwards and lies in order is better.
int64_t rank(const DescribedCall &described) {
  return 2 * std::get<fx_convolution>(described.call.what).flipped + !described.order.empty();
}

std::string refusalOf(ir::ConvolutionOp op) {
  auto element = cast<RankedTensorType>(op.getInput().getType()).getElementType();
  if (!element.isF32() && !element.isBF16() && !element.isF16())
    return "cuDNN is given f32, bf16 and f16 alone";
  if (op.getType().getElementType() != element)
    return "cuDNN has results of their factors' type alone";
  if (op.spatialRank() > 3)
    return "cuDNN has at most 3 spatial dimensions";
  for (Value value : {(Value)op.getInput(), (Value)op.getKernel(), (Value)op.getResult()}) {
    int64_t elements = cast<RankedTensorType>(value.getType()).getNumElements();
    if (elements == 0 || elements > std::numeric_limits<int32_t>::max())
      return "cuDNN is given tensors of 1 to 2^31 - 1 elements";
  }
  return "";
}

} // namespace

int64_t DescribedCall::turnedBytes() const {
  return order.empty() ? 0 : ir::byteSize(RankedTensorType::get(shape, call.factors));
}

std::optional<DescribedCall> fluxion::codegen::describeConvolutionCall(ir::KernelOp kernel,
                                                                       std::string &refusal) {
  auto op = cast<ir::ConvolutionOp>(kernel.getBody().front().front());
  if (refusal = refusalOf(op); !refusal.empty())
    return std::nullopt;
  SmallVector<Convolution> readings = readingsOf(op);
  bool lies = false;
  std::optional<DescribedCall> best;
  for (const Convolution &c : readings)
    for (bool channelsLast : {true, false}) {
      if (!liesAs(c.x, channelsLast) || !liesAs(c.y, channelsLast))
        continue;
      lies = true;
      if (!isPaddedAlike(c))
        continue;
      DescribedCall described;
      LibraryCall &call = described.call;
      call.what = shapeOf(c, channelsLast);
      call.factors = call.sums = c.x.type.getElementType();
      call.tf32 = op.getPrecision() == ir::Precision::Tf32;
      call.workspaceBytes =
          workspaceBytes + ir::byteSize(c.x.type) + ir::byteSize(c.w.type) + ir::byteSize(c.y.type);
      orderKernel(c, channelsLast, described);
      if (!best || rank(described) < rank(*best))
        best = described;
    }
  if (!best)
    refusal = readings.empty() ? "cuDNN has no convolution of this kind, nor a gradient of one"
              : !lies          ? "cuDNN takes images that lie channels first or channels last"
                               : "cuDNN pads both ends of a dimension alike";
  return best;
}
