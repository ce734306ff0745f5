// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The lint of generated code finds what is planted, and no copy, scalar contraction, call of libm
// or needless fork in the models.
#include "codegen/common/Target.h"
#include "codegen/llvm/CodeLint.h"
#include "fluxion/Program.h"
#include "frontend/driver/Compile.h"
#include "frontend/dsl/Trace.h"
#include "passes/report/PerformanceLint.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/Support/SourceMgr.h"

#include <gtest/gtest.h>

using namespace fluxion;
using codegen::CodeFinding;

namespace {

// A function that runs `body` in a loop; `%i` counts.
std::string loopOf(const std::string &declarations, const std::string &phis,
                   const std::string &body, const std::string &after = "") {
  return declarations + R"(
define void @kernel_0(ptr %a, ptr %b, i64 %n) {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
)" + phis +
         body + R"(
  %next = add i64 %i, 1
  %done = icmp eq i64 %next, %n
  br i1 %done, label %exit, label %loop
exit:
)" + after +
         "  ret void\n}\n";
}

struct Planted {
  explicit Planted(const std::string &ir) {
    llvm::SMDiagnostic error;
    program.module = llvm::parseAssemblyString(ir, error, context);
    if (!program.module)
      throw std::runtime_error(error.getMessage().str());
  }
  std::vector<std::string> rules(llvm::StringRef assembly = "") {
    std::vector<std::string> names;
    for (const CodeFinding &finding : codegen::lintCode(program, assembly))
      names.push_back(finding.rule + " " + finding.function + ": " + finding.message);
    return names;
  }
  llvm::LLVMContext context;
  codegen::LoweredProgram program;
};
using Found = std::vector<std::string>;

std::string products(const std::string &type, const std::string &suffix) {
  return loopOf(
      "declare " + type + " @llvm.fmuladd." + suffix + "(" + type + ", " + type + ", " + type + ")",
      "  %sum = phi " + type + " [ zeroinitializer, %entry ], [ %more, %loop ]\n",
      "  %x = load " + type + ", ptr %a\n  %y = load " + type + ", ptr %b\n  %more = call " + type +
          " @llvm.fmuladd." + suffix + "(" + type + " %x, " + type + " %y, " + type + " %sum)",
      "  store " + type + " %more, ptr %a\n");
}

TEST(CodeLint, FindsContractionsInScalars) {
  std::string scalar = products("float", "f32");
  scalar.replace(scalar.find("zeroinitializer"), 15, "0.0");
  Planted slow(scalar), fast(products("<8 x float>", "v8f32"));
  EXPECT_EQ(slow.rules(), Found()) << "it is no contraction";
  slow.program.contractions["kernel_0"] = fast.program.contractions["kernel_0"] = 2e6;
  EXPECT_EQ(slow.rules(), Found{"contraction kernel_0: sums 2000000 flops in scalars"});
  EXPECT_EQ(fast.rules(), Found());
  slow.program.contractions["kernel_0"] = 100;
  EXPECT_EQ(slow.rules(), Found()) << "it is small";
}

TEST(CodeLint, FindsLibmInLoops) {
  Planted scalar(loopOf("declare float @expf(float)", "",
                        "  %x = load float, ptr %a\n  %y = call float @expf(float %x)\n"
                        "  store float %y, ptr %a\n"));
  EXPECT_EQ(scalar.rules(), Found{"libm kernel_0: calls expf in a loop"});
  Planted vector(loopOf("declare <8 x float> @llvm.log.v8f32(<8 x float>)", "",
                        "  %x = load <8 x float>, ptr %a\n"
                        "  %y = call <8 x float> @llvm.log.v8f32(<8 x float> %x)\n"
                        "  store <8 x float> %y, ptr %a\n"));
  EXPECT_EQ(vector.rules(), Found{"libm kernel_0: calls llvm.log.v8f32 in a loop"});
  Planted outside(loopOf("declare float @expf(float)", "", "",
                         "  %x = load float, ptr %a\n  %y = call float @expf(float %x)\n"
                         "  store float %y, ptr %a\n"));
  EXPECT_EQ(outside.rules(), Found());
}

TEST(CodeLint, FindsSpilledVectorsInInnermostLoops) {
#if !defined(__x86_64__)
  GTEST_SKIP() << "the planted function spills the vector registers of x86";
#endif
  auto accumulate = [](int count) {
    std::string phis, body, after;
    for (int i = 0; i < count; ++i) {
      std::string n = std::to_string(i), p = "%p" + n;
      phis +=
          "  %s" + n + " = phi <8 x float> [ zeroinitializer, %entry ], [ %t" + n + ", %loop ]\n";
      body += "  " + p + " = getelementptr <8 x float>, ptr %a, i64 " + n + "\n  %x" + n +
              " = load <8 x float>, ptr " + p + "\n  %t" + n + " = fadd <8 x float> %s" + n +
              ", %x" + n + "\n";
      after += "  store <8 x float> %t" + n + ", ptr " + p + "\n";
    }
    return loopOf("", phis, body, after);
  };
  auto target = llvm::cantFail(codegen::parseTarget("cpu:x86-64-v3"));
  for (auto [count, spills] : {std::pair(8, false), std::pair(24, true)}) {
    Planted planted(accumulate(count));
    planted.program.module->setTargetTriple(llvm::Triple(target.triple));
    std::string assembly = llvm::cantFail(codegen::emitAssembly(planted.program, target));
    Found found = planted.rules(assembly);
    ASSERT_EQ(found.size(), spills ? 1u : 0u) << count;
    if (spills)
      EXPECT_EQ(found[0].find("spill kernel_0: moves vector registers to memory and back "), 0u)
          << found[0];
  }
}

TEST(CodeLint, FindsForksForLittleWork) {
  Planted planted("");
  planted.program.forks = {{"large_0", 1e-3}, {"small_1", 2e-6}};
  EXPECT_EQ(planted.rules(), Found{"fork small_1: wakes threads for 2.0 us of work"});
}

class Models : public ::testing::TestWithParam<const char *> {};
TEST_P(Models, HoldNothingSlow) {
  for (const Model &model : models()) {
    if (std::string(model.name) != GetParam())
      continue;
    Program program = model.make({});
    driver::Request request;
    request.name = program.impl->name;
    request.assembly = true;
    driver::Product product = driver::compileModule(*program.impl->module, request);
    for (const passes::LintFinding &finding : passes::lintPerformance(*product.planned))
      ADD_FAILURE() << finding.rule << " " << finding.kernel << ": " << finding.message;
    // With 16 registers some tiles and functions do not fit.
    bool roomy = llvm::cantFail(codegen::parseTarget("cpu")).vectorRegisters >= 32 ||
                 program.impl->name == "vision/lenet_digits";
    // An initialiser runs once, and squares of random numbers fill more registers than there are.
    auto mayMatter = [](const CodeFinding &finding) {
      return !llvm::StringRef(finding.function).starts_with("init_");
    };
    for (const CodeFinding &finding : product.findings)
      if (finding.rule != "spill" || (roomy && mayMatter(finding)))
        ADD_FAILURE() << finding.rule << " " << finding.function << ": " << finding.message;
    return;
  }
  FAIL() << "no such model";
}
INSTANTIATE_TEST_SUITE_P(Zoo, Models,
                         ::testing::Values("vision/mlp", "vision/lenet_digits", "vision/lenet",
                                           "vision/resnet20"));

} // namespace
