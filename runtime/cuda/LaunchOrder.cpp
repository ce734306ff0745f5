// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cuda/LaunchOrder.h"

#include <algorithm>
#include <cstdlib>

namespace fluxion::rt::cuda {
namespace {

// The host starts so few in a few microseconds whatever their order.
constexpr uint32_t fewLaunches = 16;

// Launches of the longest way through the table: as many as the device must do one by one.
uint32_t longestWay(const fx_entry &entry) {
  std::vector<uint32_t> ways(entry.num_launches, 1);
  uint32_t longest = 0;
  for (uint32_t l = 0; l < entry.num_launches; ++l) {
    const fx_launch &launch = entry.launches[l];
    for (uint32_t a = 0; a < launch.num_after; ++a)
      ways[l] = std::max(ways[l], ways[launch.after[a]] + 1);
    longest = std::max(longest, ways[l]);
  }
  return longest;
}

// A line costs the device what it did beside something else: where that is less than an eighth of
// all launches, the host gains more. With what a library does it is not of kernels alone.
bool isBetterInLine(const fx_entry &entry) {
  bool hasCalls = std::any_of(entry.launches, entry.launches + entry.num_launches,
                              [](const fx_launch &launch) { return launch.call; });
  return !hasCalls && entry.num_launches > fewLaunches &&
         entry.num_launches - longestWay(entry) < entry.num_launches / 8;
}

} // namespace

Status graphShape(GraphShape &out) {
  const char *asked = std::getenv("FLUXION_CUDA_GRAPH");
  std::string name = asked ? asked : "";
  out = name == "branches" ? GraphShape::Branches
        : name == "line"   ? GraphShape::Line
                           : GraphShape::Fitting;
  if (out != GraphShape::Fitting || name.empty())
    return {};
  return {Status::Kind::Mismatch,
          "FLUXION_CUDA_GRAPH is \"" + name + "\"; it may be branches or line"};
}

LaunchOrder::LaunchOrder(const fx_entry &entry, GraphShape shape)
    : after(entry.num_launches),
      isLine(shape == GraphShape::Line || (shape == GraphShape::Fitting && isBetterInLine(entry))) {
  for (uint32_t l = 0; l < entry.num_launches; ++l)
    if (!isLine)
      after[l].assign(entry.launches[l].after,
                      entry.launches[l].after + entry.launches[l].num_after);
    else if (l > 0)
      after[l] = {l - 1};
}

std::vector<uint32_t> LaunchOrder::ends() const {
  std::vector<bool> followed(after.size());
  for (const std::vector<uint32_t> &befores : after)
    for (uint32_t before : befores)
      followed[before] = true;
  std::vector<uint32_t> ends;
  for (uint32_t l = 0; l < after.size(); ++l)
    if (!followed[l])
      ends.push_back(l);
  return ends;
}

} // namespace fluxion::rt::cuda
