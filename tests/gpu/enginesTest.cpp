// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What works beside the threads of a block, in the emulator: bulk copies of tensors, barriers that
// count bytes, products of warpgroups. Right kernels give the right numbers; memory or sums used
// too early, phases that nobody completes or waits for, and all that a device leaves undefined are
// reported.
#include "tests/gpu/Emulation.h"

#include <gmock/gmock.h>

#include <bit>
#include <random>

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace fluxion_testing;

namespace {

constexpr uint32_t float32 = 7, bfloat16 = 9, float16 = 6, tfloat32 = 11; // CUtensorMapDataType

fx_simt_map matrix(uint32_t argument, uint32_t type, uint64_t rows, uint64_t columns,
                   uint32_t boxRows, uint32_t boxColumns, uint32_t swizzle) {
  uint64_t bytes = type == float32 || type == tfloat32 ? 4 : 2;
  fx_simt_map map{argument, type, 2, swizzle, {columns, rows}, {columns * bytes}, {}, {1, 1}};
  map.box[0] = boxColumns, map.box[1] = boxRows;
  return map;
}

// Kernels get two buffers and a map of each; shared memory is a tile at 0 and 8192, an mbarrier at
// 16384.
std::string kernel(const std::string &code) {
  return R"(
llvm.mlir.global external @memory() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
llvm.func @kernel(%in: !llvm.ptr, %out: !llvm.ptr, %from: !llvm.ptr, %to: !llvm.ptr)
    attributes {nvvm.kernel, fluxion.map_buffers = array<i64: 0, 1>} {
  %tid = nvvm.read.ptx.sreg.tid.x : i32
  %c0 = llvm.mlir.constant(0 : i32) : i32
  %c1 = llvm.mlir.constant(1 : i32) : i32
  %c4 = llvm.mlir.constant(4 : i32) : i32
  %c16 = llvm.mlir.constant(16 : i32) : i32
  %c31 = llvm.mlir.constant(31 : i32) : i32
  %ticks = llvm.mlir.constant(1000000 : i32) : i32
  %tile = llvm.mlir.addressof @memory : !llvm.ptr<3>
  %tile2 = llvm.getelementptr %tile[8192] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
  %bar = llvm.getelementptr %tile[16384] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
  %first = llvm.icmp "eq" %tid, %c0 : i32
)" + code +
         R"(
  llvm.return
}
)";
}
std::string by(const std::string &thread, const std::string &code) {
  static int number = 0;
  std::string n = std::to_string(number++);
  return "llvm.cond_br " + thread + ", ^then" + n + ", ^after" + n + "\n^then" + n + ":\n" + code +
         "llvm.br ^after" + n + "\n^after" + n + ":\n";
}
const std::string init = "nvvm.mbarrier.init %bar, %c1 : !llvm.ptr<3>, i32\n"
                         "nvvm.fence.mbarrier.init\n";
std::string expect(int64_t bytes) {
  static int number = 0;
  std::string n = "%bytes" + std::to_string(number++);
  return n + " = llvm.mlir.constant(" + std::to_string(bytes) + " : i32) : i32\n" +
         "nvvm.mbarrier.arrive.expect_tx %bar, " + n + " : !llvm.ptr<3>, i32\n";
}
std::string load(const std::string &to, const std::string &map, const std::string &x,
                 const std::string &y) {
  return "nvvm.cp.async.bulk.tensor.shared.cluster.global " + to + ", " + map + ", %bar, box[" + x +
         ", " + y + "] {isCTAOnly = true} : !llvm.ptr<3>, !llvm.ptr\n";
}
std::string wait(const std::string &parity) {
  return "nvvm.mbarrier.try_wait.parity %bar, " + parity + ", %ticks : !llvm.ptr<3>, i32, i32\n";
}
std::string store(const std::string &from, const std::string &x, const std::string &y) {
  return "nvvm.cp.async.bulk.tensor.global.shared.cta %to, " + from + ", box[" + x + ", " + y +
         "] : !llvm.ptr, !llvm.ptr<3>\nnvvm.cp.async.bulk.commit.group\n";
}
const std::string drain = "nvvm.cp.async.bulk.wait_group 0 {read}\n";

