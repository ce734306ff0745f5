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

TEST_F(TuningDatabaseTest, TheFasterScheduleStays) {
  TuningDatabase mine, theirs;
  mine.record(kernel("exp"), target, schedule("unroll=2"), 2e-6);
  theirs.record(kernel("exp"), target, schedule("unroll=4"), 1e-6);
  theirs.record(kernel("log"), target, schedule("unroll=8"), 3e-6);
  mine.merge(theirs);
  EXPECT_EQ(mine.size(), 2);
  EXPECT_EQ(mine.lookup(kernelFingerprint(kernel("exp")), target, &context), schedule("unroll=4"));
  mine.record(kernel("exp"), target, schedule("unroll=16"), 9e-6);
  EXPECT_EQ(mine.lookup(kernelFingerprint(kernel("exp")), target, &context), schedule("unroll=4"));
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
