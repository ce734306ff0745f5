// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/schedule/TuningDatabase.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

using namespace mlir;
using namespace fluxion::passes;
using testing::HasSubstr;

namespace {

class TuningDatabaseTest : public testing::Test {
protected:
  TuningDatabaseTest() { context.loadDialect<fluxion::ir::FluxionDialect, func::FuncDialect>(); }

  fluxion::ir::KernelOp kernel(const std::string &op, const std::string &name = "k") {
    modules.push_back(parseSourceString<ModuleOp>(
        "func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {\n  %y = fluxion.kernel map \"" + name +
            "\"(%x) {\n  ^bb0(%a: tensor<4xf32>):\n    %0 = fluxion." + op +
            " %a : tensor<4xf32>\n    fluxion.yield %0 : tensor<4xf32>\n  } : (tensor<4xf32>) -> "
            "tensor<4xf32>\n"
            "  return %y : tensor<4xf32>\n}",
        &context));
    fluxion::ir::KernelOp found;
    modules.back()->walk([&](fluxion::ir::KernelOp op) { found = op; });
    return found;
  }
  DictionaryAttr schedule(const std::string &text) {
    std::string error;
    DictionaryAttr attr = parseScheduleText(text, &context, error);
    EXPECT_EQ(error, "");
    return attr;
  }
  std::string file(const std::string &name) { return testing::TempDir() + "/" + name; }

  MLIRContext context;
  std::vector<OwningOpRef<ModuleOp>> modules;
  fluxion::ir::TargetInfo target;
};

TEST_F(TuningDatabaseTest, FingerprintIsOfTheBodyAlone) {
  EXPECT_EQ(kernelFingerprint(kernel("exp")), kernelFingerprint(kernel("exp", "another")));
  EXPECT_NE(kernelFingerprint(kernel("exp")), kernelFingerprint(kernel("log")));
  EXPECT_EQ(kernelFingerprint(kernel("exp")).size(), 16u);
}

TEST_F(TuningDatabaseTest, SavesAndLoadsInBothForms) {
  TuningDatabase database;
  database.record(kernel("exp"), target,
                  schedule("tile_m=8,backend=llvm-loops,pack=true,ratio=0.5"), 2e-6);
  for (std::string path : {file("a.txtpb"), file("a.pb")}) {
    ASSERT_FALSE(database.save(path));
    auto loaded = TuningDatabase::load(path);
    ASSERT_TRUE(bool(loaded)) << llvm::toString(loaded.takeError());
    EXPECT_EQ(loaded->lookup(kernelFingerprint(kernel("exp")), target, &context),
              schedule("tile_m=8,backend=llvm-loops,pack=true,ratio=0.5"));
    EXPECT_FALSE(loaded->lookup(kernelFingerprint(kernel("log")), target, &context));
    fluxion::ir::TargetInfo other;
    other.cpu = "znver5";
    EXPECT_FALSE(loaded->lookup(kernelFingerprint(kernel("exp")), other, &context));
  }
}

TEST_F(TuningDatabaseTest, TheFastestIsUsedAndTheOthersStayBesideIt) {
  TuningDatabase database;
  database.record(kernel("exp"), target, schedule("backend=halide"), 2e-6, /*chosen=*/true);
  database.record(kernel("exp"), target, schedule("backend=llvm-loops,unroll=4"), 1e-6);
  database.record(kernel("log"), target, schedule("unroll=8"), 3e-6);
  database.record(kernel("exp"), target, schedule("unroll=16"), 9e-6);
  database.record(kernel("exp"), target, schedule("unroll=16"), 8e-6);
  EXPECT_EQ(database.size(), 2);
  for (std::string path : {file("many.txtpb"), file("many.pb")}) {
    ASSERT_FALSE(database.save(path));
    auto loaded = TuningDatabase::load(path);
    ASSERT_TRUE(bool(loaded)) << llvm::toString(loaded.takeError());
    std::string exp = kernelFingerprint(kernel("exp"));
    EXPECT_EQ(loaded->lookup(exp, target, &context), schedule("backend=llvm-loops,unroll=4"));
    std::vector<Measurement> all = loaded->measurements(exp, target, &context);
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].schedule, "backend=llvm-loops,unroll=4");
    EXPECT_EQ(all[0].seconds, 1e-6);
    EXPECT_FALSE(all[0].chosen);
    EXPECT_EQ(all[1].schedule, "backend=halide");
    EXPECT_TRUE(all[1].chosen);
    EXPECT_EQ(all[2].schedule, "unroll=16");
    EXPECT_EQ(all[2].seconds, 8e-6);
    EXPECT_TRUE(loaded->measurements(kernelFingerprint(kernel("abs")), target, &context).empty());
  }
}

