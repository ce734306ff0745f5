// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products by Hopper's engines, emulated, beside the reference evaluator: all operand orders,
// sizes that no tile divides, batches, chunks of k, what is fused behind them.
#include "codegen/common/Backend.h"
#include "codegen/common/Target.h"
#include "codegen/nvptx/Image.h"
#include "tests/codegen/Harness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

using namespace fluxion_testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

struct Product {
  const char *name;
  int64_t batch, m, n, k; // batch 0: none
  bool transposeLeft = false, transposeRight = true;
  const char *element = "bf16", *result = "bf16";
  // %z to %y, both of the result's type; %bias has one row of it.
  const char *epilogue = "";
  const char *attributes = "";
};
const char *tf32 = "{precision = #fluxion<precision tf32>} ";
const char *tf32Attribute = "precision = #fluxion<precision tf32>, ";
void PrintTo(const Product &p, std::ostream *out) { *out << p.name; }

std::string tensor(int64_t batch, int64_t x, int64_t y, const char *element) {
  std::string text = "tensor<";
  if (batch)
    text += std::to_string(batch) + "x";
  return text + std::to_string(x) + "x" + std::to_string(y) + "x" + element + ">";
}

std::string textOf(const Product &p) {
  std::string left = p.transposeLeft ? tensor(p.batch, p.k, p.m, p.element)
                                     : tensor(p.batch, p.m, p.k, p.element),
              right = p.transposeRight ? tensor(p.batch, p.n, p.k, p.element)
                                       : tensor(p.batch, p.k, p.n, p.element),
              product = tensor(p.batch, p.m, p.n, p.element),
              result = tensor(p.batch, p.m, p.n, p.result),
              bias = "tensor<" + std::to_string(p.n) + "x" + p.result + ">";
  int first = p.batch ? 1 : 0;
  auto dim = [&](bool transposed, int summedPlain) {
    return std::to_string(first + (transposed ? 1 - summedPlain : summedPlain));
  };
  std::string text = "func.func @main(%a: " + left + ", %b: " + right + ", %c: " + bias +
                     ", %d: " + result + ") -> " + result + " attributes {fluxion.entry} {\n";
  text += "  %p = fluxion.dot_general %a, %b " + std::string(p.batch ? "batching [0] x [0] " : "") +
          "contracting [" + dim(p.transposeLeft, 1) + "] x [" + dim(p.transposeRight, 0) + "] " +
          p.attributes + ": (" + left + ", " + right + ") -> " + product + "\n";
  std::string last = "%p";
  if (std::string(p.element) != p.result) {
    text += "  %q = fluxion.convert %p : (" + product + ") -> " + result + "\n";
    last = "%q";
  }
  if (*p.epilogue) {
    text += "  %bias = fluxion.broadcast_in_dim %c dims [" + std::to_string(first + 1) + "] : (" +
            bias + ") -> " + result + "\n";
    text += "  %s = fluxion.add " + last + ", %bias : " + result + "\n";
    text += "  %t = fluxion." + std::string(p.epilogue) + " %s : " + result + "\n";
    text += "  %u = fluxion.add %t, %d : " + result + "\n";
    last = "%u";
  }
  return text + "  return " + last + " : " + result + "\n}\n";
}

// Channels last, the kernel as the layout pass stores it: window, then features in and out of the
// forward convolution, so that a gradient of the input sums the last.
struct Convolution {
  const char *name;
  int64_t batch, height, width, channels, features, taps, padding;
  int64_t dilation = 1;
  bool reversed = false, relu = false;
  int64_t stride = 1, inputDilation = 1, highPadding = -1; // -1: as the low side
  const char *element = "bf16", *attributes = "";
};
void PrintTo(const Convolution &c, std::ostream *out) { *out << c.name; }

