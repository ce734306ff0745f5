// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The calls of fluxion/simt.h.
#include "runtime/simt/Block.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>

using namespace fluxion::rt::simt;

namespace {
std::mutex faultMutex;
void (*faultHandler)(const char *, void *) = nullptr;
void *faultData = nullptr;
} // namespace

std::string Launch::name() const {
  std::string text = "emulated GPU kernel \"" + std::string(kernel ? kernel : "?") + "\"";
  return where && *where ? text + " (" + where + ")" : text;
}

void Launch::fail(const std::string &what) {
  std::lock_guard lock(faultMutex);
  if (failed.exchange(true))
    return;
  std::string message = name() + ": " + what;
  if (faultHandler)
    return faultHandler(message.c_str(), faultData);
  std::fprintf(stderr, "fluxion: %s\n", message.c_str());
  std::_Exit(70);
}

// Overlapping arguments share a log: results may lie in the memory of operands.
void Launch::learn(const fx_simt_layout *facts) {
  layout = facts;
  struct Range {
    const std::byte *begin, *end;
  };
  std::vector<Range> ranges;
  auto rangeOf = [&](int64_t i) {
    auto *begin = (const std::byte *)args[i];
    return Range{begin, begin + bytes[i]};
  };
  for (int64_t i = 0; i < std::min(numArgs, layout[2]); ++i)
    if (layout[3 + i] && bytes[i] > 0)
      ranges.push_back(rangeOf(i));
  std::sort(ranges.begin(), ranges.end(),
            [](const Range &a, const Range &b) { return a.begin < b.begin; });
  std::vector<Range> merged;
  for (const Range &range : ranges)
    if (!merged.empty() && range.begin < merged.back().end)
      merged.back().end = std::max(merged.back().end, range.end);
    else
      merged.push_back(range);
  for (const Range &range : merged)
    logs.push_back(std::make_unique<AccessLog>(range.begin, range.end - range.begin, granule()));
  logOf.assign(numArgs, nullptr);
  for (int64_t i = 0; i < numArgs; ++i)
    for (auto &log : logs)
      if (bytes[i] > 0 && rangeOf(i).begin < log->end() && log->begin() < rangeOf(i).end)
        logOf[i] = log.get();
}

