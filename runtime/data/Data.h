// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Labelled images and rows in memory, and batches drawn from them.
#pragma once

#include "fluxion/runtime.h"
#include "runtime/data/File.h"

#include <string>
#include <vector>

namespace fluxion::rt {

// `count` examples of `width` f32 features with one i32 label each. Features are numbers,
// row-major, or images as their files hold them: a byte a pixel, turned into a number when it is
// used.
struct Dataset {
  int64_t count = 0, width = 0;
  std::vector<float> features;
  std::vector<int32_t> labels;

  std::vector<const uint8_t *> images; // into `files`
  std::vector<float> values;           // what a byte stands for: 256 numbers a channel
  std::vector<File> files;

  void row(int64_t index, float *out) const;
};

struct Split {
  Dataset train, test;
};

// Kinds and where each looks below a path (a file or a folder; .gz or plain):
//   digits    a CSV of 64 pixels 0..16 and a label, digits.csv; every fifth row is for testing
//   mnist     {train,t10k}-images-idx3-ubyte, {train,t10k}-labels-idx1-ubyte; pixels divided by 255
//   cifar10   data_batch_*.bin and test_batch*.bin; per channel (x / 255 - mean) / deviation
//   csv       a CSV of numbers with the label last; every fifth row is for testing
// Missing, damaged, truncated and mismatched files are refused by name and reason.
Status loadData(const std::string &kind, const std::string &path, Split &out);
const std::vector<std::string> &dataKinds();

// The order of an epoch: a permutation that depends on seed and epoch alone.
std::vector<int64_t> shuffled(int64_t count, uint64_t seed, uint64_t epoch);

// Batches of `size` in a given order, the next one made on a thread of its own while the last two
// are used. The last batch is filled up with rows labelled -1, which losses, metrics and counts
// leave out.
class Batches {
public:
  // Where batches are kept: Instance::inputMemory, or anywhere.
  using Memory = std::function<std::shared_ptr<std::byte[]>(uint64_t bytes)>;
  Batches(const Dataset &data, std::vector<int64_t> order, int64_t size, const Memory &memory = {});
  ~Batches();
  Batches(const Batches &) = delete;

  struct Batch {
    std::span<float> features;
    std::span<int32_t> labels;
    int64_t valid = 0;
  };
  int64_t count() const;
  const Batch *next(); // null after the last; valid until the second call from now

private:
  struct Shared;
  std::unique_ptr<Shared> shared;
};

} // namespace fluxion::rt