std::string shape(std::initializer_list<int64_t> sizes, const char *element) {
  std::string text = "tensor<";
  for (int64_t size : sizes)
    text += std::to_string(size) + "x";
  return text + element + ">";
}
std::string both(const char *name, int64_t value) {
  return std::string(name) + " = array<i64: " + std::to_string(value) + ", " +
         std::to_string(value) + ">, ";
}
std::string padding(int64_t low, int64_t high) {
  std::string one = std::to_string(low) + ", " + std::to_string(high);
  return "padding = array<i64: " + one + ", " + one + ">";
}

std::string textOf(const Convolution &c) {
  int64_t high = c.highPadding < 0 ? c.padding : c.highPadding;
  auto results = [&](int64_t size) {
    return ((size - 1) * c.inputDilation + c.padding + high - (c.taps - 1) * c.dilation) /
               c.stride +
           1;
  };
  std::string x = shape({c.batch, c.height, c.width, c.channels}, c.element),
              w = c.reversed ? shape({c.taps, c.taps, c.features, c.channels}, c.element)
                             : shape({c.taps, c.taps, c.channels, c.features}, c.element),
              y = shape({c.batch, results(c.height), results(c.width), c.features}, c.element);
  std::string text =
      "func.func @main(%a: " + x + ", %b: " + w + ") -> " + y +
      " attributes {fluxion.entry} {\n  %p = fluxion.convolution %a, %b {" +
      "input_dims = array<i64: 0, 3, 1, 2>, kernel_dims = array<i64: " +
      (c.reversed ? "2, 3" : "3, 2") + ", 0, 1>, " + "output_dims = array<i64: 0, 3, 1, 2>, " +
      both("lhs_dilation", c.inputDilation) + both("rhs_dilation", c.dilation) +
      (c.reversed ? "window_reversal, " : "") + both("window_strides", c.stride) + c.attributes +
      padding(c.padding, high) + "} : (" + x + ", " + w + ") -> " + y + "\n";
  if (c.relu)
    text += "  %r = fluxion.relu %p : " + y + "\n";
  return text + "  return " + (c.relu ? "%r" : "%p") + " : " + y + "\n}\n";
}

// The gradient of the kernel of a convolution with such results, in f32.
struct KernelGradient {
  const char *name;
  int64_t batch, height, width, channels, features, taps, padding, stride = 1;
  const char *element = "bf16", *attributes = "wide_result, ";
};
void PrintTo(const KernelGradient &g, std::ostream *out) { *out << g.name; }

std::string textOf(const KernelGradient &g) {
  int64_t input = (g.height - 1) * g.stride + g.taps - 2 * g.padding,
          inputWidth = (g.width - 1) * g.stride + g.taps - 2 * g.padding;
  std::string x = shape({g.batch, input, inputWidth, g.channels}, g.element),
              dy = shape({g.batch, g.height, g.width, g.features}, g.element),
              dw = shape({g.taps, g.taps, g.channels, g.features}, "f32");
  return "func.func @main(%a: " + x + ", %b: " + dy + ") -> " + dw +
         " attributes {fluxion.entry} {\n  %p = fluxion.convolution %a, %b {" +
         "input_dims = array<i64: 3, 0, 1, 2>, kernel_dims = array<i64: 3, 0, 1, 2>, " +
         "output_dims = array<i64: 2, 3, 0, 1>, " + g.attributes + both("lhs_dilation", 1) +
         both("rhs_dilation", g.stride) + both("window_strides", 1) +
         padding(g.padding, g.padding) + "} : (" + x + ", " + dy + ") -> " + dw +
         "\n  return %p : " + dw + "\n}\n";
}

std::string run(const std::string &text, double tolerance, const std::string &schedule = "") {
  Case program(text);
  driver::Request request;
  request.options.target = "cuda-emulated:sm_90a";
  request.options.schedule = schedule;
  program.compile(request);
  auto inputs = program.inputsOf("main", {.low = -1, .high = 1});
  // Factors of f32 are what tf32 holds, so that no more than the order of sums is left to differ.
  for (Tensor &input : inputs) {
    if (input.type.getElementType().isF32())
      for (double &value : input.floats)
        value = std::round(std::ldexp(value, 9)) * 0x1p-9;
    input = rounded(input);
  }
  return difference(program.reference("main", inputs), program.compiled("main", inputs), tolerance);
}

