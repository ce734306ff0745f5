// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Window kernels by Halide and by the LLVM loops, both against the reference evaluator: every op
// that Halide takes, over element types, layouts, strides, dilation, padding and odd sizes, for one
// task and many.
#include "tests/codegen/Harness.h"

#include "codegen/common/Backend.h"
#include "codegen/common/Libraries.h"
#include "frontend/dsl/Trace.h"
#include "passes/schedule/ScheduleSource.h"
#include "runtime/core/HalideHooks.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <set>

using namespace fluxion_testing;
namespace passes = fluxion::passes;

namespace {

using Sizes = std::vector<int64_t>;

#ifdef FLUXION_HAS_HALIDE
#define REQUIRE_HALIDE()                                                                           \
  ASSERT_TRUE(std::filesystem::exists(codegen::libraryDirectory() + "/libfluxion_halide.so"))      \
      << "set FLUXION_RUNTIME_DIR, as ctest does"
#else
#define REQUIRE_HALIDE() GTEST_SKIP() << "Halide was not found when this was built; set HALIDE_ROOT"
#endif

std::string list(const Sizes &values) {
  std::string text;
  for (int64_t value : values)
    text += (text.empty() ? "" : ", ") + std::to_string(value);
  return "array<i64: " + text + ">";
}
std::string tensor(const Sizes &shape, const std::string &element) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element + ">";
}
std::string entry(const std::string &signature, const std::string &result, const std::string &op,
                  const std::string &types) {
  return "func.func @main(" + signature + ") -> " + result +
         " attributes {fluxion.entry} {\n%y = " + op + " : " + types + " -> " + result +
         "\nreturn %y : " + result + "\n}";
}

struct Window {
  const char *name;
  Sizes x, window, strides, padding, dilation;
};
void PrintTo(const Window &w, std::ostream *out) { *out << w.name; }

Sizes resultOf(const Window &w) {
  Sizes y;
  for (size_t d = 0; d < w.x.size(); ++d)
    y.push_back(
        (w.x[d] + w.padding[2 * d] + w.padding[2 * d + 1] - (w.window[d] - 1) * w.dilation[d] - 1) /
            w.strides[d] +
        1);
  return y;
}

std::string textOf(const Window &w, const std::string &op, const std::string &element) {
  std::string attributes = " {window = " + list(w.window) + ", strides = " + list(w.strides) +
                           ", padding = " + list(w.padding) + ", dilation = " + list(w.dilation) +
                           "}";
  std::string x = tensor(w.x, element), y = tensor(resultOf(w), element),
              i = tensor(resultOf(w), "i32");
  if (op == "window_argmax")
    return entry("%x: " + x, i, "fluxion." + op + " %x" + attributes, "(" + x + ")");
  if (op == "window_gather")
    return entry("%x: " + x + ", %i: " + i, y, "fluxion." + op + " %x, %i" + attributes,
                 "(" + x + ", " + i + ")");
  if (op == "window_scatter")
    return entry("%d: " + y + ", %i: " + i, x, "fluxion." + op + " %d, %i" + attributes,
                 "(" + y + ", " + i + ")");
  return entry("%x: " + x, y, "fluxion.reduce_window " + op + " %x" + attributes, "(" + x + ")");
}

// Both backends on every target, and equal bits for 1, 2 and 3 threads of this machine.
void expectReference(const std::string &text, double tolerance, const Inputs &range,
                     const std::vector<Tensor> *given = nullptr) {
  Case program(text);
  std::vector<Tensor> inputs = given ? *given : program.inputsOf("main", range),
                      expected = program.reference("main", inputs);
  for (const std::string &target : runnableTargets())
    for (const char *backend : {"halide", "llvm-loops"}) {
      if (target.starts_with("cuda")) // has a backend of its own
        continue;
      driver::Request request;
      request.options.target = target;
      request.options.schedule = std::string("backend=") + backend;
      program.compile(request);
      std::vector<std::byte> first;
      bool all = std::string(backend) == "halide" && target == "cpu";
      for (int threads : all ? std::vector<int>{1, 2, 3} : std::vector<int>{2}) {
        program.start(threads);
        std::vector<Tensor> found = program.compiled("main", inputs);
        EXPECT_EQ(difference(expected, found, tolerance), "") << backend << ", " << target;
        if (first.empty())
          first = toBytes(found[0]);
        EXPECT_TRUE(first == toBytes(found[0]))
            << backend << ", " << target << ": bits depend on the threads";
      }
    }
}

