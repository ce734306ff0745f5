// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Depthwise convolution of whole planes [n, c, h, w], stride 1, and its weight gradient. A plane is
// copied among its zeros first, so that every tap is a vector along the width without conditions.
#include "codegen/halide/plugin/WindowPipeline.h"

using namespace Halide;

namespace fluxion::codegen::halide {
namespace {

constexpr int rowsTogether = 4; // share what they read

class Planes {
public:
  Planes(const WindowKernel &k, KernelPipeline &pipeline)
      : k(k), type(typeOf(k.element)), lanes(k.vectorBytes / type.bytes()), pipeline(pipeline) {
    while (lanes > (int)k.input[3])
      lanes /= 2;
  }
  void convolution();
  void weightGradient();

private:
  const WindowKernel &k;
  Type type;
  int lanes;
  KernelPipeline &pipeline;
  Var w{"w"}, h{"h"}, c{"c"}, n{"n"};

  int at(int spatial, int tap) const {
    return (int)(tap * k.dilation[spatial + 2] - k.low[spatial + 2]);
  }
  // Image n's plane c of x, zero outside. Its size is fixed, and on the stack only what Halide
  // takes for registers may be as large.
  Func padded(const ImageParam &x, const char *name) {
    Func f(name);
    RDom inside(0, (int)k.input[3], 0, (int)k.input[2], std::string(name) + "_inside");
    f(w, h, c, n) = cast(type, 0);
    f(inside.x, inside.y, c, n) = x(inside.x, inside.y, c, n);
    f.store_in(MemoryType::Register).vectorize(w, lanes, TailStrategy::RoundUp);
    f.update().vectorize(inside.x, lanes, TailStrategy::GuardWithIf);
    return f;
  }
};

void Planes::convolution() {
  ImageParam x = operand(pipeline, type, k.input, "x"),
             weights = operand(pipeline, type, {k.input[1], k.window[2], k.window[3]}, "weights");
  Func image = padded(x, "image"), weight("weight");
  Var r("r"), s("s");
  weight(s, r, c) = weights(s, r, c);
  Expr sum;
  for (int i = 0; i < k.window[2]; ++i)
    for (int j = 0; j < k.window[3]; ++j) {
      int row = k.reversed ? (int)k.window[2] - 1 - i : i,
          column = k.reversed ? (int)k.window[3] - 1 - j : j;
      Expr product = image(w + at(1, j), h + at(0, i), c, n) * weight(column, row, c);
      sum = sum.defined() ? sum + product : product;
    }
  Func &out = pipeline.out;
  out(w, h, c, n) = sum;
  setResultShape(pipeline, k.output);
  out.bound(w, 0, (int)k.output[3]).bound(h, 0, (int)k.output[2]);
  out.bound(c, 0, (int)k.output[1]).bound(n, 0, (int)k.output[0]);
  Var lane("lane"), row("row");
  out.split(w, w, lane, lanes, TailStrategy::ShiftInwards).vectorize(lane);
  std::vector<VarOrRVar> order{lane};
  if (k.output[2] >= rowsTogether) {
    out.split(h, h, row, rowsTogether, TailStrategy::ShiftInwards).unroll(row);
    order.push_back(row);
  }
  order.insert(order.end(), {w, h, c, n});
  out.reorder(order);
  image.compute_at(out, c);
  weight.compute_at(out, c).store_in(MemoryType::Stack);
  weight.bound(s, 0, (int)k.window[3]).bound(r, 0, (int)k.window[2]).unroll(s).unroll(r);
}

// One channel a call: its taps' sums stay in registers over all rows of all images, a sum a lane.
void Planes::weightGradient() {
  std::vector<int64_t> dyShape = {k.input[0], k.input[1], k.window[2], k.window[3]};
  ImageParam x = operand(pipeline, type, k.input, "x"), dy = operand(pipeline, type, dyShape, "dy");
  Func image = padded(x, "image"), sum("sum");
  Var lane("lane"), r("r"), s("s"), one("one");
  int width = (int)k.window[3], vectors = (width + lanes - 1) / lanes;
  RDom over(0, vectors, 0, (int)k.window[2], 0, (int)k.input[0], "over");
  Func cotangent("cotangent"); // a row, zero behind its end
  RDom row(0, width, "row");
  cotangent(w, h, n) = cast(type, 0);
  cotangent(row.x, h, n) = dy(row.x, h, 0, n);
  Expr position = over.x * lanes + lane;
  sum(lane, s, r) = cast(type, 0);
  sum(lane, s, r) += image(position + s * (int)k.strides[3] - (int)k.low[3],
                           over.y + r * (int)k.strides[2] - (int)k.low[2], 0, over.z) *
                     cotangent(position, over.y, over.z);
  RDom across(0, lanes, "across");
  Func &out = pipeline.out;
  out(s, r, one, c) = cast(type, 0);
  out(s, r, one, c) += sum(across, s, r);
  setResultShape(pipeline, k.output);
  sum.bound(lane, 0, lanes).bound(s, 0, (int)k.output[3]).bound(r, 0, (int)k.output[2]);
  sum.compute_root().store_in(MemoryType::Stack).vectorize(lane, lanes).unroll(s).unroll(r);
  sum.update().vectorize(lane, lanes).unroll(s).unroll(r);
  sum.update().reorder(lane, s, r, over.x, over.y, over.z);
  image.compute_at(sum, over.z);
  cotangent.compute_at(sum, over.y).store_in(MemoryType::Stack);
  cotangent.vectorize(w, lanes, TailStrategy::RoundUp);
  cotangent.update().vectorize(row.x, lanes, TailStrategy::GuardWithIf);
  out.bound(c, 0, 1).bound(one, 0, 1);
}

} // namespace

KernelPipeline planesPipeline(const WindowKernel &kernel) {
  KernelPipeline pipeline;
  Planes planes(kernel, pipeline);
  if (kernel.op == WindowOp::Planes)
    planes.convolution();
  else
    planes.weightGradient();
  return pipeline;
}

} // namespace fluxion::codegen::halide
