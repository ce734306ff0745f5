// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Target lists of the command line: "cpu,cuda:sm_80,cuda:sm_90a" is one artifact for three.
#pragma once

#include <string>
#include <vector>

namespace fluxion::driver {

// The targets in order. "cuda" alone becomes the GPU of this machine where there is one, so that
// what is compiled here runs here. Throws std::runtime_error where a target is empty or twice
// there.
std::vector<std::string> splitTargets(const std::string &text);

} // namespace fluxion::driver
