// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Passes.h"
#include "passes/schedule/Cost.h"
#include "passes/schedule/ScheduleSource.h"

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
      getOperation().emitError() << error;
      return signalPassFailure();
    }
    ir::TargetInfo target = ir::TargetInfo::of(getOperation());
    WalkResult walk = getOperation().walk([&](ir::KernelOp kernel) {
      return succeeded(schedule(kernel, target, forced)) ? WalkResult::skip()
                                                         : WalkResult::interrupt();
    });
    if (walk.wasInterrupted())
      signalPassFailure();
  }

private:
  const ir::KernelModel *model = nullptr;
  const ScheduleSource *source = nullptr;

  LogicalResult schedule(ir::KernelOp kernel, const ir::TargetInfo &target, DictionaryAttr forced);
};

// Keys written by hand in the IR, then the database, then the model; overrides win over all.
LogicalResult SchedulePass::schedule(ir::KernelOp kernel, const ir::TargetInfo &target,
                                     DictionaryAttr forced) {
  NamedAttrList config;
  if (source)
    if (DictionaryAttr known = source->lookup(kernelFingerprint(kernel), target, &getContext()))
      config.append(known.getValue());
  auto merge = [&](DictionaryAttr from) {
    for (NamedAttribute entry : from)
      config.set(entry.getName(), entry.getValue());
  };
  if (kernel.getSchedule())
    merge(kernel.getSchedule()->getConfig());
  merge(forced);
  auto attach = [&] {
    kernel.setScheduleAttr(
        ir::ScheduleAttr::get(&getContext(), config.getDictionary(&getContext())));
  };
  attach();

  Builder b(&getContext());
  ir::KernelCost cost = model ? model->cost(kernel, target) : countWork(kernel);
  if (model) {
    if (cost.backend.empty())
      return kernel.emitOpError() << "\"" << kernel.getName()
                                  << "\": no backend takes this kernel: " << cost.refusal;
    config.set("backend", b.getStringAttr(cost.backend));
    attach();
    kernel->setAttr(secondsAttrName, b.getF64FloatAttr(cost.seconds));
    kernel->setAttr(tasksAttrName, b.getI64IntegerAttr(cost.tasks));
    if (cost.inPlace)
      kernel->setAttr(ir::inPlaceAttrName, b.getUnitAttr());
    if (cost.scratchBytes > 0)
      kernel->setAttr(ir::scratchAttrName, b.getI64IntegerAttr(cost.scratchBytes));
  }
  kernel->setAttr(flopsAttrName, b.getI64IntegerAttr((int64_t)cost.flops));
  kernel->setAttr(bytesAttrName, b.getI64IntegerAttr((int64_t)cost.bytes));
  return success();
}
} // namespace

std::unique_ptr<Pass> createSchedulePass(const SchedulePassOptions &options,
                                         const ir::KernelModel *model,
                                         const ScheduleSource *source) {
  return std::make_unique<SchedulePass>(options, model, source);
}
} // namespace fluxion::passes
