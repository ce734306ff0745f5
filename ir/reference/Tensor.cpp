// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/reference/Tensor.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace fluxion::ir::reference {

Tensor::Tensor(Type tensor) : type(cast<RankedTensorType>(tensor)) {
  if (isFloat())
    floats.assign(size(), 0);
  else
    integers.assign(size(), 0);
}

int64_t wrapTo(Type element, int64_t value) {
  unsigned width = element.getIntOrFloatBitWidth();
  if (width == 64)
    return value;
  uint64_t low = (uint64_t)value & ((uint64_t(1) << width) - 1);
  bool negative = !element.isUnsignedInteger() && width > 1 && low >> (width - 1);
  return negative ? (int64_t)(low - (uint64_t(1) << width)) : (int64_t)low;
}

void Tensor::setInteger(int64_t i, int64_t value) { integers[i] = wrapTo(type.getElementType(), value); }

Tensor Tensor::fromAttr(DenseElementsAttr attr) {
  Tensor tensor(attr.getType());
  int64_t i = 0;
  if (tensor.isFloat()) {
    for (const APFloat &value : attr.getValues<APFloat>()) {
      APFloat wide = value;
      bool lost;
      wide.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
      tensor.floats[i++] = wide.convertToDouble();
    }
    return tensor;
  }
  for (const APInt &value : attr.getValues<APInt>())
    tensor.setInteger(i++, (int64_t)value.getZExtValue());
  return tensor;
}

DenseElementsAttr Tensor::toAttr() const {
  Builder b(type.getContext());
  SmallVector<Attribute> elements;
  for (int64_t i = 0; i < size(); ++i)
    elements.push_back(isFloat() ? (Attribute)b.getFloatAttr(type.getElementType(), floats[i])
                                 : (Attribute)IntegerAttr::get(type.getElementType(), APInt(type.getElementTypeBitWidth(), (uint64_t)integers[i], false, true)));
  return DenseElementsAttr::get(type, elements);
}

} // namespace fluxion::ir::reference
