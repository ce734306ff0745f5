// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/runtime/Support.h"

#include <filesystem>
#include <gmock/gmock.h>

using namespace fluxion::rt;
using testing::HasSubstr;

TEST(Arena, isAlignedZeroAndMovable) {
  for (uint64_t bytes : {uint64_t(1), uint64_t(4096), uint64_t(3) << 20}) {
    Arena arena, other;
    ASSERT_TRUE(Arena::create(bytes, arena));
    EXPECT_GE(arena.size(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(arena.data()) % 64, 0u);
    EXPECT_EQ(arena.data()[0], std::byte(0));
    EXPECT_EQ(arena.data()[bytes - 1], std::byte(0));
    std::byte *base = arena.data();
    other = std::move(arena);
    EXPECT_EQ(other.data(), base);
  }
  Arena empty;
  ASSERT_TRUE(Arena::create(0, empty));
  EXPECT_EQ(empty.data(), nullptr);
}

TEST(Arena, isRefusedWithTheNeededAndTheFreeBytes) {
  for (uint64_t bytes : {uint64_t(1) << 50, UINT64_MAX}) {
    Arena arena;
    Status status = Arena::create(bytes, arena);
    EXPECT_EQ(status.kind(), Status::Kind::OutOfMemory);
    EXPECT_THAT(status.message(), testing::MatchesRegex("out of memory: the program needs [0-9]+ "
                                                        "bytes, [0-9]+ are free; use a smaller "
                                                        "batch"));
    EXPECT_THAT(status.message(), HasSubstr(std::to_string(bytes)));
    EXPECT_EQ(arena.data(), nullptr);
  }
}

namespace {

// A machine of two gigabytes as its /proc and /sys say.
struct Machine {
  void write(const std::string &file, const std::string &text) {
    std::filesystem::create_directories(std::filesystem::path(folder / file).parent_path());
    test::write(folder / file, text);
  }
  explicit Machine(const std::string &groups) {
    write("proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable:    2000000 kB\n");
    write("proc/self/cgroup", groups);
  }
  uint64_t available() { return availableMemoryBytes(folder.path); }
  test::Folder folder;
};

} // namespace

TEST(Memory, isWhatTheMachineHas) {
  EXPECT_EQ(Machine("").available(), 2048000000u);
  EXPECT_EQ(Machine("0::/absent\n").available(), 2048000000u);
}

TEST(Memory, isLimitedByAControlGroupAndThoseAboveIt) {
  Machine machine("0::/user/job\n");
  machine.write("sys/fs/cgroup/user/job/memory.max", "max\n");
  machine.write("sys/fs/cgroup/user/memory.max", "1000000000\n");
  machine.write("sys/fs/cgroup/user/memory.current", "700000000\n");
  EXPECT_EQ(machine.available(), 300000000u);
  machine.write("sys/fs/cgroup/user/memory.stat", "anon 1\ninactive_file 200000000\nslab 5\n");
  EXPECT_EQ(machine.available(), 500000000u) << "files kept in memory make room";
  machine.write("sys/fs/cgroup/user/job/memory.max", "100\n");
  machine.write("sys/fs/cgroup/user/job/memory.current", "200\n");
  EXPECT_EQ(machine.available(), 0u);
}

TEST(Memory, isLimitedByControlGroupsOfVersion1) {
  Machine machine("9:cpu:/elsewhere\n4:memory:/docker/0123\n");
  const std::string none = "9223372036854771712\n";
  machine.write("sys/fs/cgroup/memory/docker/0123/memory.limit_in_bytes", none);
  EXPECT_EQ(machine.available(), 2048000000u);
  // In a container the path is the host's; the container's own limit is at the top.
  machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "500000000\n");
  machine.write("sys/fs/cgroup/memory/memory.usage_in_bytes", "200000000\n");
  machine.write("sys/fs/cgroup/memory/memory.stat", "cache 9\ntotal_inactive_file 50000000\n");
  EXPECT_EQ(machine.available(), 350000000u);
}

TEST(Instance, isRefusedWhereItDoesNotFit) {
  for (uint64_t arena : {uint64_t(1) << 50, UINT64_MAX}) {
    fx_program large = test::program();
    large.arena_bytes = arena;
    std::unique_ptr<Instance> made;
    Status status = Instance::create(&large, nullptr, made);
    EXPECT_EQ(status.kind(), Status::Kind::OutOfMemory);
    EXPECT_THAT(status.message(), HasSubstr("test/net needs "));
    EXPECT_THAT(status.message(), HasSubstr("(state 256, arena " + std::to_string(arena) + ")"));
    EXPECT_EQ(made, nullptr);
  }
}

TEST(Instance, isRefusedForAnotherVersion) {
  fx_program other = test::program();
  other.abi_version = FX_ABI_VERSION + 1;
  std::unique_ptr<Instance> made;
  Status status = Instance::create(&other, nullptr, made);
  EXPECT_EQ(status.kind(), Status::Kind::Mismatch);
  EXPECT_THAT(status.message(),
              HasSubstr("ABI version " + std::to_string(FX_ABI_VERSION + 1) +
                        ", this runtime has version " + std::to_string(FX_ABI_VERSION)));
}

TEST(Instance, runsEntriesOnItsOwnState) {
  fx_program program = test::program();
  auto first = test::instanceOf(program), second = test::instanceOf(program);
  ASSERT_TRUE(first->initialise(7));
  ASSERT_TRUE(second->initialise(8));
  float value = 2, result = 0;
  const void *in[] = {&value};
  void *out[] = {&result};
  ASSERT_TRUE(first->run(*first->entry("step"), in, out));
  ASSERT_TRUE(first->run(*first->entry("step"), in, out));
  EXPECT_EQ(result, 4);
  ASSERT_TRUE(second->run(*second->entry("step"), in, out));
  EXPECT_EQ(result, 2);
  EXPECT_EQ(first->entry("stop"), nullptr);
  EXPECT_EQ(first->stateItem("net.wait"), nullptr);
}

TEST(Instance, failedChecksAndWrongCountsAreReported) {
  fx_program program = test::program();
  auto instance = test::instanceOf(program);
  ASSERT_TRUE(instance->initialise(7));
  float value = -1, result = 0;
  const void *in[] = {&value};
  void *out[] = {&result};
  Status status = instance->run(*instance->entry("step"), in, out);
  EXPECT_EQ(status.kind(), Status::Kind::CheckFailed);
  EXPECT_EQ(status.message(), "value must not be negative");
  status = instance->run(*instance->entry("step"), in, {});
  EXPECT_EQ(status.message(), "step takes 1 inputs and gives 1 outputs, called with 1 and 0");
}

TEST(Instance, packedItemsAreReadAndWrittenInDeclaredOrder) {
  fx_program program = test::program();
  auto instance = test::instanceOf(program);
  ASSERT_TRUE(instance->initialise(1));
  float dense[6], expected[] = {0, 2, 4, 1, 3, 5};
  const fx_tensor &weight = *instance->stateItem("net.weight");
  ASSERT_TRUE(instance->readItem(weight, dense));
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(dense[i], expected[i]);
  for (float &value : dense)
    value += 10;
  ASSERT_TRUE(instance->writeItem(weight, dense));
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(reinterpret_cast<float *>(instance->data(weight))[i], float(i) + 10);
}