// ---- Copies: 10 x 40 floats, boxes of 8 x 32 ---------------------------------------------------

Emulation copyBoxes(const std::string &code, int threads = 32, uint32_t swizzle = 3) {
  std::vector<float> in(400), out(400, -1);
  for (int i = 0; i < 400; ++i)
    in[i] = (float)i;
  fx_simt_map from = matrix(0, float32, 10, 40, 8, 8 << (swizzle - 1), swizzle),
              to = matrix(1, float32, 10, 40, 8, 8 << (swizzle - 1), swizzle);
  return emulate(kernel(code),
                 {bytesOf(in), bytesOf(out), bytesOf(std::vector{from}), bytesOf(std::vector{to})},
                 threads, 1, 16400);
}

class Swizzles : public ::testing::TestWithParam<uint32_t> {};

TEST_P(Swizzles, BoxesAreFilledWithZerosAndClipped) {
  int columns = 8 << (GetParam() - 1);
  Emulation result = copyBoxes(by("%first", init + expect(8 * columns * 4) +
                                                load("%tile", "%from", "%c31", "%c4") +
                                                wait("%c0") + store("%tile", "%c31", "%c4") +
                                                store("%tile", "%c0", "%c0") + drain),
                               32, GetParam());
  ASSERT_EQ(result.fault, "");
  auto out = valuesOf<float>(result.buffers[1]);
  auto shifted = [&](int y, int x) { // of a box at (4, 31)
    return y + 4 < 10 && x + 31 < 40 ? (float)((y + 4) * 40 + x + 31) : 0;
  };
  for (int y = 0; y < 10; ++y)
    for (int x = 0; x < 40; ++x)
      if (y < 8 && x < columns)
        EXPECT_EQ(out[y * 40 + x], shifted(y, x)) << y << " " << x;
      else
        EXPECT_EQ(out[y * 40 + x], y >= 4 && x >= 31 && x < 31 + columns ? y * 40 + x : -1);
}

INSTANTIATE_TEST_SUITE_P(Copies, Swizzles, ::testing::Values(1, 2, 3));

TEST(Copies, OfEveryThirdLine) {
  std::vector<float> in(400), out(400, -1);
  for (int i = 0; i < 400; ++i)
    in[i] = (float)i;
  fx_simt_map from = matrix(0, float32, 10, 40, 8, 32, 3),
              to = matrix(1, float32, 10, 40, 8, 32, 3);
  from.steps[1] = 3;
  Emulation result =
      emulate(kernel(by("%first", init + expect(1024) + load("%tile", "%from", "%c0", "%c1") +
                                      wait("%c0") + store("%tile", "%c0", "%c0") + drain)),
              {bytesOf(in), bytesOf(out), bytesOf(std::vector{from}), bytesOf(std::vector{to})}, 32,
              1, 16400);
  ASSERT_EQ(result.fault, "");
  std::vector<float> values = valuesOf<float>(result.buffers[1]);
  for (int y = 0; y < 8; ++y)
    EXPECT_EQ(values[y * 40 + 5], 1 + 3 * y < 10 ? (1 + 3 * y) * 40 + 5 : 0) << y;
}

// Chunks of 16 bytes change places by the number of their line.
TEST(Copies, LieSwizzledInSharedMemory) {
  Emulation result = copyBoxes(
      by("%first", init + expect(1024) + load("%tile", "%from", "%c0", "%c0")) + "nvvm.barrier0\n" +
      wait("%c0") +
      "%place = llvm.getelementptr %tile[%tid] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32\n"
      "%line1 = llvm.getelementptr %place[32] : (!llvm.ptr<3>) -> !llvm.ptr<3>, f32\n"
      "%x = llvm.load %line1 : !llvm.ptr<3> -> f32\n"
      "%there = llvm.getelementptr %out[%tid] : (!llvm.ptr, i32) -> !llvm.ptr, f32\n"
      "llvm.store %x, %there : f32, !llvm.ptr\n");
  ASSERT_EQ(result.fault, "");
  auto out = valuesOf<float>(result.buffers[1]);
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(out[i], 40 + (i ^ 4));
}

