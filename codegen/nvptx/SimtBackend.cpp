// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/SimtBackend.h"

#include "codegen/llvm/loops/Stored.h"
#include "codegen/nvptx/contract/TileContract.h"
#include "codegen/nvptx/hopper/HopperContract.h"
#include "ir/Work.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// What a graph node costs, and what memory and multiply-adds allow on the GPUs that are common.
constexpr double launchSeconds = 1.1e-6, bytesPerSecond = 2.5e12, flopsPerSecond = 3e13,
                 cyclesPerSecond = 1.7e9;

int64_t launches(const KernelPlan &plan) {
  int64_t count = 0;
  for (const Phase &phase : plan.phases)
    count += launchesOf(phase);
  return count;
}

bool isTiled(const Phase &phase) {
  return phase.kind == Phase::Reduce && takesTiles(phase.reductions[0]);
}

std::optional<HopperPlan> hopperPlanOf(const Contraction &c, ir::KernelOp kernel,
                                       const ir::TargetInfo &target) {
  ScheduleKeys keys(kernel);
  return planHopper(c, target, hasOneContraction(kernel) ? &keys : nullptr);
}

// What the pipelines of the kernel's contractions predict; nothing where it has none.
std::optional<double> contractSeconds(ir::KernelOp kernel, const KernelPlan &plan,
                                      const ir::TargetInfo &target) {
  std::optional<double> seconds;
  for (const Phase &phase : plan.phases) {
    if (!isTiled(phase))
      continue;
    Contraction c = describeContraction(phase.reductions[0]);
    std::optional<HopperPlan> engines = hopperPlanOf(c, kernel, target);
    double cycles = engines ? engines->cycles : planOf(c, kernel, target).cycles;
    seconds = seconds.value_or(0) + cycles / cyclesPerSecond;
  }
  return seconds;
}

std::unique_ptr<BlockEmitter> emitterOf(ir::KernelOp kernel, const Phase &phase,
                                        const ir::TargetInfo &target, OpBuilder &b) {
  if (isTiled(phase)) {
    Contraction c = describeContraction(phase.reductions[0]);
    std::optional<HopperPlan> plan = hopperPlanOf(c, kernel, target);
    if (plan && plan->chunks == phase.reductions[0].chunks)
      return std::make_unique<HopperContractEmitter>(kernel, phase, target, b, *plan);
    if (planOf(c, kernel, target).tensorCores)
      return std::make_unique<MmaContractEmitter>(kernel, phase, target, b);
    return std::make_unique<FmaContractEmitter>(kernel, phase, target, b);
  }
  return std::make_unique<BlockEmitter>(kernel, phase, target, b);
}

class SimtBackend final : public Backend {
public:
  StringRef name() const override { return "simt"; }

  ir::KernelCost cost(ir::KernelOp kernel, const ir::TargetInfo &target) const override {
    ir::KernelCost cost;
    KernelPlan plan = planKernel(kernel, target);
    if (!plan.refusal.empty()) {
      cost.refusal = plan.refusal;
      return cost;
    }
    cost.backend = "simt";
    cost.schedule = plan.schedule;
    cost.scheduleRefusal = plan.scheduleRefusal;
    cost.scratchBytes = plan.scratchBytes;
    for (const Phase &phase : plan.phases)
      if (phase.kind == Phase::Scatter)
        cost.scratchBytes += scatterShape(phase).scratchBytes();
    cost.inPlace = true;
    ir::countWork(kernel, cost);
    double work = contractSeconds(kernel, plan, target).value_or(cost.flops / flopsPerSecond);
    cost.seconds = std::max(cost.bytes / bytesPerSecond, work) + launchSeconds * launches(plan);
    return cost;
  }

  FailureOr<EmittedKernel> emit(ir::KernelOp kernel, OpBuilder &b, StringRef symbol,
                                const ir::TargetInfo &target) const override {
    b.getContext()->loadDialect<NVVM::NVVMDialect>();
    KernelPlan plan = planKernel(kernel, target);
    if (!plan.refusal.empty())
      return kernel.emitOpError("simt: ") << plan.refusal;
    EmittedKernel emitted;
    if (llvm::all_of(kernel.getResultTypes(), [](Type type) {
          return cast<RankedTensorType>(type).getNumElements() == 0;
        })) // a grid has at least one block
      return emitted;
    SmallVector<StoredValue> earlier;
    bool isOne = launches(plan) == 1;
    for (const Phase &phase : plan.phases) {
      for (int64_t part = 0; part < launchesOf(phase); ++part) {
        std::string name =
            isOne ? symbol.str() : symbol.str() + "_" + std::to_string(emitted.launches.size());
        emitted.launches.push_back(
            emitterOf(kernel, phase, target, b)->emitLaunch(name, earlier, part));
      }
      storedBy(phase, earlier);
    }
    return emitted;
  }
};

} // namespace

std::unique_ptr<Backend> fluxion::codegen::makeSimtBackend() {
  return std::make_unique<SimtBackend>();
}
