// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// PTX of whole training steps: nothing is called, and where NVIDIA's assembler is at hand it takes
// every kernel without spilling a register.
#include "codegen/common/Backend.h"
#include "codegen/common/Target.h"
#include "codegen/llvm/LowerProgram.h"
#include "codegen/nvptx/Image.h"
#include "tests/codegen/Harness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fluxion_testing;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

struct PtxCase {
  const char *model;
  int64_t batch;
  const char *target;
};
void PrintTo(const PtxCase &c, std::ostream *out) { *out << c.model << " for " << c.target; }

std::string ptxOf(const PtxCase &c) {
  for (const fluxion::Model &model : fluxion::models()) {
    if (std::string(c.model) != model.name)
      continue;
    Case program(model.make({.batch = c.batch}));
    driver::Request request;
    request.options.target = c.target;
    request.assembly = true;
    return program.text(request);
  }
  throw std::runtime_error("no such model");
}

class Ptx : public ::testing::TestWithParam<PtxCase> {};

TEST_P(Ptx, CallsNothing) {
  std::string ptx = ptxOf(GetParam());
  EXPECT_THAT(ptx, HasSubstr(".entry"));
  EXPECT_THAT(ptx, Not(HasSubstr("__nv_")));
  EXPECT_THAT(ptx, Not(HasSubstr(".extern .func")));
  EXPECT_THAT(ptx, Not(HasSubstr("call.uni")));
  EXPECT_THAT(ptx, HasSubstr("ld.global.v4.b32")); // 128 bits at once
}

// "N bytes stack frame, N bytes spill stores, N bytes spill loads" a kernel.
TEST_P(Ptx, SpillsNothing) {
  if (codegen::findPtxas().empty())
    GTEST_SKIP() << "ptxas was not found";
  ir::TargetInfo target = llvm::cantFail(codegen::parseTarget(GetParam().target));
  std::string log;
  auto cubin = codegen::assemblePtx(ptxOf(GetParam()), target, &log);
  ASSERT_TRUE((bool)cubin) << llvm::toString(cubin.takeError());
  std::string kernel;
  llvm::SmallVector<llvm::StringRef> lines;
  llvm::StringRef(log).split(lines, '\n');
  int kernels = 0;
  for (llvm::StringRef line : lines) {
    if (line.contains("Compiling entry function"))
      kernel = line.str(), ++kernels;
    if (line.contains("spill stores"))
      EXPECT_TRUE(line.contains(" 0 bytes spill stores, 0 bytes spill loads")) << kernel << "\n"
                                                                               << line.str();
    EXPECT_FALSE(line.contains("warning")) << line.str();
  }
  EXPECT_GT(kernels, 0) << log;
}

INSTANTIATE_TEST_SUITE_P(Zoo, Ptx,
                         ::testing::Values(PtxCase{"vision/mlp", 128, "cuda:sm_80"},
                                           PtxCase{"vision/mlp", 128, "cuda:sm_90a"},
                                           PtxCase{"vision/lenet", 128, "cuda:sm_80"},
                                           PtxCase{"vision/resnet20", 128, "cuda:sm_90a"}));

} // namespace