TEST(Copies, APhaseThatNeverCompletes) {
  EXPECT_THAT(copyBoxes(by("%first", init + expect(2048) + load("%tile", "%from", "%c0", "%c0") +
                                         wait("%c0")))
                  .fault,
              AllOf(HasSubstr("thread 0 of block 0 waits for the phase of parity 0"),
                    HasSubstr("never completes: 0 of 1 arrivals and 1024 bytes are missing")));
}

TEST(Copies, BytesThatNobodyWaitsFor) {
  EXPECT_THAT(
      copyBoxes(by("%first", init + expect(1024) + load("%tile", "%from", "%c0", "%c0"))).fault,
      HasSubstr("nobody has waited for the last phase's bytes"));
  EXPECT_THAT(copyBoxes(by("%first", init + expect(1024) + load("%tile", "%from", "%c0", "%c0") +
                                         expect(1024) + load("%tile2", "%from", "%c0", "%c0")))
                  .fault,
              HasSubstr("nobody has waited for the bytes of the one before"));
}

TEST(Copies, ReadBeforeTheyArrive) {
  EXPECT_THAT(copyBoxes(by("%first", init + expect(1024) + load("%tile", "%from", "%c0", "%c0") +
                                         "%x = llvm.load %tile : !llvm.ptr<3> -> f32\n"
                                         "llvm.store %x, %out : f32, !llvm.ptr\n" +
                                         wait("%c0")))
                  .fault,
              AllOf(HasSubstr("a copy for the mbarrier at offset 16384"), HasSubstr("(race)")));
}

TEST(Copies, ABarrierThatNobodyInitialised) {
  EXPECT_THAT(copyBoxes(by("%first", expect(1024))).fault,
              HasSubstr("as an mbarrier, which nobody has initialised"));
}

TEST(Copies, ABarrierUsedBeforeItsInitialisationIsSeen) {
  EXPECT_THAT(
      copyBoxes(by("%first", init) + "%r = nvvm.mbarrier.arrive %bar : !llvm.ptr<3> -> i64").fault,
      HasSubstr("initialised with no barrier between (race)"));
}

const std::string writeTile =
    "%mine = llvm.getelementptr %tile[%tid] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32\n"
    "%f = llvm.sitofp %tid : i32 to f32\n"
    "llvm.store %f, %mine : f32, !llvm.ptr<3>\n";
const std::string fence = "nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = "
                          "#nvvm.shared_space<cta>}\n";

TEST(Copies, OfWhatThreadsWrote) {
  Emulation result = copyBoxes(writeTile + fence + "nvvm.barrier0\n" +
                               by("%first", store("%tile", "%c0", "%c0") + drain));
  // Lines 1 to 7 of the tile were never written: whatever is there is copied.
  ASSERT_EQ(result.fault, "");
  auto out = valuesOf<float>(result.buffers[1]);
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(out[i], i);
}

TEST(Copies, OfWhatThreadsWroteWithoutAFence) {
  EXPECT_THAT(
      copyBoxes(writeTile + "nvvm.barrier0\n" + by("%first", store("%tile", "%c0", "%c0") + drain))
          .fault,
      HasSubstr("with no fence.proxy.async before the barrier between (race)"));
}

TEST(Copies, StillReadWhatIsOverwritten) {
  std::string code =
      writeTile + fence + "nvvm.barrier0\n" + by("%first", store("%tile", "%c0", "%c0"));
  std::string again = "llvm.store %f, %mine : f32, !llvm.ptr<3>\n";
  EXPECT_THAT(copyBoxes(code + "nvvm.barrier0\n" + again + by("%first", drain)).fault,
              AllOf(HasSubstr("a copy of thread 0 may still read (race)")));
  EXPECT_EQ(copyBoxes(code + by("%first", drain) + "nvvm.barrier0\n" + again).fault, "");
}

