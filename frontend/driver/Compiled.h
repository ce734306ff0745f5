// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "codegen/llvm/Jit.h"
#include "fluxion/compile.h"
#include "fluxion/runtime.h"

namespace fluxion {

struct Compiled::Impl {
  std::unique_ptr<codegen::LinkedProgram> linked; // outlives the instance
  std::unique_ptr<rt::Instance> instance;
  CompileInfo info;
};

} // namespace fluxion
