// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/data/Data.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

namespace fluxion::rt {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014).
uint64_t mix(uint64_t &state) {
  uint64_t z = state += 0x9E3779B97F4A7C15ull;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ z >> 27) * 0x94D049BB133111EBull;
  return z ^ z >> 31;
}

} // namespace

void Dataset::row(int64_t index, float *out) const {
  if (images.empty()) {
    std::memcpy(out, &features[index * width], width * sizeof(float));
    return;
  }
  const uint8_t *pixel = images[index];
  int64_t channels = (int64_t)values.size() / 256, plane = width / channels;
  for (int64_t channel = 0; channel < channels; ++channel) {
    const float *value = &values[256 * channel];
    for (int64_t i = 0; i < plane; ++i)
      *out++ = value[*pixel++];
  }
}

std::vector<int64_t> shuffled(int64_t count, uint64_t seed, uint64_t epoch) {
  std::vector<int64_t> order(count);
  for (int64_t i = 0; i < count; ++i)
    order[i] = i;
  uint64_t state = seed * 0xD1342543DE82EF95ull + epoch;
  for (int64_t i = count - 1; i > 0; --i)
    std::swap(order[i],
              order[(int64_t)(((unsigned __int128)mix(state) * (uint64_t)(i + 1)) >> 64)]);
  return order;
}

struct Batches::Shared {
  Shared(const Dataset &data, std::vector<int64_t> order, int64_t size)
      : data(data), order(std::move(order)), size(size) {}
  const Dataset &data;
  std::vector<int64_t> order;
  int64_t size, made = 0, taken = 0;
  bool stop = false;
  static constexpr int64_t kept = 3; // one is made, two are used
  Batch slots[kept];
  std::shared_ptr<std::byte[]> memory;
  std::mutex lock;
  std::condition_variable changed;
  std::thread worker;

  int64_t count() const { return ((int64_t)order.size() + size - 1) / size; }

  void fill(Batch &batch, int64_t number) {
    int64_t first = number * size;
    batch.valid = std::min(size, (int64_t)order.size() - first);
    for (int64_t row = 0; row < size; ++row) {
      int64_t from =
          order[first + std::min(row, batch.valid - 1)]; // filler rows repeat the last, unlabelled
      data.row(from, &batch.features[row * data.width]);
      batch.labels[row] = row < batch.valid ? data.labels[from] : -1;
    }
  }

  void work() {
    for (int64_t number = 0; number < count(); ++number) {
      {
        std::unique_lock guard(lock);
        changed.wait(guard, [&] { return stop || number <= taken; });
        if (stop)
          return;
      }
      fill(slots[number % kept], number);
      std::lock_guard guard(lock);
      made = number + 1;
      changed.notify_all();
    }
  }
};

Batches::Batches(const Dataset &data, std::vector<int64_t> order, int64_t size,
                 const Memory &memory)
    : shared(std::make_unique<Shared>(data, std::move(order), size)) {
  // As a device lays out its inputs, so that one copy takes both.
  auto aligned = [](uint64_t bytes) { return (bytes + 255) / 256 * 256; };
  uint64_t features = aligned(size * data.width * sizeof(float)),
           labels = aligned(size * sizeof(int32_t)), all = Shared::kept * (features + labels);
  if (memory)
    shared->memory = memory(all);
  if (!shared->memory)
    shared->memory.reset(new std::byte[all]);
  std::byte *at = shared->memory.get();
  for (Batch &slot : shared->slots) {
    slot.features = {reinterpret_cast<float *>(at), size_t(size * data.width)};
    slot.labels = {reinterpret_cast<int32_t *>(at + features), size_t(size)};
    at += features + labels;
  }
  shared->worker = std::thread([s = shared.get()] { s->work(); });
}

Batches::~Batches() {
  {
    std::lock_guard guard(shared->lock);
    shared->stop = true;
  }
  shared->changed.notify_all();
  shared->worker.join();
}

int64_t Batches::count() const { return shared->count(); }

const Batches::Batch *Batches::next() {
  Shared &s = *shared;
  std::unique_lock guard(s.lock);
  if (s.taken == s.count())
    return nullptr;
  s.changed.wait(guard, [&] { return s.made > s.taken; });
  const Batch *batch = &s.slots[s.taken % Shared::kept];
  ++s.taken;
  s.changed.notify_all();
  return batch;
}

} // namespace fluxion::rt
