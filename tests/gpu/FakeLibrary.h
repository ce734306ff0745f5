// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the tests' own libraries share: objects that are known by address, and numbers in the
// device's memory.
#pragma once

#include "tests/gpu/FakeState.h"

#include <cstring>
#include <set>

namespace fluxion::fake {

struct Object {
  virtual ~Object() = default;
};
inline std::set<Object *> alive;

template <typename T> T *get(void *object) {
  return alive.count(static_cast<Object *>(object))
             ? dynamic_cast<T *>(static_cast<Object *>(object))
             : nullptr;
}
inline CUresult give(void **out, Object *made) {
  alive.insert(made);
  state.counts.libraryObjects = alive.size();
  *out = made;
  return CUDA_SUCCESS;
}
template <typename T> CUresult create(void **out) { return give(out, new T); }
inline CUresult refuse(int status) { return CUresult(status); }

template <typename T, int unknown> CUresult destroy(void *object) {
  T *known = get<T>(object);
  if (!known)
    return refuse(unknown);
  alive.erase(known);
  state.counts.libraryObjects = alive.size();
  delete known;
  return CUDA_SUCCESS;
}

enum class Element { f32, f16, bf16 };

inline double number(Element type, uint64_t base, int64_t i) {
  uint32_t bits = 0;
  if (type == Element::f32)
    std::memcpy(&bits, reinterpret_cast<void *>(base + 4 * i), 4);
  else if (type == Element::bf16)
    std::memcpy(reinterpret_cast<char *>(&bits) + 2, reinterpret_cast<void *>(base + 2 * i), 2);
  else {
    _Float16 half;
    std::memcpy(&half, reinterpret_cast<void *>(base + 2 * i), 2);
    return double(half);
  }
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}
inline void store(Element type, uint64_t base, int64_t i, double value) {
  float single = float(value);
  _Float16 half = _Float16(value);
  uint32_t bits;
  std::memcpy(&bits, &single, 4);
  uint16_t upper = uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  if (type == Element::f32)
    std::memcpy(reinterpret_cast<void *>(base + 4 * i), &single, 4);
  else
    std::memcpy(reinterpret_cast<void *>(base + 2 * i),
                type == Element::bf16 ? (void *)&upper : &half, 2);
}

} // namespace fluxion::fake
