// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How tensors lie in memory; state items between the order they are stored in and dense row-major.
#pragma once

#include "fluxion/abi.h"

namespace fluxion::rt {

constexpr uint64_t elementBytes(int32_t dtype) {
  return dtype == FX_F64 || dtype == FX_I64                       ? 8
         : dtype == FX_F32 || dtype == FX_I32                     ? 4
         : dtype == FX_BF16 || dtype == FX_F16 || dtype == FX_I16 ? 2
                                                                  : 1;
}

void toDense(const fx_tensor &item, const void *stored, void *dense);
void fromDense(const fx_tensor &item, const void *dense, void *stored);

} // namespace fluxion::rt
