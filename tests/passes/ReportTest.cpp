// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Pipeline.h"
#include "passes/report/FusionReport.h"
#include "passes/report/PerformanceLint.h"
#include "passes/report/Verdict.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace mlir;
using namespace fluxion::passes;
using testing::HasSubstr;

namespace {

class ReportTest : public testing::Test {
protected:
  ReportTest() { context.loadDialect<fluxion::ir::FluxionDialect, func::FuncDialect>(); }
  OwningOpRef<ModuleOp> compile(const std::string &text, bool fusion) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    PipelineOptions options;
    options.fusion = fusion;
    EXPECT_TRUE(succeeded(runPipeline(*module, options)));
    return module;
  }
  MLIRContext context;
  const std::string chain = R"(
func.func @f(%x: tensor<1000xf32>) -> tensor<1000xf32> attributes {fluxion.entry} {
  %a = fluxion.exp %x : tensor<1000xf32>
  %b = fluxion.neg %a : tensor<1000xf32>
  return %b : tensor<1000xf32>
})";
};

TEST_F(ReportTest, CountsWhatFusionSaves) {
  auto fused = compile(chain, true), apart = compile(chain, false);
  std::vector<EntryReport> with = reportEntries(*fused), without = reportEntries(*apart);
  ASSERT_EQ(with.size(), 1u);
  EXPECT_EQ(with[0].kernelCount, 1);
  EXPECT_EQ(with[0].bytes, 8000);
  EXPECT_EQ(with[0].arenaBytes, 0);
  EXPECT_EQ(without[0].kernelCount, 2);
  EXPECT_EQ(without[0].bytes, 16000);
  EXPECT_EQ(without[0].arenaBytes, 4032);

  std::string text = fusionReport(*fused, *apart);
  EXPECT_THAT(text, HasSubstr("f: 1 kernels, 8.00 kB moved"));
  EXPECT_THAT(text, HasSubstr("without fusion: 2 kernels, 16.0 kB moved, arena 4.03 kB"));
  EXPECT_THAT(text, HasSubstr("exp_neg"));

  std::string json;
  llvm::raw_string_ostream(json) << fusionReportJson(*fused, *apart);
  EXPECT_THAT(json, HasSubstr(R"("kernels":1)"));
  EXPECT_THAT(json, HasSubstr(R"("unfused":{"arena_bytes":4032)"));
}

TEST_F(ReportTest, EqualKernelsAreOneLine) {
  auto module = compile(R"(
func.func @f(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) attributes {fluxion.entry} {
  %a = fluxion.exp %x : tensor<4xf32>
  %b = fluxion.exp %y : tensor<4xf32>
  return %a, %b : tensor<4xf32>, tensor<4xf32>
})",
                        true);
  EntryReport report = reportEntries(*module)[0];
  EXPECT_EQ(report.kernelCount, 2);
  ASSERT_EQ(report.kernels.size(), 1u);
  EXPECT_EQ(report.kernels[0].count, 2);
}

class Times final : public ScheduleSource {
public:
  DictionaryAttr lookup(llvm::StringRef, const fluxion::ir::TargetInfo &,
                        MLIRContext *context) const override {
    std::string error;
    return parseScheduleText("backend=slow,unroll=2", context, error);
  }
  std::vector<Measurement> measurements(llvm::StringRef, const fluxion::ir::TargetInfo &,
                                        MLIRContext *) const override {
    return {{"backend=quick", 2e-6, false}, {"backend=slow,unroll=2", 3e-6, false}};
  }
};

TEST_F(ReportTest, MeasuredTimesStandBesideThePredicted) {
  Times times;
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(chain, &context);
  PipelineOptions options;
  options.schedules = &times;
  ASSERT_TRUE(succeeded(runPipeline(*module, options)));
  std::string text = fusionReport(*module, {}, &times);
  EXPECT_THAT(text, HasSubstr("predicted    measured  kernel\n"));
  EXPECT_THAT(
      text, HasSubstr("-        3 us  exp_neg\n         measured: quick 2 us, slow 3 us: 1.50x\n"));
  std::string json;
  llvm::raw_string_ostream(json) << fusionReportJson(*module, {}, &times);
  EXPECT_THAT(json, HasSubstr(R"("lead":1.5,"measured":3.0000000000000001e-06)"));
  EXPECT_THAT(
      json,
      HasSubstr(R"({"chosen":false,"schedule":"backend=quick","seconds":1.9999999999999999e-06})"));

  EXPECT_THAT(fusionReport(*module), Not(HasSubstr("measured")));
  json.clear();
  llvm::raw_string_ostream(json) << fusionReportJson(*module);
  EXPECT_THAT(json, Not(HasSubstr("measure")));
}

TEST(VerdictTest, SaysWhoWonAndByHowMuch) {
  Measurement simt{"backend=simt,stages=3,tile=64", 3e-6, false};
  Measurement wide{"backend=simt,stages=3,tile=128", 3.3e-6, false};
  Measurement deep{"backend=simt,stages=4,tile=128", 4.5e-6, true};
  Measurement library{"backend=library", 6e-6, false};
  EXPECT_EQ(verdict({}), "");
  EXPECT_EQ(verdict({simt}), "");
  EXPECT_EQ(lead({simt}), 0);
  EXPECT_EQ(verdict({simt, wide}), "tile=64 3 us, tile=128 3.3 us: 1.10x");
  EXPECT_DOUBLE_EQ(lead({simt, wide}), 1.1);
  EXPECT_EQ(verdict({simt, wide, deep}), "tile=64 3 us, tile=128 3.3 us: 1.10x (the cost model "
                                         "chose stages=4,tile=128, 4.5 us: 1.50x)");
  EXPECT_EQ(verdict({simt, wide, library}), "simt 3 us, library 6 us: 2.00x");
  EXPECT_DOUBLE_EQ(lead({simt, wide, library}), 2);
  library.chosen = true;
  EXPECT_EQ(verdict({simt, library}),
            "simt 3 us, library 6 us: 2.00x (the cost model chose library)");
  simt.chosen = true, library.chosen = false;
  EXPECT_EQ(verdict({simt, library}), "simt 3 us, library 6 us: 2.00x (as the cost model chose)");
}

TEST_F(ReportTest, LintFindsLargeCopies) {
  auto module = compile(R"(
func.func @f(%x: tensor<1024x512xf32>, %y: tensor<8x8xf32>) -> (tensor<512x1024xf32>, tensor<8x8xf32>) attributes {fluxion.entry} {
  %a = fluxion.transpose %x [1, 0] : (tensor<1024x512xf32>) -> tensor<512x1024xf32>
  %b = fluxion.transpose %y [1, 0] : (tensor<8x8xf32>) -> tensor<8x8xf32>
  return %a, %b : tensor<512x1024xf32>, tensor<8x8xf32>
})",
                        true);
  std::vector<LintFinding> findings = lintPerformance(*module);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].rule, "copy");
  EXPECT_EQ(findings[0].kernel, "transpose");
  EXPECT_EQ(findings[0].message, "only moves 4194304 bytes");
}

} // namespace
