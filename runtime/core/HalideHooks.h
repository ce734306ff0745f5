// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "fluxion/abi.h"

#include <span>
#include <utility>

namespace fluxion::rt {

// Name and address of every hook, for programs linked in memory; archives find them by name.
std::span<const std::pair<const char *, void *>> halideHooks();

} // namespace fluxion::rt
