// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A file that meets an internal error again.
#pragma once

#include "mlir/IR/Operation.h"

namespace fluxion::passes {

// Writes the program behind a line that says how to replay it, and returns a note: which file, or
// why there is none. Every % of `file` becomes a character that makes the file a new one.
std::string writeReproducer(mlir::Operation *program, const std::string &file,
                            llvm::function_ref<std::string(const std::string &written)> command);

} // namespace fluxion::passes
