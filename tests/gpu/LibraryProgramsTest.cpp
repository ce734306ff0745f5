// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What schedules give to a library: the tables of compiled programs, and that results are those of
// the kernels that it replaces.
#include "codegen/common/Backend.h"
#include "frontend/driver/commands/Measure.h"
#include "ir/ops/Convolution.h"
#include "passes/schedule/TuningDatabase.h"
#include "tests/gpu/ProgramSupport.h"

#include <cstring>
#include <gmock/gmock.h>

using namespace fluxion;
using namespace fluxion::test;

namespace {

// Entry point "main", with the library and with the emulated kernels.
void expectEqualResults(const Running &device, const Running &host) {
  std::vector<std::vector<float>> results[2];
  for (const Running *running : {&device, &host}) {
    const fx_entry &entry = *running->instance->entry("main");
    std::vector<Array> inputs = inputsOf(entry, 3);
    auto &found = results[running == &host];
    std::vector<const void *> in;
    std::vector<void *> out;
    for (const Array &input : inputs)
      in.push_back(input.data<char>());
    for (uint32_t i = 0; i < entry.num_outputs; ++i)
      found.emplace_back(entry.outputs[i].bytes / 4);
    for (std::vector<float> &output : found)
      out.push_back(output.data());
    rt::Status status = running->instance->run(entry, in, out);
    ASSERT_TRUE(status) << status.message();
  }
  for (size_t i = 0; i < results[0].size(); ++i)
    EXPECT_THAT(results[0][i], testing::Pointwise(testing::FloatNear(1e-4f), results[1][i])) << i;
}

Program programOfText(const rt::test::Folder &folder, const std::string &text) {
  rt::test::write(folder / "program.mlir", text);
  return driver::readProgram(folder / "program.mlir");
}

// What the schedule gives to a library equals what the kernels in its place compute.
TEST(Programs, productsGoToALibraryWhereAScheduleSaysSo) {
  setenv("FLUXION_PTXAS", "", 1);
  setenv("FLUXION_CUBLASLT", FLUXION_FAKE_CUDA, 1);
  rt::test::Folder folder;
  struct Side {
    const char *left, *right, *how;
    bool leftTransposed, rightTransposed;
  };
  for (Side c :
       {Side{"6x10", "10x7", "contracting [1] x [0]", false, false},
        Side{"10x6", "7x10", "contracting [0] x [1]", true, true},
        Side{"3x6x10", "3x10x7", "batching [0] x [0] contracting [2] x [1]", false, false}}) {
    std::string left = std::string("tensor<") + c.left + "xf32>",
                right = std::string("tensor<") + c.right + "xf32>",
                result =
                    c.left[1] == 'x' && c.left[3] == 'x' ? "tensor<3x6x7xf32>" : "tensor<6x7xf32>";
    Program program =
        programOfText(folder, "func.func @main(%x: " + left + ", %y: " + right + ") -> " + result +
                                  " attributes {fluxion.entry} { %z = fluxion.dot_general %x, %y " +
                                  c.how + " : (" + left + ", " + right + ") -> " + result +
                                  " return %z : " + result + " }\n");
    driver::Request request;
    request.name = "product";
    request.options.target = "cuda:sm_80", request.options.schedule = "backend=library";
    driver::Product device = driver::compileModule(*program.impl->module, request),
                    emulated = productOf(program, "cuda-emulated:sm_80");
    auto bodies = defineKernels(emulated);
    Running onDevice = start(device), onHost = start(emulated);
    const fx_entry &entry = *onDevice.instance->entry("main");
    const fx_library_call *call = entry.launches[0].call;
    ASSERT_NE(call, nullptr) << c.how;
    const fx_product *product = call->product;
    ASSERT_NE(product, nullptr) << c.how;
    EXPECT_EQ(product->batches * product->m * product->n * product->k,
              (c.left[3] == 'x' ? 3 : 1) * 6 * 7 * 10);
    EXPECT_EQ(product->left_transposed, c.leftTransposed);
    EXPECT_EQ(product->right_transposed, c.rightTransposed);
    EXPECT_EQ(call->launches, entry.num_launches);
    expectEqualResults(onDevice, onHost);
    EXPECT_EQ(rt::test::fakeCuda().counts().libraryCalls, 1u);
    EXPECT_EQ(rt::test::fakeCuda().counts().kernels, 0u);
  }
  unsetenv("FLUXION_CUBLASLT");
}

// A kernel of one convolution, as the passes leave it.
struct ConvolutionKernel {
  std::string x, w, y; // shapes
  std::string dims;    // of x, w and y
  std::string padding, strides, lhsDilation, rhsDilation, more;
  fx_convolution expected;
  std::string lies, wanted, order; // the kernel, where it is turned

