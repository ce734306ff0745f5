// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which launches a graph makes one behind the other and which beside each other.
#include "runtime/cuda/LaunchOrder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fluxion::rt;

namespace {

// A table of launches, each after the given ones.
class Orders : public testing::Test {
protected:
  cuda::LaunchOrder order(const std::vector<std::vector<uint32_t>> &after,
                          cuda::GraphShape shape = cuda::GraphShape::Fitting) {
    std::vector<fx_launch> launches(after.size());
    for (size_t l = 0; l < after.size(); ++l)
      launches[l].num_after = (uint32_t)after[l].size(), launches[l].after = after[l].data();
    fx_entry entry{};
    entry.launches = launches.data(), entry.num_launches = (uint32_t)launches.size();
    return {entry, shape};
  }
  // Each after the one before it, but for some at the end that are after the first alone.
  static std::vector<std::vector<uint32_t>> chain(uint32_t launches, uint32_t beside) {
    std::vector<std::vector<uint32_t>> after(launches);
    for (uint32_t l = 1; l < launches; ++l)
      after[l] = {l < launches - beside ? l - 1 : 0};
    return after;
  }
};

} // namespace

TEST_F(Orders, manyLaunchesThatAreNearlyALineAreOne) {
  cuda::LaunchOrder made = order(chain(80, 9));
  EXPECT_TRUE(made.isLine);
  EXPECT_TRUE(made.after[0].empty());
  for (uint32_t l = 1; l < 80; ++l)
    EXPECT_THAT(made.after[l], testing::ElementsAre(l - 1));
  EXPECT_THAT(made.ends(), testing::ElementsAre(79));
}

TEST_F(Orders, othersKeepTheirBranches) {
  for (auto &table : {chain(80, 10), chain(16, 1), chain(16, 0), chain(0, 0)}) {
    cuda::LaunchOrder made = order(table);
    EXPECT_FALSE(made.isLine);
    EXPECT_EQ(made.after, table);
  }
  EXPECT_THAT(order(chain(20, 3)).ends(), testing::ElementsAre(16, 17, 18, 19));
}

TEST_F(Orders, theUserMayAskForEither) {
  EXPECT_TRUE(order(chain(8, 4), cuda::GraphShape::Line).isLine);
  EXPECT_EQ(order(chain(80, 9), cuda::GraphShape::Branches).after, chain(80, 9));
}
