// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What passes ask of code generation without depending on it: which backend takes a kernel and at
// what cost. codegen/ implements it; the driver hands the implementation to the pipeline.
#pragma once

#include "ir/Target.h"
#include "ir/ops/Update.h"

#include <string>
#include <utility>
#include <vector>

namespace fluxion::ir {

struct KernelCost {
  std::string backend; // "llvm-loops", "llvm-contract", "halide", ...; empty: no backend takes it
  std::string refusal; // why not, where backend is empty
  int64_t tasks = 1;   // independent pieces of the largest phase, fixed by the schedule
  int64_t scratchBytes = 0; // arena memory the kernel needs while it runs
  // A result may take the memory of an operand that is read only at the element being written:
  // nothing is stored into results but final values, and each element is stored after its last such
  // read.
  bool inPlace = false;
  double flops = 0, bytes = 0; // multiply-add counts 2; least traffic
  double seconds = 0;          // predicted, one thread; 0: only a schedule chooses the backend
  // Other backends that take the kernel, and their predicted seconds.
  std::vector<std::pair<std::string, double>> others;
  // Every decision the schedule may override, as decided, `backend` included.
  mlir::DictionaryAttr schedule;
  std::string scheduleRefusal; // which given key cannot be obeyed and what it may be; empty: none
};

class KernelModel {
public:
  virtual ~KernelModel() = default;
  // The kernel as scheduled; keys of its schedule win over what the model would choose.
  virtual KernelCost cost(KernelOp kernel, const TargetInfo &target) const = 0;
  // May this op be an epilogue (fused behind) or a prologue (fused before) of the contraction?
  virtual bool fusesInto(mlir::Operation *op, mlir::Operation *contraction,
                         const TargetInfo &target) const = 0;
  // Does the contraction find this sum over its results as it makes them?
  virtual bool sumsResults(mlir::Operation *sum, mlir::Operation *contraction,
                           const TargetInfo &target) const {
    return false;
  }
  // May a kernel of rows also reduce over the rows, into results of a row's shape?
  virtual bool reducesColumnsOfRows(const TargetInfo &) const { return false; }
};

// Set on a kernel after scheduling, read by the memory planner and by code generation.
inline constexpr llvm::StringLiteral scratchAttrName = "fluxion.scratch"; // i64 bytes
inline constexpr llvm::StringLiteral inPlaceAttrName =
    "fluxion.in_place"; // unit: KernelCost::inPlace
inline constexpr llvm::StringLiteral scratchPlaceAttrName =
    "fluxion.scratch_place"; // #fluxion.place

// On a state item whose type is not in the declared order: dimension i of the type is dimension
// layout[i] of the tensor that checkpoints and users see (dense i64 array).
inline constexpr llvm::StringLiteral stateLayoutAttrName = "fluxion.layout";

} // namespace fluxion::ir
