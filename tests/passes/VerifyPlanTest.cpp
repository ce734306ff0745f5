// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Plans made by hand, with one fault each: the check of the memory plan finds it.
#include "passes/memory/VerifyPlan.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace mlir;
using testing::HasSubstr;

// Two kernels, a = exp(x) and b = f(a), with places to be filled in; the function returns what
// `returned` says.
static std::string program(const std::string &a, const std::string &b, const std::string &body,
                           const std::string &returned) {
  return R"(
fluxion.state param @w : tensor<4xf32> {offset = 0 : i64}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> attributes {fluxion.entry} {
  %w = fluxion.read @w : tensor<4xf32>
  %a = fluxion.kernel map "a"(%x) at [)" +
         a + R"(] {
  ^bb0(%p: tensor<4xf32>):
    %0 = fluxion.exp %p : tensor<4xf32>
    fluxion.yield %0 : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  %b = fluxion.kernel map "b"(%a) at [)" +
         b + R"(] {
  ^bb0(%p: tensor<4xf32>):
    )" + body +
         R"(
    fluxion.yield %0 : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return )" +
         returned + R"( : tensor<4xf32>
})";
}

// The complaint, or an empty string.
static std::string complaintOf(const std::string &text) {
  MLIRContext context;
  context.loadDialect<fluxion::ir::FluxionDialect, func::FuncDialect>();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  EXPECT_TRUE(module);
  std::string message;
  ScopedDiagnosticHandler handler(&context,
                                  [&](Diagnostic &diagnostic) { message = diagnostic.str(); });
  bool ok = succeeded(fluxion::passes::verifyPlan(*module->getOps<func::FuncOp>().begin()));
  EXPECT_EQ(ok, message.empty());
  return message;
}

static const char *arena0 = "#fluxion.place<arena, 0>", *arena8 = "#fluxion.place<arena, 8>",
                  *output = "#fluxion.place<output, 0>";
static const char *pointwise = "%0 = fluxion.neg %p : tensor<4xf32>",
                  *reversing = "%0 = fluxion.reverse %p dims [0] : tensor<4xf32>";

TEST(VerifyPlan, TakesASoundPlan) {
  EXPECT_EQ(complaintOf(program(arena0, output, pointwise, "%b")), "");
  EXPECT_EQ(complaintOf(program(arena0, arena0, pointwise, "%b")), "")
      << "in place, element by element";
}

TEST(VerifyPlan, FindsAnOverwrittenValue) {
  EXPECT_THAT(complaintOf(program(arena0, arena0, pointwise, "%a")),
              HasSubstr("overwritten before this use"));
}

TEST(VerifyPlan, FindsAnOperandOverwrittenWhileItIsRead) {
  EXPECT_THAT(complaintOf(program(arena0, arena0, reversing, "%b")),
              HasSubstr("overwrites operand 0 while it is read"));
  EXPECT_THAT(complaintOf(program(arena0, arena8, pointwise, "%b")),
              HasSubstr("overwrites operand 0 while it is read"));
}

TEST(VerifyPlan, FindsWritesOutsideTheArena) {
  EXPECT_THAT(complaintOf(program("#fluxion.place<input, 0>", output, pointwise, "%b")),
              HasSubstr("read-only memory"));
  EXPECT_THAT(complaintOf(program("#fluxion.place<state, 0>", output, pointwise, "%b")),
              HasSubstr("in state that no write of it names"));
}
