// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Convolution.h"

#include "ir/ops/Contraction.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {
bool isPermutation(ArrayRef<int64_t> dims, int64_t rank) {
  SmallVector<int64_t> sorted(dims);
  llvm::sort(sorted);
  return (int64_t)dims.size() == rank && llvm::equal(sorted, llvm::seq<int64_t>(0, rank));
}

bool allAtLeast(ArrayRef<int64_t> values, int64_t least) {
  return llvm::all_of(values, [&](int64_t value) { return value >= least; });
}

int64_t dilated(int64_t size, int64_t dilation) {
  return size == 0 ? 0 : (size - 1) * dilation + 1;
}
} // namespace

LogicalResult ConvolutionOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                              ValueRange operands, DictionaryAttr attributes,
                                              OpaqueProperties properties, RegionRange regions,
                                              SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  auto input = cast<RankedTensorType>(op.getInput().getType()),
       kernel = cast<RankedTensorType>(op.getKernel().getType());
  int64_t rank = input.getRank(), spatial = rank - 2;
  if (rank < 3 || kernel.getRank() != rank || input.getElementType() != kernel.getElementType())
    return emitOptionalError(loc, "convolution_c1: input ", input, " and kernel ", kernel,
                             " must have one element type and one rank of at least 3");
  ArrayRef<int64_t> in = op.getInputDims(), ker = op.getKernelDims(), out = op.getOutputDims();
  if (!isPermutation(in, rank) || !isPermutation(ker, rank) || !isPermutation(out, rank))
    return emitOptionalError(loc, "convolution_c2: each dimension list must be a permutation of ",
                             rank, " dimensions");
  ArrayRef<int64_t> strides = op.getWindowStrides(), padding = op.getPadding(),
                    lhsDilation = op.getLhsDilation(), rhsDilation = op.getRhsDilation();
  if ((int64_t)strides.size() != spatial || (int64_t)padding.size() != 2 * spatial ||
      (int64_t)lhsDilation.size() != spatial || (int64_t)rhsDilation.size() != spatial ||
      !allAtLeast(strides, 1) || !allAtLeast(lhsDilation, 1) || !allAtLeast(rhsDilation, 1))
    return emitOptionalError(loc, "convolution_c3: ", spatial,
                             " spatial dimensions need as many strides and dilations, "
                             "all at least 1, and twice as many paddings");
  int64_t groups = op.getFeatureGroupCount(), batchGroups = op.getBatchGroupCount();
  if (groups < 1 || input.getDimSize(in[1]) != kernel.getDimSize(ker[1]) * groups)
    return emitOptionalError(loc, "convolution_c4: the input has ", input.getDimSize(in[1]),
                             " features but the kernel takes ", kernel.getDimSize(ker[1]),
                             " in each of ", groups, " groups");
  if (batchGroups < 1 || (groups != 1 && batchGroups != 1) ||
      kernel.getDimSize(ker[0]) % (groups * batchGroups) || input.getDimSize(in[0]) % batchGroups)
    return emitOptionalError(loc, "convolution_c5: ", kernel.getDimSize(ker[0]),
                             " output features and a batch of ", input.getDimSize(in[0]),
                             " do not divide into ", groups, " feature and ", batchGroups,
                             " batch groups");
  Type element = contractionElement(input.getElementType(), op.getPrecision(), op.getWideResult());
  if (!element)
    return emitOptionalError(loc, "convolution_c7: ", input.getElementType(), " operands have no ",
                             op.getWideResult() ? "wide result" : "precision tf32");
  SmallVector<int64_t> shape(rank);
  shape[out[0]] = input.getDimSize(in[0]) / batchGroups;
  shape[out[1]] = kernel.getDimSize(ker[0]);
  for (int64_t d = 0; d < spatial; ++d) {
    int64_t padded =
        dilated(input.getDimSize(in[d + 2]), lhsDilation[d]) + padding[2 * d] + padding[2 * d + 1];
    int64_t window = dilated(kernel.getDimSize(ker[d + 2]), rhsDilation[d]);
    if (window > padded)
      return emitOptionalError(loc, "convolution_c6: the window covers ", window,
                               " elements of spatial dimension ", d, ", the padded input has ",
                               padded);
    shape[out[d + 2]] = (padded - window) / strides[d] + 1;
  }
  types.push_back(RankedTensorType::get(shape, element));
  return success();
}

#define GET_OP_CLASSES
#include "ir/ops/Convolution.cpp.inc"

void fluxion::ir::registerConvolutionOps(FluxionDialect *dialect) {
  dialect->add<
#define GET_OP_LIST
#include "ir/ops/Convolution.cpp.inc"
      >();
}
