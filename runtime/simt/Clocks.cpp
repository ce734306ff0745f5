// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/simt/Clocks.h"

namespace fluxion::rt::simt {

void Clocks::reset(uint32_t count) {
  threads = count, floor = 0;
  time.assign(count, 1);
  knowledge.assign(count, nullptr);
}

uint32_t Clocks::addEngine() {
  time.push_back(1);
  knowledge.push_back(nullptr);
  return (uint32_t)time.size() - 1;
}

uint32_t Clocks::mostSeen(uint32_t viewer) const {
  uint32_t most = floor;
  if (const auto &known = knowledge[viewer])
    for (uint32_t actor = 0; actor < known->size(); ++actor)
      if (actor != viewer)
        most = std::max(most, (*known)[actor]);
  return most;
}

void Clocks::join(Knowledge &into, const Knowledge &from) {
  if (into.size() < from.size())
    into.resize(from.size());
  for (size_t i = 0; i < from.size(); ++i)
    into[i] = std::max(into[i], from[i]);
}

Knowledge Clocks::of(uint32_t actor) const {
  Knowledge all(time.size());
  for (uint32_t other = 0; other < all.size(); ++other)
    all[other] = seen(actor, other);
  return all;
}

void Clocks::release(uint32_t actor, Knowledge &into) {
  join(into, of(actor));
  advance(actor);
}

void Clocks::acquire(uint32_t actor, const Knowledge &from) {
  Knowledge all = knowledge[actor] ? *knowledge[actor] : Knowledge();
  join(all, from);
  knowledge[actor] = std::make_shared<const Knowledge>(std::move(all));
}

void Clocks::learn(uint32_t actor, uint32_t other, uint32_t clock) {
  Knowledge all(other + 1);
  all[other] = clock;
  acquire(actor, all);
}

// Of threads everything is known from now on; what some knew of engines all know.
void Clocks::meetAll() {
  Knowledge engines;
  for (uint32_t t = 0; t < threads; ++t)
    if (const auto &known = knowledge[t]; known && known->size() > threads)
      join(engines, *known);
  std::shared_ptr<const Knowledge> shared;
  if (!engines.empty()) {
    std::fill_n(engines.begin(), threads, 0);
    shared = std::make_shared<const Knowledge>(std::move(engines));
  }
  for (uint32_t t = 0; t < threads; ++t)
    floor = std::max(floor, time[t]);
  for (uint32_t t = 0; t < threads; ++t)
    time[t] = floor + 1, knowledge[t] = shared;
}

void Clocks::meet(const std::vector<uint32_t> &some) {
  Knowledge all(time.size());
  for (uint32_t t : some) {
    if (knowledge[t])
      join(all, *knowledge[t]);
    all[t] = std::max(all[t], time[t]);
  }
  auto shared = std::make_shared<const Knowledge>(std::move(all));
  for (uint32_t t : some)
    advance(t), knowledge[t] = shared;
}

} // namespace fluxion::rt::simt
