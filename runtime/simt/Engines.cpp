// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/simt/Engines.h"

#include <bit>

namespace fluxion::rt::simt {

std::string Mbarrier::missing() const {
  return std::to_string(pending) + " of " + std::to_string(expected) + " arrivals and " +
         std::to_string(bytes) + " bytes are missing";
}

std::string Mbarrier::leftBehind() const {
  if (pending != expected || bytes != 0)
    return "a phase is incomplete: " + missing();
  return unseen ? "nobody has waited for the last phase's bytes" : "";
}

int64_t elementBytes(const fx_simt_map &map) {
  // Of CUtensorMapDataType, in order.
  constexpr int64_t bytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  return map.data_type < std::size(bytes) ? bytes[map.data_type] : 0;
}

int64_t boxBytes(const fx_simt_map &map) {
  int64_t bytes = elementBytes(map);
  for (uint32_t d = 0; d < map.rank; ++d)
    bytes *= map.box[d];
  return bytes;
}

int64_t swizzleSpan(const fx_simt_map &map) { return map.swizzle ? 16 << map.swizzle : 0; }

int64_t extentBytes(const fx_simt_map &map) {
  int64_t bytes = (int64_t)map.dims[0] * elementBytes(map);
  for (uint32_t d = 1; d < map.rank; ++d)
    bytes += (int64_t)(map.dims[d] - 1) * (int64_t)map.strides[d - 1];
  return bytes;
}

std::string refusal(const fx_simt_map &map, const void *base) {
  if (map.rank < 1 || map.rank > 5 || elementBytes(map) == 0 || map.swizzle > 3)
    return "its rank, type or swizzle is unknown";
  if (reinterpret_cast<uintptr_t>(base) % 16)
    return "its address is no multiple of 16";
  for (uint32_t d = 0; d < map.rank; ++d) {
    if (map.dims[d] == 0 || map.dims[d] > uint64_t(1) << 32)
      return "dimension " + std::to_string(d) + " has " + std::to_string(map.dims[d]) + " elements";
    if (map.steps[d] < 1 || map.steps[d] > 8)
      return "a step of " + std::to_string(map.steps[d]) + " elements is not in 1 to 8";
    if (uint32_t box = map.box[d] * map.steps[d]; box == 0 || box > 256)
      return "a box of " + std::to_string(box) + " elements is not in 1 to 256";
    if (d > 0 && map.strides[d - 1] % 16)
      return "a stride of " + std::to_string(map.strides[d - 1]) + " bytes is no multiple of 16";
  }
  int64_t line = map.box[0] * elementBytes(map), span = swizzleSpan(map);
  if (line % 16)
    return "a line of its box has " + std::to_string(line) + " bytes, no multiple of 16";
  if (span && line != span)
    return "a line of its box has " + std::to_string(line) + " bytes, its swizzle " +
           std::to_string(span);
  return "";
}

std::vector<BoxRun> runsOf(const fx_simt_map &map, std::byte *base, const int32_t *at) {
  std::vector<BoxRun> runs;
  int64_t element = elementBytes(map), lines = 1;
  for (uint32_t d = 1; d < map.rank; ++d)
    lines *= map.box[d];
  for (int64_t line = 0; line < lines; ++line) {
    int64_t rest = line, from = 0;
    bool exists = true;
    for (uint32_t d = 1; d < map.rank; ++d) {
      int64_t position = at[d] + rest % map.box[d] * map.steps[d];
      rest /= map.box[d];
      exists &= position >= 0 && position < (int64_t)map.dims[d];
      from += position * (int64_t)map.strides[d - 1];
    }
    for (int64_t i = 0; i < map.box[0]; ++i) {
      int64_t position = at[0] + i * map.steps[0];
      bool inside = exists && position >= 0 && position < (int64_t)map.dims[0];
      std::byte *memory = inside ? base + from + position * element : nullptr;
      int64_t offset = (line * map.box[0] + i) * element;
      bool joins = i > 0 && offset % 16 && (runs.back().memory != nullptr) == inside;
      if (joins)
        runs.back().bytes += element;
      else
        runs.push_back({offset, memory, element});
    }
  }
  return runs;
}

float roundToTf32(float value) {
  auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7f800000) == 0x7f800000)
    return value;
  bits += 0xfff + (bits >> 13 & 1);
  return std::bit_cast<float>(bits & ~uint32_t(0x1fff));
}

Descriptor Descriptor::of(uint64_t word, bool summedLast, int64_t elementBytes) {
  auto field = [&](int low) { return int64_t(word >> low & 0x3fff) << 4; };
  constexpr int64_t spans[] = {0, 128, 64, 32};
  return {field(0), field(16), field(32), spans[word >> 62], summedLast, elementBytes};
}

// Atoms are 8 lines of a span; lines run along k where it is last in memory, else along the rows.
int64_t Descriptor::at(int64_t row, int64_t k) const {
  int64_t lineAt = summedLast ? row : k, inLine = (summedLast ? k : row) * elementBytes;
  int64_t offset =
      start + inLine / span * leading + inLine % span + lineAt / 8 * stride + lineAt % 8 * span;
  return swizzled(offset, span);
}

} // namespace fluxion::rt::simt
