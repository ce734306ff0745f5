// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/reference/Tensor.h"

#include "mlir/IR/Builders.h"

#include <cstring>

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

void Tensor::setInteger(int64_t i, int64_t value) {
  integers[i] = wrapTo(type.getElementType(), value);
}

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
    elements.push_back(isFloat()
                           ? (Attribute)b.getFloatAttr(type.getElementType(), floats[i])
                           : (Attribute)IntegerAttr::get(
                                 type.getElementType(), APInt(type.getElementTypeBitWidth(),
                                                              (uint64_t)integers[i], false, true)));
  return DenseElementsAttr::get(type, elements);
}

namespace {
size_t bytesOf(Type element) { return std::max(8u, element.getIntOrFloatBitWidth()) / 8; }
} // namespace

Tensor Tensor::fromBytes(Type type, ArrayRef<char> bytes) {
  Tensor tensor(type);
  Type element = tensor.type.getElementType();
  size_t width = bytesOf(element);
  assert(bytes.size() == width * tensor.size() && "as many bytes as the type has");
  for (int64_t i = 0; i < tensor.size(); ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * width, width);
    if (!tensor.isFloat()) {
      tensor.setInteger(i, element.isInteger(1) ? bits != 0 : (int64_t)bits);
      continue;
    }
    APFloat number(cast<FloatType>(element).getFloatSemantics(), APInt(8 * width, bits));
    bool lost;
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
    tensor.floats[i] = number.convertToDouble();
  }
  return tensor;
}

std::vector<char> Tensor::toBytes() const {
  Type element = type.getElementType();
  size_t width = bytesOf(element);
  std::vector<char> bytes(width * size());
  for (int64_t i = 0; i < size(); ++i) {
    uint64_t bits = isFloat() ? 0 : (uint64_t)integers[i];
    if (isFloat()) {
      APFloat number(floats[i]);
      bool lost;
      number.convert(cast<FloatType>(element).getFloatSemantics(), APFloat::rmNearestTiesToEven,
                     &lost);
      bits = number.bitcastToAPInt().getZExtValue();
    }
    std::memcpy(bytes.data() + i * width, &bits, width);
  }
  return bytes;
}

} // namespace fluxion::ir::reference
