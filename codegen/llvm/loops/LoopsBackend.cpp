// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/loops/LoopsBackend.h"

#include "codegen/llvm/loops/PhaseEmitter.h"
#include "codegen/llvm/loops/Work.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

class LoopsBackend final : public Backend {
public:
  StringRef name() const override { return "llvm-loops"; }

  ir::KernelCost cost(ir::KernelOp kernel, const ir::TargetInfo &target) const override {
    ir::KernelCost cost;
    KernelPlan plan = planKernel(kernel, target);
    if (!plan.refusal.empty()) {
      cost.refusal = plan.refusal;
      return cost;
    }
    cost.backend = "llvm-loops";
    cost.scratchBytes = plan.scratchBytes;
    cost.inPlace = true;
    for (const Phase &phase : plan.phases)
      cost.tasks = std::max(cost.tasks, phase.tasks);
    countWork(kernel, cost);
    double lanes = target.vectorBytes / 4.0;
    cost.seconds = std::max(cost.bytes / 12e9, cost.flops / (lanes * 4e9));
    return cost;
  }

  FailureOr<EmittedKernel> emit(ir::KernelOp kernel, OpBuilder &b, StringRef symbol,
                                const ir::TargetInfo &target) const override {
    KernelPlan plan = planKernel(kernel, target);
    if (!plan.refusal.empty())
      return kernel.emitOpError("llvm-loops: ") << plan.refusal;
    EmittedKernel emitted;
    SmallVector<StoredValue> earlier;
    for (auto [i, phase] : llvm::enumerate(plan.phases)) {
      std::string name =
          plan.phases.size() == 1 ? symbol.str() : symbol.str() + "_" + std::to_string(i);
      PhaseEmitter(kernel, phase, target, b).emit(name, earlier);
      emitted.phases.push_back({name, phase.tasks});
      storedBy(phase, earlier);
    }
    return emitted;
  }
};

} // namespace

std::unique_ptr<Backend> fluxion::codegen::makeLoopsBackend() {
  return std::make_unique<LoopsBackend>();
}