std::string ptxOf(const std::string &text, const std::string &schedule = "") {
  Case program(text);
  driver::Request request;
  request.options.target = "cuda:sm_90a";
  request.options.schedule = schedule;
  request.assembly = true;
  return program.text(request);
}

void expectEngines(const std::string &ptx) {
  EXPECT_THAT(ptx, HasSubstr("wgmma.mma_async.sync.aligned"));
  EXPECT_THAT(ptx, HasSubstr("cp.async.bulk.tensor"));
  EXPECT_THAT(ptx, HasSubstr("mbarrier.try_wait.parity"));
}

// Whether or not tiles would be faster.
const char *engines = "engines=true";

class Products : public ::testing::TestWithParam<Product> {};

// Small products whose tf32 sides lie across k are tiles' by default, all others engines'.
const char *scheduleOf(const Product &p) {
  bool isAcross = p.transposeLeft || !p.transposeRight;
  return p.element == std::string("f32") && isAcross ? engines : "";
}
// Of factors that every precision holds nothing but the order of sums is rounded.
double toleranceOf(const std::string &element, double ofNarrow) {
  return element == "f32" ? 1e-3 : ofNarrow;
}

TEST_P(Products, EqualTheReference) {
  EXPECT_EQ(run(textOf(GetParam()), toleranceOf(GetParam().element, 2e-2), scheduleOf(GetParam())),
            "");
}

TEST_P(Products, UseTensorCores) {
  expectEngines(ptxOf(textOf(GetParam()), scheduleOf(GetParam())));
}

class Tf32Shapes : public ::testing::TestWithParam<std::string> {};

// Sides that lie across k: one, the other, both; the left one is read into registers, the right one
// turned.
TEST_P(Tf32Shapes, EqualTheReference) {
  Product product{"shape", 0, 200, 296, 100, false, false, "f32", "f32", "relu", tf32};
  for (auto [left, right] : {std::pair(false, false), {true, false}, {true, true}})
    for (const char *exchange : {"exchange=false,", "exchange=true,"}) {
      product.transposeLeft = left, product.transposeRight = right;
      EXPECT_EQ(run(textOf(product), 1e-4, "engines=true," + (exchange + GetParam())), "")
          << left << right << exchange;
    }
}

TEST(Schedules, ExchangedProducts) {
  const char *exchange = "engines=true,exchange=true";
  Product product{"batches", 3, 72, 44, 300, false, false, "f32", "f32", "tanh", tf32};
  EXPECT_EQ(run(textOf(product), 1e-4, exchange), "");
  product.n = 41, product.transposeLeft = product.transposeRight = true;
  EXPECT_EQ(run(textOf(product), 1e-4, exchange), "");
  product = {"chunks", 0, 64, 32, 4096, true, false, "f32", "f32", "relu", tf32};
  EXPECT_EQ(run(textOf(product), 1e-3, exchange), "");
}

class Shapes : public ::testing::TestWithParam<std::string> {};

// Tiles of every shape, none of which divides the product; right sides along k and across it.
TEST_P(Shapes, EqualTheReference) {
  Product product{"shape", 0, 200, 296, 200};
  for (bool along : {true, false}) {
    product.transposeRight = along;
    EXPECT_EQ(run(textOf(product), 2e-2, GetParam()), "") << along;
  }
  product.result = "f32";
  EXPECT_EQ(run(textOf(product), 2e-2, GetParam()), "");
}

struct Stream {
  Product product;
  const char *schedule; // beside streamed=1
};
void PrintTo(const Stream &s, std::ostream *out) { *out << s.product.name << s.schedule; }

