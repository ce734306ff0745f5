// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "fluxion/abi.h"

namespace fluxion::rt {

// For a kernel that cannot do its work: the run it belongs to returns the first such message as a
// Status once its entry point returns. Both strings outlive the run.
void fail(fx_context *context, const char *kernel, const char *message);

} // namespace fluxion::rt
