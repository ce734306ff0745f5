// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "codegen/common/Backend.h"

namespace fluxion::codegen {

// Dense products with nothing fused, by cuBLASLt where the program runs and has it, else by the
// launches of `own`. Only a schedule chooses it: what it costs is for fluxion tune to find out.
std::unique_ptr<Backend> makeLibraryBackend(const Backend &own);

} // namespace fluxion::codegen
