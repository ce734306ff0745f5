// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/driver/Peak.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <stdexcept>
#include <vector>
#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace fluxion::driver {
namespace {

// Twelve chains hide the latency of 4 cycles on 2 ports and leave registers for the constants. The
// empty asm keeps each chain in its register.
#define FX_CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define FX_START(i) Vector s##i = factor + i;
#define FX_STEP(i)                                                                                 \
  s##i = s##i * factor + term;                                                                     \
  asm volatile("" : "+" FX_REGISTER(s##i));
#define FX_SUM(i) +s##i[0]
#define FX_FMA_LOOP(Name, Element, Bytes, ...)                                                     \
  __VA_ARGS__ double Name(int64_t rounds) {                                                        \
    typedef Element Vector __attribute__((vector_size(Bytes)));                                    \
    Vector factor = Vector{} + Element(0.999999), term = Vector{} + Element(1e-7);                 \
    FX_CHAINS(FX_START)                                                                            \
    for (int64_t i = 0; i < rounds; ++i) {                                                         \
      FX_CHAINS(FX_STEP)                                                                           \
    }                                                                                              \
    return double(0 FX_CHAINS(FX_SUM));                                                            \
  }

#if defined(__x86_64__)
#define FX_REGISTER(s) "v"(s)
FX_FMA_LOOP(wideSingle, float, 64, __attribute__((target("avx512f"))))
FX_FMA_LOOP(wideDouble, double, 64, __attribute__((target("avx512f"))))
#undef FX_REGISTER
#define FX_REGISTER(s) "x"(s)
FX_FMA_LOOP(middleSingle, float, 32, __attribute__((target("avx2,fma"))))
FX_FMA_LOOP(middleDouble, double, 32, __attribute__((target("avx2,fma"))))
FX_FMA_LOOP(narrowSingle, float, 16)
FX_FMA_LOOP(narrowDouble, double, 16)
#else
#define FX_REGISTER(s) "w"(s)
FX_FMA_LOOP(narrowSingle, float, 16)
FX_FMA_LOOP(narrowDouble, double, 16)
#endif

struct FmaLoop {
  double (*run)(int64_t rounds);
  int bytes;
};

FmaLoop fmaLoop(bool isDouble) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return {isDouble ? wideDouble : wideSingle, 64};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {isDouble ? middleDouble : middleSingle, 32};
#endif
  return {isDouble ? narrowDouble : narrowSingle, 16};
}

// One task a thread, so that each does the same.
template <typename Body> void onEveryThread(rt::ThreadPool &pool, Body body) {
  pool.parallelFor(
      [](void *args, int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          (*static_cast<Body *>(args))(i);
      },
      &body, pool.threads());
}

// Ordinary stores read a line before they write it; these do not.
void copyAround(std::byte *to, const std::byte *from, size_t bytes) {
#if defined(__x86_64__)
  for (size_t i = 0; i < bytes; i += 64)
    for (size_t j = i; j < i + 64; j += 16)
      _mm_stream_si128(reinterpret_cast<__m128i *>(to + j),
                       _mm_load_si128(reinterpret_cast<const __m128i *>(from + j)));
  _mm_sfence();
#else
  std::memcpy(to, from, bytes);
#endif
}

} // namespace

double fmaPeak(rt::ThreadPool &pool, DType type) {
  static std::map<std::pair<int, bool>, double> best;
  bool isDouble = type == DType::f64;
  double &peak = best[{pool.threads(), isDouble}];
  auto [run, bytes] = fmaLoop(isDouble);
  int64_t rounds = 200'000;
  double operations = 2.0 * 12 * bytes / (isDouble ? 8 : 4) * double(rounds) * pool.threads();
  std::vector<double> sinks(pool.threads());
  for (int attempt = 0; attempt < 8; ++attempt) {
    double from = rt::secondsNow();
    onEveryThread(pool, [&, run = run](int64_t i) { sinks[i] = run(rounds); });
    peak = std::max(peak, operations / (rt::secondsNow() - from));
  }
  return peak;
}

double copyBandwidth(rt::ThreadPool &pool, int64_t bytes) {
  static std::map<std::pair<int, uint64_t>, double> known;
  uint64_t size = std::bit_ceil(uint64_t(std::max<int64_t>(bytes, 8192))) / 2;
  double &best = known[{pool.threads(), size}];
  rt::Arena arena;
  if (rt::Status status = rt::Arena::create(2 * size + 4096, arena); !status)
    throw std::runtime_error(status.message());
  std::memset(arena.data(), 1, arena.size());
  // A distance of whole pages would make loads wait for stores to the same place in a page.
  std::byte *from = arena.data(), *to = from + size + 2112;
  uint64_t share = size / pool.threads() / 64 * 64;
  int64_t repeats = std::max<int64_t>(1, (1 << 23) / int64_t(2 * size));
  for (int attempt = 0; attempt < 8; ++attempt) {
    double start = rt::secondsNow();
    onEveryThread(pool, [&](int64_t i) {
      for (int64_t r = 0; r < repeats; ++r)
        if (attempt % 2)
          copyAround(to + i * share, from + i * share, share);
        else
          std::memcpy(to + i * share, from + i * share, share);
    });
    double moved = 2.0 * double(share) * pool.threads() * double(repeats);
    best = std::max(best, moved / (rt::secondsNow() - start));
  }
  return best;
}

} // namespace fluxion::driver
