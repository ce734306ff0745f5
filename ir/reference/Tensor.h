// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A dense row-major tensor for evaluation: floats as f64 whatever their type, integers as i64
// wrapped to theirs.
#pragma once

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

#include <vector>

namespace fluxion::ir::reference {

struct Tensor {
  mlir::RankedTensorType type;
  std::vector<double> floats;    // where the elements are floats
  std::vector<int64_t> integers; // where they are integers; i1 is 0 or 1

  Tensor() = default;
  explicit Tensor(mlir::Type tensor);

  bool isFloat() const { return llvm::isa<mlir::FloatType>(type.getElementType()); }
  int64_t size() const { return type.getNumElements(); }
  llvm::ArrayRef<int64_t> shape() const { return type.getShape(); }
  double number(int64_t i) const { return isFloat() ? floats[i] : (double)integers[i]; }
  // Stores an integer as the element type would hold it.
  void setInteger(int64_t i, int64_t value);
  void copyElement(int64_t i, const Tensor &from, int64_t j) {
    if (isFloat())
      floats[i] = from.floats[j];
    else
      integers[i] = from.integers[j];
  }

  static Tensor fromAttr(mlir::DenseElementsAttr attr);
  mlir::DenseElementsAttr toAttr() const;
  // Dense elements in the machine's byte order, rounded to the element type; i1 takes a byte.
  static Tensor fromBytes(mlir::Type tensor, llvm::ArrayRef<char> bytes);
  std::vector<char> toBytes() const;
};

int64_t wrapTo(mlir::Type element, int64_t value);

// All positions of a shape in row-major order: calls f(index, number).
template <typename F> void forEachIndex(llvm::ArrayRef<int64_t> shape, F f) {
  llvm::SmallVector<int64_t> index(shape.size(), 0);
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  for (int64_t n = 0; n < count; ++n) {
    f(index, n);
    for (int64_t d = (int64_t)shape.size() - 1; d >= 0 && ++index[d] == shape[d]; --d)
      index[d] = 0;
  }
}

inline int64_t flatIndex(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> index) {
  int64_t flat = 0;
  for (size_t d = 0; d < shape.size(); ++d)
    flat = flat * shape[d] + index[d];
  return flat;
}

} // namespace fluxion::ir::reference