// Files of one time a kernel, or of a schedule that was written by hand.
TEST_F(TuningDatabaseTest, OneTimeOrNoneIsEnough) {
  std::string exp = kernelFingerprint(kernel("exp"));
  std::string entry = "entries {\n  target: \"" + target.kind + ":" + target.cpu +
                      "\"\n  fingerprint: \"" + exp +
                      "\"\n  schedule { name: \"unroll\" value { integer: 2 } }\n";
  std::ofstream(file("one.txtpb")) << entry + "  seconds: 2e-06\n}\n";
  std::ofstream(file("none.txtpb")) << entry + "}\n";
  for (size_t times : {1, 0}) {
    auto loaded = TuningDatabase::load(file(times ? "one.txtpb" : "none.txtpb"));
    ASSERT_TRUE(bool(loaded)) << llvm::toString(loaded.takeError());
    EXPECT_EQ(loaded->lookup(exp, target, &context), schedule("unroll=2"));
    EXPECT_EQ(loaded->measurements(exp, target, &context).size(), times);
  }
}

TEST_F(TuningDatabaseTest, RefusesWhatTuneWouldNotWrite) {
  const std::string head =
      "entries {\n  target: \"cpu:x\"\n  fingerprint: \"00\"\n  kernel: \"k\"\n";
  const std::pair<std::string, std::string> cases[] = {
      {"\nentries {\n  kernel: \"k\"\n}", ":2:1: entry 1 (\"k\"): it has no target"},
      {"entries {\n  target: \"cpu:x\"\n}", ":1:1: entry 1 (\"\"): it has no fingerprint"},
      {head + "  seconds: -1\n}", ":5:3: entry 1 (\"k\"): a time is a positive number, not -1"},
      {head + "  seconds: nan\n}", ":5:3: entry 1 (\"k\"): a time is a positive number, not nan"},
      {head + "  schedule { name: \"unroll\" }\n}",
       ":5:3: entry 1 (\"k\"): a key needs a name and"},
      {head + "}\n" + head +
           "  others { schedule: \"a=1\" seconds: 1 }\n  others {\n    schedule: \"a\"\n  }\n}",
       ":11:3: entry 2 (\"k\"): schedule entry 'a' is not key=value"},
      {head + "  others { schedule: \"a=1\" }\n}",
       ":5:3: entry 1 (\"k\"): a time is a positive number, not 0"},
  };
  for (auto &[text, message] : cases) {
    std::ofstream(file("damaged.txtpb")) << text;
    auto loaded = TuningDatabase::load(file("damaged.txtpb"));
    ASSERT_FALSE(bool(loaded)) << text;
    std::string said = llvm::toString(loaded.takeError());
    EXPECT_THAT(said, HasSubstr("damaged.txtpb" + message));
    EXPECT_THAT(said, HasSubstr("write the file again with fluxion tune"));
  }
}

TEST_F(TuningDatabaseTest, RefusesWhatIsNoDatabase) {
  std::ofstream(file("bad.txtpb")) << "entries {\n  nonsense: 1\n}\n";
  auto text = TuningDatabase::load(file("bad.txtpb"));
  ASSERT_FALSE(bool(text));
  EXPECT_THAT(llvm::toString(text.takeError()), HasSubstr("bad.txtpb:2:"));
  std::ofstream(file("bad.pb")) << "\xff\xff\xff";
  auto binary = TuningDatabase::load(file("bad.pb"));
  ASSERT_FALSE(bool(binary));
  EXPECT_THAT(llvm::toString(binary.takeError()), HasSubstr("not a tuning database"));
  auto missing = TuningDatabase::load(file("missing.pb"));
  ASSERT_FALSE(bool(missing));
  EXPECT_THAT(llvm::toString(missing.takeError()), HasSubstr("missing.pb: "));
}

TEST_F(TuningDatabaseTest, ScheduleTextNeedsKeyAndValue) {
  std::string error;
  EXPECT_FALSE(parseScheduleText("tile_m", &context, error));
  EXPECT_EQ(error, "schedule entry 'tile_m' is not key=value");
}

} // namespace
