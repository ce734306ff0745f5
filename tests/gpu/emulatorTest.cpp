// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The emulator of GPU threads: kernels that are right give the right numbers, and each fault that a
// GPU would leave undefined is reported with the kernel, the model's line, and who did what.
#include "tests/gpu/Emulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using ::testing::AllOf;
using ::testing::HasSubstr;

namespace {

// What stands before the body of every kernel: two buffers of floats, and 32 floats shared.
const char *prologue = R"(
llvm.mlir.global internal @tile() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<128 x i8>
llvm.func @kernel(%in: !llvm.ptr, %out: !llvm.ptr) attributes {nvvm.kernel} {
  %tid = nvvm.read.ptx.sreg.tid.x : i32
  %block = nvvm.read.ptx.sreg.ctaid.x : i32
  %tile = llvm.mlir.addressof @tile : !llvm.ptr<3>
  %c0 = llvm.mlir.constant(0 : i32) : i32
  %c1 = llvm.mlir.constant(1 : i32) : i32
  %c16 = llvm.mlir.constant(16 : i32) : i32
  %c31 = llvm.mlir.constant(31 : i32) : i32
  %all = llvm.mlir.constant(-1 : i32) : i32
  %mirror = llvm.sub %c31, %tid : i32
  %from = llvm.getelementptr %in[%tid] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %to = llvm.getelementptr %out[%tid] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %mine = llvm.getelementptr %tile[%tid] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
  %other = llvm.getelementptr %tile[%mirror] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
)";
const char *epilogue = R"(
  llvm.return
}
)";

struct Outcome {
  std::vector<float> numbers;
  std::string fault;
};

// Runs `blocks` of 32 threads on in = 0, 1, 2, ...
Outcome run(const std::string &code, int blocks = 1,
            std::vector<float> out = std::vector<float>(32)) {
  std::vector<float> in(32);
  for (int i = 0; i < 32; ++i)
    in[i] = (float)i;
  auto result = fluxion_testing::emulate(
      prologue + code + epilogue, {fluxion_testing::bytesOf(in), fluxion_testing::bytesOf(out)}, 32,
      blocks);
  return {fluxion_testing::valuesOf<float>(result.buffers[1]), result.fault};
}

const std::string write = "%x = llvm.load %from : !llvm.ptr -> f32\n"
                          "llvm.store %x, %mine : f32, !llvm.ptr<3>\n";
const std::string read = "%y = llvm.load %other : !llvm.ptr<3> -> f32\n"
                         "llvm.store %y, %to : f32, !llvm.ptr\n";

TEST(Emulator, SharedMemoryBehindABarrier) {
  Outcome outcome = run(write + "nvvm.barrier0\n" + read);
  EXPECT_EQ(outcome.fault, "");
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(outcome.numbers[i], 31 - i);
}

TEST(Emulator, ShufflesDownAndFromALane) {
  Outcome outcome = run(R"(
    %x = llvm.load %from : !llvm.ptr -> f32
    %down = nvvm.shfl.sync down %all, %x, %c16, %c31 : f32 -> f32
    %first = nvvm.shfl.sync idx %all, %down, %c1, %c31 : f32 -> f32
    %sum = llvm.fadd %down, %first : f32
    llvm.store %sum, %to : f32, !llvm.ptr
  )");
  EXPECT_EQ(outcome.fault, "");
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(outcome.numbers[i], (i < 16 ? i + 16 : i) + 17);
}

TEST(Emulator, AMissingBarrierIsARace) {
  EXPECT_THAT(run(write + read).fault,
              AllOf(HasSubstr("\"mirror\" (model.mlir:3:7)"), HasSubstr("shared variable 0"),
                    HasSubstr("with no barrier between (race)")));
}

TEST(Emulator, ABarrierThatComesTooLateIsARace) {
  EXPECT_THAT(
      run(write + "nvvm.barrier0\n" + read + "llvm.store %y, %mine : f32, !llvm.ptr<3>\n").fault,
      HasSubstr("(race)"));
}

