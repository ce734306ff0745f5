// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/loops/LoopsBackend.h"

#include "codegen/llvm/loops/PhaseEmitter.h"
#include "codegen/llvm/loops/Stored.h"
#include "ir/Work.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// Keys worth a try beside the model's own decisions: other tiles, then one other decision each.
std::vector<ScheduleVariation> variationsOf(DictionaryAttr own) {
  std::vector<ScheduleVariation> list;
  Builder b(own.getContext());
  auto integer = [&](StringRef key, int64_t value) {
    return b.getNamedAttr(key, b.getI64IntegerAttr(value));
  };
  if (own.contains("tile_rows") && own.contains("tile_vectors"))
    for (auto [rows, vectors] : std::initializer_list<std::pair<int64_t, int64_t>>{{24, 1},
                                                                                   {16, 1},
                                                                                   {8, 1},
                                                                                   {14, 2},
                                                                                   {12, 2},
                                                                                   {8, 2},
                                                                                   {9, 3},
                                                                                   {8, 3},
                                                                                   {7, 4},
                                                                                   {6, 4},
                                                                                   {4, 4},
                                                                                   {6, 2},
                                                                                   {4, 2},
                                                                                   {4, 3}})
      list.push_back({integer("tile_rows", rows), integer("tile_vectors", vectors)});
  for (StringRef key : {"pack_lhs", "pack_rhs", "tile_taps"})
    if (auto flag = own.getAs<BoolAttr>(key))
      list.push_back({b.getNamedAttr(key, b.getBoolAttr(!flag.getValue()))});
  for (auto &[key, values] :
       std::map<StringRef, std::vector<int64_t>>{{"unroll", {1, 2, 8}},
                                                 {"chunks", {1, 2, 4, 8}},
                                                 {"block_depth", {0, 256, 384}},
                                                 {"task_panels", {0, 2, 4}}})
    for (int64_t value : values)
      if (own.contains(key))
        list.push_back({integer(key, value)});
  return list;
}

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
    cost.schedule = plan.schedule;
    cost.scheduleRefusal = plan.scheduleRefusal;
    cost.scratchBytes = plan.scratchBytes;
    cost.inPlace = true;
    for (const Phase &phase : plan.phases)
      cost.tasks = std::max(cost.tasks, phase.tasks);
    ir::countWork(kernel, cost);
    double lanes = target.vectorBytes / 4.0;
    cost.seconds = std::max(cost.bytes / 12e9, cost.flops / (lanes * 4e9));
    return cost;
  }

  std::vector<ScheduleVariation> variations(ir::KernelOp, const ir::TargetInfo &,
                                            DictionaryAttr own) const override {
    return variationsOf(own);
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