class Windows : public ::testing::TestWithParam<Window> {};

TEST_P(Windows, EqualReference) {
  REQUIRE_HALIDE();
  const Window &w = GetParam();
  int64_t taps = 1;
  for (int64_t size : w.window)
    taps *= size;
  Inputs range{-2, 2, 0, taps - 1};
  for (const char *element : {"f32", "f64", "i32"})
    for (const char *op :
         {"sum", "max", "min", "window_argmax", "window_gather", "window_scatter"}) {
      bool floatsOnly = std::string(op) == "window_gather" || std::string(op) == "window_scatter";
      if (floatsOnly && std::string(element) == "i32")
        continue;
      SCOPED_TRACE(std::string(op) + " " + element);
      expectReference(textOf(w, op, element), std::string(element) == "f64" ? 1e-14 : 2e-6, range);
    }
}

const Sizes ones4 = {1, 1, 1, 1}, none4 = {0, 0, 0, 0, 0, 0, 0, 0};

INSTANTIATE_TEST_SUITE_P(
    Forms, Windows,
    ::testing::Values(
        Window{"channels_last", {3, 8, 8, 20}, {1, 2, 2, 1}, {1, 2, 2, 1}, none4, ones4},
        Window{"channels_first_odd", {2, 3, 9, 11}, {1, 1, 2, 2}, {1, 1, 2, 2}, none4, ones4},
        Window{"overlapping_padded",
               {2, 9, 7, 5},
               {1, 3, 3, 1},
               {1, 2, 2, 1},
               {0, 0, 1, 1, 1, 1, 0, 0},
               ones4},
        Window{"one_task", {1, 37, 40, 48}, {1, 3, 3, 1}, {1, 1, 1, 1}, none4, ones4},
        Window{"dilated_uneven",
               {2, 11, 10, 3},
               {1, 2, 3, 1},
               {1, 1, 3, 1},
               {0, 0, 1, 0, 0, 2, 0, 0},
               {1, 3, 2, 1}},
        Window{"over_the_batch", {6, 19}, {2, 1}, {2, 1}, {0, 0, 0, 0}, {1, 1}},
        Window{"line", {70}, {3}, {2}, {1, 1}, {1}}));

// A NaN wins a maximum wherever it stands; infinities and all-equal windows count too.
TEST(Halide, NanAndInfinities) {
  REQUIRE_HALIDE();
  Window w{"", {2, 6, 6, 17}, {1, 2, 2, 1}, {1, 2, 2, 1}, none4, ones4};
  const double infinity = std::numeric_limits<double>::infinity();
  for (const char *element : {"f32", "f64"})
    for (const char *op : {"sum", "max", "min", "window_argmax"}) {
      SCOPED_TRACE(std::string(op) + " " + element);
      Case program(textOf(w, op, element));
      std::vector<Tensor> inputs = program.inputsOf("main", {});
      std::vector<double> &x = inputs[0].floats;
      for (size_t i = 0; i < x.size(); i += 7)
        x[i] = std::nan("");
      for (size_t i = 3; i < x.size(); i += 11)
        x[i] = i % 2 ? infinity : -infinity;
      for (size_t i = 5; i < x.size(); i += 13)
        x[i] = 1;
      expectReference(textOf(w, op, element), 2e-6, {}, &inputs);
    }
}