class Streams : public ::testing::TestWithParam<Stream> {};

// Runs of one step, that end inside tiles, and with whole tiles between parts.
TEST_P(Streams, EqualTheReference) {
  auto [product, schedule] = GetParam();
  EXPECT_EQ(run(textOf(product), toleranceOf(product.element, 2e-2),
                std::string("streamed=1") + schedule),
            "");
}

// A block has whole tiles before its run: 143 tiles, three steps each, 132 blocks.
TEST(StreamPlans, BehindWholeTiles) {
  for (const char *schedule : {"streamed=1", "streamed=2", "streamed=2,run=7"})
    EXPECT_EQ(run(textOf(Product{"tiles", 0, 700, 200, 136}), 2e-2,
                  std::string("tile_m=64,tile_n=16,") + schedule),
              "")
        << schedule;
}

TEST(StreamPlans, TwiceTheBitsAreTheSame) {
  Case program(textOf(Product{"fused_f32", 0, 200, 296, 520, false, true, "bf16", "f32", "tanh"}));
  driver::Request request;
  request.options.target = "cuda-emulated:sm_90a";
  request.options.schedule = "streamed=1,run=7";
  program.compile(request);
  auto inputs = program.inputsOf("main", {.low = -1, .high = 1});
  EXPECT_EQ(difference(program.compiled("main", inputs), program.compiled("main", inputs), 0), "");
}

// Waves are worth filling, whole ones are not worth cutting.
TEST(StreamPlans, AreChosenWhereWavesAreNotFull) {
  auto launches = [](int64_t rows) {
    return launchesIn(ptxOf(textOf(Product{"waves", 0, rows, 2048, 8192})));
  };
  EXPECT_EQ(launches(2048), 1); // 128 tiles
  EXPECT_EQ(launches(2304), 2); // 144
}

// What compiling says; empty: nothing.
std::string refusalOf(const std::string &text, const std::string &schedule) {
  try {
    ptxOf(text, schedule);
    return "";
  } catch (const std::exception &error) {
    return error.what();
  }
}

TEST(Schedules, OfEngines) {
  std::string plain = textOf(Product{"plain", 0, 64, 64, 64});
  EXPECT_THAT(ptxOf(plain, "engines=false"), Not(HasSubstr("wgmma")));
  EXPECT_THAT(refusalOf(plain, "tile_m=64,tile_n=256"),
              HasSubstr("no warpgroups take tiles of 64x256"));
}

// A side of tf32 across k comes from registers, as the left one of the transpose where it is the
// right; of two the other is turned in shared memory.
TEST(Schedules, OfTf32SidesAcrossK) {
  const char *fromRegisters = "}, {%r", *turned = "st.shared.v4.b32";
  auto ptx = [&](bool left, bool right) {
    return ptxOf(
        textOf(Product{"large", 0, 4096, 4096, 4096, left, right, "f32", "f32", "", tf32}));
  };
  EXPECT_THAT(ptx(false, true), AllOf(Not(HasSubstr(fromRegisters)), Not(HasSubstr(turned))));
  for (bool left : {false, true})
    EXPECT_THAT(ptx(left, left), AllOf(HasSubstr(fromRegisters), Not(HasSubstr(turned)),
                                       HasSubstr("setmaxnreg.inc.sync.aligned.u32")));
  EXPECT_THAT(ptx(true, false), AllOf(HasSubstr(fromRegisters), HasSubstr(turned),
                                      HasSubstr("fence.proxy.async.shared::cta")));
}

TEST(Schedules, OfTurnedSides) {
  EXPECT_THAT(refusalOf(textOf(Product{"tn", 0, 64, 64, 64, true, false, "f32", "f32", "", tf32}),
                        "engines=true,tile_m=128,tile_n=16"),
              HasSubstr("have fewer columns than warps could turn"));
}