  std::string text(const std::string &schedule, const std::string &element = "f32") const {
    auto list = [](const std::string &name, const std::string &values) {
      return ", " + name + " = array<i64: " + values + ">";
    };
    auto tensor = [&](const std::string &shape) { return "tensor<" + shape + "x" + element + ">"; };
    std::string types = "(" + tensor(x) + ", " + tensor(w) + ") -> " + tensor(y);
    return "func.func @main(%x: " + tensor(x) + ", %w: " + tensor(w) + ") -> " + tensor(y) +
           " attributes {fluxion.entry} {\n  %y = fluxion.kernel contract \"conv\"(%x, %w) " +
           schedule + "{\n  ^bb0(%a: " + tensor(x) + ", %b: " + tensor(w) +
           "):\n    %c = fluxion.convolution %a, %b {" + dims + list("padding", padding) +
           list("window_strides", strides) + list("lhs_dilation", lhsDilation) +
           list("rhs_dilation", rhsDilation) + more + "} : " + types +
           "\n    fluxion.yield %c : " + tensor(y) + "\n  } : " + types +
           "\n  return %y : " + tensor(y) + "\n}\n";
  }
  // The turn alone, as a program.
  std::string turn() const {
    if (lies.empty())
      return "";
    std::string from = "tensor<" + lies + "xf32>", to = "tensor<" + wanted + "xf32>";
    return "func.func @turn(%x: " + from + ") -> " + to +
           " attributes {fluxion.entry} { %y = fluxion.transpose %x [" + order + "] : (" + from +
           ") -> " + to + " return %y : " + to + " }\n";
  }
};
std::string dimsOf(const char *x, const char *w, const char *y) {
  return std::string("input_dims = array<i64: ") + x + ">, kernel_dims = array<i64: " + w +
         ">, output_dims = array<i64: " + y + ">";
}

const std::string lastDims = dimsOf("0, 3, 1, 2", "3, 2, 0, 1", "0, 3, 1, 2"),
                  firstDims = dimsOf("0, 1, 2, 3", "0, 1, 2, 3", "0, 1, 2, 3"),
                  backDims = dimsOf("0, 3, 1, 2", "2, 3, 0, 1", "0, 3, 1, 2"),
                  weightDims = dimsOf("3, 0, 1, 2", "3, 0, 1, 2", "2, 3, 0, 1");
const ConvolutionKernel convolutionKernels[] = {
    // Channels last: the compiler keeps kernels with their features last.
    {"2x9x6x4",
     "3x3x4x6",
     "2x5x3x6",
     lastDims,
     "1, 1, 1, 0",
     "2, 2",
     "1, 1",
     "1, 1",
     "",
     {FX_CONVOLUTION_OUTPUT, 1, 0, 2, 2, 4, 6, 1, {9, 6}, {3, 3}, {5, 3}, {1, 1}, {2, 2}, {1, 1}},
     "9x4x6",
     "6x9x4",
     "2, 0, 1"},
    // In groups, dilated.
    {"2x9x6x4",
     "3x2x2x6",
     "2x7x5x6",
     lastDims,
     "1, 1, 0, 0",
     "1, 1",
     "1, 1",
     "2, 1",
     ", feature_group_count = 2 : i64",
     {FX_CONVOLUTION_OUTPUT, 1, 0, 2, 2, 4, 6, 2, {9, 6}, {3, 2}, {7, 5}, {1, 0}, {1, 1}, {2, 1}},
     "6x2x6",
     "6x6x2",
     "2, 0, 1"},
    // Channels first, and a kernel that lies in order; 3 dimensions.
    {"2x4x9x6",
     "6x4x3x3",
     "2x6x9x6",
     firstDims,
     "1, 1, 1, 1",
     "1, 1",
     "1, 1",
     "1, 1",
     "",
     {FX_CONVOLUTION_OUTPUT, 0, 0, 2, 2, 4, 6, 1, {9, 6}, {3, 3}, {9, 6}, {1, 1}, {1, 1}, {1, 1}},
     "",
     "",
     ""},
    {"2x3x4x5x6",
     "4x3x2x3x3",
     "2x4x3x5x6",
     dimsOf("0, 1, 2, 3, 4", "0, 1, 2, 3, 4", "0, 1, 2, 3, 4"),
     "0, 0, 1, 1, 1, 1",
     "1, 1, 1",
     "1, 1, 1",
     "1, 1, 1",
     "",
     {FX_CONVOLUTION_OUTPUT,
      0,
      0,
      3,
      2,
      3,
      4,
      1,
      {4, 5, 6},
      {2, 3, 3},
      {3, 5, 6},
      {0, 1, 1},
      {1, 1, 1},
      {1, 1, 1}},
     "",
     "",
     ""},
    // A line is a plane of one line; a true convolution.
    {"2x4x9",
     "6x4x3",
     "2x6x5",
     dimsOf("0, 1, 2", "0, 1, 2", "0, 1, 2"),
     "1, 1",
     "2",
     "1",
     "1",
     ", window_reversal",
     {FX_CONVOLUTION_OUTPUT, 0, 1, 2, 2, 4, 6, 1, {1, 9}, {1, 3}, {1, 5}, {0, 1}, {1, 2}, {1, 1}},
     "",
     "",
     ""},
    // The gradient of the first one's input.
    {"2x5x3x6",
     "3x3x4x6",
     "2x9x6x4",
     backDims,
     "1, 1, 1, 2",
     "1, 1",
     "2, 2",
     "1, 1",
     ", window_reversal",
     {FX_CONVOLUTION_INPUT, 1, 0, 2, 2, 4, 6, 1, {9, 6}, {3, 3}, {5, 3}, {1, 1}, {2, 2}, {1, 1}},
     "36x6",
     "6x36",
     "1, 0"},
    // Of the second: groups are the outer part of the features that it has.
    {"2x7x5x6",
     "3x2x4x3",
     "2x9x6x4",
     backDims,
     "3, 3, 1, 1",
     "1, 1",
     "1, 1",
     "2, 1",
     ", window_reversal, feature_group_count = 2 : i64",
     {FX_CONVOLUTION_INPUT, 1, 0, 2, 2, 4, 6, 2, {9, 6}, {3, 2}, {7, 5}, {1, 0}, {1, 1}, {2, 1}},
     "6x2x2x3",
     "2x3x6x2",
     "1, 3, 0, 2"},
    // Of a depthwise one, whose kernel lies in order.
    {"2x4x9x6",
     "1x4x3x3",
     "2x4x9x6",
     dimsOf("0, 1, 2, 3", "1, 0, 2, 3", "0, 1, 2, 3"),
     "1, 1, 1, 1",
     "1, 1",
     "1, 1",
     "1, 1",
     ", window_reversal, feature_group_count = 4 : i64",
     {FX_CONVOLUTION_INPUT, 0, 0, 2, 2, 4, 4, 4, {9, 6}, {3, 3}, {9, 6}, {1, 1}, {1, 1}, {1, 1}},
     "",
     "",
     ""},
    // The gradients of the first two's kernels.
    {"2x9x6x4",
     "2x5x3x6",
     "3x3x4x6",
     weightDims,
     "1, 1, 1, 0",
     "1, 1",
     "1, 1",
     "2, 2",
     "",
     {FX_CONVOLUTION_KERNEL, 1, 0, 2, 2, 4, 6, 1, {9, 6}, {3, 3}, {5, 3}, {1, 1}, {2, 2}, {1, 1}},
     "6x9x4",
     "9x4x6",
     "1, 2, 0"},
    {"2x9x6x4",
     "2x7x5x6",
     "3x2x2x6",
     weightDims,
     "1, 1, 0, 0",
     "2, 1",
     "1, 1",
     "1, 1",
     ", batch_group_count = 2 : i64",
     {FX_CONVOLUTION_KERNEL, 1, 0, 2, 2, 4, 6, 2, {9, 6}, {3, 2}, {7, 5}, {1, 0}, {1, 1}, {2, 1}},
     "6x6x2",
     "6x2x6",
     "1, 2, 0"},
};

TEST(Programs, convolutionsGoToALibraryWhereAScheduleSaysSo) {
  setenv("FLUXION_PTXAS", "", 1);
  setenv("FLUXION_CUDNN", FLUXION_FAKE_CUDA, 1);
  rt::test::Folder folder;
  for (const ConvolutionKernel &c : convolutionKernels) {
    SCOPED_TRACE(c.text(""));
    Program given = programOfText(folder, c.text("schedule <{backend = \"library\"}> ")),
            plain = programOfText(folder, c.text("") + c.turn());
    driver::Product device = productOf(given, "cuda:sm_80"),
                    emulated = productOf(plain, "cuda-emulated:sm_80");
    auto bodies = defineKernels(emulated);
    // What turns the kernel there is what transposes it here.
    for (auto &[name, kernel] : recorded)
      if (name.rfind("conv", 0) != 0)
        rt::test::fakeCuda().define("conv_1_turn", 4, runOnFake, &kernel);
    Running onDevice = start(device), onHost = start(emulated);
    EXPECT_EQ(onDevice.instance->note(), "");
    const fx_library_call *call = onDevice.instance->entry("main")->launches[0].call;
    ASSERT_NE(call, nullptr);
    ASSERT_NE(call->convolution, nullptr);
    EXPECT_EQ(std::memcmp(call->convolution, &c.expected, sizeof c.expected), 0);
    bool isResult = c.expected.computes == FX_CONVOLUTION_KERNEL;
    EXPECT_EQ(call->before != nullptr, !c.lies.empty() && !isResult);
    EXPECT_EQ(call->behind != nullptr, !c.lies.empty() && isResult);
    expectEqualResults(onDevice, onHost);
    EXPECT_EQ(rt::test::fakeCuda().counts().libraryCalls, 1u);
    EXPECT_EQ(rt::test::fakeCuda().counts().kernels, c.lies.empty() ? 0u : 1u);
  }
  unsetenv("FLUXION_CUDNN");
}

// fluxion tune measures the library for every convolution of a model that nothing is fused with.
TEST(Programs, convolutionsOfModelsAreCandidatesForTheLibrary) {
  Program program = programOf("vision/resnet20", 2);
  driver::Request request;
  request.options.target = "cuda:sm_90a", request.options.precision = "tf32";
  request.stopAfter = "schedule";
  driver::Product product = driver::compileModule(*program.impl->module, request);
  ir::TargetInfo target = ir::TargetInfo::of(*product.planned);
  const codegen::Backend &library = *codegen::backendsFor(target)[1];
  ASSERT_EQ(library.name(), "library");
  int convolutions = 0;
  for (const driver::DistinctKernel &distinct : driver::distinctKernels(*product.planned)) {
    ir::KernelOp kernel = distinct.kernel;
    mlir::Block &body = kernel.getBody().front();
    if (!mlir::isa<ir::ConvolutionOp>(body.front()) || body.getOperations().size() != 2)
      continue;
    EXPECT_EQ(library.candidates(kernel, target).size(), 1u) << distinct.name;
    ++convolutions;
  }
  EXPECT_GE(convolutions, 8);
}

// Two convolutions, one behind the other, with all gradients.
const char *const network = R"(
func.func @main(%x: tensor<2x4x8x8xf32>, %v: tensor<8x4x3x3xf32>, %w: tensor<6x8x3x3xf32>,
                %d: tensor<2x6x4x4xf32>) -> (tensor<2x6x4x4xf32>, tensor<2x4x8x8xf32>,
    tensor<8x4x3x3xf32>, tensor<6x8x3x3xf32>) attributes {fluxion.entry} {
  %r:4 = fluxion.vjp(%x, %v, %w) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<2x4x8x8xf32>, %b: tensor<8x4x3x3xf32>, %c: tensor<6x8x3x3xf32>):
    %s = fluxion.convolution %a, %b {input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>, padding = array<i64: 1, 1, 1, 1>, window_strides = array<i64: 1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>} : (tensor<2x4x8x8xf32>, tensor<8x4x3x3xf32>) -> tensor<2x8x8x8xf32>
    %t = fluxion.tanh %s : tensor<2x8x8x8xf32>
    %y = fluxion.convolution %t, %c {input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>, padding = array<i64: 1, 1, 1, 1>, window_strides = array<i64: 2, 2>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>} : (tensor<2x8x8x8xf32>, tensor<6x8x3x3xf32>) -> tensor<2x6x4x4xf32>
    fluxion.yield %y : tensor<2x6x4x4xf32>
  } : (tensor<2x4x8x8xf32>, tensor<8x4x3x3xf32>, tensor<6x8x3x3xf32>, tensor<2x6x4x4xf32>) -> (tensor<2x6x4x4xf32>, tensor<2x4x8x8xf32>, tensor<8x4x3x3xf32>, tensor<6x8x3x3xf32>)
  return %r#0, %r#1, %r#2, %r#3 : tensor<2x6x4x4xf32>, tensor<2x4x8x8xf32>, tensor<8x4x3x3xf32>, tensor<6x8x3x3xf32>
}
)";

