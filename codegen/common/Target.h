// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Target strings and the machine they describe.
#pragma once

#include "ir/Target.h"

#include "llvm/Support/Error.h"

namespace fluxion::codegen {

// "cpu" is the host; "cpu:x86-64-v2|v3|v4", "cpu:znver5", ... any CPU name LLVM knows for the
// host's architecture. A named CPU gets the cache sizes of the host, so that artifacts differ only
// by ISA.
llvm::Expected<ir::TargetInfo> parseTarget(llvm::StringRef text);

} // namespace fluxion::codegen
