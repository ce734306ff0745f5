// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/common/Backend.h"

#include "codegen/halide/HalideBackend.h"
#include "codegen/llvm/loops/LoopsBackend.h"
#include "codegen/nvptx/SimtBackend.h"
#include "ir/ops/ScalarBody.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

const std::vector<std::unique_ptr<Backend>> &
fluxion::codegen::backendsFor(const ir::TargetInfo &target) {
  static const std::vector<std::unique_ptr<Backend>> cpu = [] {
    std::vector<std::unique_ptr<Backend>> list;
    list.push_back(makeLoopsBackend());
    list.push_back(makeHalideBackend());
    return list;
  }();
  static const std::vector<std::unique_ptr<Backend>> gpu = [] {
    std::vector<std::unique_ptr<Backend>> list;
    list.push_back(makeSimtBackend());
    return list;
  }();
  return target.isGpu() ? gpu : cpu;
}

std::vector<DictionaryAttr> Backend::candidates(ir::KernelOp kernel,
                                                const ir::TargetInfo &target) const {
  ir::KernelCost own = cost(kernel, target);
  return own.backend.empty() ? std::vector<DictionaryAttr>() : std::vector{own.schedule};
}

const Backend *fluxion::codegen::chooseBackend(ir::KernelOp kernel, const ir::TargetInfo &target,
                                               ir::KernelCost *cost) {
  StringAttr forced = kernel.getSchedule()
                          ? kernel.getSchedule()->getConfig().getAs<StringAttr>("backend")
                          : StringAttr();
  const Backend *best = nullptr;
  ir::KernelCost bestCost;
  std::vector<std::pair<std::string, double>> predictions; // of all that take it
  for (const auto &backend : backendsFor(target)) {
    ir::KernelCost candidate = backend->cost(kernel, target);
    bool allowed = !forced || forced.getValue() == backend->name();
    if (!candidate.backend.empty())
      predictions.emplace_back(backend->name(), candidate.seconds);
    if (!allowed)
      continue;
    if (candidate.backend.empty())
      bestCost.refusal += (bestCost.refusal.empty() ? "" : "; ") +
                          (backend->name() + ": " + candidate.refusal).str();
    else if (!best || candidate.seconds < bestCost.seconds)
      best = backend.get(), bestCost = candidate;
  }
  for (auto &prediction : predictions)
    if (best && prediction.first != best->name())
      bestCost.others.push_back(prediction);
  if (cost)
    *cost = bestCost;
  return best;
}

namespace {

class BackendModel final : public ir::KernelModel {
public:
  ir::KernelCost cost(ir::KernelOp kernel, const ir::TargetInfo &target) const override {
    ir::KernelCost cost;
    chooseBackend(kernel, target, &cost);
    return cost;
  }
  // A tile's registers hold the contraction's element; ops that need just that element follow for
  // free.
  bool fusesInto(Operation *op, Operation *contraction,
                 const ir::TargetInfo &target) const override {
    return ir::hasScalarBody(op);
  }
  bool reducesColumnsOfRows(const ir::TargetInfo &) const override { return true; }
};

} // namespace

std::unique_ptr<ir::KernelModel> fluxion::codegen::makeKernelModel() {
  return std::make_unique<BackendModel>();
}
