// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/runtime/Support.h"

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
  EXPECT_THAT(status.message(), HasSubstr("ABI version 3, this runtime has version 2"));
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
  instance->readItem(weight, dense);
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(dense[i], expected[i]);
  for (float &value : dense)
    value += 10;
  instance->writeItem(weight, dense);
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(reinterpret_cast<float *>(instance->data(weight))[i], float(i) + 10);
}
