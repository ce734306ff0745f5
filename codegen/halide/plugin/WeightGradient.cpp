// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dw[k, c] = sum over images and positions o of x[n, k * stride + o * dilation - low, c] * dy[n, o,
// c], in two stages: partial sums of blocks of rows, any number at a time, then their sum in order.
#include "codegen/halide/plugin/WindowPipeline.h"

using namespace Halide;

namespace fluxion::codegen::halide {
namespace {

class WeightGradient {
public:
  WeightGradient(const WindowKernel &k, KernelPipeline &pipeline)
      : k(k), spatial((int)k.window.size()), blocks((int)(k.window[0] / k.rows)),
        pipeline(pipeline), c("c"), part("part"), sum("sum"), partial("partial") {
    for (int d = 0; d < spatial; ++d)
      taps.push_back(Var("k" + std::to_string(d)));
  }

  void build();
  void schedule();

private:
  const WindowKernel &k;
  int spatial, blocks; // of rows in an image
  KernelPipeline &pipeline;
  std::vector<Var> taps; // outermost first
  Var c, part;
  Func sum, partial; // `sum` lives in registers
  RDom rows, parts;

  std::vector<Var> arguments(Var last) const {
    std::vector<Var> list{c};
    list.insert(list.end(), taps.rbegin(), taps.rend());
    list.push_back(last);
    return list;
  }
};

void WeightGradient::build() {
  Type type = typeOf(k.element);
  std::vector<int64_t> dyShape = {k.input[0]};
  dyShape.insert(dyShape.end(), k.window.begin(), k.window.end());
  dyShape.push_back(k.input.back());
  ImageParam x = operand(pipeline, type, k.input, "x"), dy = operand(pipeline, type, dyShape, "dy");

  Region range;
  for (int d = spatial - 1; d > 0; --d)
    range.push_back(Range(0, (int)k.window[d]));
  range.push_back(Range(0, (int)k.rows));
  rows = RDom(range, "rows");
  std::vector<Expr> xAt{part / blocks}, dyAt{part / blocks};
  Expr inside = Internal::const_true();
  for (int d = 0; d < spatial; ++d) {
    Expr o = rows[spatial - 1 - d];
    if (d == 0)
      o = o + part % blocks * (int)k.rows;
    dyAt.push_back(o);
    int64_t last = (k.output[d] - 1) * k.strides[d] + (k.window[d] - 1) * k.dilation[d];
    xAt.push_back(guarded(taps[d] * (int)k.strides[d] + o * (int)k.dilation[d] - (int)k.low[d],
                          -k.low[d], last - k.low[d], k.input[d + 1], 1, inside));
  }
  xAt.push_back(c), dyAt.push_back(c);
  sum(arguments(part)) = cast(type, 0);
  sum(arguments(part)) += within(inside, read(x, xAt), cast(type, 0)) * read(dy, dyAt);
  partial(arguments(part)) = sum(arguments(part));

  parts = RDom(0, (int)k.input[0] * blocks, "parts");
  Var one("one");
  std::vector<Var> result{c, one};
  result.insert(result.end(), taps.rbegin(), taps.rend());
  std::vector<Expr> summed{c};
  summed.insert(summed.end(), taps.rbegin(), taps.rend());
  summed.push_back(parts);
  pipeline.out(result) = cast(type, 0);
  pipeline.out(result) += partial(summed);
}

// A part keeps its sums in registers while it passes over its rows, one or two vectors of channels
// at a time.
void WeightGradient::schedule() {
  setResultShape(pipeline, k.output);
  int lanes = lanesOf(k), channels = (int)k.output.back();
  int64_t weights = 1, registers = k.vectorBytes >= 64 ? 32 : 16;
  for (int d = 0; d < spatial; ++d)
    weights *= k.output[d];
  int vectors = 2 * weights + 4 <= registers && channels >= 2 * lanes ? 2 : 1;
  Var inner("inner"), lane("lane");
  partial.compute_root().store_in(MemoryType::Heap).parallel(part);
  for (int d = 0; d < spatial; ++d)
    partial.bound(taps[d], 0, (int)k.output[d]).unroll(taps[d]);
  partial.bound(c, 0, channels)
      .split(c, c, inner, lanes * vectors, TailStrategy::ShiftInwards)
      .vectorize(inner, lanes);
  std::vector<VarOrRVar> order{inner};
  order.insert(order.end(), taps.rbegin(), taps.rend());
  order.push_back(c);
  partial.reorder(order);

  sum.compute_at(partial, c).store_in(MemoryType::Stack);
  for (const Var &tap : taps)
    sum.unroll(tap), sum.update().unroll(tap);
  sum.vectorize(c, lanes).unroll(c);
  sum.update().split(c, c, lane, lanes).vectorize(lane).unroll(c);
  order = {lane, c};
  order.insert(order.end(), taps.rbegin(), taps.rend());
  for (int d = 0; d < spatial; ++d)
    order.push_back(rows[d]);
  sum.update().reorder(order);

  pipeline.out.bound(c, 0, channels).vectorize(c, lanes, TailStrategy::ShiftInwards);
  pipeline.out.update().vectorize(c, lanes, TailStrategy::GuardWithIf);
}

} // namespace

KernelPipeline weightGradientPipeline(const WindowKernel &kernel) {
  KernelPipeline pipeline;
  WeightGradient gradient(kernel, pipeline);
  gradient.build();
  gradient.schedule();
  return pipeline;
}

} // namespace fluxion::codegen::halide