// To nearest, ties to even as copies round them, however the sides lie and whatever multiplies
// them.
TEST(Precision, Tf32RoundsAlikeInEveryLayout) {
  for (auto [left, right, isOfEngines] : {std::tuple(false, false, true),
                                          {false, true, true},
                                          {true, false, true},
                                          {true, true, true},
                                          {false, true, false},
                                          {true, false, false}}) {
    Product product{"rounded", 0, 64, 64, 32, left, right, "f32", "f32", "", tf32};
    Case program(textOf(product));
    driver::Request request;
    request.options.target = "cuda-emulated:sm_90a";
    request.options.schedule = isOfEngines ? engines : "engines=false";
    program.compile(request);
    auto inputs = program.inputsOf("main", {.low = -1, .high = 1}), exact = inputs;
    for (size_t side : {0, 1})
      for (size_t i = 0; i < inputs[side].floats.size(); ++i) {
        double even = 1 + double(1 + i % 32) * 0x1p-9;
        exact[side].floats[i] = even;
        inputs[side].floats[i] = even + (i % 2 ? 0x1p-11 : -0x1p-11);
      }
    EXPECT_EQ(difference(program.reference("main", exact), program.compiled("main", inputs), 0),
              "");
  }
}

// One launch for both sides, then the product.
TEST(Precision, ConvertsBothSidesInOneLaunch) {
  Case program(textOf(Product{"plain", 0, 64, 64, 128, false, true, "f32", "f32"}));
  driver::Request request;
  request.options.target = "cuda:sm_90a";
  request.options.precision = "bf16";
  request.assembly = true;
  std::string ptx = program.text(request);
  expectEngines(ptx);
  EXPECT_EQ(launchesIn(ptx), 2);
}

class Convolutions : public ::testing::TestWithParam<Convolution> {};

TEST_P(Convolutions, EqualTheReference) {
  EXPECT_EQ(run(textOf(GetParam()), toleranceOf(GetParam().element, 2e-2), engines), "");
}

TEST_P(Convolutions, StreamedEqualTheReference) {
  EXPECT_EQ(run(textOf(GetParam()), toleranceOf(GetParam().element, 2e-2),
                "engines=true,streamed=1,tile_m=64,tile_n=32"),
            "");
}

TEST_P(Convolutions, UseTensorCores) { expectEngines(ptxOf(textOf(GetParam()), engines)); }

TEST(Schedules, FewChannelsAreLeftToTiles) {
  Convolution gradient{
      "tf32", 64,   32,    32, 16, 16, 3,     1,
      1,      true, false, 1,  1,  -1, "f32", "precision = #fluxion<precision tf32>, "};
  EXPECT_THAT(ptxOf(textOf(gradient)), Not(HasSubstr("wgmma")));
  expectEngines(ptxOf(textOf(gradient), engines));
  gradient.channels = gradient.features = 64;
  expectEngines(ptxOf(textOf(gradient)));
}

class KernelGradients : public ::testing::TestWithParam<KernelGradient> {};

TEST_P(KernelGradients, EqualTheReference) {
  EXPECT_EQ(run(textOf(GetParam()), toleranceOf(GetParam().element, 1e-2), engines), "");
}

TEST_P(KernelGradients, StreamedEqualTheReference) {
  EXPECT_EQ(
      run(textOf(GetParam()), toleranceOf(GetParam().element, 1e-2), "engines=true,streamed=1"),
      "");
}

TEST_P(KernelGradients, UseTensorCores) { expectEngines(ptxOf(textOf(GetParam()), engines)); }

struct Assembly {
  const char *name;
  std::string text;
};
void PrintTo(const Assembly &a, std::ostream *out) { *out << a.name; }
template <typename T> Assembly assembly(const T &described) {
  return {described.name, textOf(described)};
}

class Assembled : public ::testing::TestWithParam<Assembly> {};

