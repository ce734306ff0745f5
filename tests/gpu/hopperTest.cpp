// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products by Hopper's engines, emulated, beside the reference evaluator: all operand orders,
// sizes that no tile divides, batches, chunks of k, what is fused behind them.
#include "codegen/common/Backend.h"
#include "codegen/common/Target.h"
#include "codegen/nvptx/Image.h"
#include "tests/codegen/Harness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fluxion_testing;
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

std::string run(const Product &p, const char *target) {
  Case program(textOf(p));
  driver::Request request;
  request.options.target = target;
  program.compile(request);
  auto inputs = program.inputsOf("main", {.low = -1, .high = 1});
  for (Tensor &input : inputs)
    input = rounded(input);
  return difference(program.reference("main", inputs), program.compiled("main", inputs),
                    p.element == std::string("bf16") ? 2e-2 : 4e-3);
}

class Products : public ::testing::TestWithParam<Product> {};

TEST_P(Products, EqualTheReference) { EXPECT_EQ(run(GetParam(), "cuda-emulated:sm_90a"), ""); }

std::string ptxOf(const Product &p) {
  Case program(textOf(p));
  driver::Request request;
  request.options.target = "cuda:sm_90a";
  request.assembly = true;
  return program.text(request);
}

TEST_P(Products, UseTensorCores) {
  std::string ptx = ptxOf(GetParam());
  EXPECT_THAT(ptx, HasSubstr("wgmma.mma_async.sync.aligned"));
  EXPECT_THAT(ptx, HasSubstr("cp.async.bulk.tensor"));
  EXPECT_THAT(ptx, HasSubstr("mbarrier.try_wait.parity"));
}

class Assembled : public ::testing::TestWithParam<Product> {};

// C7510 and C7520 say that products were made to wait for each other.
TEST_P(Assembled, WithoutSpillsOrWaits) {
  if (codegen::findPtxas().empty())
    GTEST_SKIP() << "only ptxas of the CUDA toolkit knows registers; set FLUXION_PTXAS to it";
  ir::TargetInfo target = llvm::cantFail(codegen::parseTarget("cuda:sm_90a"));
  std::string log;
  auto cubin = codegen::assemblePtx(ptxOf(GetParam()), target, &log);
  ASSERT_TRUE((bool)cubin) << llvm::toString(cubin.takeError());
  EXPECT_THAT(log, HasSubstr(" 0 bytes spill stores, 0 bytes spill loads"));
  EXPECT_THAT(log, Not(HasSubstr("warning")));
  EXPECT_THAT(log, Not(HasSubstr("C7510")));
  EXPECT_THAT(log, Not(HasSubstr("C7520")));
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
                      Product{"shares", 0, 64, 32, 512}, Product{"persistent", 0, 4352, 1040, 8},
                      Product{"chunks", 0, 64, 32, 4096, false, true, "bf16", "bf16", "relu"}),
    [](const auto &info) { return std::string(info.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Hopper, Assembled,
    ::testing::Values(Product{"bf16_4096", 0, 4096, 4096, 4096},
                      Product{"bf16_4096_tn", 0, 4096, 4096, 4096, true, false},
                      Product{"fused", 0, 4096, 4096, 4096, false, true, "bf16", "bf16", "relu"},
                      Product{"fused_f32", 0, 4096, 4096, 4096, false, true, "bf16", "f32", "relu"},
                      Product{"tf32_4096", 0, 4096, 4096, 4096, false, true, "f32", "f32", "",
                              tf32},
                      Product{"columns_192", 0, 8192, 768, 3072},
                      Product{"small", 0, 128, 512, 784}),
    [](const auto &info) { return std::string(info.param.name); });

} // namespace
