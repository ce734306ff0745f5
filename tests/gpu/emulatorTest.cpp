// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The emulator of GPU threads: kernels that are right give the right numbers, and each fault that a
// GPU would leave undefined is reported with the kernel, the model's line, and who did what.
#include "tests/gpu/Emulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>

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

// A warp's barrier orders memory, a shuffle does not.
TEST(Emulator, AWarpsBarrierIsOneAndAShuffleIsNot) {
  Outcome outcome = run(write + "nvvm.bar.warp.sync %all : i32\n" + read);
  EXPECT_EQ(outcome.fault, "");
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(outcome.numbers[i], 31 - i);
  EXPECT_THAT(
      run(write + "%s = nvvm.shfl.sync down %all, %x, %c1, %c31 : f32 -> f32\n" + read).fault,
      HasSubstr("(race)"));
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

// From the thread's float of the input to its float of shared memory.
const std::string copy =
    "%global = llvm.addrspacecast %from : !llvm.ptr to !llvm.ptr<1>\n"
    "nvvm.cp.async.shared.global %mine, %global, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>\n"
    "nvvm.cp.async.commit.group\n";

TEST(Emulator, AsynchronousCopiesAreThereAfterAWaitAndABarrier) {
  Outcome outcome = run(copy + "nvvm.cp.async.wait.group 0\nnvvm.barrier0\n" + read);
  EXPECT_EQ(outcome.fault, "");
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(outcome.numbers[i], 31 - i);
}

TEST(Emulator, AnAsynchronousCopyFillsWithZerosWhatItDoesNotRead) {
  Outcome outcome = run(R"(
    %beyond = llvm.getelementptr %in[1000] : (!llvm.ptr) -> !llvm.ptr, f32
    %global = llvm.addrspacecast %beyond : !llvm.ptr to !llvm.ptr<1>
    nvvm.cp.async.shared.global %mine, %global, 4, cache = ca, %c0 : !llvm.ptr<3>, !llvm.ptr<1>, i32
    nvvm.cp.async.commit.group
    nvvm.cp.async.wait.group 0
    nvvm.barrier0
  )" + read,
                        1, std::vector<float>(32, 7));
  EXPECT_EQ(outcome.fault, "");
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(outcome.numbers[i], 0);
}

TEST(Emulator, AnAsynchronousCopyThatNobodyWaitedForIsNotThere) {
  EXPECT_THAT(run(copy + "nvvm.barrier0\n" + read).fault,
              AllOf(HasSubstr("reads shared variable 0 at offset 124"),
                    HasSubstr("an asynchronous copy is on its way that nobody has waited for")));
  EXPECT_THAT(
      run(copy + "nvvm.cp.async.commit.group\nnvvm.cp.async.wait.group 2\nnvvm.barrier0\n" + read)
          .fault,
      HasSubstr("that nobody has waited for"));
}

TEST(Emulator, AWaitIsNoBarrier) {
  EXPECT_THAT(run(copy + "nvvm.cp.async.wait.group 0\n" + read).fault, HasSubstr("(race)"));
}

TEST(Emulator, AnAsynchronousCopyOverWhatOthersStillReadIsARace) {
  EXPECT_THAT(run(write + "nvvm.barrier0\n" + read + copy).fault,
              HasSubstr("to which an asynchronous copy is on its way"));
}

TEST(Emulator, AnAsynchronousCopyReadsInsideItsBuffer) {
  EXPECT_THAT(run(R"(
    %before = llvm.getelementptr %in[-1] : (!llvm.ptr) -> !llvm.ptr, f32
    %global = llvm.addrspacecast %before : !llvm.ptr to !llvm.ptr<1>
    nvvm.cp.async.shared.global %mine, %global, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>
  )")
                  .fault,
              HasSubstr("reads 4 bytes at offset -4 of argument 0"));
}

// One matrix of 8 x 8 halves: a row of 16 bytes for each of eight lanes.
std::string loadMatrix(const std::string &layout) {
  return "%c8 = llvm.mlir.constant(8 : i32) : i32\n%c4 = llvm.mlir.constant(4 : i32) : i32\n"
         "%r = llvm.urem %tid, %c8 : i32\n%first = llvm.mul %r, %c4 : i32\n"
         "%row = llvm.getelementptr %tile[%first] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32\n"
         "%word = nvvm.ldmatrix %row {num = 1 : i32, layout = #nvvm.mma_layout<" +
         layout +
         ">, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = "
         "#nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> i32\n"
         "llvm.store %word, %to : i32, !llvm.ptr\n";
}

TEST(Emulator, LoadsAMatrixAsItLiesAndTransposed) {
  Outcome rows = run(write + "nvvm.barrier0\n" + loadMatrix("row"));
  EXPECT_EQ(rows.fault, "");
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(rows.numbers[i], i);
  Outcome columns = run(write + "nvvm.barrier0\n" + loadMatrix("col"));
  EXPECT_EQ(columns.fault, "");
  auto half = [](int row, int column) { // of the floats 0, 1, 2 ...
    return uint16_t(std::bit_cast<uint32_t>(float(4 * row + column / 2)) >> 16 * (column % 2));
  };
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(std::bit_cast<uint32_t>(columns.numbers[i]),
              half(i % 4 * 2, i / 4) | uint32_t(half(i % 4 * 2 + 1, i / 4)) << 16);
  EXPECT_THAT(run(write + loadMatrix("row")).fault, HasSubstr("(race)"));
}

// Every word of both fragments is the lane's number; the last 13 bits of a tf32 do not count.
std::string multiply(const std::string &factor) {
  return "%x = llvm.load %from : !llvm.ptr -> f32\n" + factor +
         "%zero = llvm.mlir.constant(0.5 : f32) : f32\n"
         "%d = nvvm.mma.sync A[%f, %f, %f, %f] B[%f, %f] C[%zero, %zero, %zero, %zero] "
         "{layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, "
         "multiplicandAPtxType = #nvvm.mma_type<tf32>, multiplicandBPtxType = "
         "#nvvm.mma_type<tf32>, shape = #nvvm.shape<m = 16, n = 8, k = 8>} : (i32, i32, f32) -> "
         "!llvm.struct<(f32, f32, f32, f32)>\n"
         "%first = llvm.extractvalue %d[0] : !llvm.struct<(f32, f32, f32, f32)>\n"
         "llvm.store %first, %to : f32, !llvm.ptr\n";
}

TEST(Emulator, MultipliesMatricesOfAWarp) {
  for (const char *factor :
       {"%f = nvvm.convert.float.to.tf32 %x {rnd = #nvvm.fp_rnd_mode<rna>}\n",
        "%f = nvvm.convert.float.to.tf32 %x {rnd = #nvvm.fp_rnd_mode<rn>}\n",
        "%bits = llvm.bitcast %x : f32 to i32\n%f = llvm.or %bits, %c31 : i32\n"}) {
    Outcome outcome = run(multiply(factor));
    EXPECT_EQ(outcome.fault, "");
    for (int lane = 0; lane < 32; ++lane) {
      float sum = 0.5;
      for (int k = 0; k < 8; ++k)
        sum += float(lane / 4 * 4 + k % 4) * float(lane % 4 * 2 * 4 + k % 4);
      EXPECT_EQ(outcome.numbers[lane], sum);
    }
  }
}

} // namespace
