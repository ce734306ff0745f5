// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A window kernel in plain data: what crosses from the compiler to the Halide plug-in, which is
// loaded only when a kernel wants it. No MLIR and no Halide type appears here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fluxion::codegen::halide {

enum class WindowOp : int32_t {
  Sum,
  Max,
  Min,
  Argmax,
  Gather,
  Scatter,
  Depthwise,               // and its input gradient
  DepthwiseWeightGradient, // x [n, spatial..., c] by dy [n, spatial..., c]
  Planes,                  // depthwise, x [n, c, h, w], stride 1
  PlanesWeightGradient     // x [n, c, h, w] by dy [n, c, h, w], one channel a task
};
enum class Element : int32_t { F32, F64, I32 };

// Sizes are outermost first, as in the tensor type. `window`, `strides`, `dilation`, `low`
// (padding, negative where it crops) and `spread` (the zeros between neighbours of x, plus 1) have
// one entry a dimension, in DepthwiseWeightGradient one a spatial dimension; in weight gradients
// `window` is the size of dy.
struct WindowKernel {
  WindowOp op = WindowOp::Max;
  Element element = Element::F32;
  std::vector<int64_t> input;  // x; for Scatter the shape of the windows' results
  std::vector<int64_t> output; // of one task
  std::vector<int64_t> window, strides, dilation, low, spread;
  bool reversed = false; // Depthwise: weights are read backwards
  bool forks = false;    // one call does all tasks and forks by itself
  int64_t rows = 1;      // weight gradient: rows of dy in a partial sum
  int64_t heapBytes = 0; // what its pipeline may take from halide_malloc
  std::string symbol;    // of the C function to emit
  int32_t vectorBytes = 16;
  bool fma = false;
};

// int (const WindowKernel *, std::string *object, std::string *error): 0 and the bytes of an object
// that defines `int symbol(halide_buffer_t *operands..., halide_buffer_t *result)`, or an error.
// The function calls nothing; one that `forks` takes a user context first, which it hands to the
// hooks of runtime/core/HalideHooks.cpp.
using CompileWindowFn = int (*)(const WindowKernel *, std::string *, std::string *);
inline constexpr const char *compileWindowSymbol = "fluxion_halide_compile_window";

} // namespace fluxion::codegen::halide
