// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/driver/DevicePeak.h"

#include "fluxion/runtime.h"

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <stdexcept>

namespace fluxion::driver {
namespace {

constexpr Arithmetic all[] = {Arithmetic::f32, Arithmetic::f64, Arithmetic::tf32, Arithmetic::bf16,
                              Arithmetic::f16};
bool isTensor(Arithmetic arithmetic) { return arithmetic >= Arithmetic::tf32; }

// Every block has 128 threads and does the same amount of work in `rounds` rounds.
constexpr int64_t threads = 128, blocks = 6336, rounds = 256; // whole waves of 132 processors
constexpr int chains = 8;                                     // independent of each other

std::string numbered(const std::string &pattern, int count, int first = 0) {
  std::string text;
  for (int i = first; i < first + count; ++i) {
    std::string one = pattern;
    for (size_t at; (at = one.find('#')) != std::string::npos;)
      one.replace(at, 1, std::to_string(i));
    text += one;
  }
  return text;
}
std::string list(const std::string &pattern, int count, int first = 0) {
  std::string text = numbered(pattern + ", ", count, first);
  return "{" + text.substr(0, text.size() - 2) + "}";
}

// `body` runs `count` times between `before` and `after`; all may use %rd1, the kernel's address,
// and %r1, the thread's number.
std::string kernel(const std::string &name, int64_t count, const std::string &before,
                   const std::string &body, const std::string &after) {
  return ".visible .entry fx_peak_" + name +
         "(.param .u64 to)\n{\n.reg .pred %p;\n.reg .b32 %r<8>;\n.reg .b64 %rd<4>;\n"
         ".reg .b32 %a<4>, %b<2>;\n.reg .f32 %s<128>;\n.reg .f64 %d<8>;\n"
         "ld.param.u64 %rd1, [to];\nmov.u32 %r1, %tid.x;\nmov.u32 %r2, 0;\n" +
         before + "loop:\n.pragma \"nounroll\";\n" + body +
         "add.u32 %r2, %r2, 1;\nsetp.lt.u32 %p, %r2, " + std::to_string(count) +
         ";\n@%p bra loop;\n" + after + "ret;\n}\n";
}

// Sums are used up in a store that no thread makes.
std::string stored(const std::string &type, const std::string &sum, int count) {
  return numbered("add." + type + " %" + sum + "0, %" + sum + "0, %" + sum + "#;\n", count - 1, 1) +
         "setp.eq." + type + " %p, %" + sum + "0, " +
         (type == "f64" ? "0d4141414141414141" : "0f41414141") + ";\n@%p st.global." + type +
         " [%rd1], %" + sum + "0;\n";
}

std::string threadKernel(Arithmetic arithmetic) {
  std::string type = nameOf(arithmetic), sum = type == "f64" ? "d" : "s";
  std::string factor = type == "f64" ? "0d3fefffffffffffff" : "0f3f7fffff";
  std::string step = numbered("fma.rn." + type + " %" + sum + "#, %" + sum + "#, " + factor + ", " +
                                  factor + ";\n",
                              chains);
  return kernel(type, rounds, numbered("cvt.rn." + type + ".u32 %" + sum + "#, %r1;\n", chains),
                step + step + step + step, stored(type, sum, chains));
}

std::string warpKernel(Arithmetic arithmetic) {
  std::string type = nameOf(arithmetic), step;
  bool isWide = arithmetic == Arithmetic::tf32;
  for (int i = 0; i < chains; ++i)
    step += "mma.sync.aligned.m16n8k" + std::string(isWide ? "8" : "16") + ".row.col.f32." + type +
            "." + type + ".f32 " + list("%s#", 4, 4 * i) + ", " + list("%a#", 4) + ", " +
            list("%b#", 2) + ", " + list("%s#", 4, 4 * i) + ";\n";
  return kernel(type, rounds,
                numbered("mov.f32 %s#, 0f00000000;\n", 4 * chains) +
                    numbered("mov.b32 %a#, %r1;\n", 4) + numbered("mov.b32 %b#, %r1;\n", 2),
                step, stored("f32", "s", 4 * chains));
}

// Four products of 64 x 256 are as many multiply-adds as all warps of a block do in 16 rounds of
// warpKernel.
std::string engineKernel(Arithmetic arithmetic) {
  std::string type = nameOf(arithmetic), depth = arithmetic == Arithmetic::tf32 ? "8" : "16",
              transposed = arithmetic == Arithmetic::tf32 ? "" : ", 0, 0";
  std::string product = "wgmma.mma_async.sync.aligned.m64n256k" + depth + ".f32." + type + "." +
                        type + " " + list("%s#", 128) + ", %rd2, %rd3, %p, 1, 1" + transposed +
                        ";\n";
  // Both sides lie in the same 8 KiB, which hold small numbers; rows are 16 bytes, without swizzle.
  std::string before = ".shared .align 128 .b8 sides[8192];\n"
                       "mov.u32 %r3, sides;\nshl.b32 %r4, %r1, 6;\nadd.u32 %r4, %r3, %r4;\n";
  for (int i = 0; i < 16; ++i)
    before += "st.shared.u32 [%r4+" + std::to_string(4 * i) + "], %r1;\n";
  before += "bar.sync 0;\nfence.proxy.async;\nshr.u32 %r3, %r3, 4;\ncvt.u64.u32 %rd2, %r3;\n"
            "or.b64 %rd2, %rd2, 0x0000000800080000;\nmov.b64 %rd3, %rd2;\n" +
            numbered("mov.f32 %s#, 0f00000000;\n", 128);
  return kernel(type, rounds / 16, before,
                "setp.ne.u32 %p, %r2, 0xffff;\nwgmma.fence.sync.aligned;\n" + product + product +
                    product + product +
                    "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n",
                stored("f32", "s", 128));
}

std::string copyKernel() {
  std::string moves;
  for (int i = 0; i < 4; ++i)
    moves += "ld.global.v4.u32 " + list("%w#", 4, 4 * i) + ", [%rd1+" + std::to_string(2048 * i) +
             "];\n";
  for (int i = 0; i < 4; ++i)
    moves += "st.global.v4.u32 [%rd2+" + std::to_string(2048 * i) + "], " + list("%w#", 4, 4 * i) +
             ";\n";
  return ".visible .entry fx_peak_copy(.param .u64 from, .param .u64 to)\n{\n"
         ".reg .b32 %r<4>, %w<16>;\n.reg .b64 %rd<4>;\nld.param.u64 %rd1, [from];\n"
         "ld.param.u64 %rd2, [to];\nmov.u32 %r1, %ctaid.x;\nmov.u32 %r2, %tid.x;\n"
         "shl.b32 %r1, %r1, 9;\nadd.u32 %r1, %r1, %r2;\nmul.wide.u32 %rd3, %r1, 16;\n"
         "add.u64 %rd1, %rd1, %rd3;\nadd.u64 %rd2, %rd2, %rd3;\n" +
         moves + "ret;\n}\n";
}
constexpr int64_t copiedByBlock = threads * 4 * 16;

double operations(Arithmetic arithmetic) {
  double ofBlock = isTensor(arithmetic)
                       ? 2.0 * 16 * 8 * (arithmetic == Arithmetic::tf32 ? 8 : 16) * chains * 4
                       : 2.0 * chains * 4 * threads;
  return ofBlock * double(rounds * blocks);
}

// The program of one launch whose arguments lie in the arena, as the compiler would describe it.
struct OneLaunch {
  OneLaunch(std::string name, int64_t grid, std::vector<uint64_t> offsets, uint64_t bytes)
      : kernel(std::move(name)), code(peakCode()) {
    for (uint64_t offset : offsets)
      args.push_back({FX_SPACE_ARENA, 0, offset});
    launch.kernel = kernel.c_str(), launch.where = "", launch.guard = -1;
    for (int d = 0; d < 3; ++d)
      launch.grid[d] = d ? 1 : uint32_t(grid), launch.block[d] = d ? 1 : uint32_t(threads);
    launch.num_args = uint32_t(args.size()), launch.args = args.data();
    entry.name = "peak", entry.arena_bytes = bytes;
    entry.num_kernels = entry.num_launches = 1, entry.launches = &launch;
    for (const PeakCode &one : code)
      images.push_back({one.arch.c_str(), FX_IMAGE_PTX, 0, one.ptx.size() + 1, one.ptx.c_str()});
    program.abi_version = FX_ABI_VERSION;
    program.num_entries = 1, program.entries = &entry, program.arena_bytes = bytes;
    program.num_images = uint32_t(images.size()), program.images = images.data();
    program.name = "fx_peak", program.target = "cuda:sm_80", program.hash = "";
    program.runtime = &fx_cuda_runtime;
  }

