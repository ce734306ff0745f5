// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the bits of a tensor core's factor stand for.
#pragma once

#include "fluxion/simt.h"

#include <cstdint>

namespace fluxion::rt::simt {

// `type` is FX_SIMT_BF16, FX_SIMT_F16 (their low 16 bits) or FX_SIMT_TF32, whose last 13 bits do
// not count.
float number(uint32_t bits, uint32_t type);

} // namespace fluxion::rt::simt
