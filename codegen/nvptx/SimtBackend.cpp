// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/SimtBackend.h"

#include "codegen/common/Shapes.h"
#include "codegen/llvm/loops/PhaseBackend.h"
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

// Another sweep over the results, against what finding the sums adds to every tile and the launch
// that adds their parts.
bool paysColumns(const Reduction &contraction, Operation *sum, const ir::TargetInfo &target) {
  constexpr double tileSeconds = 3e-7;
  int64_t parts = columnParts(contraction, sum, target, nullptr);
  double sweep = ir::byteSize(sum->getOperand(0).getType()) / bytesPerSecond;
  return parts && sweep > tileSeconds * ceilDiv(parts, target.cores);
}

std::unique_ptr<BlockEmitter> emitterOf(ir::KernelOp kernel, const Phase &phase,
                                        const ir::TargetInfo &target, OpBuilder &b) {
  bool finishesTiles = phase.kind == Phase::Combine && phase.reductions[0].streamedBytes;
  if (isTiled(phase) || finishesTiles) {
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

class SimtBackend final : public PhaseBackend {
public:
  StringRef name() const override { return "simt"; }

  bool sumsResults(Operation *sum, Operation *contraction,
                   const ir::TargetInfo &target) const override {
    return paysColumns(describeReduction(contraction, target), sum, target);
  }

  FailureOr<EmittedKernel> emit(ir::KernelOp kernel, OpBuilder &b, StringRef symbol,
                                const ir::TargetInfo &target) const override {
    b.getContext()->loadDialect<NVVM::NVVMDialect>();
    if (llvm::all_of(kernel.getResultTypes(), [](Type type) {
          return cast<RankedTensorType>(type).getNumElements() == 0;
        })) // a grid has at least one block
      return EmittedKernel();
    return PhaseBackend::emit(kernel, b, symbol, target);
  }

protected:
  void estimate(ir::KernelOp kernel, const KernelPlan &plan, const ir::TargetInfo &target,
                ir::KernelCost &cost) const override {
    int64_t launches = 0;
    for (const Phase &phase : plan.phases) {
      launches += launchesOf(phase);
      if (phase.kind == Phase::Scatter)
        cost.scratchBytes += scatterShape(phase).scratchBytes();
    }
    double work = contractSeconds(kernel, plan, target).value_or(cost.flops / flopsPerSecond);
    cost.seconds = std::max(cost.bytes / bytesPerSecond, work) + launchSeconds * launches;
  }

  int64_t functionsOf(const Phase &phase) const override { return launchesOf(phase); }

  void emitFunction(ir::KernelOp kernel, const Phase &phase, int64_t part, StringRef symbol,
                    ArrayRef<StoredValue> earlier, const ir::TargetInfo &target, OpBuilder &b,
                    EmittedKernel &emitted) const override {
    emitted.launches.push_back(
        emitterOf(kernel, phase, target, b)->emitLaunch(symbol, earlier, part));
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
