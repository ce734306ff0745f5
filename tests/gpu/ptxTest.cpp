// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// PTX: the instructions each kind of kernel is made of. Whole training steps: nothing is called,
// and where NVIDIA's assembler is at hand every kernel fits the machine without spilling a
// register.
#include "codegen/common/Backend.h"
#include "codegen/common/Target.h"
#include "codegen/llvm/LowerProgram.h"
#include "codegen/nvptx/Image.h"
#include "frontend/driver/DevicePeak.h"
#include "frontend/driver/commands/FileProgram.h"
#include "frontend/dsl/Trace.h"
#include "tests/codegen/Harness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

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

std::string problemOf(const char *target) {
  auto parsed = codegen::parseTarget(target);
  return parsed ? "" : llvm::toString(parsed.takeError());
}

TEST(Targets, GpusByName) {
  for (const std::string &name : codegen::gpuNames())
    EXPECT_EQ(problemOf(("cuda:" + name).c_str()), "");
  EXPECT_EQ(llvm::cantFail(codegen::parseTarget("cuda")).cpu, "sm_80");
  EXPECT_EQ(llvm::cantFail(codegen::parseTarget("cuda-emulated:sm_90a")).sharedBytes, 227 << 10);
  EXPECT_THAT(problemOf("cuda:sm_90b"), HasSubstr("did you mean sm_90 or sm_90a?"));
  EXPECT_THAT(problemOf("cuda:sm_75"), HasSubstr("sm_75 is too old; sm_80 is the oldest"));
  EXPECT_THAT(problemOf("cuda:hopper"), HasSubstr("no GPU is named 'hopper'"));
  EXPECT_THAT(problemOf("gpu"), HasSubstr("unknown target 'gpu'"));
}

struct KindCase {
  const char *name, *body; // of @main, with its signature
  std::vector<const char *> instructions;
};
void PrintTo(const KindCase &c, std::ostream *out) { *out << c.name; }

class Kinds : public ::testing::TestWithParam<KindCase> {};

TEST_P(Kinds, AreMadeOfTheseInstructions) {
  Case program(std::string("func.func @main") + GetParam().body);
  driver::Request request;
  request.options.target = "cuda:sm_80";
  request.assembly = true;
  std::string ptx = program.text(request);
  EXPECT_THAT(ptx, HasSubstr(".target sm_80"));
  for (const char *instruction : GetParam().instructions)
    EXPECT_THAT(ptx, HasSubstr(instruction));
}

#define MAIN " attributes {fluxion.entry} "

