// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/contract/Contraction.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Contraction.h"
#include "ir/ops/Convolution.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// A dimension together with where it lies in the operand that its group walks.
using Placed = std::pair<int64_t, ContractDim>;
ContractDims inOrder(SmallVector<Placed> placed) {
  llvm::sort(placed, [](const Placed &x, const Placed &y) { return x.first < y.first; });
  return llvm::to_vector(llvm::make_second_range(placed));
}

void describeDot(ir::DotGeneralOp dot, Contraction &c) {
  const Reduction &r = *c.reduction;
  auto contracting = dot.getLhsContracting();
  int64_t batch = dot.getLhsBatching().size(),
          left = typeOf(dot.getLhs()).getRank() - contracting.size();
  for (auto [d, size] : llvm::enumerate(r.kept))
    ((int64_t)d < batch  ? c.batchDims
     : (int64_t)d < left ? c.mDims
                         : c.nDims)
        .push_back({(int64_t)d, size});
  SmallVector<Placed> summed;
  for (auto [i, size] : llvm::enumerate(r.extents))
    summed.push_back({contracting[i], {(int64_t)i, size}});
  c.kDims = inOrder(summed);
  c.tf32 = dot.getPrecision() == ir::Precision::Tf32;
  for (int s : {0, 1})
    c.alongSummed[s] = llvm::is_contained(s == 0 ? contracting : dot.getRhsContracting(),
                                          typeOf(dot->getOperand(s)).getRank() - 1);
}

// Positions and the summed window and features lie as the input does; groups are batches.
void describeConvolution(ir::ConvolutionOp conv, Contraction &c) {
  const Reduction &r = *c.reduction;
  auto input = conv.getInputDims(), output = conv.getOutputDims();
  int64_t features = r.kept[output[1]],
          groups = conv.getFeatureGroupCount() * conv.getBatchGroupCount();
  if (groups > 1)
    c.batchDims.push_back({output[1], groups, features / groups});
  c.nDims.push_back({output[1], features / groups});
  SmallVector<Placed> kept{{input[0], {output[0], r.kept[output[0]]}}},
      summed{{input[1], {r.featureExtent, r.extents[r.featureExtent]}}};
  for (int64_t d = 0, extent = 0; d < conv.spatialRank(); ++d, ++extent) {
    extent += extent == r.featureExtent;
    int64_t dim = output[d + 2], dilation = conv.getLhsDilation()[d];
    ContractDim position{dim, r.kept[dim]}, tap{extent, r.extents[extent]};
    if (dilation > 1 && conv.getWindowStrides()[d] == 1 && conv.getRhsDilation()[d] == 1 &&
        position.size % dilation == 0) {
      tap = {extent, (tap.size + dilation - 1) / dilation, dilation,
             /*phase=*/(int64_t)c.batchDims.size(), /*first=*/conv.getPadding()[2 * d]};
      c.batchDims.push_back({dim, dilation});
      position = {dim, position.size / dilation, dilation};
    }
    kept.push_back({input[d + 2], position});
    summed.push_back({input[d + 2], tap});
  }
  c.mDims = inOrder(kept);
  c.kDims = inOrder(summed);
  int64_t last = input.size() - 1;
  c.alongSummed = {input[1] == last, conv.getKernelDims()[0] != last};
  c.wholeLast[0] = input[0] == last || input[1] == last;
  c.tf32 = conv.getPrecision() == ir::Precision::Tf32;
}

} // namespace

int64_t fluxion::codegen::sizeOf(ArrayRef<ContractDim> dims) {
  int64_t count = 1;
  for (const ContractDim &dim : dims)
    count *= dim.size;
  return count;
}

SmallVector<int64_t> fluxion::codegen::sizesOf(ArrayRef<ContractDim> dims) {
  return llvm::map_to_vector(dims, [](const ContractDim &dim) { return dim.size; });
}

bool Contraction::resultAlongN() const {
  int64_t last = (int64_t)reduction->kept.size() - 1;
  return llvm::none_of(mDims, [&](const ContractDim &dim) { return dim.dim == last; });
}

Contraction fluxion::codegen::exchangedSides(Contraction c) {
  std::swap(c.mDims, c.nDims);
  std::swap(c.m, c.n);
  std::swap(c.alongSummed[0], c.alongSummed[1]);
  std::swap(c.wholeLast[0], c.wholeLast[1]);
  return c;
}

Contraction fluxion::codegen::describeContraction(const Reduction &r) {
  Contraction c;
  c.reduction = &r;
  c.element = typeOf(r.op->getOperand(0)).getElementType();
  c.accumulator =
      c.element.isBF16() || c.element.isF16() ? Float32Type::get(r.op->getContext()) : c.element;
  if (auto dot = dyn_cast<ir::DotGeneralOp>(r.op))
    describeDot(dot, c);
  else
    describeConvolution(cast<ir::ConvolutionOp>(r.op), c);
  c.batches = sizeOf(c.batchDims), c.m = sizeOf(c.mDims), c.n = sizeOf(c.nDims);
  c.k = sizeOf(c.kDims);
  if (c.batches == 0) // no results: no rows of one batch
    c.batches = 1, c.m = 0;
  return c;
}