extern "C" {

void fx_simt_launch(fx_context *context, void (*body)(void *const *args), void *const *args,
                    const int64_t *bytes, int64_t num_args, int32_t gx, int32_t gy, int32_t gz,
                    int32_t bx, int32_t by, int32_t bz, int32_t shared_bytes, const char *kernel,
                    const char *where) {
  Launch launch;
  launch.body = body, launch.args = args, launch.bytes = bytes, launch.numArgs = num_args;
  launch.dynamicShared = (uint32_t)shared_bytes;
  launch.kernel = kernel, launch.where = where;
  const int32_t grid[3] = {gx, gy, gz}, size[3] = {bx, by, bz};
  std::copy(grid, grid + 3, launch.grid), std::copy(size, size + 3, launch.size);
  auto blocks = [](void *data, int64_t begin, int64_t end) {
    auto &launch = *(Launch *)data;
    for (int64_t block = begin; block < end && !launch.failed; ++block)
      Block::current().run(launch, (uint32_t)block);
  };
  int64_t count = (int64_t)gx * gy * gz;
  if (context)
    fx_parallel_for(context, blocks, &launch, count);
  else
    blocks(&launch, 0, count);
}

fx_simt_thread *fx_simt_self(const fx_simt_layout *layout) { return Block::current().self(layout); }

void fx_simt_barrier(fx_simt_thread *self, uint32_t id, uint32_t threads, uint32_t site) {
  Block::current().barrier(self, id, threads, site);
}

uint32_t fx_simt_shuffle(fx_simt_thread *self, uint32_t mask, uint32_t value, uint32_t lane,
                         uint32_t clamp, uint32_t kind, uint32_t site) {
  return Block::current().shuffle(self, mask, value, lane, clamp, kind, site);
}

void fx_simt_read(fx_simt_thread *self, const void *address, int64_t bytes, int32_t align,
                  int32_t region) {
  Block::current().access(self, address, bytes, align, region, false);
}

void fx_simt_write(fx_simt_thread *self, const void *address, int64_t bytes, int32_t align,
                   int32_t region) {
  Block::current().access(self, address, bytes, align, region, true);
}

uint32_t fx_simt_elect(fx_simt_thread *self) { return self->thread[0] % 32 == 0; }

void fx_simt_registers(fx_simt_thread *self, uint32_t count) {
  Block::current().setRegisters(self, count);
}

void fx_simt_proxy_fence(fx_simt_thread *self) { Block::current().proxyFence(self); }

void fx_simt_mbarrier_init(fx_simt_thread *self, void *barrier, uint32_t count) {
  Block::current().initMbarrier(self, barrier, count);
}

void fx_simt_mbarrier_arrive(fx_simt_thread *self, void *barrier, uint32_t bytes, uint32_t active) {
  if (active)
    Block::current().arrive(self, barrier, bytes);
}

void fx_simt_mbarrier_wait(fx_simt_thread *self, void *barrier, uint32_t parity) {
  Block::current().waitFor(self, barrier, parity & 1);
}

void fx_simt_tensor_load(fx_simt_thread *self, void *to, const fx_simt_map *map, void *barrier,
                         const int32_t *at) {
  Block::current().loadTensor(self, to, *map, barrier, at);
}

void fx_simt_tensor_store(fx_simt_thread *self, const fx_simt_map *map, const void *from,
                          const int32_t *at) {
  Block::current().storeTensor(self, *map, from, at);
}

void fx_simt_bulk_commit(fx_simt_thread *self) { Block::current().commitCopies(self); }

void fx_simt_bulk_wait(fx_simt_thread *self, uint32_t groups) {
  Block::current().waitForCopies(self, groups);
}

void fx_simt_copy_async(fx_simt_thread *self, void *to, const void *from, int32_t bytes,
                        int32_t read, int32_t to_region, int32_t from_region) {
  Block::current().copyAsync(self, to, from, bytes, read, to_region, from_region);
}

void fx_simt_copy_commit(fx_simt_thread *self) { Block::current().commitAsync(self); }

void fx_simt_copy_wait(fx_simt_thread *self, uint32_t groups) {
  Block::current().waitForAsync(self, groups);
}

void fx_simt_load_matrices(fx_simt_thread *self, const void *row, uint32_t *words, uint32_t count,
                           uint32_t transposed, int32_t region, uint32_t site) {
  Block::current().loadMatrices(self, row, words, count, transposed, region, site);
}

uint32_t fx_simt_tf32(uint32_t bits, uint32_t ties_to_even) {
  if (ties_to_even)
    return std::bit_cast<uint32_t>(roundToTf32(std::bit_cast<float>(bits)));
  bool isFinite = (bits & 0x7f800000) != 0x7f800000;
  return (isFinite ? bits + 0x1000 : bits) & ~uint32_t(0x1fff);
}

void fx_simt_mma(fx_simt_thread *self, const uint32_t *left, const uint32_t *right, float *sums,
                 uint32_t type, uint32_t site) {
  Block::current().multiplyOfWarp(self, left, right, sums, type, site);
}

void fx_simt_store_matrices(fx_simt_thread *self, void *row, const uint32_t *words, uint32_t count,
                            uint32_t transposed, uint32_t site) {
  Block::current().storeMatrices(self, row, words, count, transposed, site);
}

void fx_simt_wgmma_fence(fx_simt_thread *self) { Block::current().fenceProducts(self); }

void fx_simt_wgmma(fx_simt_thread *self, uint64_t a, uint64_t b, float *sums,
                   const fx_simt_product *product) {
  Block::current().multiply(self, {a, nullptr}, b, sums, *product);
}
void fx_simt_wgmma_of_registers(fx_simt_thread *self, const uint32_t *left, uint64_t b, float *sums,
                                const fx_simt_product *product) {
  Block::current().multiply(self, {0, left}, b, sums, *product);
}

void fx_simt_wgmma_commit(fx_simt_thread *self) { Block::current().commitProducts(self); }

void fx_simt_wgmma_wait(fx_simt_thread *self, uint32_t groups) {
  Block::current().waitForProducts(self, groups);
}

void fx_simt_on_fault(void (*handler)(const char *message, void *data), void *data) {
  std::lock_guard lock(faultMutex);
  faultHandler = handler, faultData = data;
}
}
