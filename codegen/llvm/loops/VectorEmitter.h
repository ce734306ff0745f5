// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Atoms of ScalarBody.h as SSA values: scalars, or builtin vectors of `lanes` elements. bf16 and
// f16 are computed in f32 and rounded after every op, i1 lives in registers as i1.
#pragma once

#include "ir/ops/ScalarBody.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace fluxion::codegen {

class VectorEmitter {
public:
  using Value = mlir::Value;

  VectorEmitter(mlir::OpBuilder &builder, mlir::Location loc, int64_t lanes)
      : b(builder), loc(loc), lanes(lanes) {}

  Value constant(double number, mlir::Type element);
  Value integer(int64_t number, mlir::Type element);
  Value apply(ir::Atom atom, llvm::ArrayRef<Value> x, mlir::Type element);
  Value compare(ir::CompareDirection direction, Value x, Value y, mlir::Type element);
  // The largest number of the type, or the smallest; of floats the infinities.
  Value bound(bool largest, mlir::Type element);
  Value select(Value pred, Value onTrue, Value onFalse);
  Value convert(Value x, mlir::Type from, mlir::Type to);
  Value bitcast(Value x, mlir::Type from, mlir::Type to);

  // x repeated in every lane; x itself with one lane.
  Value splat(Value scalar);
  // 0, 1, 2, ... in the lanes.
  Value laneNumbers(mlir::Type element);
  mlir::Type typeOf(mlir::Type element) const;
  // Address of read-only data of a flat tensor type; equal tables are one.
  Value table(mlir::DenseElementsAttr elements);
  // The type arithmetic and memory use: ui8 is i8 in registers.
  static mlir::Type storage(mlir::Type element);
  // The type an element is loaded, stored, selected and repeated as: 16-bit floats as i16.
  static mlir::Type movedAs(mlir::Type element);

  mlir::OpBuilder &b;
  mlir::Location loc;
  int64_t lanes;
  mlir::ModuleOp module;  // where tables go
  bool hasFma = true;     // else a fused multiply-add would become a library call
  bool hasAvx512 = false; // of x86: look-up within a register, scaling by powers of two
  bool hasBf16 = false;   // conversions from f32 are instructions

private:
  Value floatAtom(ir::Atom atom, llvm::ArrayRef<Value> x, mlir::Type element);
  Value integerAtom(ir::Atom atom, llvm::ArrayRef<Value> x, mlir::Type element);
  Value extremum(bool isMax, Value x, Value y);
  Value floatToInteger(Value x, mlir::Type to);
  Value convertBf16(Value x, mlir::Type from, mlir::Type to);
};

} // namespace fluxion::codegen
