// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which pipeline makes a contraction: Hopper's engines, or tiles that every GPU can.
#pragma once

#include "codegen/common/ScheduleKeys.h"
#include "codegen/nvptx/hopper/HopperPlan.h"

namespace fluxion::codegen {

// The engines' plan where they can take the contraction, unless the key `engines` is false. `keys`
// are null where the schedule is not this contraction's.
std::optional<HopperPlan> enginesFor(const Contraction &c, const ir::TargetInfo &target,
                                     ScheduleKeys *keys);

} // namespace fluxion::codegen
