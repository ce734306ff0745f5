// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes dialect ops as formulas: adjoint rules and decompositions read as the mathematics above
// them.
#pragma once

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"

namespace fluxion::ir {

enum class CompareDirection : uint32_t;
enum class ReduceKind : uint32_t;
class Emitter;

// A tensor value with arithmetic. Operands have one type; a number takes the other operand's type.
class Expr {
public:
  Expr(mlir::Value value, Emitter &emit) : value(value), emit(&emit) {}
  operator mlir::Value() const { return value; }
  mlir::RankedTensorType type() const {
    return llvm::cast<mlir::RankedTensorType>(value.getType());
  }
  llvm::ArrayRef<int64_t> shape() const { return type().getShape(); }
  Emitter &emitter() const { return *emit; }

private:
  mlir::Value value;
  Emitter *emit;
};

class Emitter {
public:
  Emitter(mlir::OpBuilder &builder, mlir::Location loc) : builder(builder), loc(loc) {}

  mlir::OpBuilder &builder;
  mlir::Location loc;

  Expr operator()(mlir::Value value) { return {value, *this}; }

  // A splat. Integer types take the truncated number.
  Expr constant(double value, mlir::RankedTensorType type);
  Expr zeros(mlir::Type type) { return constant(0, llvm::cast<mlir::RankedTensorType>(type)); }
  Expr like(double value, mlir::Value other) {
    return constant(value, llvm::cast<mlir::RankedTensorType>(other.getType()));
  }

  // Elementwise; one function an op, spelled as the mnemonic where C++ allows.
  Expr exp(Expr x), expm1(Expr x), log(Expr x), log1p(Expr x), sqrt(Expr x), rsqrt(Expr x),
      tanh(Expr x), sin(Expr x), cos(Expr x), erf(Expr x), neg(Expr x), abs(Expr x), sign(Expr x),
      floor(Expr x), sigmoid(Expr x);
  Expr add(Expr x, Expr y), sub(Expr x, Expr y), mul(Expr x, Expr y), div(Expr x, Expr y),
      pow(Expr x, Expr y), max(Expr x, Expr y), min(Expr x, Expr y), and_(Expr x, Expr y),
      or_(Expr x, Expr y);
  Expr compare(CompareDirection direction, Expr x, Expr y);
  Expr select(Expr pred, Expr on_true, Expr on_false);
  Expr convert(Expr x, mlir::Type element);

  // Shape and reduction.
  Expr reshape(Expr x, llvm::ArrayRef<int64_t> shape);
  Expr transpose(Expr x, llvm::ArrayRef<int64_t> permutation);
  Expr broadcast(Expr x, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> dims);
  Expr slice(Expr x, llvm::ArrayRef<int64_t> start, llvm::ArrayRef<int64_t> limit,
             llvm::ArrayRef<int64_t> stride);
  Expr pad(Expr x, double value, llvm::ArrayRef<int64_t> low, llvm::ArrayRef<int64_t> high,
           llvm::ArrayRef<int64_t> interior);
  Expr iota(mlir::RankedTensorType type, int64_t dim);
  Expr reduce(ReduceKind kind, Expr x, llvm::ArrayRef<int64_t> dims);
  Expr sum(Expr x, llvm::ArrayRef<int64_t> dims);
  // Undoes a reduction over `dims`: repeats y along them to reach `shape`.
  Expr broadcastReduced(Expr y, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> dims);
};

Expr operator+(Expr x, Expr y);
Expr operator-(Expr x, Expr y);
Expr operator*(Expr x, Expr y);
Expr operator/(Expr x, Expr y);
Expr operator-(Expr x);
Expr operator+(Expr x, double y);
Expr operator-(Expr x, double y);
Expr operator*(Expr x, double y);
Expr operator/(Expr x, double y);
Expr operator+(double x, Expr y);
Expr operator-(double x, Expr y);
Expr operator*(double x, Expr y);
Expr operator/(double x, Expr y);

} // namespace fluxion::ir
