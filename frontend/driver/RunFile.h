// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions of a file of IR, run once on given or random inputs.
#pragma once

#include "frontend/driver/Npz.h"
#include "fluxion/compile.h"

namespace fluxion::driver {

struct RunRequest {
  std::string file;
  std::string function;              // empty: every function that no other one sets up, in order
  std::string inputs, outputs, expect; // .npz, optional; tensors under the names of arguments and results
  double rtol = 1e-5, atol = 1e-8;   // |found - expected| <= atol + rtol * |expected|
  int64_t seed = 1;                  // of random inputs and of the entry point "init"
  CompileOptions compile;            // its target: "reference", or what the compiler takes
};

// A function's results, named by `fluxion.name` or "result0", "result1", ...
struct FunctionResults {
  std::string function;
  NamedTensors results;
};
// Throws std::runtime_error; what is wrong with the file's text goes to stderr first.
std::vector<FunctionResults> runFile(const RunRequest &request, mlir::MLIRContext *context);

// Empty if the tensors agree; else the first difference and how many there are. NaN equals NaN.
std::string firstDifference(const NamedTensors &expected, const NamedTensors &found, double rtol, double atol);

// f32[2, 2] [[1, 2], [3, 4]]; of a large tensor the first elements.
std::string describe(const ir::reference::Tensor &tensor);

} // namespace fluxion::driver