// A kernel lies [taps, in, out] here, as rows and columns, and [out, taps, in] there.
void defineTurns(const fx_entry &entry, std::map<std::string, std::pair<int, int>> &sizes) {
  for (uint32_t l = 0; l < entry.num_launches; ++l) {
    const fx_library_call *call = entry.launches[l].call;
    for (const fx_launch *turn : {call ? call->before : nullptr, call ? call->behind : nullptr}) {
      if (!turn)
        continue;
      const fx_convolution &c = *call->convolution;
      std::pair here{c.in_features * c.kernel[0] * c.kernel[1], c.out_features};
      auto &size = sizes[turn->kernel] =
          turn == call->behind ? std::pair{here.second, here.first} : here;
      rt::test::fakeCuda().define(turn->kernel, 4, rt::test::swapSides, &size);
    }
  }
}

TEST(Programs, tunedConvolutionsOfAProgramGoToTheLibrary) {
  setenv("FLUXION_PTXAS", "", 1);
  setenv("FLUXION_CUDNN", FLUXION_FAKE_CUDA, 1);
  rt::test::Folder folder;
  Program program = programOfText(folder, network);
  driver::Request request;
  request.name = program.impl->name, request.options.target = "cuda:sm_80";
  request.stopAfter = "schedule";
  driver::Product scheduled = driver::compileModule(*program.impl->module, request);
  ir::TargetInfo target = ir::TargetInfo::of(*scheduled.planned);
  passes::TuningDatabase database;
  for (const driver::DistinctKernel &distinct : driver::distinctKernels(*scheduled.planned))
    for (auto schedule : codegen::backendsFor(target)[1]->candidates(distinct.kernel, target))
      database.record(distinct.kernel, target, schedule, 1e-6);
  EXPECT_GE(database.size(), 4);
  request.options.tuning = folder / "tuning.txtpb", request.stopAfter = "";
  ASSERT_FALSE(database.save(request.options.tuning));
  driver::Product device = driver::compileModule(*program.impl->module, request),
                  emulated = productOf(program, "cuda-emulated:sm_80");
  auto bodies = defineKernels(emulated);
  auto table = driver::link(device);
  std::map<std::string, std::pair<int, int>> sizes;
  defineTurns(table->program()->entries[0], sizes);
  EXPECT_GE(sizes.size(), 4u);
  Running onDevice = start(device), onHost = start(emulated);
  expectEqualResults(onDevice, onHost);
  EXPECT_EQ((int64_t)rt::test::fakeCuda().counts().libraryCalls, database.size());
  unsetenv("FLUXION_CUDNN");
}