struct Depthwise {
  const char *name;
  int64_t batch, height, width, channels, kernel, stride, dilation, pad;
};
void PrintTo(const Depthwise &c, std::ostream *out) { *out << c.name; }

struct Geometry {
  int64_t out[2], spread[2];
  Sizes x, y, w;
};
Geometry geometryOf(const Depthwise &c, bool channelsFirst) {
  Geometry g;
  int64_t size[2] = {c.height, c.width}, window = (c.kernel - 1) * c.dilation + 1;
  for (int d : {0, 1}) {
    g.out[d] = (size[d] + 2 * c.pad - window) / c.stride + 1;
    g.spread[d] = (g.out[d] - 1) * c.stride + 1;
  }
  g.x = {c.batch, c.height, c.width, c.channels};
  g.y = {c.batch, g.out[0], g.out[1], c.channels};
  g.w = {c.kernel, c.kernel, 1, c.channels};
  if (channelsFirst) {
    g.x = {c.batch, c.channels, c.height, c.width};
    g.y = {c.batch, c.channels, g.out[0], g.out[1]};
    g.w = {c.channels, 1, c.kernel, c.kernel};
  }
  return g;
}
std::string convolution(const std::string &operands, int64_t stride, const Sizes &padding,
                        int64_t spread, int64_t dilation, const Sizes (&dims)[3],
                        const std::string &more) {
  return "fluxion.convolution " + operands + " {window_strides = " + list({stride, stride}) +
         ", padding = " + list(padding) + ", lhs_dilation = " + list({spread, spread}) +
         ", rhs_dilation = " + list({dilation, dilation}) + ", input_dims = " + list(dims[0]) +
         ", kernel_dims = " + list(dims[1]) + ", output_dims = " + list(dims[2]) + more + "}";
}

class DepthwiseConvolution : public ::testing::TestWithParam<Depthwise> {};

void expectForwardAndBothGradients(const Depthwise &c, bool channelsFirst, const Sizes (&image)[3],
                                   const Sizes (&weights)[3]) {
  Geometry g = geometryOf(c, channelsFirst);
  std::string groups = std::to_string(c.channels) + " : i64";
  Sizes inputPadding, weightPadding;
  int64_t window = (c.kernel - 1) * c.dilation + 1, size[2] = {c.height, c.width};
  for (int d : {0, 1}) {
    int64_t low = window - 1 - c.pad;
    inputPadding.insert(inputPadding.end(), {low, size[d] + window - 1 - g.spread[d] - low});
    weightPadding.insert(weightPadding.end(), {c.pad, window - 1 + g.spread[d] - size[d] - c.pad});
  }
  for (std::string element : {"f32", "f64"}) {
    std::string x = tensor(g.x, element), y = tensor(g.y, element), w = tensor(g.w, element);
    double tolerance = element == "f64" ? 1e-12 : 2e-5;
    std::string arguments = "(" + x + ", " + w + ")";
    SCOPED_TRACE(element);
    expectReference(entry("%x: " + x + ", %w: " + w, y,
                          convolution("%x, %w", c.stride, {c.pad, c.pad, c.pad, c.pad}, 1,
                                      c.dilation, image, ", feature_group_count = " + groups),
                          "(" + x + ", " + w + ")"),
                    tolerance, {});
    expectReference(entry("%d: " + y + ", %w: " + w, x,
                          convolution("%d, %w", 1, inputPadding, c.stride, c.dilation, image,
                                      ", window_reversal, feature_group_count = " + groups),
                          "(" + y + ", " + w + ")"),
                    tolerance, {});
    expectReference(entry("%x: " + x + ", %d: " + y, w,
                          convolution("%x, %d", c.dilation, weightPadding, 1, c.stride, weights,
                                      ", batch_group_count = " + groups),
                          "(" + x + ", " + y + ")"),
                    20 * tolerance, {});
  }
}

