// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The plug-in: Halide pipelines and schedules of window kernels.
#include "codegen/halide/WindowKernel.h"

#include <Halide.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unistd.h>

using namespace Halide;
using namespace fluxion::codegen::halide;

namespace {

Type typeOf(Element element) {
  return element == Element::F32 ? Float(32) : element == Element::F64 ? Float(64) : Int(32);
}

// The pipeline of one task; Halide counts dimensions from the innermost, so indices run backwards.
class WindowPipeline {
public:
  explicit WindowPipeline(const WindowKernel &k) : k(k), rank((int)k.output.size()), out("out") {
    for (int d = 0; d < rank; ++d)
      at.push_back(Var("i" + std::to_string(d)));
  }

  void build();
  void schedule();
  void emit(const std::string &path);

private:
  const WindowKernel &k;
  int rank;
  std::vector<Var> at; // outermost first
  std::vector<ImageParam> params;
  Func out;

  ImageParam operand(Type type, const std::vector<int64_t> &shape, const char *name);
  static Expr read(const ImageParam &image, const std::vector<Expr> &outermostFirst);
  std::vector<std::vector<int64_t>> taps() const;
  Expr identity() const;
  Expr tap(const ImageParam &x, const std::vector<int64_t> &offset) const;
  Expr reduced(const ImageParam &x) const;
  Expr argmax(const ImageParam &x) const;
  Expr gathered(const ImageParam &x, const ImageParam &index) const;
  Expr scattered(const ImageParam &y, const ImageParam &index) const;
  Expr depthwise(const ImageParam &x, const ImageParam &weights) const;
};

ImageParam WindowPipeline::operand(Type type, const std::vector<int64_t> &shape, const char *name) {
  ImageParam image(type, (int)shape.size(), name);
  int64_t stride = 1;
  for (int d = 0; d < (int)shape.size(); ++d) {
    int size = (int)shape[shape.size() - 1 - d];
    image.dim(d).set_bounds(0, size).set_stride((int)stride);
    stride *= size;
  }
  params.push_back(image);
  return image;
}

Expr WindowPipeline::read(const ImageParam &image, const std::vector<Expr> &outermostFirst) {
  return image(std::vector<Expr>(outermostFirst.rbegin(), outermostFirst.rend()));
}

// Offsets of the window's elements in row-major order.
std::vector<std::vector<int64_t>> WindowPipeline::taps() const {
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

Expr WindowPipeline::identity() const {
  Type type = typeOf(k.element);
  if (k.op == WindowOp::Sum || k.op == WindowOp::Depthwise)
    return cast(type, 0);
  if (type.is_int())
    return k.op == WindowOp::Min ? type.max() : type.min();
  Expr infinity = k.element == Element::F32 ? Expr(std::numeric_limits<float>::infinity())
                                            : Expr(std::numeric_limits<double>::infinity());
  return k.op == WindowOp::Min ? infinity : -infinity;
}

// x under the window of the current result, the identity outside x.
Expr WindowPipeline::tap(const ImageParam &x, const std::vector<int64_t> &offset) const {
  std::vector<Expr> index;
  Expr inside = Internal::const_true();
  for (int d = 0; d < rank; ++d) {
    Expr i = at[d] * (int)k.strides[d] + (int)(offset[d] * k.dilation[d] - k.low[d]);
    int64_t last = (k.output[d] - 1) * k.strides[d] + (k.window[d] - 1) * k.dilation[d] - k.low[d];
    if (k.low[d] > 0 || last >= k.input[d]) {
      inside = inside && i >= 0 && i < (int)k.input[d];
      i = clamp(i, 0, (int)k.input[d] - 1);
    }
    index.push_back(i);
  }
  Expr value = read(x, index);
  return Internal::is_const_one(Internal::simplify(inside)) ? value
                                                            : select(inside, value, identity());
}

Expr WindowPipeline::reduced(const ImageParam &x) const {
  Expr value;
  for (const auto &offset : taps()) {
    Expr next = tap(x, offset);
    if (!value.defined())
      value = next;
    else if (k.op == WindowOp::Sum)
      value = value + next;
    else { // NaN propagates from either side
      Expr wins = k.op == WindowOp::Max ? next > value : next < value;
      value = select(wins || next != next, next, value);
    }
  }
  return value;
}

Expr WindowPipeline::argmax(const ImageParam &x) const {
  Expr best, position;
  int n = 0;
  for (const auto &offset : taps()) {
    Expr next = tap(x, offset);
    if (!best.defined()) {
      best = next, position = cast<int32_t>(0);
    } else {
      Expr wins = next > best || (next != next && best == best);
      position = select(wins, n, position);
      best = select(wins, next, best);
    }
    ++n;
  }
  return position;
}

Expr WindowPipeline::gathered(const ImageParam &x, const ImageParam &index) const {
  std::vector<Expr> here(at.begin(), at.end());
  Expr chosen = read(index, here), value = cast(typeOf(k.element), 0);
  int n = 0;
  for (const auto &offset : taps())
    value = select(chosen == n++, tap(x, offset), value);
  return value;
}

// Each element collects from the windows that cover it, in window order: no two tasks write one
// place.
Expr WindowPipeline::scattered(const ImageParam &y, const ImageParam &index) const {
  Expr sum = cast(typeOf(k.element), 0);
  bool single = true; // windows do not overlap, so one window at most covers an element
  for (int d = 0; d < rank; ++d)
    single &= k.window[d] <= k.strides[d] && k.dilation[d] == 1;
  auto contribution = [&](const std::vector<Expr> &window, const std::vector<Expr> &offset,
                          Expr inside) {
    Expr position = 0;
    std::vector<Expr> safe;
    for (int d = 0; d < rank; ++d) {
      position = position * (int)k.window[d] + offset[d];
      inside = inside && window[d] >= 0 && window[d] < (int)k.input[d];
      safe.push_back(clamp(window[d], 0, (int)k.input[d] - 1));
    }
    return select(inside && read(index, safe) == position, read(y, safe),
                  cast(typeOf(k.element), 0));
  };
  if (single) {
    std::vector<Expr> window, offset;
    Expr inside = Internal::const_true();
    for (int d = 0; d < rank; ++d) {
      Expr i = at[d] + (int)k.low[d];
      window.push_back(i / (int)k.strides[d]);
      offset.push_back(i % (int)k.strides[d]);
      inside = inside && offset.back() < (int)k.window[d];
    }
    return contribution(window, offset, inside);
  }
  for (const auto &tapOffset : taps()) {
    std::vector<Expr> window, offset;
    Expr inside = Internal::const_true();
    for (int d = 0; d < rank; ++d) {
      Expr i = at[d] + (int)(k.low[d] - tapOffset[d] * k.dilation[d]);
      inside = inside && i % (int)k.strides[d] == 0;
      window.push_back(i / (int)k.strides[d]);
      offset.push_back((int)tapOffset[d]);
    }
    sum = sum + contribution(window, offset, inside);
  }
  return sum;
}

// Channels innermost; weights are [window..., channels] without the batch dimension.
Expr WindowPipeline::depthwise(const ImageParam &x, const ImageParam &weights) const {
  Expr sum;
  for (const auto &offset : taps()) {
    std::vector<Expr> weight;
    for (int d = 1; d < rank - 1; ++d)
      weight.push_back((int)offset[d]);
    weight.push_back(at[rank - 1]);
    Expr product = tap(x, offset) * read(weights, weight);
    sum = sum.defined() ? sum + product : product;
  }
  return sum;
}

void WindowPipeline::build() {
  Type type = typeOf(k.element);
  Expr value;
  if (k.op == WindowOp::Scatter) {
    ImageParam y = operand(type, k.input, "y"), index = operand(Int(32), k.input, "index");
    value = scattered(y, index);
  } else {
    ImageParam x = operand(type, k.input, "x");
    if (k.op == WindowOp::Gather) {
      value = gathered(x, operand(Int(32), k.output, "index"));
    } else if (k.op == WindowOp::Depthwise) {
      std::vector<int64_t> weights(k.window.begin() + 1, k.window.end() - 1);
      weights.push_back(k.output.back());
      value = depthwise(x, operand(type, weights, "weights"));
    } else {
      value = k.op == WindowOp::Argmax ? argmax(x) : reduced(x);
    }
  }
  out(std::vector<Var>(at.rbegin(), at.rend())) = value;
}

void WindowPipeline::schedule() {
  int64_t stride = 1;
  for (int d = 0; d < rank; ++d) {
    int size = (int)k.output[rank - 1 - d];
    out.output_buffer().dim(d).set_bounds(0, size).set_stride((int)stride);
    out.bound(at[rank - 1 - d], 0, size);
    stride *= size;
  }
  int lanes = k.vectorBytes / typeOf(k.element).bytes(), width = (int)k.output.back();
  while (lanes > width)
    lanes /= 2;
  if (lanes > 1)
    out.vectorize(at.back(), lanes, TailStrategy::ShiftInwards);
  // Weights or several pixels stay in registers over a short run of the next dimension.
  int64_t next = rank > 1 ? k.output[rank - 2] : 1;
  if (k.op == WindowOp::Depthwise && next % 4 == 0)
    out.unroll(at[rank - 2], 4);
}

void WindowPipeline::emit(const std::string &path) {
  std::vector<Target::Feature> features = {Target::NoRuntime, Target::NoAsserts,
                                           Target::NoBoundsQuery};
  Target host = get_host_target();
  if (host.arch == Target::X86) {
    features.push_back(Target::SSE41);
    if (k.vectorBytes >= 32)
      features.insert(features.end(), {Target::AVX, Target::AVX2, Target::F16C});
    if (k.vectorBytes >= 64)
      features.insert(features.end(), {Target::AVX512, Target::AVX512_Skylake});
    if (k.fma)
      features.push_back(Target::FMA);
  }
  std::vector<Argument> arguments(params.begin(), params.end());
  out.compile_to_object(path, arguments, k.symbol, Target(Target::Linux, host.arch, 64, features));
}

} // namespace

extern "C" int fluxion_halide_compile_window(const WindowKernel *kernel, std::string *object,
                                             std::string *error) {
  std::error_code none;
  std::string path =
      (std::filesystem::temp_directory_path(none) / "fluxion-halide-XXXXXX.o").string();
  int fd = mkstemps(path.data(), 2);
  if (fd < 0) {
    *error = "cannot create a temporary file";
    return 1;
  }
  close(fd);
  int failed = 0;
  try {
    WindowPipeline pipeline(*kernel);
    pipeline.build();
    pipeline.schedule();
    pipeline.emit(path);
    std::ifstream in(path, std::ios::binary);
    object->assign(std::istreambuf_iterator<char>(in), {});
    failed = object->empty();
  } catch (const Halide::Error &e) {
    *error = e.what();
    failed = 1;
  }
  std::remove(path.c_str());
  return failed;
}
