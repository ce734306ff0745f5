// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which sums are a mean's and a variance's.
#include "codegen/llvm/loops/Plan.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// The number that all elements of a value are; nothing where they are not one constant.
std::optional<double> splatOf(Value value) {
  while (auto broadcast = value.getDefiningOp<ir::BroadcastInDimOp>())
    value = broadcast.getX();
  auto constant = value.getDefiningOp<ir::ConstantOp>();
  auto elements = constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : SplatElementsAttr();
  if (!elements || !isa<FloatType>(elements.getElementType()))
    return std::nullopt;
  return elements.getSplatValue<APFloat>().convertToDouble();
}

// sum / count, as a quotient or a product.
bool isMeanOf(Value mean, Value sum, double count) {
  Operation *op = mean.getDefiningOp();
  if (!isa_and_nonnull<ir::MulOp, ir::DivOp>(op))
    return false;
  int64_t other = op->getOperand(0) == sum ? 1 : 0;
  if (op->getOperand(1 - other) != sum || (isa<ir::DivOp>(op) && other == 0))
    return false;
  std::optional<double> by = splatOf(op->getOperand(other));
  if (!by)
    return false;
  double parts = isa<ir::DivOp>(op) ? *by : 1 / *by;
  return std::abs(parts - count) <= 1e-6 * count;
}

} // namespace

bool fluxion::codegen::isSpreadAround(const Reduction &spread, const Reduction &sum) {
  auto of = dyn_cast<ir::ReduceOp>(sum.op), squares = dyn_cast<ir::ReduceOp>(spread.op);
  Type element = typeOf(sum.result).getElementType();
  if (!of || !squares || of.getKind() != ir::ReduceKind::Sum ||
      squares.getKind() != ir::ReduceKind::Sum || of.getDims() != squares.getDims() ||
      !(element.isF32() || element.isF64()) || product(sum.extents) == 0)
    return false;
  auto square = squares.getX().getDefiningOp<ir::MulOp>();
  auto centred = square && square->getOperand(0) == square->getOperand(1)
                     ? square->getOperand(0).getDefiningOp<ir::SubOp>()
                     : ir::SubOp();
  if (!centred || centred->getOperand(0) != of.getX())
    return false;
  auto mean = centred->getOperand(1).getDefiningOp<ir::BroadcastInDimOp>();
  if (!mean || shapeOf(mean.getX()) != ArrayRef<int64_t>(sum.kept))
    return false;
  SmallVector<int64_t> kept;
  for (int64_t d = 0; d < typeOf(of.getX()).getRank(); ++d)
    if (!llvm::is_contained(of.getDims(), d))
      kept.push_back(d);
  return mean.getDims() == ArrayRef<int64_t>(kept) &&
         isMeanOf(mean.getX(), sum.result, (double)product(sum.extents));
}