INSTANTIATE_TEST_SUITE_P(
    Ptx, Kinds,
    ::testing::Values(
        KindCase{"map",
                 "(%x: tensor<4096xf32>, %y: tensor<4096xf32>) -> tensor<4096xf32>" MAIN
                 "{ %z = fluxion.add %x, %y : tensor<4096xf32> return %z : tensor<4096xf32> }",
                 {"ld.global.v4.b32", "add.rn.f32", "st.global.v4.b32", ".reqntid 256"}},
        KindCase{"map_bf16",
                 "(%x: tensor<4096xbf16>, %y: tensor<4096xbf16>) -> tensor<4096xbf16>" MAIN
                 "{ %z = fluxion.add %x, %y : tensor<4096xbf16> return %z : tensor<4096xbf16> }",
                 {"ld.global.v4.b32", "st.global.v4.b32"}},
        KindCase{"row",
                 "(%x: tensor<64x4096xf32>) -> tensor<64x4096xf32>" MAIN
                 "{ %a = fluxion.softmax %x dim 1 : tensor<64x4096xf32> return %a : "
                 "tensor<64x4096xf32> }",
                 {"shfl.sync.down.b32", "st.shared.b32", "bar.sync"}},
        KindCase{"row_held",
                 "(%x: tensor<64x512xf32>) -> tensor<64x512xf32>" MAIN
                 "{ %a = fluxion.softmax %x dim 1 : tensor<64x512xf32> return %a : "
                 "tensor<64x512xf32> }",
                 {"ld.global.v4.b32", "shfl.sync.down.b32", "st.global.v4.b32"}},
        KindCase{"transpose",
                 "(%x: tensor<64x512xf32>) -> tensor<512x64xf32>" MAIN
                 "{ %a = fluxion.transpose %x [1, 0] : (tensor<64x512xf32>) -> tensor<512x64xf32> "
                 "return %a : tensor<512x64xf32> }",
                 {"ld.global.v4.b32", "st.global.v4.b32"}},
        KindCase{"columns",
                 "(%x: tensor<70000x64xf32>) -> tensor<64xf32>" MAIN
                 "{ %s = fluxion.reduce sum %x dims [0] : (tensor<70000x64xf32>) -> tensor<64xf32> "
                 "return %s : tensor<64xf32> }",
                 {"_0(", "_1(", "%ctaid.y", "ld.global.v4.b32", "st.shared.v4.b32", "bar.sync"}},
        KindCase{"rows_and_columns",
                 "(%x: tensor<64x4096xf32>, %s: tensor<4096xf32>, %o: tensor<4096xf32>, %d: "
                 "tensor<64x4096xf32>) -> (tensor<64x4096xf32>, tensor<4096xf32>, "
                 "tensor<4096xf32>)" MAIN
                 "{ %r:4 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] { ^bb0(%a: "
                 "tensor<64x4096xf32>, %b: tensor<4096xf32>, %c: tensor<4096xf32>): %y = "
                 "fluxion.layer_norm %a, %b, %c {epsilon = 0.00001 : f64} : tensor<64x4096xf32>, "
                 "tensor<4096xf32>, tensor<4096xf32> fluxion.yield %y : tensor<64x4096xf32> } : "
                 "(tensor<64x4096xf32>, tensor<4096xf32>, tensor<4096xf32>, tensor<64x4096xf32>) "
                 "-> (tensor<64x4096xf32>, tensor<64x4096xf32>, tensor<4096xf32>, "
                 "tensor<4096xf32>) return %r#1, %r#2, %r#3 : tensor<64x4096xf32>, "
                 "tensor<4096xf32>, tensor<4096xf32> }",
                 {"_0(", "_1(", ".minnctapersm 2", "ld.global.v4.b32", "st.global.v4.b32"}},
        KindCase{"batch_norm",
                 "(%x: tensor<64x16x28x28xf32>, %s: tensor<16xf32>, %o: tensor<16xf32>) -> "
                 "tensor<64x16x28x28xf32>" MAIN
                 "{ %y:3 = fluxion.batch_norm %x, %s, %o {epsilon = 0.00001 : f64, feature_dim = 1 "
                 ": i64} : (tensor<64x16x28x28xf32>, tensor<16xf32>, tensor<16xf32>) -> "
                 "(tensor<64x16x28x28xf32>, tensor<16xf32>, tensor<16xf32>) return %y#0 : "
                 "tensor<64x16x28x28xf32> }",
                 {"_0(", "_1(", "_2(", "ld.global.v4.b32", "st.global.v4.b32"}},
        KindCase{"depthwise",
                 "(%x: tensor<8x16x16x32xf32>, %w: tensor<3x3x1x32xf32>) -> "
                 "tensor<8x16x16x32xf32>" MAIN
                 "{ %y = fluxion.convolution %x, %w {window_strides = array<i64: 1, 1>, padding = "
                 "array<i64: 1, 1, 1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = "
                 "array<i64: 1, 1>, input_dims = array<i64: 0, 3, 1, 2>, kernel_dims = array<i64: "
                 "3, 2, 0, 1>, output_dims = array<i64: 0, 3, 1, 2>, feature_group_count = 32 : "
                 "i64} : (tensor<8x16x16x32xf32>, tensor<3x3x1x32xf32>) -> "
                 "tensor<8x16x16x32xf32> return %y : tensor<8x16x16x32xf32> }",
                 {"ld.global.v4.b32", "fma.rn.f32", "st.global.v4.b32"}},
        KindCase{"contract",
                 "(%x: tensor<256x256xf32>, %y: tensor<256x256xf32>) -> tensor<256x256xf32>" MAIN
                 "{ %z = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<256x256xf32>, "
                 "tensor<256x256xf32>) -> tensor<256x256xf32> return %z : tensor<256x256xf32> }",
                 {"cp.async.cg.shared.global", "cp.async.wait_group", "bar.sync", "ld.shared.v4",
                  "fma.rn.f32", "st.global.v4"}},
        KindCase{"contract_tf32",
                 "(%x: tensor<256x256xf32>, %y: tensor<256x256xf32>) -> tensor<256x256xf32>" MAIN
                 "{ %z = fluxion.dot_general %x, %y contracting [1] x [1] {precision = "
                 "#fluxion<precision tf32>} : (tensor<256x256xf32>, tensor<256x256xf32>) -> "
                 "tensor<256x256xf32> return %z : tensor<256x256xf32> }",
                 {"cp.async.cg.shared.global", "ldmatrix.sync.aligned.m8n8.x4.shared.b16",
                  "cvt.rna.tf32.f32", "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32"}},
        KindCase{"contract_bf16",
                 "(%x: tensor<256x256xbf16>, %y: tensor<256x256xbf16>) -> tensor<256x256xf32>" MAIN
                 "{ %z = fluxion.dot_general %x, %y contracting [1] x [0] {wide_result} : "
                 "(tensor<256x256xbf16>, tensor<256x256xbf16>) -> tensor<256x256xf32> return %z : "
                 "tensor<256x256xf32> }",
                 {"cp.async.cg.shared.global", "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16",
                  "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"}},
        KindCase{"convolution",
                 "(%x: tensor<8x16x16x32xf32>, %w: tensor<3x3x32x32xf32>) -> "
                 "tensor<8x16x16x32xf32>" MAIN
                 "{ %y = fluxion.convolution %x, %w {window_strides = array<i64: 1, 1>, padding = "
                 "array<i64: 1, 1, 1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = "
                 "array<i64: 1, 1>, input_dims = array<i64: 0, 3, 1, 2>, kernel_dims = array<i64: "
                 "3, 2, 0, 1>, output_dims = array<i64: 0, 3, 1, 2>} : (tensor<8x16x16x32xf32>, "
                 "tensor<3x3x32x32xf32>) -> tensor<8x16x16x32xf32> return %y : "
                 "tensor<8x16x16x32xf32> }",
                 {"cp.async.cg.shared.global", "fma.rn.f32", "st.global.v4"}},
        KindCase{"contract_f64",
                 "(%x: tensor<64x64xf64>, %y: tensor<64x64xf64>) -> tensor<64x64xf64>" MAIN
                 "{ %z = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<64x64xf64>, "
                 "tensor<64x64xf64>) -> tensor<64x64xf64> return %z : tensor<64x64xf64> }",
                 {"bar.sync", "fma.rn.f64"}}));

