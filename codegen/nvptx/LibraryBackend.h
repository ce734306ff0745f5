// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "codegen/common/Backend.h"

namespace fluxion::codegen {

// Products by cuBLASLt and convolutions by cuDNN, with nothing fused, where the program runs and
// has them; else by the launches of `own`. Only a schedule chooses it: what it costs is for fluxion
// tune to find out.
std::unique_ptr<Backend> makeLibraryBackend(const Backend &own);

} // namespace fluxion::codegen