TEST(Programs, convolutionsThatNoLibraryCanDoAreRefused) {
  rt::test::Folder folder;
  auto refusal = [&](const std::string &text) -> std::string {
    driver::Request request;
    request.options.target = "cuda:sm_80", request.options.schedule = "backend=library";
    request.stopAfter = "schedule";
    Program program = programOfText(folder, text);
    try {
      driver::compileModule(*program.impl->module, request);
    } catch (const std::runtime_error &error) {
      return error.what();
    }
    return "";
  };
  const ConvolutionKernel &plain = convolutionKernels[2];
  EXPECT_EQ(refusal(plain.text("")), "");
  EXPECT_THAT(refusal(plain.text("", "f64")),
              testing::HasSubstr("library: cuDNN is given f32, bf16 and f16 alone"));
  ConvolutionKernel c = plain;
  c.padding = "0, 2, 1, 1";
  EXPECT_THAT(refusal(c.text("")),
              testing::HasSubstr("library: cuDNN pads both ends of a dimension alike"));
  c = plain, c.lhsDilation = "2, 2", c.strides = "2, 2", c.padding = "1, 2, 1, 2";
  EXPECT_THAT(refusal(c.text("")), testing::HasSubstr("library: cuDNN has no convolution of this "
                                                      "kind, nor a gradient of one"));
  c = plain, c.dims = dimsOf("0, 1, 3, 2", "0, 1, 2, 3", "0, 1, 2, 3"), c.x = "2x4x6x9";
  EXPECT_THAT(
      refusal(c.text("")),
      testing::HasSubstr("library: cuDNN takes images that lie channels first or channels last"));
  c = plain, c.more = ", wide_result";
  std::string wide = c.text("", "bf16"), narrow = "2x6x9x6xbf16";
  for (size_t at; (at = wide.find(narrow)) != std::string::npos;)
    wide.replace(at, narrow.size(), "2x6x9x6xf32");
  EXPECT_THAT(refusal(wide),
              testing::HasSubstr("library: cuDNN has results of their factors' type alone"));
  EXPECT_THAT(refusal("func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> attributes "
                      "{fluxion.entry} { %y = fluxion.tanh %x : tensor<8xf32> return %y : "
                      "tensor<8xf32> }"),
              testing::HasSubstr("library: takes a product or a convolution with nothing fused"));
}

} // namespace
