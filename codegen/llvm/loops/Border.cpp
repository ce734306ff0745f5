// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A convolution over a border without a copy of its input: what lies outside is never read nor
// multiplied. Along the width the tiles, or the steps of a weight gradient, at either end know
// where they stand and leave it out; along the other dimensions loops run over what is inside.
#include "codegen/llvm/loops/PhaseEmitter.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Convolution.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// What a spatial dimension reads: position = result * stride + window * dilation - low, of `size`.
struct Reach {
  int64_t stride, dilation, low, size, outputs, taps;
  int64_t highest() const { return (outputs - 1) * stride + (taps - 1) * dilation - low; }
  bool isInside() const { return low <= 0 && highest() < size; }
};

Reach reachOf(ir::ConvolutionOp conv, int64_t d) {
  return {conv.getWindowStrides()[d],
          conv.getRhsDilation()[d],
          conv.getPadding()[2 * d],
          shapeOf(conv.getInput())[conv.getInputDims()[d + 2]],
          shapeOf(conv.getResult())[conv.getOutputDims()[d + 2]],
          shapeOf(conv.getKernel())[conv.getKernelDims()[d + 2]]};
}

// Results and window positions of a phase meet neighbouring elements of a dilated input.
Reach reachOf(ir::ConvolutionOp conv, int64_t d, int64_t phase) {
  Reach reach = reachOf(conv, d);
  int64_t dilation = conv.getLhsDilation()[d], first = firstTap(conv, d, phase);
  reach.low = (reach.low - phase - first) / dilation; // without a rest
  reach.outputs /= dilation;
  reach.taps = std::max<int64_t>(0, ceilDiv(reach.taps - first, dilation));
  return reach;
}

// Of every phase of a dimension.
SmallVector<Reach> reachesOf(const Reduction &r, int64_t d) {
  auto conv = cast<ir::ConvolutionOp>(r.op);
  if (r.phases[d] == 1)
    return {reachOf(conv, d)};
  return llvm::map_to_vector(llvm::seq<int64_t>(0, r.phases[d]),
                             [&](int64_t phase) { return reachOf(conv, d, phase); });
}
bool isInside(ArrayRef<Reach> reaches) {
  return llvm::all_of(reaches, [](const Reach &reach) { return reach.isInside(); });
}

int64_t extentOf(const Reduction &r, int64_t d) { return d + (d >= r.featureExtent ? 1 : 0); }

// Tiles along the width all of whose taps are taken in one step: only the first and the last may
// reach outside.
bool tilesReachOnce(const Reduction &r, const Tile &tile, const Reach &reach) {
  if (r.unroll < reach.taps)
    return false;
  int64_t blocks = ceilDiv(reach.outputs, tile.rows);
  int64_t beforeLast = (blocks - 1) * tile.rows - 1; // the last position of the last but one
  return blocks == 1 ||
         (tile.rows * reach.stride >= reach.low &&
          (blocks == 2 ||
           beforeLast * reach.stride + (reach.taps - 1) * reach.dilation - reach.low < reach.size));
}

} // namespace

// Summed positions of a weight gradient's width before and from which a tap may be outside, in
// whole unrolled steps.
std::pair<int64_t, int64_t> fluxion::codegen::insideSteps(const Reduction &r) {
  auto conv = cast<ir::ConvolutionOp>(r.op);
  Reach reach = reachOf(conv, conv.spatialRank() - 1);
  int64_t extent = reach.taps, unroll = std::max<int64_t>(1, r.unroll);
  int64_t low = ceilDiv(std::max<int64_t>(0, reach.low), reach.dilation);
  int64_t span = reach.size + reach.low - (reach.outputs - 1) * reach.stride;
  int64_t high =
      std::clamp<int64_t>(ceilDiv(std::max<int64_t>(0, span), reach.dilation), 0, extent);
  int64_t first = std::min(extent, ceilDiv(low, unroll) * unroll);
  return {first, std::max(first, high / unroll * unroll)};
}

