// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// GPU kernels in `scf`, `arith`, `vector`, `llvm` and `nvvm` ops: images by Image.h, or functions
// of the host by Emulate.h.
#pragma once

#include "codegen/common/Backend.h"

namespace fluxion::codegen {

std::unique_ptr<Backend> makeSimtBackend();

} // namespace fluxion::codegen
