// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What each launch of an entry point is after when a graph makes them.
#pragma once

#include "fluxion/abi.h"
#include "fluxion/runtime.h"

#include <vector>

namespace fluxion::rt::cuda {

// As the table has it, which keeps a few branches beside each other, or one behind the other.
// Starting a graph takes the host some time for each of its nodes, but where they are kernels alone
// and in one line, which takes it the same time however many they are (drivers of CUDA 12.6 on,
// sm_80 on).
enum class GraphShape { Fitting, Branches, Line };

// $FLUXION_CUDA_GRAPH: "branches" or "line"; unset: what fits the entry point.
Status graphShape(GraphShape &out);

struct LaunchOrder {
  LaunchOrder(const fx_entry &entry, GraphShape shape);
  std::vector<std::vector<uint32_t>> after; // launches, all before the one
  bool isLine;
  std::vector<uint32_t> ends() const; // nothing is after them
};

} // namespace fluxion::rt::cuda
