// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/layout/Layout.h"

using namespace mlir;
using namespace fluxion;

void fluxion::passes::packState(ModuleOp module) {}