bool fluxion::codegen::skipsBorder(const Reduction &r, const Tile &tile, const Blocking &blocking) {
  auto conv = dyn_cast<ir::ConvolutionOp>(r.op);
  if (!conv || tile.laneDim < 0 || !isa<BlockArgument>(conv.getInput()))
    return false;
  constexpr int64_t mostSteps = 4; // of a width's ends, each of which is code of its own
  for (int64_t d = 0; d < conv.spatialRank(); ++d) {
    SmallVector<Reach> reaches = reachesOf(r, d);
    int64_t kept = conv.getOutputDims()[d + 2], extent = extentOf(r, d);
    if (conv.getLhsDilation()[d] > r.phases[d])
      return false;
    if (isInside(reaches))
      continue;
    if ((blocking.depth && extent < blocking.outer) || (r.chunks > 1 && extent == 0))
      return false;
    if (d + 1 < conv.spatialRank()) {
      if (kept == tile.laneDim || kept == tile.rowDim || kept == tile.tapDim)
        return false;
      continue;
    }
    bool innermost =
        extent + 1 == (int64_t)r.extents.size() && !(blocking.depth && blocking.outer == extent);
    bool known = kept == tile.rowDim && llvm::all_of(reaches, [&](const Reach &reach) {
                   return tilesReachOnce(r, tile, reach);
                 });
    if (kept == tile.tapDim && r.unroll > 1) {
      auto [first, last] = insideSteps(r);
      known = first / r.unroll + ceilDiv(reaches[0].taps - last, r.unroll) <= mostSteps;
    }
    if (!innermost || !known)
      return false;
  }
  return true;
}

bool fluxion::codegen::rowsAtBorder(const Reduction &r, const Tile &tile) {
  if (!r.skipsBorder)
    return false;
  auto conv = cast<ir::ConvolutionOp>(r.op);
  return conv.getOutputDims().back() == tile.rowDim &&
         !isInside(reachesOf(r, conv.spatialRank() - 1));
}

// Of the window positions of every dimension but the width, those that are inside at `kept`.
void PhaseEmitter::boundWindow(const Reduction &r, const Index &kept, const TilePhase &at) {
  auto conv = cast<ir::ConvolutionOp>(r.op);
  windowBounds.assign(r.extents.size(), {});
  for (int64_t d = 0; d + 1 < conv.spatialRank(); ++d) {
    int64_t out = conv.getOutputDims()[d + 2];
    bool phased = r.phases[d] > 1;
    Reach reach = phased ? reachOf(conv, d, at.offset[out]) : reachOf(conv, d);
    if (reach.isInside())
      continue;
    AffineExpr place = phased ? (kept[out] - at.offset[out]).floorDiv(r.phases[d]) : kept[out];
    AffineExpr origin = place * reach.stride - reach.low;
    // The first position that is no less than `bound`.
    auto firstFrom = [&](int64_t bound) -> Value {
      Value distance = access.scalar(access.constant(bound) - origin);
      distance = arith::MaxSIOp::create(b, loc, distance, number(0));
      if (reach.dilation == 1)
        return distance;
      distance = arith::AddIOp::create(b, loc, distance, number(reach.dilation - 1));
      return arith::DivUIOp::create(b, loc, distance, number(reach.dilation));
    };
    Value to = arith::MinSIOp::create(b, loc, firstFrom(reach.size), number(reach.taps));
    windowBounds[extentOf(r, d)] = {firstFrom(0), to};
  }
}

// Is the factor at a known place along the width outside? One at an unknown place is inside.
bool PhaseEmitter::isOutside(const Reduction &r, const Index &kept, const Index &reduced) {
  if (!r.skipsBorder)
    return false;
  auto conv = cast<ir::ConvolutionOp>(r.op);
  int64_t d = conv.spatialRank() - 1;
  Reach reach = reachOf(conv, d);
  AffineExpr position = access.simplified(kept[conv.getOutputDims()[d + 2]] * reach.stride +
                                          reduced[extentOf(r, d)] * reach.dilation - reach.low);
  auto known = dyn_cast<AffineConstantExpr>(position);
  return known && (known.getValue() < 0 || known.getValue() >= reach.size * r.phases[d]);
}
