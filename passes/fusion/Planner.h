// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Decides which ops become one kernel. One method a rule; plan() applies them in order.
#pragma once

#include "passes/fusion/Groups.h"

#include "ir/KernelModel.h"

namespace fluxion::passes {

struct PlannerOptions {
  const ir::KernelModel *model = nullptr; // null: every kernel is taken
  bool fuse = true;                       // false: one op a kernel
  bool recompute = true;
  int64_t maxOps = 160;
};

class Planner {
public:
  Planner(mlir::func::FuncOp function, const PlannerOptions &options);
  void plan();
  Groups groups;

private:
  PlannerOptions options;
  ir::TargetInfo target;

  void freeCheapOps();
  void freeReplayedOps();
  void materialise(mlir::Operation *op);
  void startGroups();
  void fuseLoops();
  bool fitsKernel(llvm::ArrayRef<mlir::Operation *> ops);
  bool tryMerge(int a, int b);
  void splitStoredInputs();
  llvm::SmallVector<mlir::Operation *> storedSlice(mlir::Value stored, int group,
                                                   llvm::ArrayRef<int64_t> shape);
  void mergeUpdates();
  void mergeConversions();
  void mergeAlike(int64_t most, llvm::function_ref<bool(llvm::ArrayRef<mlir::Operation *>)> isOne);
  void settleWithModel();
  void shrinkEpilogue(int group);
  void rebuildLoops(int group);
  std::string backendFor(llvm::ArrayRef<mlir::Operation *> ops);
  bool accepted(llvm::ArrayRef<mlir::Operation *> ops);
  llvm::SmallVector<int> neighbours(int group);

  // Epilogues.cpp
  void growEpilogues();
  void growEpilogue(int group);
  void pruneEpilogue(int group);
  void pullOperands(mlir::Operation *op, int group);
  bool fitsEpilogue(mlir::Operation *op, int group);
  void joinColumnSums();
  bool isSumOfResults(int group, int contraction);

  // Recompute.cpp
  void recomputeElements();
  llvm::SmallVector<mlir::Operation *> chainOf(mlir::Operation *op, int group);
  void placeMasks();
  void recomputeMask(mlir::Operation *mask);
  bool storesMask(mlir::Operation *mask);
};

} // namespace fluxion::passes
