// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "codegen/common/Backend.h"

namespace fluxion::codegen {

// Every kernel kind as vector loops; register tiles for contractions.
std::unique_ptr<Backend> makeLoopsBackend();

} // namespace fluxion::codegen
