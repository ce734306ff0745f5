// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/common/Backend.h"

#include "codegen/halide/HalideBackend.h"
#include "codegen/llvm/loops/LoopsBackend.h"
#include "codegen/nvptx/LibraryBackend.h"
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
    list.push_back(makeLibraryBackend(*list[0]));
    return list;
  }();
  return target.isGpu() ? gpu : cpu;
}

std::vector<DictionaryAttr> Backend::candidates(ir::KernelOp kernel,
                                                const ir::TargetInfo &target) const {
  OwningOpRef<Operation *> owner(kernel->clone());
  auto copy = cast<ir::KernelOp>(*owner);
  std::vector<DictionaryAttr> list;
  auto attempt = [&](ArrayRef<NamedAttribute> keys) {
    auto config = DictionaryAttr::get(kernel.getContext(), keys);
    copy.setScheduleAttr(ir::ScheduleAttr::get(kernel.getContext(), config));
    ir::KernelCost tried = cost(copy, target);
    if (!tried.backend.empty() && tried.scheduleRefusal.empty() &&
        !llvm::is_contained(list, tried.schedule))
      list.push_back(tried.schedule);
  };
  attempt({});
  if (!list.empty())
    for (const ScheduleVariation &keys : variations(kernel, target, list[0]))
      attempt(keys);
  return list;
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
    bool predicted = candidate.seconds > 0;
    if (!candidate.backend.empty() && predicted)
      predictions.emplace_back(backend->name(), candidate.seconds);
    if (!allowed)
      continue;
    if (candidate.backend.empty())
      bestCost.refusal += (bestCost.refusal.empty() ? "" : "; ") +
                          (backend->name() + ": " + candidate.refusal).str();
    else if (!best || (predicted && candidate.seconds < bestCost.seconds))
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
  bool sumsResults(Operation *sum, Operation *contraction,
                   const ir::TargetInfo &target) const override {
    return llvm::any_of(backendsFor(target), [&](const std::unique_ptr<Backend> &backend) {
      return backend->sumsResults(sum, contraction, target);
    });
  }
  bool reducesColumnsOfRows(const ir::TargetInfo &) const override { return true; }
};

} // namespace

std::unique_ptr<ir::KernelModel> fluxion::codegen::makeKernelModel() {
  return std::make_unique<BackendModel>();
}
