// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One reverse sweep over straight-line code.
#pragma once

#include "mlir/IR/Builders.h"
#include "mlir/IR/Operation.h"

namespace fluxion::ir {

class Reverse {
public:
  // Emits at the builder's insertion point, which every value of the swept ops must dominate.
  explicit Reverse(mlir::OpBuilder &builder) : builder(builder) {}

  // Values whose cotangents are wanted; what does not depend on them is inactive.
  void want(mlir::ValueRange values);
  // Adds a contribution to a value's cotangent.
  void add(mlir::Value value, mlir::Value cotangent);
  // The ops in program order, after all `want` and the outputs' `add`.
  mlir::LogicalResult sweep(llvm::ArrayRef<mlir::Operation *> ops);
  // The accumulated cotangent; zeros where nothing arrived.
  mlir::Value cotangent(mlir::Value value);

private:
  mlir::OpBuilder &builder;
  llvm::DenseSet<mlir::Value> active;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> contributions;

  // Of cotangents that came through selects: where they may differ from zero (i1).
  llvm::DenseMap<mlir::Value, mlir::Value> live;

  void spreadActivity(mlir::Operation *op);
  mlir::Value accumulated(mlir::Value value); // null: a symbolic zero
  mlir::LogicalResult reverse(mlir::Operation *op);
  void keepZeros(mlir::Operation *op, mlir::ValueRange grads,
                 llvm::MutableArrayRef<mlir::Value> cotangents);
  mlir::LogicalResult reverseCheckpoint(mlir::Operation *op, mlir::ValueRange grads);
  mlir::LogicalResult reverseCustom(mlir::Operation *op, mlir::ValueRange grads);
};

// Copies the ops of a region's block (not its terminator) to the builder, arguments replaced;
// returns the copies in order and what the terminator yields.
struct Inlined {
  llvm::SmallVector<mlir::Operation *> ops;
  llvm::SmallVector<mlir::Value> results;
};
Inlined inlineCopy(mlir::OpBuilder &builder, mlir::Region &region, mlir::ValueRange arguments);

} // namespace fluxion::ir
