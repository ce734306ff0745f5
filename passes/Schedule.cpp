// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Passes.h"
#include "passes/schedule/Cost.h"
#include "passes/schedule/ScheduleSource.h"

#include <set>

using namespace mlir;

namespace fluxion::passes {
#define GEN_PASS_DEF_SCHEDULEPASS
#include "passes/Passes.h.inc"

namespace {
class SchedulePass : public impl::SchedulePassBase<SchedulePass> {
public:
  using SchedulePassBase::SchedulePassBase;
  SchedulePass(const SchedulePassOptions &options, const ir::KernelModel *model,
               const ScheduleSource *source)
      : SchedulePassBase(options), model(model), source(source) {}
  SchedulePass(const SchedulePass &other)
      : SchedulePassBase(other), model(other.model), source(other.source) {}

  void runOnOperation() override {
    std::string error;
    DictionaryAttr forced = parseScheduleText(overrides, &getContext(), error);
    if (!forced) {
      mlir::emitError(UnknownLoc::get(&getContext())) << error;
      return refuseInput();
    }
    ir::TargetInfo target = ir::TargetInfo::of(getOperation());
    WalkResult walk = getOperation().walk([&](ir::KernelOp kernel) {
      return schedule(kernel, target, forced) ? WalkResult::skip() : WalkResult::interrupt();
    });
    if (!walk.wasInterrupted() && failed(checkTaken(forced)))
      refuseInput();
  }

private:
  const ir::KernelModel *model = nullptr;
  const ScheduleSource *source = nullptr;
  std::set<std::string> known, taken; // keys that kernels have; those of the overrides among them

  DictionaryAttr found(ir::KernelOp kernel, const ir::TargetInfo &target);
  ir::KernelCost override(ir::KernelOp kernel, const ir::TargetInfo &target, DictionaryAttr forced);
  bool schedule(ir::KernelOp kernel, const ir::TargetInfo &target, DictionaryAttr forced);
  LogicalResult checkTaken(DictionaryAttr forced);
  // The error is in what the user asked for, not in the compiler.
  void refuseInput() {
    getOperation()->setAttr(inputErrorAttrName, UnitAttr::get(&getContext()));
    signalPassFailure();
  }
};

void attach(ir::KernelOp kernel, const NamedAttrList &config) {
  MLIRContext *context = kernel.getContext();
  kernel.setScheduleAttr(ir::ScheduleAttr::get(context, config.getDictionary(context)));
}

// Keys written by hand in the IR, then the database.
DictionaryAttr SchedulePass::found(ir::KernelOp kernel, const ir::TargetInfo &target) {
  NamedAttrList config;
  if (source)
    if (DictionaryAttr measured = source->lookup(kernelFingerprint(kernel), target, &getContext()))
      config.append(measured.getValue());
  if (kernel.getSchedule())
    for (NamedAttribute entry : kernel.getSchedule()->getConfig())
      config.set(entry.getName(), entry.getValue());
  return config.getDictionary(&getContext());
}

// Overrides win over all, in every kernel that has such a decision; one may bring others with it.
ir::KernelCost SchedulePass::override(ir::KernelOp kernel, const ir::TargetInfo &target,
                                      DictionaryAttr forced) {
  NamedAttrList config(found(kernel, target));
  if (Attribute backend = forced.get("backend"))
    config.set("backend", backend);
  std::set<StringRef> written{"backend"};
  while (true) {
    attach(kernel, config);
    ir::KernelCost cost = model->cost(kernel, target);
    bool more = false;
    for (NamedAttribute entry : forced) {
      StringRef key = entry.getName();
      if (!cost.schedule || !cost.schedule.contains(key) || !written.insert(key).second)
        continue;
      config.set(key, entry.getValue());
      taken.insert(key.str());
      more = true;
    }
    if (!more)
      return cost;
  }
}

bool SchedulePass::schedule(ir::KernelOp kernel, const ir::TargetInfo &target,
                            DictionaryAttr forced) {
  Builder b(&getContext());
  ir::KernelCost cost;
  if (model) {
    cost = override(kernel, target, forced);
    if (cost.backend.empty()) {
      kernel.emitOpError() << "\"" << kernel.getName()
                           << "\": no backend takes this kernel: " << cost.refusal;
      forced.contains("backend") ? refuseInput() : signalPassFailure();
      return false;
    }
    if (!cost.scheduleRefusal.empty()) {
      mlir::emitError(kernel.getLoc()) << "kernel \"" << kernel.getName() << "\" of "
                                       << cost.backend << ": " << cost.scheduleRefusal;
      refuseInput();
      return false;
    }
    for (NamedAttribute entry : cost.schedule)
      known.insert(entry.getName().str());
    attach(kernel, cost.schedule);
    kernel->setAttr(secondsAttrName, b.getF64FloatAttr(cost.seconds));
    NamedAttrList others;
    for (auto &[backend, seconds] : cost.others)
      others.set(backend, b.getF64FloatAttr(seconds));
    if (!others.empty())
      kernel->setAttr(othersAttrName, others.getDictionary(&getContext()));
    kernel->setAttr(tasksAttrName, b.getI64IntegerAttr(cost.tasks));
    if (cost.inPlace)
      kernel->setAttr(ir::inPlaceAttrName, b.getUnitAttr());
    if (cost.scratchBytes > 0)
      kernel->setAttr(ir::scratchAttrName, b.getI64IntegerAttr(cost.scratchBytes));
  } else {
    ir::countWork(kernel, cost);
    NamedAttrList config(found(kernel, target));
    for (NamedAttribute entry : forced)
      config.set(entry.getName(), entry.getValue());
    attach(kernel, config);
  }
  kernel->setAttr(flopsAttrName, b.getI64IntegerAttr((int64_t)cost.flops));
  kernel->setAttr(bytesAttrName, b.getI64IntegerAttr((int64_t)cost.bytes));
  return true;
}

// An override that no kernel has would be ignored in silence.
LogicalResult SchedulePass::checkTaken(DictionaryAttr forced) {
  for (NamedAttribute entry : forced) {
    StringRef key = entry.getName();
    if (!model || key == "backend" || taken.count(key.str()))
      continue;
    std::string nearest;
    for (const std::string &name : known)
      if (nearest.empty() || key.edit_distance(name) < key.edit_distance(nearest))
        nearest = name;
    return mlir::emitError(UnknownLoc::get(&getContext()))
           << "unknown schedule key \"" << key << "\"; did you mean "
           << (nearest.empty() ? "backend" : nearest) << "?";
  }
  return success();
}
} // namespace

std::unique_ptr<Pass> createSchedulePass(const SchedulePassOptions &options,
                                         const ir::KernelModel *model,
                                         const ScheduleSource *source) {
  return std::make_unique<SchedulePass>(options, model, source);
}
} // namespace fluxion::passes