TEST_P(DepthwiseConvolution, ForwardAndBothGradients) {
  REQUIRE_HALIDE();
  expectForwardAndBothGradients(GetParam(), false, {{0, 3, 1, 2}, {3, 2, 0, 1}, {0, 3, 1, 2}},
                                {{3, 0, 1, 2}, {3, 0, 1, 2}, {2, 3, 0, 1}});
  if (GetParam().stride == 1 && GetParam().dilation == 1) // else the layout is changed
    expectForwardAndBothGradients(GetParam(), true, {{0, 1, 2, 3}, {0, 1, 2, 3}, {0, 1, 2, 3}},
                                  {{1, 0, 2, 3}, {1, 0, 2, 3}, {1, 0, 2, 3}});
}

INSTANTIATE_TEST_SUITE_P(Forms, DepthwiseConvolution,
                         ::testing::Values(Depthwise{"plain", 3, 12, 12, 32, 3, 1, 1, 1},
                                           Depthwise{"odd", 2, 9, 7, 19, 3, 1, 1, 1},
                                           Depthwise{"wide", 1, 5, 53, 3, 3, 1, 1, 1},
                                           Depthwise{"strided", 2, 10, 11, 24, 3, 2, 1, 1},
                                           Depthwise{"dilated", 1, 11, 13, 16, 3, 1, 2, 2},
                                           Depthwise{"large", 1, 9, 15, 6, 5, 1, 1, 0}));

// The weight gradient of a depthwise convolution takes its memory and its threads from the hooks.
TEST(Halide, HooksRunOnTheRuntime) {
  REQUIRE_HALIDE();
  const Sizes dims[3] = {{3, 0, 1, 2}, {3, 0, 1, 2}, {2, 3, 0, 1}};
  std::string x = tensor({4, 20, 20, 32}, "f32"), w = tensor({3, 3, 1, 32}, "f32");
  auto context = fluxion::dsl::makeContext();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(
      entry("%x: " + x + ", %d: " + x, w,
            convolution("%x, %d", 1, {1, 1, 1, 1}, 1, 1, dims, ", batch_group_count = 32 : i64"),
            "(" + x + ", " + x + ")"),
      context.get());
  driver::Request request;
  request.options.schedule = "backend=halide";
  request.options.cache = false;
  driver::Product product = driver::compileModule(*module, request);
  std::string objects;
  for (const std::string &object : product.objects)
    objects += object;
  for (const char *hook :
       {"halide_malloc", "halide_free", "halide_do_par_for", "halide_error_out_of_memory"})
    EXPECT_NE(objects.find(hook), std::string::npos) << hook;
  EXPECT_GT(product.info.arena_bytes, 9 * 32 * 4) << "partial sums live in the arena";
}

// Every kernel that Halide takes is made by it.
class HalideWherePossible final : public passes::ScheduleSource {
public:
  int64_t kernels = 0;

  void allow(mlir::ModuleOp scheduled) {
    ir::TargetInfo target = ir::TargetInfo::of(scheduled);
    scheduled.walk([&](ir::KernelOp kernel) {
      kernel.removeScheduleAttr();
      for (const auto &backend : codegen::backendsFor(target))
        if (backend->name() == "halide" && !backend->cost(kernel, target).backend.empty())
          fingerprints.insert(passes::kernelFingerprint(kernel)), ++kernels;
    });
  }
  mlir::DictionaryAttr lookup(llvm::StringRef fingerprint, const ir::TargetInfo &,
                              mlir::MLIRContext *context) const override {
    mlir::Builder b(context);
    return fingerprints.count(fingerprint.str())
               ? b.getDictionaryAttr(b.getNamedAttr("backend", b.getStringAttr("halide")))
               : mlir::DictionaryAttr();
  }

private:
  std::set<std::string> fingerprints;
};

