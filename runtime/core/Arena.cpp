// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fluxion/runtime.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <utility>

namespace fluxion::rt {
namespace {

constexpr uint64_t hugePage = uint64_t(2) << 20;

// The number behind a key, or at the start of a file; `otherwise` where there is none ("max").
uint64_t numberIn(const std::string &path, const char *key, uint64_t otherwise) {
  uint64_t number = otherwise;
  if (FILE *file = std::fopen(path.c_str(), "r")) {
    char line[256];
    size_t length = std::strlen(key);
    while (std::fgets(line, sizeof line, file))
      if (!std::strncmp(line, key, length) && std::sscanf(line + length, "%lu", &number) == 1)
        break;
    std::fclose(file);
  }
  return number;
}

uint64_t left(uint64_t limit, uint64_t used) { return limit > used ? limit - used : 0; }

// What a control group (man cgroups) and those above it still allow. Files kept in memory count as
// used there, but make room.
uint64_t leftInGroup(const std::string &root, std::string group, const char *const names[3]) {
  uint64_t least = UINT64_MAX;
  for (;; group.resize(group.rfind('/'))) {
    std::string folder = root + group + "/";
    uint64_t limit = numberIn(folder + names[0], "", UINT64_MAX);
    if (limit < UINT64_MAX / 2) // version 1 says "none" by a large number
      least = std::min(least, left(limit, left(numberIn(folder + names[1], "", 0),
                                               numberIn(folder + "memory.stat", names[2], 0))));
    if (group.find('/') == std::string::npos)
      return least;
  }
}

uint64_t leftInGroups(const std::string &root) {
  static const char *const version1[] = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                         "total_inactive_file "};
  static const char *const version2[] = {"memory.max", "memory.current", "inactive_file "};
  uint64_t least = UINT64_MAX;
  char line[4096];
  FILE *file = std::fopen((root + "/proc/self/cgroup").c_str(), "r");
  while (file && std::fgets(line, sizeof line, file)) {
    line[std::strcspn(line, "\n")] = 0;
    const char *path = std::strchr(line, '/');
    if (path && !std::strncmp(line, "0::", 3))
      least = std::min(least, leftInGroup(root + "/sys/fs/cgroup", path, version2));
    else if (path && std::strstr(line, ":memory:"))
      least = std::min(least, leftInGroup(root + "/sys/fs/cgroup/memory", path, version1));
  }
  if (file)
    std::fclose(file);
  return least;
}

} // namespace

uint64_t availableMemoryBytes(const std::string &root) {
  uint64_t kilobytes = numberIn(root + "/proc/meminfo", "MemAvailable:", 0);
  uint64_t available = std::min(kilobytes ? kilobytes * 1024 : UINT64_MAX, leftInGroups(root));
  rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    available = std::min(available,
                         left(limit.rlim_cur, 1024 * numberIn("/proc/self/status", "VmSize:", 0)));
  return available;
}

uint64_t peakResidentBytes() { return 1024 * numberIn("/proc/self/status", "VmHWM:", 0); }

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
