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
constexpr double launchSeconds = 1.1e-6, bytesPerSecond = 2.5e12, flopsPerSecond = 3e13;

int64_t launches(const KernelPlan &plan) {
  int64_t count = 0;
  for (const Phase &phase : plan.phases)
    count += launchesOf(phase);
  return count;
}

std::unique_ptr<BlockEmitter> emitterOf(ir::KernelOp kernel, const Phase &phase,
                                        const ir::TargetInfo &target, OpBuilder &b) {
  if (phase.kind == Phase::Reduce && takesTiles(phase.reductions[0])) {
    Contraction c = describeContraction(phase.reductions[0]);
    ScheduleKeys keys(kernel);
    std::optional<HopperPlan> plan =
        planHopper(c, target, hasOneContraction(kernel) ? &keys : nullptr);
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
    cost.seconds = std::max(cost.bytes / bytesPerSecond, cost.flops / flopsPerSecond) +
                   launchSeconds * launches(plan);
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

  std::vector<ScheduleVariation> variations(ir::KernelOp kernel, const ir::TargetInfo &target,
                                            DictionaryAttr own) const override {
    if (!hasOneContraction(kernel))
      return {};
    KernelPlan plan = planKernel(kernel, target);
    auto phase = llvm::find_if(plan.phases, [](const Phase &phase) {
      return phase.kind == Phase::Reduce && takesTiles(phase.reductions[0]);
    });
    if (phase == plan.phases.end())
      return {};
    Contraction c = describeContraction(phase->reductions[0]);
    if (!own.contains("engines"))
      return contractVariations(c, target, own.getContext());
    std::vector<ScheduleVariation> list = hopperVariations(own);
    Builder b(own.getContext());
    for (ScheduleVariation &keys : contractVariations(c, target, own.getContext())) {
      keys.push_back(b.getNamedAttr("engines", b.getBoolAttr(false)));
      list.push_back(keys);
    }
    return list;
  }
};

} // namespace

std::unique_ptr<Backend> fluxion::codegen::makeSimtBackend() {
  return std::make_unique<SimtBackend>();
}
