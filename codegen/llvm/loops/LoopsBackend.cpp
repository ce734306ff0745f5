// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/loops/LoopsBackend.h"

#include "codegen/llvm/loops/PhaseBackend.h"
#include "codegen/llvm/loops/PhaseEmitter.h"

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

class LoopsBackend final : public PhaseBackend {
public:
  StringRef name() const override { return "llvm-loops"; }

  std::vector<ScheduleVariation> variations(ir::KernelOp, const ir::TargetInfo &,
                                            DictionaryAttr own) const override {
    return variationsOf(own);
  }

protected:
  void estimate(ir::KernelOp, const KernelPlan &plan, const ir::TargetInfo &target,
                ir::KernelCost &cost) const override {
    for (const Phase &phase : plan.phases)
      cost.tasks = std::max(cost.tasks, phase.tasks);
    double lanes = target.vectorBytes / 4.0;
    cost.seconds = std::max(cost.bytes / 12e9, cost.flops / (lanes * 4e9));
  }

  void emitFunction(ir::KernelOp kernel, const Phase &phase, int64_t, StringRef symbol,
                    ArrayRef<StoredValue> earlier, const ir::TargetInfo &target, OpBuilder &b,
                    EmittedKernel &emitted) const override {
    PhaseEmitter(kernel, phase, target, b).emit(symbol, earlier);
    emitted.phases.push_back({symbol.str(), phase.tasks});
  }
};

} // namespace

std::unique_ptr<Backend> fluxion::codegen::makeLoopsBackend() {
  return std::make_unique<LoopsBackend>();
}
