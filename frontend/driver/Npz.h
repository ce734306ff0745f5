// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NumPy's .npz: a zip of .npy arrays
// (numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
#pragma once

#include "fluxion/compile.h"

#include <string>
#include <utility>
#include <vector>

namespace fluxion::driver {

using NamedArrays = std::vector<std::pair<std::string, Array>>; // in member order

// Throw std::runtime_error with the file's name and the reason.
NamedArrays readNpz(const std::string &path);
void writeNpz(const std::string &path, const NamedArrays &arrays);

} // namespace fluxion::driver
