// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Target strings and the machine they describe.
#pragma once

#include "ir/Target.h"

#include "llvm/Support/Error.h"

#include <vector>

namespace fluxion::codegen {

// "cpu" is the host; "cpu:x86-64-v2|v3|v4", "cpu:znver5", ... any CPU name LLVM knows for the
// host's architecture. A named CPU gets the cache sizes of the host, so that artifacts differ only
// by ISA.
// "cuda", "cuda:sm_80|sm_90a|sm_100a|..." are NVIDIA GPUs, sm_80 where none is named;
// "cuda-emulated" and "cuda-emulated:sm_90a|..." run the same kernels on the host.
llvm::Expected<ir::TargetInfo> parseTarget(llvm::StringRef text);

// What the object of a program is compiled for: the machine itself for a CPU, this host for
// emulated kernels, and any host of its architecture for a program whose kernels are images.
ir::TargetInfo hostPart(const ir::TargetInfo &target);

// The GPUs there are names for, oldest first.
std::vector<std::string> gpuNames();

} // namespace fluxion::codegen
