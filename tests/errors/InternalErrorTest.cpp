// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A mistake of the compiler's own, a crash included, names the pass and leaves a file that meets it
// again.
#include "frontend/driver/Compile.h"
#include "frontend/driver/commands/Commands.h"
#include "frontend/dsl/Trace.h"
#include "ir/KernelModel.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/CrashRecoveryContext.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>

using namespace fluxion;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

struct Broken : ir::KernelModel {
  bool crashes = false;
  ir::KernelCost cost(ir::KernelOp, const ir::TargetInfo &) const override {
    if (crashes)
      std::raise(SIGSEGV);
    return {}; // no backend takes the kernel
  }
  bool fusesInto(mlir::Operation *, mlir::Operation *, const ir::TargetInfo &) const override {
    return false;
  }
};

std::string reproducer() { return testing::TempDir() + "/internal-error.mlir"; }

std::string complaint(const Broken &model, const std::string &file) {
  Program traced = program(function({f32(8)}, [](Tensor x) { return exp(x) * 2; }));
  driver::Request request;
  request.options.reproducer = file;
  request.model = &model;
  try {
    driver::compileModule(*traced.impl->module, request);
  } catch (const driver::InternalError &error) {
    return error.what();
  }
  return "no internal error";
}

std::string text(const std::string &path) {
  std::stringstream read;
  read << std::ifstream(path).rdbuf();
  return read.str();
}

TEST(InternalError, NamesThePassAndTheReproducer) {
  std::filesystem::remove(reproducer());
  std::string message = complaint(Broken(), reproducer());
  EXPECT_THAT(message, HasSubstr("internal error in pass 'schedule'"));
  EXPECT_THAT(message, HasSubstr("note: reproducer written to " + reproducer()));
  EXPECT_THAT(text(reproducer()), StartsWith("// fluxion-opt --pass-pipeline='builtin.module("));
  auto context = dsl::makeContext();
  EXPECT_TRUE(mlir::parseSourceString<mlir::ModuleOp>(text(reproducer()), context.get()));
}

TEST(InternalError, ACrashIsOne) {
  std::filesystem::remove(reproducer());
  Broken model;
  model.crashes = true;
  llvm::CrashRecoveryContext::Enable();
  std::string message = complaint(model, reproducer());
  llvm::CrashRecoveryContext::Disable();
  EXPECT_THAT(message, HasSubstr("internal error in pass '"));
  EXPECT_THAT(message, HasSubstr("': it crashed"));
  EXPECT_THAT(message, HasSubstr("note: reproducer written to " + reproducer()));
  EXPECT_THAT(text(reproducer()), HasSubstr("fluxion.exp"));
}

// What an earlier one left, and every file of the user's, stays as it is.
TEST(InternalError, WritesANewFileUnlessOneIsNamed) {
  std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "reproducers";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  const char *before = std::getenv("TMPDIR");
  std::string restored = before ? before : "";
  setenv("TMPDIR", folder.c_str(), 1);
  std::string file = driver::CompileFlags().options().reproducer;
  before ? setenv("TMPDIR", restored.c_str(), 1) : unsetenv("TMPDIR");
  std::vector<std::string> messages{complaint(Broken(), file), complaint(Broken(), file)};
  size_t found = 0;
  for (const auto &entry : std::filesystem::directory_iterator(folder)) {
    std::string path = entry.path();
    EXPECT_THAT(messages, testing::Contains(HasSubstr("reproducer written to " + path)));
    EXPECT_THAT(text(path), HasSubstr(")' " + path + "\n")) << "the command names the file";
    ++found;
  }
  EXPECT_EQ(found, 2u);
}

TEST(InternalError, SaysWhyThereIsNoReproducer) {
  std::string message = complaint(Broken(), testing::TempDir() + "/none/x.mlir");
  EXPECT_THAT(message, HasSubstr("note: no reproducer: "));
  EXPECT_THAT(message, HasSubstr("No such file or directory"));
}

} // namespace