class Ptx : public ::testing::TestWithParam<PtxCase> {};

TEST_P(Ptx, CallsNothing) {
  std::string ptx = ptxOf(GetParam());
  EXPECT_THAT(ptx, HasSubstr(".entry"));
  EXPECT_THAT(ptx, Not(HasSubstr("__nv_")));
  EXPECT_THAT(ptx, Not(HasSubstr(".extern .func")));
  EXPECT_THAT(ptx, Not(HasSubstr("call.uni")));
}

// What is started before the launches ahead have ended waits for them before it touches memory.
TEST_P(Ptx, WaitsBeforeItsFirstAccess) {
  std::string ptx = ptxOf(GetParam());
  llvm::SmallVector<llvm::StringRef> kernels;
  llvm::StringRef(ptx).split(kernels, ".entry");
  for (llvm::StringRef kernel : llvm::drop_begin(kernels)) {
    size_t wait = kernel.find("griddepcontrol.wait"),
           access = std::min(kernel.find("ld.global"), kernel.find("st.global"));
    if (llvm::StringRef(GetParam().target).contains("sm_90"))
      EXPECT_LT(wait, access) << kernel.take_until([](char c) { return c == '('; }).str();
    else
      EXPECT_EQ(wait, llvm::StringRef::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, Ptx,
                         ::testing::Values(PtxCase{"vision/mlp", 128, "cuda:sm_80"},
                                           PtxCase{"vision/mlp", 128, "cuda:sm_90a"},
                                           PtxCase{"vision/lenet", 128, "cuda:sm_80"},
                                           PtxCase{"vision/resnet20", 128, "cuda:sm_90a"}));

// ---- What NVIDIA's assembler says of every kernel ----------------------------------------------

// "Compiling entry function 'NAME' for 'sm_90a'", "N bytes stack frame, N bytes spill stores, N
// bytes spill loads", "Used N registers, used N barriers, N bytes smem".
struct Assembled {
  std::string name;
  int64_t registers = 0, barriers = 0, sharedBytes = 0, stackBytes = 0, spilledBytes = 0;
  int64_t threads = 0, together = 1; // of a block; blocks of a multiprocessor; from the PTX
  int64_t dynamicBytes = 0;          // most of its launches, beside sharedBytes
  // Blocks that registers and shared memory suffice for: a warp has its registers in blocks of 256,
  // and the system keeps 1 KiB of shared memory for each block, beside which one may have all.
  int64_t fitting(const ir::TargetInfo &target) const {
    int64_t warps = (threads + 31) / 32, ofWarp = (registers * 32 + 255) / 256 * 256;
    return std::min(65536 / (ofWarp * warps),
                    (target.sharedBytes + 1024) / (sharedBytes + dynamicBytes + 1024));
  }
};

int64_t numberBefore(llvm::StringRef line, llvm::StringRef words) {
  size_t end = line.find(words);
  if (end == llvm::StringRef::npos)
    return 0;
  llvm::StringRef text = line.take_front(end).rtrim();
  int64_t number = -1;
  text.substr(text.find_last_not_of("0123456789") + 1).getAsInteger(10, number);
  return number;
}

std::vector<Assembled> assembledOf(llvm::StringRef log, llvm::StringRef ptx) {
  std::vector<Assembled> kernels;
  llvm::SmallVector<llvm::StringRef> lines;
  log.split(lines, '\n');
  for (llvm::StringRef line : lines) {
    if (line.contains("Compiling entry function")) {
      Assembled &kernel = kernels.emplace_back();
      kernel.name = line.split('\'').second.split('\'').first.str();
      llvm::StringRef code = ptx.substr(ptx.find(".entry " + kernel.name + "("));
      llvm::StringRef head = code.take_until([](char c) { return c == '{'; });
      head.split(".reqntid").second.ltrim().consumeInteger(10, kernel.threads);
      head.split(".minnctapersm").second.ltrim().consumeInteger(10, kernel.together);
    } else if (line.contains("spill stores")) {
      kernels.back().stackBytes = numberBefore(line, " bytes stack frame");
      kernels.back().spilledBytes =
          numberBefore(line, " bytes spill stores") + numberBefore(line, " bytes spill loads");
    } else if (line.contains("Used ")) {
      kernels.back().registers = numberBefore(line, " registers");
      kernels.back().barriers = numberBefore(line, " barriers");
      kernels.back().sharedBytes = numberBefore(line, " bytes smem");
    }
  }
  return kernels;
}

// What the program's launches give each kernel, as the PTX has it.
void takeLaunches(const fx_program &program, std::vector<Assembled> &kernels) {
  std::set<std::string> launched;
  for (uint32_t e = 0; e < program.num_entries; ++e)
    for (uint32_t l = 0; l < program.entries[e].num_launches; ++l) {
      const fx_launch &launch = program.entries[e].launches[l];
      auto kernel = llvm::find_if(kernels, [&](auto &k) { return k.name == launch.kernel; });
      ASSERT_NE(kernel, kernels.end()) << launch.kernel;
      EXPECT_EQ(launch.block[0] * launch.block[1] * launch.block[2], kernel->threads);
      kernel->dynamicBytes = std::max<int64_t>(kernel->dynamicBytes, launch.shared_bytes);
      launched.insert(launch.kernel);
    }
  EXPECT_EQ(launched.size(), kernels.size());
}

struct AssemblyCase {
  const char *subject; // a model, or shapes.mlir
  int64_t batch;
  const char *target, *precision;
};
void PrintTo(const AssemblyCase &c, std::ostream *out) {
  *out << c.subject << " for " << c.target << " in " << c.precision;
}

class Assembly : public ::testing::TestWithParam<AssemblyCase> {
protected:
  static fluxion::Program subject() {
    std::string name = GetParam().subject;
    for (const fluxion::Model &model : fluxion::models())
      if (name == model.name)
        return model.make({.batch = GetParam().batch});
    return driver::readProgram(FLUXION_SHAPES);
  }
  // The program with its code as PTX, as it is where no assembler is found.
  static driver::Product compile(const fluxion::Program &program) {
    driver::Request request;
    request.name = "subject";
    request.options.target = GetParam().target, request.options.precision = GetParam().precision;
    setenv("FLUXION_PTXAS", "", 1);
    driver::Product product = driver::compileModule(*program.impl->module, request);
    return product;
  }
};

// A block that does not say what it needs beforehand has 48 KiB of shared memory; a block has 16
// barriers.
TEST_P(Assembly, FitsTheMachine) {
  std::string ptxas = codegen::findPtxas();
  if (ptxas.empty())
    GTEST_SKIP() << "only ptxas of the CUDA toolkit knows registers; set FLUXION_PTXAS to it";
  fluxion::Program program = subject();
  const char *given = std::getenv("FLUXION_PTXAS");
  driver::Product product = compile(program);
  given ? setenv("FLUXION_PTXAS", ptxas.c_str(), 1) : unsetenv("FLUXION_PTXAS");
  auto linked = driver::link(product);
  const fx_program &table = *linked->program();
  ASSERT_EQ(table.num_images, 1u);
  std::string ptx = static_cast<const char *>(table.images[0].data), log;
  ir::TargetInfo target = llvm::cantFail(codegen::parseTarget(GetParam().target));
  auto cubin = codegen::assemblePtx(ptx, target, &log);
  ASSERT_TRUE((bool)cubin) << llvm::toString(cubin.takeError());
  EXPECT_THAT(log, Not(HasSubstr("warning")));
  EXPECT_THAT(log, Not(HasSubstr("serialized"))); // products of warpgroups, one by one
  std::vector<Assembled> kernels = assembledOf(log, ptx);
  EXPECT_EQ(kernels.size(), llvm::StringRef(ptx).count(".entry ")) << log;
  takeLaunches(table, kernels);
  for (const Assembled &kernel : kernels) {
    EXPECT_EQ(kernel.stackBytes, 0) << kernel.name;
    EXPECT_EQ(kernel.spilledBytes, 0) << kernel.name;
    ASSERT_GT(kernel.threads, 0) << kernel.name;
    ASSERT_GT(kernel.registers, 0) << kernel.name;
    EXPECT_LE(kernel.barriers, 16) << kernel.name;
    EXPECT_LE(kernel.sharedBytes, 48 << 10) << kernel.name;
    EXPECT_LE(kernel.sharedBytes + kernel.dynamicBytes, target.sharedBytes) << kernel.name;
    EXPECT_GE(kernel.fitting(target), kernel.together)
        << kernel.name << ": " << kernel.registers << " registers, " << kernel.threads
        << " threads, " << kernel.sharedBytes + kernel.dynamicBytes << " bytes of shared memory";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Zoo, Assembly,
    ::testing::Values(AssemblyCase{"vision/mlp", 128, "cuda:sm_80", "f32"},
                      AssemblyCase{"vision/mlp", 128, "cuda:sm_90a", "bf16"},
                      AssemblyCase{"vision/lenet", 64, "cuda:sm_90a", "f32"},
                      AssemblyCase{"vision/lenet", 64, "cuda:sm_80", "tf32"},
                      AssemblyCase{"vision/resnet20", 128, "cuda:sm_80", "f32"},
                      AssemblyCase{"vision/resnet20", 128, "cuda:sm_90a", "tf32"},
                      AssemblyCase{"vision/resnet20", 128, "cuda:sm_90a", "bf16"},
                      AssemblyCase{"shapes.mlir", 0, "cuda:sm_80", "f32"},
                      AssemblyCase{"shapes.mlir", 0, "cuda:sm_90a", "tf32"}));

// The yardsticks of fluxion bench: no chain of operations may be folded away.
TEST(PeakCode, IsWhatItCounts) {
  for (const driver::PeakCode &code : driver::peakCode()) {
    bool isHopper = code.arch == "sm_90a";
    EXPECT_EQ(llvm::StringRef(code.ptx).count("fma.rn.f32 "), 32u);
    EXPECT_EQ(llvm::StringRef(code.ptx).count("wgmma.mma_async"), isHopper ? 12u : 0u);
    EXPECT_EQ(llvm::StringRef(code.ptx).count("mma.sync"), isHopper ? 0u : 24u);
    if (codegen::findPtxas().empty())
      continue;
    std::string log;
    ir::TargetInfo target = llvm::cantFail(codegen::parseTarget("cuda:" + code.arch));
    auto cubin = codegen::assemblePtx(code.ptx, target, &log);
    ASSERT_TRUE((bool)cubin) << llvm::toString(cubin.takeError());
    EXPECT_THAT(log, Not(HasSubstr("serialized")));
    for (const Assembled &kernel : assembledOf(log, code.ptx))
      EXPECT_EQ(kernel.spilledBytes, 0) << kernel.name;
  }
}

} // namespace
