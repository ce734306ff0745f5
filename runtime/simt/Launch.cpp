// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The calls of fluxion/simt.h.
#include "runtime/simt/Block.h"

#include <algorithm>
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

void fx_simt_on_fault(void (*handler)(const char *message, void *data), void *data) {
  std::lock_guard lock(faultMutex);
  faultHandler = handler, faultData = data;
}
}
