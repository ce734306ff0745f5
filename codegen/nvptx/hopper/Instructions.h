// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Names that the generator of Hopper's kernels and their emulation share.
#pragma once

#include "llvm/ADT/StringRef.h"

namespace fluxion::codegen {

// Inline assembly that takes and returns every sum, so that nothing that reads one is moved above
// the wait.
inline constexpr llvm::StringLiteral waitForAllProducts = "wgmma.wait_group.sync.aligned 0;";

// What inline assembly is that multiplies tf32 words of registers, the left side's fragment, by a
// right side in shared memory: its operands are sums, four words, a descriptor.
inline constexpr llvm::StringLiteral productOfRegisters = "wgmma.mma_async.sync.aligned";

// On a kernel whose last parameters are tensor maps: the buffer each describes (array of i64).
inline constexpr llvm::StringLiteral mapBuffersAttrName = "fluxion.map_buffers";

} // namespace fluxion::codegen
