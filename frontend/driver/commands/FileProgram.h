// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Programs from text: what run and bench do with a .mlir file.
#pragma once

#include "fluxion/compile.h"
#include "frontend/dsl/Trace.h"

namespace fluxion::driver {

// A module of the dialect; every function without `fluxion.entry` becomes an entry point. Throws
// with the place of the first mistake.
Program readProgram(const std::string &path);
// The function named, or the only one.
mlir::func::FuncOp findFunction(const Program &program, const std::string &name);
// Floats uniform on [-1, 1), integers on [0, 10), by a seed.
Array randomArray(const Type &type, uint64_t seed);

} // namespace fluxion::driver