TEST(Halide, LenetStepEqualsTheReference) {
  REQUIRE_HALIDE();
  fluxion::Program lenet;
  for (const fluxion::Model &model : fluxion::models())
    if (std::string(model.name) == "vision/lenet")
      lenet = model.make({.batch = 4});
  HalideWherePossible halide;
  driver::Request request;
  request.stopAfter = "schedule";
  driver::Product scheduled = driver::compileModule(*lenet.impl->module, request);
  halide.allow(*scheduled.planned);
  EXPECT_GE(halide.kernels, 6) << "two pools, their windows and their gradients";

  Case program(lenet);
  request.stopAfter.clear();
  request.schedules = &halide;
  program.compile(request);
  Tensor seed(program.function("init").getArgumentTypes()[0]);
  seed.integers[0] = 7;
  program.compiled("init", {seed});
  program.copyStateToReference();
  for (uint64_t step = 1; step <= 2; ++step) {
    std::vector<Tensor> batch = program.inputsOf("step", {0, 1, 0, 9, step}),
                        expected = program.reference("step", batch),
                        found = program.compiled("step", batch);
    EXPECT_EQ(difference({expected[0]}, {found[0]}, 1e-4), "") << "loss of step " << step;
  }
}

// Lets a hand-made program call the hooks as a kernel would, with too little scratch.
int32_t callHooks(fx_context *context, void *, void *, const void *const *, void *const *outputs) {
  auto hook = [](const char *wanted) -> void * {
    for (auto [name, address] : rt::halideHooks())
      if (std::string(name) == wanted)
        return address;
    return nullptr;
  };
  alignas(128) static std::byte scratch[512];
  fx_halide_call call{context, scratch, 0, sizeof scratch, "blur"};
  auto allocate = (void *(*)(void *, size_t))hook("halide_malloc");
  void *first = allocate(&call, 100), *second = allocate(&call, 128);
  auto *out = (int64_t *)outputs[0];
  out[0] = first == scratch && second == scratch + 128;
  auto loop = (int (*)(void *, int (*)(void *, int, uint8_t *), int, int, uint8_t *))hook(
      "halide_do_par_for");
  auto square = [](void *, int i, uint8_t *closure) { return ((int64_t *)closure)[i] = i * i, 0; };
  out[1] = loop(&call, square, 2, 6, (uint8_t *)out);
  auto failing = [](void *, int i, uint8_t *) { return i == 3 ? -7 : 0; };
  out[8] = loop(&call, failing, 0, 6, nullptr);
  if (!allocate(&call, 512))
    ((int (*)(void *))hook("halide_error_out_of_memory"))(&call);
  return 0;
}

TEST(Halide, HooksGiveScratchForkAndFailTheRun) {
  const int64_t dims[1] = {9};
  const fx_tensor output{"y", FX_I64, FX_VALUE, 1, dims, 0, 72, nullptr};
  fx_entry run{};
  run.name = "run", run.run = callHooks, run.num_outputs = run.num_kernels = 1;
  run.outputs = &output;
  fx_program program{};
  program.abi_version = FX_ABI_VERSION, program.num_entries = 1, program.name = "hooks";
  program.target = "cpu", program.hash = "", program.entries = &run;
  std::unique_ptr<rt::Instance> instance;
  ASSERT_TRUE(rt::Instance::create(&program, std::make_shared<rt::ThreadPool>(2), instance));
  int64_t out[9] = {};
  void *outputs[] = {out};
  rt::Status status = instance->run(run, {}, outputs);
  EXPECT_EQ(out[0], 1) << "memory comes from the scratch, aligned";
  EXPECT_EQ(out[1], 0);
  for (int i = 2; i < 8; ++i)
    EXPECT_EQ(out[i], i * i) << "the loop ran every task";
  EXPECT_EQ(out[8], -7) << "a task's status reaches the pipeline";
  EXPECT_EQ(status.kind(), rt::Status::Kind::KernelFailed);
  EXPECT_EQ(status.message(), "kernel blur: its scratch is too small");
}

} // namespace
