// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "codegen/common/Backend.h"

namespace fluxion::codegen {

// Window kernels by Halide: pooling, window_argmax and its adjoints, depthwise convolution. Takes
// nothing where the plug-in or Halide itself is not installed.
std::unique_ptr<Backend> makeHalideBackend();

} // namespace fluxion::codegen