// ptxas says "serialized" of products that were made to wait for each other.
TEST_P(Assembled, WithoutSpillsOrWaits) {
  if (codegen::findPtxas().empty())
    GTEST_SKIP() << "only ptxas of the CUDA toolkit knows registers; set FLUXION_PTXAS to it";
  ir::TargetInfo target = llvm::cantFail(codegen::parseTarget("cuda:sm_90a"));
  std::string log;
  auto cubin = codegen::assemblePtx(ptxOf(GetParam().text), target, &log);
  ASSERT_TRUE((bool)cubin) << llvm::toString(cubin.takeError());
  EXPECT_THAT(log, HasSubstr(" 0 bytes spill stores, 0 bytes spill loads"));
  EXPECT_THAT(log, Not(HasSubstr("warning")));
  EXPECT_THAT(log, Not(HasSubstr("serialized")));
}

INSTANTIATE_TEST_SUITE_P(
    Hopper, Products,
    ::testing::Values(Product{"nt", 0, 64, 64, 64}, Product{"nn", 0, 128, 192, 128, false, false},
                      Product{"tn", 0, 64, 136, 64, true, false},
                      Product{"tt", 0, 72, 64, 96, true, true}, Product{"ragged", 0, 100, 88, 104},
                      Product{"ragged_nn", 0, 70, 40, 200, false, false},
                      Product{"odd_columns", 0, 33, 17, 72},
                      Product{"f16", 0, 64, 64, 128, false, true, "f16", "f16"},
                      Product{"f32_result", 0, 80, 72, 64, false, true, "bf16", "f32"},
                      Product{"batches", 3, 64, 48, 64},
                      Product{"batches_tn", 2, 72, 40, 40, true, false},
                      Product{"fused", 0, 72, 72, 64, false, true, "bf16", "bf16", "relu"},
                      Product{"fused_f32", 0, 72, 72, 64, false, true, "bf16", "f32", "tanh"},
                      Product{"tf32", 0, 72, 40, 96, false, true, "f32", "f32", "tanh", tf32},
                      Product{"tf32_batches", 2, 40, 33, 36, false, true, "f32", "f32", "", tf32},
                      Product{"tf32_nn", 0, 72, 40, 96, false, false, "f32", "f32", "relu", tf32},
                      Product{"tf32_tn", 0, 132, 68, 200, true, false, "f32", "f32", "", tf32},
                      Product{"tf32_tt", 2, 72, 36, 44, true, true, "f32", "f32", "tanh", tf32},
                      Product{"tf32_shares", 0, 64, 32, 512, true, false, "f32", "f32", "", tf32},
                      Product{"tf32_chunks", 0, 64, 32, 4096, true, false, "f32", "f32", "", tf32},
                      Product{"shares", 0, 64, 32, 512}, Product{"persistent", 0, 4352, 1040, 8},
                      Product{"chunks", 0, 64, 32, 4096, false, true, "bf16", "bf16", "relu"}),
    [](const auto &info) { return std::string(info.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Hopper, Streams,
    ::testing::Values(
        Stream{{"nt", 0, 200, 296, 200}, ",run=3"},
        Stream{{"nn", 0, 200, 296, 200, false, false}, ""},
        Stream{{"tn", 0, 200, 136, 264, true, false}, ",run=2,tile_m=64,tile_n=64"},
        Stream{{"tt", 0, 72, 200, 328, true, true}, ",run=7,tile_m=128,tile_n=64"},
        Stream{{"odd_columns", 0, 133, 117, 392}, ",run=4,tile_m=64,tile_n=16"},
        Stream{{"wide", 0, 130, 520, 328, false, true, "bf16", "f32"},
               ",run=4,tile_m=128,tile_n=256"},
        Stream{{"columns_192", 0, 130, 400, 328}, ",run=4,tile_m=128,tile_n=192"},
        Stream{{"f16", 0, 64, 128, 520, false, true, "f16", "f16"}, ""},
        Stream{{"batches", 3, 64, 48, 192}, ",run=2"},
        Stream{{"batches_tn", 2, 72, 40, 320, true, false}, ",tile_m=64,tile_n=32,run=3"},
        Stream{{"fused", 0, 72, 200, 264, false, true, "bf16", "bf16", "relu"}, ",run=3"},
        Stream{{"fused_f32", 0, 72, 200, 264, false, true, "bf16", "f32", "tanh"}, ",run=3"},
        Stream{{"tf32", 0, 72, 40, 136, false, true, "f32", "f32", "tanh", tf32}, ",run=4"},
        Stream{{"tf32_batches", 2, 40, 33, 136, false, true, "f32", "f32", "", tf32}, ""},
        Stream{{"tf32_turned", 0, 72, 40, 136, true, false, "f32", "f32", "", tf32}, ",run=4"},
        Stream{{"tf32_exchanged", 0, 72, 40, 136, true, true, "f32", "f32", "relu", tf32},
               ",run=4,exchange=true"},
        Stream{{"many_parts", 0, 64, 32, 4096, false, true, "bf16", "bf16", "relu"}, ""}),
    [](const auto &info) { return std::string(info.param.product.name); });

INSTANTIATE_TEST_SUITE_P(Hopper, Shapes,
                         ::testing::Values("tile_m=128,tile_n=256", "tile_m=128,tile_n=192",
                                           "tile_m=128,tile_n=128", "tile_m=128,tile_n=64",
                                           "tile_m=128,tile_n=32", "tile_m=128,tile_n=16",
                                           "tile_m=64,tile_n=128", "tile_m=64,tile_n=64",
                                           "tile_m=64,tile_n=32", "tile_m=64,tile_n=16"));

INSTANTIATE_TEST_SUITE_P(Hopper, Tf32Shapes,
                         ::testing::Values("tile_m=128,tile_n=256", "tile_m=128,tile_n=192",
                                           "tile_m=128,tile_n=64", "tile_m=128,tile_n=32",
                                           "tile_m=64,tile_n=128", "tile_m=64,tile_n=16"));

INSTANTIATE_TEST_SUITE_P(
    Hopper, Convolutions,
    ::testing::Values(
        Convolution{"few_channels", 2, 9, 11, 32, 24, 3, 1},
        Convolution{"results_by_copies", 3, 8, 8, 64, 64, 3, 1},
        Convolution{"reversed", 2, 8, 8, 32, 16, 3, 1, 1, true},
        Convolution{"reversed_many_channels", 1, 6, 10, 128, 8, 3, 1, 1, true},
        Convolution{"pointwise", 2, 7, 7, 128, 72, 1, 0},
        Convolution{"dilated", 1, 13, 12, 32, 64, 3, 2, 2, false, true},
        Convolution{"no_padding", 2, 12, 20, 96, 32, 5, 0, 1, false, true},
        Convolution{"strided", 2, 16, 12, 64, 40, 3, 1, 1, false, true, 2},
        Convolution{"strided_pointwise", 3, 9, 7, 32, 64, 1, 0, 1, false, false, 2},
        Convolution{"dilated_input", 2, 8, 6, 64, 32, 3, 1, 1, true, true, 1, 2, 2},
        Convolution{"dilated_input_pointwise", 2, 5, 8, 64, 24, 1, 0, 1, true, false, 1, 2, 1},
        Convolution{"dilated_input_even_taps", 1, 6, 5, 32, 16, 4, 2, 1, true, false, 1, 2, 2},
        Convolution{"reversed_tf32", 2, 8, 8, 32, 24, 3, 1, 1, true, false, 1, 1, -1, "f32",
                    tf32Attribute},
        Convolution{"tf32", 2, 8, 8, 32, 64, 3, 1, 1, false, true, 1, 1, -1, "f32", tf32Attribute},
        Convolution{"tf32_few_channels", 2, 9, 11, 16, 24, 3, 1, 1, false, false, 2, 1, -1, "f32",
                    tf32Attribute}),
    [](const auto &info) { return std::string(info.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Hopper, KernelGradients,
    ::testing::Values(
        KernelGradient{"padded", 4, 8, 8, 64, 64, 3, 1},
        KernelGradient{"few_channels", 3, 8, 4, 32, 24, 3, 1},
        KernelGradient{"odd_sizes", 40, 3, 5, 96, 16, 3, 1},
        KernelGradient{"pointwise", 2, 6, 8, 128, 72, 1, 0},
        KernelGradient{"strided", 4, 8, 8, 64, 32, 3, 1, 2},
        KernelGradient{"strided_pointwise", 4, 4, 4, 64, 128, 1, 0, 2},
        KernelGradient{"chunks", 16, 16, 16, 32, 16, 3, 1},
        KernelGradient{"tf32", 3, 8, 4, 32, 24, 3, 1, 2, "f32", tf32Attribute},
        KernelGradient{"tf32_few_channels", 16, 8, 8, 16, 16, 3, 1, 1, "f32", tf32Attribute},
        KernelGradient{"tf32_odd_sizes", 40, 3, 5, 96, 64, 3, 1, 1, "f32", tf32Attribute}),
    [](const auto &info) { return std::string(info.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Hopper, Assembled,
    ::testing::Values(
        assembly(Product{"bf16_4096", 0, 4096, 4096, 4096}),
        assembly(Product{"bf16_4096_tn", 0, 4096, 4096, 4096, true, false}),
        assembly(Product{"fused", 0, 4096, 4096, 4096, false, true, "bf16", "bf16", "relu"}),
        assembly(Product{"fused_f32", 0, 4096, 4096, 4096, false, true, "bf16", "f32", "relu"}),
        assembly(Product{"tf32_4096", 0, 4096, 4096, 4096, false, true, "f32", "f32", "", tf32}),
        assembly(Product{"tf32_4096_nn", 0, 4096, 4096, 4096, false, false, "f32", "f32", "",
                         tf32}),
        assembly(Product{"tf32_4096_tn", 0, 4096, 4096, 4096, true, false, "f32", "f32", "", tf32}),
        assembly(Product{"tf32_4096_tt", 0, 4096, 4096, 4096, true, true, "f32", "f32", "", tf32}),
        assembly(Product{"columns_192", 0, 8192, 768, 3072}),
        assembly(Product{"small", 0, 128, 512, 784}),
        assembly(Product{"streamed", 0, 2304, 2048, 8192}),
        assembly(Product{"streamed_f32", 0, 2304, 2048, 8192, false, true, "bf16", "f32", "relu"}),
        assembly(Product{"streamed_tf32", 0, 2304, 2048, 8192, false, true, "f32", "f32", "",
                         tf32}),
        assembly(Convolution{"convolution", 32, 56, 56, 64, 64, 3, 1}),
        assembly(Convolution{"dilated_input", 32, 28, 28, 128, 64, 3, 1, 1, true, true, 1, 2, 2}),
        assembly(KernelGradient{"kernel_gradient", 128, 8, 8, 64, 64, 3, 1}),
        assembly(KernelGradient{"kernel_gradient_large", 32, 28, 28, 128, 256, 3, 1}),
        assembly(Convolution{"convolution_tf32", 32, 56, 56, 64, 64, 3, 1, 1, false, false, 1, 1,
                             -1, "f32", tf32Attribute}),
        assembly(Convolution{"convolution_tf32_large", 32, 28, 28, 128, 256, 3, 1, 1, false, true,
                             1, 1, -1, "f32", tf32Attribute}),
        assembly(KernelGradient{"kernel_gradient_tf32_large", 32, 28, 28, 128, 256, 3, 1, 1, "f32",
                                tf32Attribute}),
        assembly(KernelGradient{"kernel_gradient_tf32", 128, 8, 8, 64, 64, 3, 1, 1, "f32",
                                tf32Attribute})),
    [](const auto &info) { return std::string(info.param.name); });

} // namespace
