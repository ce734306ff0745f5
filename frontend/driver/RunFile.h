// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions of a model or of a file of IR, run once on given or random inputs.
#pragma once

#include "fluxion/compile.h"
#include "frontend/driver/Npz.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <CLI/App.hpp>

namespace fluxion::driver {

struct RunRequest {
  std::string subject;  // a model's name, or a .mlir file
  std::string function; // empty: every function but the "init" of a program with state
  std::string inputs, outputs, expect; // .npz, optional
  std::string weights;                 // safetensors, for what `init` leaves; optional
  double rtol = 1e-5, atol = 1e-8;     // |found - expected| <= atol + rtol * |expected|
  int64_t seed = 1;                    // of random inputs and of the state
  int64_t batch = 0;                   // of a model; 0: its own
  CompileOptions compile;              // its target: "reference", or what the compiler takes

  void add(CLI::App &command); // the options for all of these but batch and compile
};

// A function's results, named by `fluxion.name` or "result0", "result1", ...
struct FunctionResults {
  std::string function;
  NamedArrays results;
};
// Throws std::runtime_error with one sentence.
std::vector<FunctionResults> runFunctions(const RunRequest &request);

// Random by the seed, or the arrays of request.inputs: by the arguments' names where it holds them
// all, else in order.
std::vector<Array> argumentsOf(mlir::func::FuncOp function, const RunRequest &request);

// What request.outputs and request.expect ask for; 1 if results differ, which goes to stderr.
int writeAndCompare(const RunRequest &request, const std::vector<FunctionResults> &functions);

// Empty if the results agree; else the first difference and how many there are. Names or, where
// they differ, order says what belongs together. NaN equals NaN; bf16 is expected as f32, which
// NumPy has.
std::string firstDifference(const NamedArrays &expected, const NamedArrays &found, double rtol,
                            double atol);

// f32[2, 2] [[1, 2], [3, 4]]; of a large array the first elements.
std::string describe(const Array &array);

} // namespace fluxion::driver