TEST(Copies, OutliveTheirThread) {
  EXPECT_THAT(
      copyBoxes(writeTile + fence + "nvvm.barrier0\n" + by("%first", store("%tile", "%c0", "%c0")))
          .fault,
      HasSubstr("leaves the kernel while its bulk copies may still read"));
}

TEST(Copies, MapsThatNoDeviceTakes) {
  std::vector<float> in(400);
  fx_simt_map map = matrix(0, float32, 10, 39, 8, 32, 3),
              beyond = matrix(0, float32, 11, 40, 8, 32, 3);
  auto faultOf = [&](const fx_simt_map &from) {
    return emulate(
               kernel(by("%first",
                         init + expect(1024) + load("%tile", "%from", "%c0", "%c0") + wait("%c0"))),
               {bytesOf(in), bytesOf(in), bytesOf(std::vector{from}), bytesOf(std::vector{from})},
               32, 1, 16400)
        .fault;
  };
  EXPECT_THAT(faultOf(map), HasSubstr("a stride of 156 bytes is no multiple of 16"));
  EXPECT_THAT(faultOf(beyond), HasSubstr("it has 1760 bytes, the argument 1600 (out of bounds)"));
}

TEST(Registers, OfAllWarpgroupsMustFit) {
  auto faultOf = [](const char *count) {
    return copyBoxes(std::string("nvvm.setmaxregister increase ") + count, 384).fault;
  };
  EXPECT_EQ(faultOf("168"), "");
  EXPECT_THAT(faultOf("232"), HasSubstr("asked for 89088 registers of 65536"));
}

