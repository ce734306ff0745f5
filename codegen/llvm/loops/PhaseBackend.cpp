// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/loops/PhaseBackend.h"

#include "ir/Work.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

// The values that phases after this one may read whole.
static void addStored(const Phase &phase, SmallVectorImpl<StoredValue> &earlier) {
  bool partial = phase.kind == Phase::Pack || phase.kind == Phase::PadInput ||
                 (phase.kind == Phase::Reduce &&
                  (phase.reductions[0].chunks > 1 || phase.reductions[0].streamedBytes));
  for (const StoredValue &stored : phase.stores)
    if (!partial)
      earlier.push_back(stored);
}

ir::KernelCost PhaseBackend::cost(ir::KernelOp kernel, const ir::TargetInfo &target) const {
  ir::KernelCost cost;
  KernelPlan plan = planKernel(kernel, target);
  if (!plan.refusal.empty()) {
    cost.refusal = plan.refusal;
    return cost;
  }
  cost.backend = name();
  cost.schedule = plan.schedule;
  cost.scheduleRefusal = plan.scheduleRefusal;
  cost.scratchBytes = plan.scratchBytes;
  cost.inPlace = true;
  ir::countWork(kernel, cost);
  estimate(kernel, plan, target, cost);
  return cost;
}

FailureOr<EmittedKernel> PhaseBackend::emit(ir::KernelOp kernel, OpBuilder &b, StringRef symbol,
                                            const ir::TargetInfo &target) const {
  KernelPlan plan = planKernel(kernel, target);
  if (!plan.refusal.empty())
    return kernel.emitOpError(name()) << ": " << plan.refusal;
  EmittedKernel emitted;
  SmallVector<StoredValue> earlier;
  int64_t functions = 0, next = 0;
  for (const Phase &phase : plan.phases)
    functions += functionsOf(phase);
  for (const Phase &phase : plan.phases) {
    for (int64_t part = 0; part < functionsOf(phase); ++part) {
      std::string name =
          functions == 1 ? symbol.str() : symbol.str() + "_" + std::to_string(next++);
      emitFunction(kernel, phase, part, name, earlier, target, b, emitted);
    }
    addStored(phase, earlier);
  }
  return emitted;
}
