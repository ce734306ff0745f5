// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions of a file of IR, run once on given or random inputs.
#pragma once

#include "fluxion/compile.h"
#include "frontend/driver/Npz.h"

namespace fluxion::driver {

struct RunRequest {
  std::string file;
  std::string function; // empty: every function but the "init" of a program with state
  std::string inputs, outputs, expect; // .npz, optional; under the names of arguments and results
  double rtol = 1e-5, atol = 1e-8;     // |found - expected| <= atol + rtol * |expected|
  int64_t seed = 1;                    // of random inputs and of the state
  CompileOptions compile;              // its target: "reference", or what the compiler takes
};

// A function's results, named by `fluxion.name` or "result0", "result1", ...
struct FunctionResults {
  std::string function;
  NamedArrays results;
};
// Throws std::runtime_error with one sentence.
std::vector<FunctionResults> runFile(const RunRequest &request);

// Empty if the results agree; else the first difference and how many there are. NaN equals NaN;
// bf16 is expected as f32, which NumPy has.
std::string firstDifference(const NamedArrays &expected, const NamedArrays &found, double rtol,
                            double atol);

// f32[2, 2] [[1, 2], [3, 4]]; of a large array the first elements.
std::string describe(const Array &array);

} // namespace fluxion::driver