  // The least seconds of a run.
  double seconds() {
    std::unique_ptr<rt::Instance> instance;
    rt::Status status =
        rt::Instance::create(&program, std::make_shared<rt::ThreadPool>(1), instance);
    double once = 0, least = 0;
    if (status)
      status = instance->measure(entry, {}, {}, 1, once);
    int64_t runs = std::clamp<int64_t>(int64_t(3e-3 / std::max(once, 1e-7)), 1, 2000);
    for (int attempt = 0; status && attempt < 5; ++attempt) {
      double now = 0;
      status = instance->measure(entry, {}, {}, runs, now);
      least = attempt == 0 ? now : std::min(least, now);
    }
    if (!status)
      throw std::runtime_error("measuring the device: " + status.message());
    return least;
  }

private:
  std::string kernel;
  std::vector<PeakCode> code;
  std::vector<fx_place> args;
  std::vector<fx_image> images;
  fx_launch launch{};
  fx_entry entry{};
  fx_program program{};
};

} // namespace

const char *nameOf(Arithmetic arithmetic) {
  const char *const names[] = {"f32", "f64", "tf32", "bf16", "f16"};
  return names[int(arithmetic)];
}

std::vector<PeakCode> peakCode() {
  auto module = [](const std::string &version, const std::string &arch) {
    std::string text = ".version " + version + "\n.target " + arch + "\n.address_size 64\n";
    for (Arithmetic arithmetic : all)
      text += !isTensor(arithmetic) ? threadKernel(arithmetic)
              : arch == "sm_90a"    ? engineKernel(arithmetic)
                                    : warpKernel(arithmetic);
    return PeakCode{arch, text + copyKernel()};
  };
  return {module("7.0", "sm_80"), module("8.0", "sm_90a")};
}

double devicePeak(Arithmetic arithmetic) {
  static std::map<Arithmetic, double> best;
  double &peak = best[arithmetic];
  OneLaunch launch(std::string("fx_peak_") + nameOf(arithmetic), blocks, {0}, 64);
  return peak = std::max(peak, operations(arithmetic) / launch.seconds());
}

double deviceCopyBandwidth(int64_t bytes) {
  static std::map<int64_t, double> best;
  int64_t half = std::max<int64_t>(copiedByBlock, int64_t(std::bit_ceil(uint64_t(bytes))) / 2);
  double &rate = best[half];
  OneLaunch launch("fx_peak_copy", half / copiedByBlock, {0, uint64_t(half)}, 2 * uint64_t(half));
  return rate = std::max(rate, 2.0 * double(half) / launch.seconds());
}

} // namespace fluxion::driver
