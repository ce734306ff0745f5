// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

enum class ProgramSizes {
  Small,
  Blocks, // of thousands of elements; with softmax, batches of products and convolutions too
};
// The text of a module with state and one entry point `step`: a random graph of elementwise, shape,
// reduction and contraction ops. Equal seeds give equal text on every machine.
std::string randomProgram(unsigned seed, int operations, ProgramSizes sizes = ProgramSizes::Small);
