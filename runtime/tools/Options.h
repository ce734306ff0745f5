// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>

namespace fluxion::rt {

struct TrainOptions {
  std::string data, save, resume, weights, target;
  int64_t epochs = 1, batchLimit = 0, seed = 1, threads = 0, snapshotEvery = 200;
  bool seedGiven = false, evaluate = false, json = false, help = false;
};

// Empty, or one sentence about what is wrong.
std::string parseOptions(int argc, char **argv, TrainOptions &options);
void printHelp(const char *program, const char *name, const char *data);

} // namespace fluxion::rt
