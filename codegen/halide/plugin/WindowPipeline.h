// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Inside the plug-in: what pipelines of window kernels share. Halide counts dimensions from the
// innermost, kernels from the outermost, so indices run backwards.
#pragma once

#include "codegen/halide/WindowKernel.h"

#include <Halide.h>

namespace fluxion::codegen::halide {

struct KernelPipeline {
  std::vector<Halide::ImageParam> params; // operands in order
  Halide::Func out{"out"};
};

// The written schedules are part of the pipelines.
KernelPipeline windowPipeline(const WindowKernel &kernel);
KernelPipeline weightGradientPipeline(const WindowKernel &kernel);
KernelPipeline planesPipeline(const WindowKernel &kernel);

Halide::Type typeOf(Element element);
// A dense operand; its shape is known to the pipeline.
Halide::ImageParam operand(KernelPipeline &pipeline, Halide::Type type,
                           const std::vector<int64_t> &shape, const char *name);
void setResultShape(KernelPipeline &pipeline, const std::vector<int64_t> &shape);
Halide::Expr read(const Halide::ImageParam &image, const std::vector<Halide::Expr> &outermostFirst);
// Vector lanes that fit into the innermost dimension.
int lanesOf(const WindowKernel &kernel);

// Index i of x, which has `spread` - 1 zeros between its neighbours and `size` elements; `inside`
// becomes false where none is met. `last` is the largest value of i, -least its smallest.
Halide::Expr guarded(Halide::Expr i, int64_t least, int64_t last, int64_t size, int64_t spread,
                     Halide::Expr &inside);
// `value` where inside, else `outside`; loops are split at the edges so that their middle has no
// test.
Halide::Expr within(const Halide::Expr &inside, const Halide::Expr &value,
                    const Halide::Expr &outside);

} // namespace fluxion::codegen::halide
