// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/layout/Layout.h"

#include "ir/Shapes.h"
#include "ir/Target.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;
using ir::shapeOf;

Value fluxion::passes::reshaped(OpBuilder &b, Location loc, Value value, ArrayRef<int64_t> shape) {
  Type element = ir::typeOf(value).getElementType();
  return ir::ReshapeOp::create(b, loc, RankedTensorType::get(shape, element), value);
}

namespace {

// One spatial dimension of a convolution whose input is dilated by d: results d apart take taps d
// apart. Result d * q + a takes taps t = d * v - a + low mod d of the elements q + v - low / d,
// v = 0, 1, ..., so that all d of them are features of one result of an undilated convolution.
struct Merged {
  int64_t dilation, window; // how many v there are
  int64_t before, after;    // zeros around the taps, so that each v has d of them
  int64_t low, high;        // padding of the undilated input
  int64_t outputs;
};

Merged mergedDimension(ir::ConvolutionOp conv, int64_t d) {
  int64_t taps = shapeOf(conv.getKernel())[conv.getKernelDims()[d + 2]],
          size = shapeOf(conv.getInput())[conv.getInputDims()[d + 2]],
          outputs = shapeOf(conv.getResult())[conv.getOutputDims()[d + 2]];
  int64_t dilation = conv.getLhsDilation()[d], low = conv.getPadding()[2 * d];
  Merged merged;
  merged.dilation = dilation;
  merged.before = dilation - 1 - low % dilation;
  merged.window = (merged.before + taps + dilation - 1) / dilation;
  merged.after = merged.window * dilation - merged.before - taps;
  merged.low = low / dilation;
  merged.outputs = outputs / dilation;
  merged.high = merged.outputs + merged.window - 1 - merged.low - size;
  return merged;
}

// Worth it where features alone would leave most lanes of a vector idle, and a phase of a row of
// the image is no better.
bool applies(ir::ConvolutionOp conv, const ir::TargetInfo &target) {
  int64_t features = shapeOf(conv.getResult())[conv.getOutputDims()[1]], merged = features;
  for (int64_t d = 0; d < conv.spatialRank(); ++d) {
    int64_t dilation = conv.getLhsDilation()[d],
            outputs = shapeOf(conv.getResult())[conv.getOutputDims()[d + 2]];
    if (conv.getWindowStrides()[d] != 1 || conv.getRhsDilation()[d] != 1 ||
        conv.getPadding()[2 * d] < 0 || outputs % dilation != 0)
      return false;
    merged *= dilation;
  }
  int64_t width = mergedDimension(conv, conv.spatialRank() - 1).outputs;
  bool isWide = width * 4 >= 2 * target.vectorBytes;
  return features <= 4 && merged > features && merged <= 16 && conv.getFeatureGroupCount() == 1 &&
         conv.getBatchGroupCount() == 1 && (features == 1 || !isWide);
}

// [spatial..., in, out] with the taps of a phase as features: [v..., in, phases * out].
Value mergedKernel(OpBuilder &b, ir::ConvolutionOp conv, ArrayRef<Merged> dims) {
  Location loc = conv.getLoc();
  int64_t spatial = dims.size();
  Permutation order(conv.getKernelDims().drop_front(2));
  order.append({conv.getKernelDims()[1], conv.getKernelDims()[0]});
  Value kernel = ir::TransposeOp::create(b, loc, conv.getKernel(), order);
  if (conv.getWindowReversal())
    kernel = ir::ReverseOp::create(b, loc, kernel.getType(), kernel,
                                   llvm::to_vector(llvm::seq<int64_t>(0, spatial)));
  SmallVector<int64_t> low(spatial + 2, 0), high(low), interior(low), split, phases, last;
  Permutation grouped;
  int64_t features = 1;
  for (auto [d, merged] : llvm::enumerate(dims)) {
    low[d] = merged.before, high[d] = merged.after;
    split.append({merged.window, merged.dilation});
    grouped.push_back(2 * d), phases.push_back(2 * d + 1);
    last.push_back(merged.window), features *= merged.dilation;
  }
  int64_t in = shapeOf(kernel)[spatial], out = shapeOf(kernel)[spatial + 1];
  Type element = cast<RankedTensorType>(kernel.getType()).getElementType();
  auto scalar = RankedTensorType::get({}, element);
  Value zero = ir::ConstantOp::create(
      b, loc, DenseElementsAttr::get(scalar, ArrayRef<Attribute>(b.getFloatAttr(element, 0))));
  kernel = ir::PadOp::create(b, loc, kernel, zero, low, high, interior);
  split.append({in, out}), last.append({in, features * out});
  kernel = reshaped(b, loc, kernel, split);
  kernel = ir::ReverseOp::create(b, loc, kernel.getType(), kernel, phases);
  grouped.push_back(2 * spatial), grouped.append(phases), grouped.push_back(2 * spatial + 1);
  kernel = ir::TransposeOp::create(b, loc, kernel, grouped);
  return reshaped(b, loc, kernel, last);
}

void convert(ir::ConvolutionOp conv) {
  OpBuilder b(conv);
  Location loc = conv.getLoc();
  int64_t spatial = conv.spatialRank();
  SmallVector<Merged> dims;
  SmallVector<int64_t> padding, ones(spatial, 1);
  for (int64_t d = 0; d < spatial; ++d) {
    dims.push_back(mergedDimension(conv, d));
    padding.append({dims[d].low, dims[d].high});
  }
  Permutation kernelDims{spatial + 1, spatial}, outputDims{0, spatial + 1};
  for (int64_t d = 0; d < spatial; ++d)
    kernelDims.push_back(d), outputDims.push_back(d + 1);
  Value made =
      ir::ConvolutionOp::create(b, loc, conv.getInput(), mergedKernel(b, conv, dims), ones, padding,
                                ones, ones, conv.getInputDims(), kernelDims, outputDims, 1, 1,
                                false, conv.getPrecision(), conv.getWideResult());
  // [batch, outputs..., phases..., features], then each phase beside its outputs.
  ArrayRef<int64_t> result = shapeOf(conv.getResult());
  SmallVector<int64_t> split{result[conv.getOutputDims()[0]]};
  for (const Merged &merged : dims)
    split.push_back(merged.outputs);
  for (const Merged &merged : dims)
    split.push_back(merged.dilation);
  split.push_back(result[conv.getOutputDims()[1]]);
  Permutation order;
  for (int64_t position = 0; position < (int64_t)result.size(); ++position) {
    int64_t role = llvm::find(conv.getOutputDims(), position) - conv.getOutputDims().begin();
    if (role < 2)
      order.push_back(role ? 2 * spatial + 1 : 0);
    else
      order.append({role - 1, role - 1 + spatial});
  }
  made = ir::TransposeOp::create(b, loc, reshaped(b, loc, made, split), order);
  conv.replaceAllUsesWith(reshaped(b, loc, made, result));
  conv.erase();
}

} // namespace

int64_t fluxion::passes::mergePhases(func::FuncOp function) {
  ir::TargetInfo target = ir::TargetInfo::of(function->getParentOfType<ModuleOp>());
  if (target.isGpu())
    return 0;
  int64_t changed = 0;
  for (auto conv : llvm::to_vector(function.getOps<ir::ConvolutionOp>()))
    if (applies(conv, target)) {
      convert(conv);
      ++changed;
    }
  return changed;
}
