// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

namespace fluxion::codegen {

// The folder that holds Fluxion's own archives and plug-ins: $FLUXION_RUNTIME_DIR, else found
// beside the program or shared library this code was linked into (its folder, or ../lib).
std::string libraryDirectory();

} // namespace fluxion::codegen
