// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/halide/plugin/WindowPipeline.h"

#include <cstdint>
#include <limits>

using namespace Halide;

namespace fluxion::codegen::halide {
namespace {

// The bits of a float without its sign; a NaN's are larger than any other's. Halide takes x == x
// for granted, integers it takes as they are.
Expr magnitude(const Expr &x) {
  return x.type().bits() == 64 ? reinterpret(Int(64), x) & Internal::make_const(Int(64), INT64_MAX)
                               : reinterpret(Int(32), x) & Internal::make_const(Int(32), INT32_MAX);
}
Expr beyondInfinity(const Expr &magnitude) {
  return magnitude.type().bits() == 64
             ? magnitude > Internal::make_const(Int(64), 0x7ff0000000000000)
             : magnitude > Internal::make_const(Int(32), 0x7f800000);
}

class Window {
public:
  Window(const WindowKernel &k, KernelPipeline &pipeline)
      : k(k), rank((int)k.output.size()), pipeline(pipeline) {
    for (int d = 0; d < rank; ++d)
      at.push_back(Var("i" + std::to_string(d)));
  }

  void build();
  void schedule();

private:
  const WindowKernel &k;
  int rank;
  KernelPipeline &pipeline;
  std::vector<Var> at; // outermost first

  std::vector<std::vector<int64_t>> taps() const;
  Expr identity() const;
  Expr tap(const ImageParam &x, const std::vector<int64_t> &offset) const;
  Expr reduced(const ImageParam &x) const;
  Expr argmax(const ImageParam &x) const;
  Expr gathered(const ImageParam &x, const ImageParam &index) const;
  Expr contribution(const ImageParam &y, const ImageParam &index, const std::vector<Expr> &window,
                    const std::vector<Expr> &offset, Expr inside) const;
  Expr scattered(const ImageParam &y, const ImageParam &index) const;
  Expr depthwise(const ImageParam &x, const ImageParam &weights) const;
};

// Offsets of the window's elements in row-major order.
std::vector<std::vector<int64_t>> Window::taps() const {
  std::vector<std::vector<int64_t>> all(1);
  for (int64_t size : k.window) {
    std::vector<std::vector<int64_t>> next;
    for (const auto &prefix : all)
      for (int64_t i = 0; i < size; ++i) {
        next.push_back(prefix);
        next.back().push_back(i);
      }
    all = next;
  }
  return all;
}

Expr Window::identity() const {
  Type type = typeOf(k.element);
  if (k.op == WindowOp::Sum || k.op == WindowOp::Depthwise || k.op == WindowOp::Gather)
    return cast(type, 0);
  if (type.is_int())
    return k.op == WindowOp::Min ? type.max() : type.min();
  Expr infinity = k.element == Element::F32 ? Expr(std::numeric_limits<float>::infinity())
                                            : Expr(std::numeric_limits<double>::infinity());
  return k.op == WindowOp::Min ? infinity : -infinity;
}

// x under the window of the current result, the identity outside x.
Expr Window::tap(const ImageParam &x, const std::vector<int64_t> &offset) const {
  std::vector<Expr> index;
  Expr inside = Internal::const_true();
  for (int d = 0; d < rank; ++d) {
    int64_t from = offset[d] * k.dilation[d] - k.low[d];
    index.push_back(guarded(at[d] * (int)k.strides[d] + (int)from, from,
                            from + (k.output[d] - 1) * k.strides[d], k.input[d], k.spread[d],
                            inside));
  }
  return within(inside, read(x, index), identity());
}

// A maximum is NaN where any element is: comparisons alone would forget it.
Expr Window::reduced(const ImageParam &x) const {
  Expr value, largest; // of all magnitudes
  bool integers = k.element == Element::I32;
  for (const auto &offset : taps()) {
    Expr next = tap(x, offset);
    if (!value.defined())
      value = next;
    else if (k.op == WindowOp::Sum)
      value = value + next;
    else
      value = select(k.op == WindowOp::Max ? next > value : next < value, next, value);
    if (k.op != WindowOp::Sum && !integers)
      largest = largest.defined() ? max(largest, magnitude(next)) : magnitude(next);
  }
  if (!largest.defined())
    return value;
  Expr nan = cast(typeOf(k.element), Expr(std::numeric_limits<float>::quiet_NaN()));
  return select(beyondInfinity(largest), nan, value);
}

// A NaN beats everything but an earlier NaN. The position is carried in x's type: Halide is strict
// about NaN in what makes a float, not in comparisons for an integer.
Expr Window::argmax(const ImageParam &x) const {
  Expr best, position;
  int n = 0;
  for (const auto &offset : taps()) {
    Expr next = tap(x, offset);
    if (!best.defined()) {
      best = next, position = cast(typeOf(k.element), 0);
    } else {
      Expr wins = next > best;
      if (k.element != Element::I32) {
        Expr known = beyondInfinity(magnitude(best));
        wins = !known && (wins || beyondInfinity(magnitude(next)));
      }
      position = select(wins, cast(typeOf(k.element), n), position);
      best = select(wins, next, best);
    }
    ++n;
  }
  return cast<int32_t>(position);
}

Expr Window::gathered(const ImageParam &x, const ImageParam &index) const {
  std::vector<Expr> here(at.begin(), at.end());
  Expr chosen = read(index, here), value = cast(typeOf(k.element), 0);
  int n = 0;
  for (const auto &offset : taps())
    value = select(chosen == n++, tap(x, offset), value);
  return value;
}

// What the window at `window` adds to the element that it has at `offset`.
Expr Window::contribution(const ImageParam &y, const ImageParam &index,
                          const std::vector<Expr> &window, const std::vector<Expr> &offset,
                          Expr inside) const {
  Expr position = 0, zero = cast(typeOf(k.element), 0);
  std::vector<Expr> safe;
  for (int d = 0; d < rank; ++d) {
    position = position * (int)k.window[d] + offset[d];
    // Known bounds of windows are left to Halide: it sees the range of the loops.
    safe.push_back(guarded(window[d], -1, k.input[d], k.input[d], 1, inside));
  }
  return within(inside, select(read(index, safe) == position, read(y, safe), zero), zero);
}

// Each element collects from the windows that cover it, in window order: no two tasks write one
// place.
Expr Window::scattered(const ImageParam &y, const ImageParam &index) const {
  bool single = true; // windows do not overlap, so one window at most covers an element
  for (int d = 0; d < rank; ++d)
    single &= k.window[d] <= k.strides[d] && k.dilation[d] == 1;
  if (single) {
    std::vector<Expr> window, offset;
    Expr inside = Internal::const_true();
    for (int d = 0; d < rank; ++d) {
      Expr i = at[d] + (int)k.low[d];
      window.push_back(i / (int)k.strides[d]);
      offset.push_back(i % (int)k.strides[d]);
      inside = inside && offset.back() < (int)k.window[d];
    }
    return contribution(y, index, window, offset, inside);
  }
  Expr sum;
  std::vector<std::vector<int64_t>> all = taps();
  for (auto offset = all.rbegin(); offset != all.rend(); ++offset) { // earlier windows first
    std::vector<Expr> window, at_offset;
    Expr inside = Internal::const_true();
    for (int d = 0; d < rank; ++d) {
      Expr i = at[d] + (int)(k.low[d] - (*offset)[d] * k.dilation[d]);
      inside = inside && i % (int)k.strides[d] == 0;
      window.push_back(i / (int)k.strides[d]);
      at_offset.push_back((int)(*offset)[d]);
    }
    Expr part = contribution(y, index, window, at_offset, inside);
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

// Channels innermost; weights are [window..., channels] without the batch dimension.
Expr Window::depthwise(const ImageParam &x, const ImageParam &weights) const {
  Expr sum;
  for (const auto &offset : taps()) {
    std::vector<Expr> weight;
    for (int d = 1; d < rank - 1; ++d)
      weight.push_back((int)(k.reversed ? k.window[d] - 1 - offset[d] : offset[d]));
    weight.push_back(at[rank - 1]);
    Expr product = tap(x, offset) * read(weights, weight);
    sum = sum.defined() ? sum + product : product;
  }
  return sum;
}

void Window::build() {
  Type type = typeOf(k.element);
  Expr value;
  if (k.op == WindowOp::Scatter) {
    ImageParam y = operand(pipeline, type, k.input, "y"),
               index = operand(pipeline, Int(32), k.input, "index");
    value = scattered(y, index);
  } else {
    ImageParam x = operand(pipeline, type, k.input, "x");
    if (k.op == WindowOp::Gather) {
      value = gathered(x, operand(pipeline, Int(32), k.output, "index"));
    } else if (k.op == WindowOp::Depthwise) {
      std::vector<int64_t> weights(k.window.begin() + 1, k.window.end() - 1);
      weights.push_back(k.output.back());
      value = depthwise(x, operand(pipeline, type, weights, "weights"));
    } else {
      value = k.op == WindowOp::Argmax ? argmax(x) : reduced(x);
    }
  }
  pipeline.out(std::vector<Var>(at.rbegin(), at.rend())) = value;
}

// Vectors along the innermost dimension. Outside of it, a run of the next dimension shares the
// weights in registers, and a dimension whose elements take turns (a stride to undo) is unrolled by
// it, so that every turn knows which taps meet it.
void Window::schedule() {
  Func &out = pipeline.out;
  setResultShape(pipeline, k.output);
  for (int d = 0; d < rank; ++d)
    out.bound(at[d], 0, (int)k.output[d]);
  int lanes = lanesOf(k);
  std::vector<VarOrRVar> order;
  if (lanes > 1) {
    Var vector("vector");
    out.split(at.back(), at.back(), vector, lanes, TailStrategy::ShiftInwards).vectorize(vector);
    order.push_back(vector);
  }
  std::vector<VarOrRVar> outside(1, at.back());
  for (int d = rank - 2; d >= 0; --d) {
    int64_t turns = k.op == WindowOp::Scatter ? k.strides[d] : k.spread[d];
    bool run = k.op == WindowOp::Depthwise && d == rank - 2 && turns == 1 && k.output[d] >= 4;
    if (turns > 1 || run) {
      Var unrolled("unrolled" + std::to_string(d));
      out.split(at[d], at[d], unrolled, run ? 4 : (int)turns,
                run ? TailStrategy::ShiftInwards : TailStrategy::GuardWithIf)
          .unroll(unrolled);
      order.push_back(unrolled);
    }
    outside.push_back(at[d]);
  }
  order.insert(order.end(), outside.begin(), outside.end());
  out.reorder(order);
  for (int d = 0; k.forks && d < rank - 1; ++d)
    if (k.output[d] > 1) {
      out.parallel(at[d]);
      break;
    }
}

} // namespace

KernelPipeline windowPipeline(const WindowKernel &kernel) {
  KernelPipeline pipeline;
  Window window(kernel, pipeline);
  window.build();
  window.schedule();
  return pipeline;
}

Type typeOf(Element element) {
  return element == Element::F32 ? Float(32) : element == Element::F64 ? Float(64) : Int(32);
}

ImageParam operand(KernelPipeline &pipeline, Type type, const std::vector<int64_t> &shape,
                   const char *name) {
  ImageParam image(type, (int)shape.size(), name);
  int64_t stride = 1;
  for (int d = 0; d < (int)shape.size(); ++d) {
    int size = (int)shape[shape.size() - 1 - d];
    image.dim(d).set_bounds(0, size).set_stride((int)stride);
    stride *= size;
  }
  pipeline.params.push_back(image);
  return image;
}

void setResultShape(KernelPipeline &pipeline, const std::vector<int64_t> &shape) {
  int64_t stride = 1;
  for (int d = 0; d < (int)shape.size(); ++d) {
    int size = (int)shape[shape.size() - 1 - d];
    pipeline.out.output_buffer().dim(d).set_bounds(0, size).set_stride((int)stride);
    stride *= size;
  }
}

Expr read(const ImageParam &image, const std::vector<Expr> &outermostFirst) {
  return image(std::vector<Expr>(outermostFirst.rbegin(), outermostFirst.rend()));
}

int lanesOf(const WindowKernel &kernel) {
  int lanes = kernel.vectorBytes / typeOf(kernel.element).bytes();
  while (lanes > kernel.output.back())
    lanes /= 2;
  return lanes;
}

Expr guarded(Expr i, int64_t least, int64_t last, int64_t size, int64_t spread, Expr &inside) {
  if (spread > 1) {
    inside = inside && i % (int)spread == 0;
    i = i / (int)spread;
  }
  if (least >= 0 && last <= (size - 1) * spread)
    return i;
  inside = inside && i >= 0 && i < (int)size;
  return clamp(likely(i), 0, (int)size - 1);
}

Expr within(const Expr &inside, const Expr &value, const Expr &outside) {
  return Internal::is_const_one(Internal::simplify(inside))
             ? value
             : select(inside, likely(value), outside);
}

} // namespace fluxion::codegen::halide