TEST(Emulator, BlocksThatWriteOneElementRace) {
  EXPECT_THAT(
      run("%x = llvm.load %from : !llvm.ptr -> f32\nllvm.store %x, %to : f32, !llvm.ptr\n", 2)
          .fault,
      AllOf(HasSubstr("argument 1"), HasSubstr("of block 0 wrote"), HasSubstr("(race)")));
}

TEST(Emulator, SharedMemoryHasAnEnd) {
  EXPECT_THAT(
      run(R"(
    %i = llvm.add %tid, %c1 : i32
    %beyond = llvm.getelementptr %tile[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
    %x = llvm.load %from : !llvm.ptr -> f32
    llvm.store %x, %beyond : f32, !llvm.ptr<3>
  )")
          .fault,
      AllOf(HasSubstr("thread 31 of block 0 writes 4 bytes at offset 128 of shared variable 0"),
            HasSubstr("128 bytes (out of bounds)")));
}

TEST(Emulator, BuffersHaveAnEnd) {
  EXPECT_THAT(run("%x = llvm.load %from : !llvm.ptr -> f32\nllvm.store %x, %to : f32, !llvm.ptr\n",
                  1, std::vector<float>(20))
                  .fault,
              AllOf(HasSubstr("thread 20 of block 0 writes 4 bytes at offset 80 of argument 1"),
                    HasSubstr("80 bytes (out of bounds)")));
}

TEST(Emulator, BuffersHaveABeginning) {
  EXPECT_THAT(run(R"(
    %before = llvm.getelementptr %in[-1] : (!llvm.ptr) -> !llvm.ptr, f32
    %x = llvm.load %before : !llvm.ptr -> f32
    llvm.store %x, %to : f32, !llvm.ptr
  )")
                  .fault,
              HasSubstr("reads 4 bytes at offset -4 of argument 0"));
}

TEST(Emulator, VectorsStandAtTheirAlignment) {
  EXPECT_THAT(
      run(R"(
    %odd = llvm.getelementptr %in[1] : (!llvm.ptr) -> !llvm.ptr, f32
    %x = llvm.load %odd {alignment = 16 : i64} : !llvm.ptr -> vector<4xf32>
    %first = llvm.extractelement %x[%c0 : i32] : vector<4xf32>
    llvm.store %first, %to : f32, !llvm.ptr
  )")
          .fault,
      AllOf(HasSubstr("offset 4 of argument 0"), HasSubstr("no multiple of 16 (misaligned)")));
}

TEST(Emulator, ABarrierThatSomeThreadsSkip) {
  EXPECT_THAT(run(R"(
    %few = llvm.icmp "ult" %tid, %c16 : i32
    llvm.cond_br %few, ^wait, ^leave
  ^wait:
    nvvm.barrier0
    llvm.br ^leave
  ^leave:
  )")
                  .fault,
              AllOf(HasSubstr("thread 0 of block 0 waits at a barrier"),
                    HasSubstr("thread 16 never reaches"), HasSubstr("(barrier divergence)")));
}

TEST(Emulator, BarriersOfTwoBranchesAreNotOne) {
  EXPECT_THAT(run(R"(
    %few = llvm.icmp "ult" %tid, %c16 : i32
    llvm.cond_br %few, ^one, ^two
  ^one:
    nvvm.barrier0
    llvm.br ^leave
  ^two:
    nvvm.barrier0
    llvm.br ^leave
  ^leave:
  )")
                  .fault,
              HasSubstr("from different places in the code (barrier divergence)"));
}

TEST(Emulator, AShuffleThatSomeLanesSkip) {
  EXPECT_THAT(run(R"(
    %few = llvm.icmp "ult" %tid, %c16 : i32
    llvm.cond_br %few, ^shuffle, ^leave
  ^shuffle:
    %x = nvvm.shfl.sync down %all, %tid, %c1, %c31 : i32 -> i32
    llvm.br ^leave
  ^leave:
  )")
                  .fault,
              HasSubstr("waits at a shuffle that thread 16 never reaches"));
}

} // namespace
