// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

namespace fluxion::codegen {

// The folder that holds Fluxion's own archives and plug-ins: $FLUXION_RUNTIME_DIR, else found
// beside the program or shared library this code was linked into (its folder, or ../lib).
std::string libraryDirectory();

// Tells one build of the compiler from another: the size and time of the file this code was linked
// into.
std::string compilerIdentity();

} // namespace fluxion::codegen