TEST(Matrices, StoredByAWarp) {
  // Lane i gives word 100 * m + i of matrix m and the address of line i, 16 bytes a line.
  Emulation result = copyBoxes(R"(
    %at = llvm.mul %tid, %c16 : i32
    %line = llvm.getelementptr %tile[%at] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    %h = llvm.mlir.constant(100 : i32) : i32
    %w1 = llvm.add %tid, %h : i32
    %w2 = llvm.add %w1, %h : i32
    %w3 = llvm.add %w2, %h : i32
    nvvm.stmatrix %line, %tid, %w1, %w2, %w3 {layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : !llvm.ptr<3>, i32, i32, i32, i32
    nvvm.barrier0
    %there = llvm.getelementptr %out[%at] : (!llvm.ptr, i32) -> !llvm.ptr, i8
    %x = llvm.load %line {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
    llvm.store %x, %there {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr
  )");
  ASSERT_EQ(result.fault, "");
  auto out = valuesOf<uint16_t>(result.buffers[1]);
  for (int m = 0; m < 4; ++m)
    for (int r = 0; r < 8; ++r)
      for (int c = 0; c < 8; ++c)
        EXPECT_EQ(out[(8 * m + r) * 8 + c], c % 2 ? 0 : 100 * m + 4 * r + c / 2);
}

// ---- Products: 64 x n, 128 bytes of k ----------------------------------------------------------

struct ProductCase {
  const char *name, *type;
  uint32_t mapType;
  bool aSummedLast, bSummedLast;
  bool aInRegisters = false; // of tf32
};
void PrintTo(const ProductCase &c, std::ostream *out) { *out << c.name; }

constexpr int n = 16;
int depthOf(const ProductCase &c) { return c.mapType == tfloat32 ? 32 : 64; }

// The four words of a step that a thread has of A, which lies in %in as 64 rows of 32.
std::string fragment(int step) {
  std::string s = std::to_string(step), text;
  auto constant = [&](const std::string &name, int value) {
    text += name + s + " = llvm.mlir.constant(" + std::to_string(value) + " : i32) : i32\n";
  };
  auto compute = [&](const std::string &name, const char *op, const std::string &x,
                     const std::string &y) {
    text += name + s + " = llvm." + op + " " + x + ", " + y + s + " : i32\n";
  };
  constant("%two", 2), constant("%three", 3), constant("%five", 5), constant("%seven", 7);
  constant("%rowsOfWarp", 16), constant("%columns", 32);
  compute("%warp", "lshr", "%tid", "%five"), compute("%quad", "lshr", "%tid", "%two");
  compute("%rowInWarp", "and", "%quad" + s, "%seven");
  compute("%firstRow", "mul", "%warp" + s, "%rowsOfWarp");
  compute("%row", "add", "%firstRow" + s, "%rowInWarp");
  compute("%line", "mul", "%row" + s, "%columns"), compute("%k", "and", "%tid", "%three");
  compute("%at", "add", "%line" + s, "%k");
  text +=
      "%own" + s + " = llvm.getelementptr %in[%at" + s + "] : (!llvm.ptr, i32) -> !llvm.ptr, f32\n";
  for (int i = 0; i < 4; ++i) {
    std::string word = s + "_" + std::to_string(i);
    text += "%p" + word + " = llvm.getelementptr %own" + s + "[" +
            std::to_string(i % 2 * 8 * 32 + 8 * step + i / 2 * 4) +
            "] : (!llvm.ptr) -> !llvm.ptr, i32\n%w" + word + " = llvm.load %p" + word +
            " : !llvm.ptr -> i32\n";
  }
  return text;
}
std::string productOfRegisters(const std::string &step, const std::string &last,
                               const std::string &sums) {
  std::string text, operands, types;
  for (int i = 0; i < 8; ++i) {
    std::string part = "%s" + step + "_" + std::to_string(i);
    text += part + " = llvm.extractvalue " + last + "[" + std::to_string(i) + "] : " + sums + "\n";
    operands += part + ", ", types += "f32, ";
  }
  for (int i = 0; i < 4; ++i)
    operands += "%w" + step + "_" + std::to_string(i) + ", ", types += "i32, ";
  return text + "%d" + step +
         " = llvm.inline_asm has_side_effects asm_dialect = att "
         "\"wgmma.mma_async.sync.aligned.m64n16k8.f32.tf32.tf32 {$0, $1, $2, $3, $4, $5, $6, $7}, "
         "{$16, $17, $18, $19}, $20, 1, 1, 1;\", "
         "\"=f,=f,=f,=f,=f,=f,=f,=f,0,1,2,3,4,5,6,7,r,r,r,r,l\" " +
         operands + "%b" + step + " : (" + types + "i64) -> " + sums + "\n";
}

// Tile A at 0, B at 8192; the descriptors' address bits come from the window shared memory lies in.
std::string product(const ProductCase &c, const std::string &beforeWait = "",
                    const std::string &sum = "%r", bool fenced = true) {
  std::string sums = "!llvm.struct<(f32, f32, f32, f32, f32, f32, f32, f32)>", text;
  text += "%base = llvm.ptrtoint %tile : !llvm.ptr<3> to i64\n"
          "%window = llvm.mlir.constant(262143 : i64) : i64\n"
          "%offset = llvm.and %base, %window : i64\n"
          "%four = llvm.mlir.constant(4 : i64) : i64\n"
          "%place = llvm.lshr %offset, %four : i64\n";
  auto descriptor = [&](const std::string &name, bool summedLast, int64_t start, int64_t leading) {
    int64_t word = (start >> 4) | (summedLast ? 1ll : leading >> 4) << 16 | 64ll << 32 | 1ll << 62;
    text += name + "c = llvm.mlir.constant(" + std::to_string(word) + " : i64) : i64\n" + name +
            " = llvm.add %place, " + name + "c : i64\n";
  };
  descriptor("%a", c.aSummedLast, 0, 8192);
  descriptor("%b", c.bSummedLast, 8192, 8192);
  for (int step = 0; c.aInRegisters && step < 4; ++step)
    text += fragment(step);
  text += fenced ? "nvvm.wgmma.fence.aligned\n" : "";
  std::string last = "%zero";
  text += "%zero = llvm.mlir.zero : " + sums + "\n";
  for (int step = 0; step < 4; ++step) {
    std::string s = std::to_string(step);
    for (auto [side, summedLast] : {std::pair("%a", c.aSummedLast), {"%b", c.bSummedLast}})
      text += side + s + "c = llvm.mlir.constant(" + std::to_string((summedLast ? 2 : 128) * step) +
              " : i64) : i64\n" + side + s + " = llvm.add " + side + ", " + side + s + "c : i64\n";
    if (c.aInRegisters) {
      text += productOfRegisters(s, last, sums);
      last = "%d" + s;
      continue;
    }
    text += "%d" + s + " = nvvm.wgmma.mma_async %a" + s + ", %b" + s + ", " + last +
            ", #nvvm.shape<m = 64, n = 16, k = " + (c.mapType == tfloat32 ? "8" : "16") +
            ">, D [<f32>, #nvvm.wgmma_scale_out<" + (step ? "one" : "zero") + ">], A [<" + c.type +
            ">, #nvvm.wgmma_scale_in<one>, #nvvm.mma_layout<" + (c.aSummedLast ? "row" : "col") +
            ">], B [<" + c.type + ">, #nvvm.wgmma_scale_in<one>, #nvvm.mma_layout<" +
            (c.bSummedLast ? "col" : "row") + ">] : " + sums + " -> " + sums + "\n";
    last = "%d" + s;
  }
  text += "nvvm.wgmma.commit.group.sync.aligned\n" + beforeWait;
  std::string operands, types;
  for (int i = 0; i < 8; ++i) {
    text += "%e" + std::to_string(i) + " = llvm.extractvalue " + last + "[" + std::to_string(i) +
            "] : " + sums + "\n";
    operands += (i ? ", %e" : "%e") + std::to_string(i), types += i ? ", f32" : "f32";
  }
  text += "%r = llvm.inline_asm has_side_effects asm_dialect = att "
          "\"wgmma.wait_group.sync.aligned 0;\", \"=f,=f,=f,=f,=f,=f,=f,=f,0,1,2,3,4,5,6,7\" " +
          operands + " : (" + types + ") -> " + sums + "\n";
  for (int i = 0; i < 8; ++i) {
    std::string j = std::to_string(i);
    text += "%y" + j + " = llvm.extractvalue " + sum + "[" + j + "] : " + sums + "\n%i" + j +
            " = llvm.getelementptr %mine[" + j + "] : (!llvm.ptr) -> !llvm.ptr, f32\n" +
            "llvm.store %y" + j + ", %i" + j + " : f32, !llvm.ptr\n";
  }
  return text;
}

float asElement(uint32_t type, float value) {
  if (type == tfloat32)
    return std::bit_cast<float>(std::bit_cast<uint32_t>(value) & ~0x1fffu);
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) & 0xffff0000u);
}
std::vector<std::byte> stored(uint32_t type, const std::vector<float> &values) {
  if (type == tfloat32)
    return bytesOf(values);
  std::vector<uint16_t> halves;
  for (float value : values)
    if (type == bfloat16)
      halves.push_back(uint16_t(std::bit_cast<uint32_t>(value) >> 16));
    else
      halves.push_back(std::bit_cast<uint16_t>((_Float16)value));
  return bytesOf(halves);
}

struct ProductRun {
  Emulation result;
  std::vector<float> a, b; // 64 x depth, n x depth
};

ProductRun multiply(const ProductCase &c, const std::string &code) {
  int depth = depthOf(c);
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> distribution(-1, 1);
  ProductRun run{{}, std::vector<float>(64 * depth), std::vector<float>(n * depth)};
  for (auto *side : {&run.a, &run.b})
    for (float &value : *side)
      value = asElement(c.mapType, distribution(generator));
  auto laid = [&](const std::vector<float> &side, int rows, bool summedLast) {
    std::vector<float> memory(side.size());
    for (int r = 0; r < rows; ++r)
      for (int k = 0; k < depth; ++k)
        memory[summedLast ? r * depth + k : k * rows + r] = side[r * depth + k];
    return stored(c.mapType, memory);
  };
  auto map = [&](uint32_t argument, int rows, bool summedLast) {
    int line = c.mapType == tfloat32 ? 32 : 64;
    return bytesOf(std::vector{summedLast
                                   ? matrix(argument, c.mapType, rows, depth, rows, line, 3)
                                   : matrix(argument, c.mapType, depth, rows, depth, line, 3)});
  };
  std::string text = kernel(
      "%index = llvm.mlir.constant(8 : i32) : i32\n%mineAt = llvm.mul %tid, %index : i32\n"
      "%mine = llvm.getelementptr %out[%mineAt] : (!llvm.ptr, i32) -> !llvm.ptr, f32\n" +
      by("%first", init + expect(8192 + (c.bSummedLast ? n * 128 : depth * 128)) +
                       load("%tile", "%from", "%c0", "%c0") + load("%tile2", "%to", "%c0", "%c0")) +
      "nvvm.barrier0\n" + wait("%c0") + code);
  auto a = laid(run.a, 64, c.aSummedLast), b = laid(run.b, n, c.bSummedLast);
  text.replace(text.find("%to: !llvm.ptr)"), 15, "%to: !llvm.ptr, %right: !llvm.ptr)");
  run.result = emulate(text,
                       {a, bytesOf(std::vector<float>(128 * 8)), map(0, 64, c.aSummedLast),
                        map(4, n, c.bSummedLast), b},
                       128, 1, 17408);
  return run;
}

class Products : public ::testing::TestWithParam<ProductCase> {};

TEST_P(Products, OfTwoTiles) {
  int depth = depthOf(GetParam());
  ProductRun run = multiply(GetParam(), product(GetParam()));
  ASSERT_EQ(run.result.fault, "");
  auto sums = valuesOf<float>(run.result.buffers[1]);
  for (int t = 0; t < 128; ++t)
    for (int i = 0; i < 8; ++i) {
      int row = t / 32 * 16 + t % 32 / 4 + i / 2 % 2 * 8, column = i / 4 * 8 + t % 4 * 2 + i % 2;
      double expected = 0;
      for (int k = 0; k < depth; ++k)
        expected += (double)run.a[row * depth + k] * run.b[column * depth + k];
      EXPECT_NEAR(sums[t * 8 + i], expected, 1e-4) << row << " " << column;
    }
}

const ProductCase cases[] = {{"bf16_nt", "bf16", bfloat16, true, true},
                             {"bf16_nn", "bf16", bfloat16, true, false},
                             {"bf16_tt", "bf16", bfloat16, false, true},
                             {"bf16_tn", "bf16", bfloat16, false, false},
                             {"f16_nt", "f16", float16, true, true},
                             {"tf32_nt", "tf32", tfloat32, true, true},
                             {"tf32_registers", "tf32", tfloat32, true, true, true}};
INSTANTIATE_TEST_SUITE_P(Engines, Products, ::testing::ValuesIn(cases),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(ProductFaults, SumsReadBeforeTheWait) {
  for (const ProductCase &c : {cases[0], cases[6]})
    EXPECT_THAT(multiply(c, product(c, "", "%d3")).result.fault,
                HasSubstr("reads sums of products in flight"));
}

TEST(ProductFaults, ATileOverwrittenInFlight) {
  std::string again = by("%first", expect(8192) + load("%tile", "%from", "%c0", "%c0"));
  std::string last = wait("%c1");
  EXPECT_THAT(multiply(cases[0], product(cases[0], again) + last).result.fault,
              AllOf(HasSubstr("a product of warpgroup 0 may still read (race)")));
  EXPECT_EQ(multiply(cases[0], product(cases[0]) + again + last).result.fault, "");
}

TEST(ProductFaults, NoFence) {
  for (const ProductCase &c : {cases[0], cases[6]})
    EXPECT_THAT(multiply(c, product(c, "", "%r", false)).result.fault,
                HasSubstr("with no wgmma.fence since it last touched its accumulators"));
}

} // namespace
