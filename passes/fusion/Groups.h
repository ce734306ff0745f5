// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A partition of an entry point's ops into future kernels. Fusion grows it; forming kernels reads
// it.
#pragma once

#include "passes/fusion/OpClass.h"

#include "ir/ops/Update.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fluxion::passes {

// Ops that run as one kernel, in block order. Ops marked free belong to no group: each kernel that
// uses one computes it again.
struct Group {
  llvm::SmallVector<mlir::Operation *> ops;
  mlir::Operation *anchor =
      nullptr; // the contraction, window or index op that fixes the loops, if any
};

void inBlockOrder(llvm::SmallVectorImpl<mlir::Operation *> &ops);

class Groups {
public:
  explicit Groups(mlir::func::FuncOp function) : function(function) {}

  mlir::func::FuncOp function;
  std::vector<Group> groups; // emptied groups stay in place
  bool columns = false;      // kernels of rows may also reduce over the rows

  int add(mlir::Operation *op);
  void moveTo(mlir::Operation *op, int group);
  void merge(int into, int from);
  llvm::SmallVector<mlir::Operation *> opsOf(int a, int b) const; // of both, in block order
  void setFree(mlir::Operation *op) { free.insert(op); }
  void unsetFree(mlir::Operation *op) { free.erase(op); }
  bool isFree(mlir::Operation *op) const { return free.contains(op); }
  int groupOf(mlir::Operation *op) const {
    auto known = index.find(op);
    return known == index.end() ? -1 : known->second;
  }
  // Would one kernel of both need a value that depends on it by way of ops outside?
  bool mergeMakesCycle(int a, int b) const;
  // Values from outside that a kernel of these ops reads, through free ops; and those others need
  // of it.
  llvm::SmallVector<mlir::Value> inputsOf(llvm::ArrayRef<mlir::Operation *> ops) const;
  llvm::SmallVector<mlir::Value> outputsOf(llvm::ArrayRef<mlir::Operation *> ops) const;
  llvm::SmallVector<mlir::Value> outputsOf(mlir::Operation *op,
                                           const llvm::DenseSet<mlir::Operation *> &inside) const;
  // Bytes read and written by a kernel of these ops.
  double trafficOf(llvm::ArrayRef<mlir::Operation *> ops) const;

private:
  llvm::DenseMap<mlir::Operation *, int> index;
  llvm::DenseSet<mlir::Operation *> free;

  bool reachesThroughOthers(int from, int to) const;
};

// Builds the kernel of a group where its first op stands, without touching the ops. Operands are
// the values of inputsOf, results those of outputsOf.
ir::KernelOp buildKernel(const Groups &groups, llvm::ArrayRef<mlir::Operation *> ops,
                         mlir::OpBuilder &builder, llvm::SmallVectorImpl<mlir::Value> &outputs);

// Replaces every group by its kernel and drops free ops; the block is put into a legal order.
void formKernels(Groups &groups);

ir::KernelKind kindOf(const Groups &groups, llvm::ArrayRef<mlir::Operation *> ops);
std::string nameOf(const Groups &groups, llvm::ArrayRef<mlir::Operation *> ops);

} // namespace fluxion::passes
