// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/hopper/Engines.h"

using namespace fluxion;
using namespace fluxion::codegen;

std::optional<HopperPlan> fluxion::codegen::enginesFor(const Contraction &c,
                                                       const ir::TargetInfo &target,
                                                       ScheduleKeys *keys) {
  std::optional<HopperPlan> plan = planHopper(c, target);
  if (plan && keys && !keys->flag("engines", true))
    return std::nullopt;
  return plan;
}
