// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fluxion/runtime.h"

#include <cstdio>
#include <cstring>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <utility>

namespace fluxion::rt {
namespace {

constexpr uint64_t hugePage = uint64_t(2) << 20;

uint64_t fieldOf(const char *path, const char *key) {
  uint64_t kilobytes = 0;
  if (FILE *file = std::fopen(path, "r")) {
    char line[256];
    size_t length = std::strlen(key);
    while (std::fgets(line, sizeof line, file))
      if (!std::strncmp(line, key, length))
        std::sscanf(line + length, "%lu", &kilobytes);
    std::fclose(file);
  }
  return kilobytes * 1024;
}

} // namespace

uint64_t availableMemoryBytes() {
  uint64_t available = fieldOf("/proc/meminfo", "MemAvailable:");
  rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    uint64_t used = fieldOf("/proc/self/status", "VmSize:");
    uint64_t left = limit.rlim_cur > used ? limit.rlim_cur - used : 0;
    available = available && available < left ? available : left;
  }
  return available ? available : UINT64_MAX;
}

uint64_t peakResidentBytes() { return fieldOf("/proc/self/status", "VmHWM:"); }

double secondsNow() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

Status Arena::create(uint64_t bytes, Arena &out) {
  out = Arena();
  if (bytes == 0)
    return {};
  uint64_t rounded = bytes >= hugePage ? (bytes + hugePage - 1) / hugePage * hugePage
                                       : (bytes + 4095) / 4096 * 4096;
  uint64_t free = availableMemoryBytes();
  auto refuse = [&] {
    return Status(Status::Kind::OutOfMemory,
                  "out of memory: the program needs " + std::to_string(bytes) + " bytes, " +
                      std::to_string(free) + " are free; use a smaller batch");
  };
  if (rounded < bytes || rounded > free)
    return refuse();
  void *mapping =
      mmap(nullptr, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    return refuse();
  if (rounded >= hugePage)
    madvise(mapping, rounded, MADV_HUGEPAGE);
  out.base = static_cast<std::byte *>(mapping);
  out.bytes = rounded;
  for (uint64_t at = 0; at < rounded; at += 4096) // the first step pays no page fault
    static_cast<volatile std::byte *>(out.base)[at] = std::byte(0);
  return {};
}

Arena::~Arena() {
  if (base)
    munmap(base, bytes);
}

Arena::Arena(Arena &&other) noexcept
    : base(std::exchange(other.base, nullptr)), bytes(std::exchange(other.bytes, 0)) {}

Arena &Arena::operator=(Arena &&other) noexcept {
  std::swap(base, other.base);
  std::swap(bytes, other.bytes);
  return *this;
}

} // namespace fluxion::rt
