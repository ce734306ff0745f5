// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Pipeline.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

using namespace mlir;
using namespace fluxion::passes;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class PipelineTest : public testing::Test {
protected:
  PipelineTest() {
    context.loadDialect<fluxion::ir::FluxionDialect, func::FuncDialect>();
    module = parseSourceString<ModuleOp>(R"(
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> attributes {fluxion.entry} {
  %y = fluxion.relu %x : tensor<4xf32>
  return %y : tensor<4xf32>
})",
                                         &context);
  }
  // The first complaint, or an empty string.
  std::string complaint(const PipelineOptions &options) {
    std::string message;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      if (message.empty())
        message = diagnostic.str();
    });
    bool ok = succeeded(runPipeline(*module, options));
    EXPECT_EQ(ok, message.empty());
    return message;
  }
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

TEST_F(PipelineTest, RunsEveryPassInOrderAndTimesIt) {
  std::vector<std::string> dumped, timed;
  PipelineOptions options;
  options.dump = [&](llvm::StringRef pass, ModuleOp) { dumped.push_back(pass.str()); };
  options.timing = [&](llvm::StringRef stage, llvm::StringRef pass, double seconds) {
    timed.push_back(stage.str());
    EXPECT_GE(seconds, 0);
  };
  EXPECT_EQ(complaint(options), "");
  EXPECT_THAT(dumped, ElementsAre("differentiate", "decompose", "simplify", "assign-layout",
                                  "assign-precision", "fuse", "outline", "schedule", "order",
                                  "plan-memory"));
  EXPECT_EQ(timed.size(), dumped.size());
  EXPECT_TRUE((*module)->hasAttr("fluxion.state_bytes"));
}

TEST_F(PipelineTest, StopsAfterAStageAndSkipsPasses) {
  std::vector<std::string> ran;
  PipelineOptions options;
  options.stopAfter = "fuse";
  options.skip = {"simplify", "fuse"};
  options.dump = [&](llvm::StringRef pass, ModuleOp) { ran.push_back(pass.str()); };
  EXPECT_EQ(complaint(options), "");
  EXPECT_THAT(ran, ElementsAre("differentiate", "decompose", "assign-layout", "assign-precision",
                               "outline"));
}

TEST_F(PipelineTest, UnknownNamesAreErrorsWithTheNearest) {
  PipelineOptions stage;
  stage.stopAfter = "fues";
  EXPECT_THAT(complaint(stage), HasSubstr("unknown stage 'fues', did you mean one of fuse"));
  PipelineOptions pass;
  pass.skip = {"simplfy"};
  EXPECT_THAT(complaint(pass), HasSubstr("unknown pass 'simplfy', did you mean one of simplify"));
  PipelineOptions required;
  required.skip = {"plan-memory"};
  EXPECT_THAT(complaint(required), HasSubstr("pass 'plan-memory' cannot be skipped"));
}

// Takes no kernel, which the pipeline can only explain by a mistake of its own.
struct NoBackend : fluxion::ir::KernelModel {
  fluxion::ir::KernelCost cost(fluxion::ir::KernelOp,
                               const fluxion::ir::TargetInfo &) const override {
    fluxion::ir::KernelCost cost;
    cost.refusal = "there are none";
    return cost;
  }
  bool fusesInto(Operation *, Operation *, const fluxion::ir::TargetInfo &) const override {
    return false;
  }
};

TEST_F(PipelineTest, AFailureNamesThePassAndWritesAReproducer) {
  NoBackend none;
  PipelineOptions options;
  options.model = &none;
  options.schedule = "tile_rows=2";
  options.reproducer = testing::TempDir() + "/reproducer.mlir";
  std::vector<std::string> messages;
  ScopedDiagnosticHandler handler(
      &context, [&](Diagnostic &diagnostic) { messages.push_back(diagnostic.str()); });
  EXPECT_TRUE(failed(runPipeline(*module, options)));
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_THAT(messages[0], HasSubstr("no backend takes this kernel: there are none"));
  EXPECT_THAT(messages[1], HasSubstr("internal error in pass 'schedule'"));
  std::stringstream text;
  text << std::ifstream(options.reproducer).rdbuf();
  EXPECT_THAT(text.str(), HasSubstr("fluxion-opt --pass-pipeline='builtin.module(fluxion-schedule{"
                                    "schedule=tile_rows=2})'"));
  EXPECT_TRUE(parseSourceString<ModuleOp>(text.str(), &context)) << "a reproducer can be read back";
}

TEST_F(PipelineTest, AMistakeInTheScheduleIsNotAnInternalError) {
  PipelineOptions options;
  options.schedule = "broken";
  options.reproducer = testing::TempDir() + "/no_reproducer.mlir";
  EXPECT_THAT(complaint(options), HasSubstr("schedule entry 'broken' is not key=value"));
  EXPECT_FALSE(std::ifstream(options.reproducer).good());
}

TEST_F(PipelineTest, ProgramsThatCannotBeCompiledAreRefused) {
  auto refusal = [&](const std::string &text) {
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
    return complaint({});
  };
  EXPECT_THAT(refusal("func.func private @f() attributes {fluxion.entry}"),
              HasSubstr("entry point @f has no body, expected a body of one block"));
  EXPECT_THAT(
      refusal("func.func @f(%x: i32) attributes {fluxion.entry} { return }"),
      HasSubstr("argument 0 of entry point @f is 'i32', expected a tensor of static shape"));
  EXPECT_THAT(refusal("func.func @f(%x: tensor<?xf32>) attributes {fluxion.entry} { return }"),
              HasSubstr("argument 0 of entry point @f is 'tensor<?xf32>'"));
  EXPECT_THAT(
      refusal("func.func @f(%x: tensor<4xf128>) attributes {fluxion.entry} { return }"),
      HasSubstr("argument 0 of entry point @f is 'tensor<4xf128>', expected elements f64, "));
  EXPECT_THAT(refusal("func.func @f(%x: tensor<4xsi8>) attributes {fluxion.entry} { return }"),
              HasSubstr("is 'tensor<4xsi8>', expected elements"));
  EXPECT_THAT(
      refusal("func.func @f(%x: tensor<4294967296x4294967296xf32>) attributes {fluxion.entry} {\n"
              "  return\n}"),
      HasSubstr("argument 0 of entry point @f is 'tensor<4294967296x4294967296xf32>', larger than "
                "any memory"));
  EXPECT_THAT(refusal("fluxion.state param @w : tensor<?xf32>"),
              HasSubstr("state @w is 'tensor<?xf32>'"));
  EXPECT_THAT(refusal("func.func @g() { return }\n"
                      "func.func @f() attributes {fluxion.entry} { call @g() : () -> () return }"),
              HasSubstr("func.call cannot be part of entry point @f"));
  EXPECT_THAT(refusal("fluxion.state param @w : tensor<4xf32>\n"
                      "func.func @f(%x: tensor<4xf32>) attributes {fluxion.entry} {\n"
                      "  fluxion.write @w, %x : tensor<4xf32>\n  fluxion.write @w, %x : "
                      "tensor<4xf32>\n  return\n}"),
              HasSubstr("state @w is written twice in @f, expected at most once"));
}

TEST_F(PipelineTest, DumpFilesSortInOrder) {
  EXPECT_EQ(dumpFileName("simplify"), "03-simplify.mlir");
}

} // namespace
