// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/Work.h"

namespace fluxion::passes {

// Set on kernels by the schedule pass; read by the report and by code generation.
inline constexpr llvm::StringLiteral secondsAttrName =
    "fluxion.seconds";                                                // f64, predicted, one thread
inline constexpr llvm::StringLiteral flopsAttrName = "fluxion.flops"; // i64
inline constexpr llvm::StringLiteral bytesAttrName = "fluxion.bytes"; // i64, least traffic
// Dictionary: predicted seconds (f64) of the backends that also take the kernel.
inline constexpr llvm::StringLiteral othersAttrName = "fluxion.others";
inline constexpr llvm::StringLiteral tasksAttrName = "fluxion.tasks"; // i64

} // namespace fluxion::passes
