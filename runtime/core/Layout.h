// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// State items between the order they are stored in and their dense row-major form.
#pragma once

#include "fluxion/abi.h"

namespace fluxion::rt {

void toDense(const fx_tensor &item, const void *stored, void *dense);
void fromDense(const fx_tensor &item, const void *dense, void *stored);

} // namespace fluxion::rt
