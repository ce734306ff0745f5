// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/core/Layout.h"

#include <cstring>
#include <functional>
#include <vector>

namespace fluxion::rt {

// Walks an item in stored order and hands out where each element is in its dense row-major form.
static void forEachElement(const fx_tensor &item,
                           const std::function<void(uint64_t stored, uint64_t dense)> &visit) {
  std::vector<uint64_t> stride(item.rank, 1), index(item.rank, 0);
  for (int32_t d = item.rank - 1; d > 0; --d)
    stride[d - 1] = stride[d] * item.dims[d];
  uint64_t count = 1, dense = 0;
  for (int32_t d = 0; d < item.rank; ++d)
    count *= item.dims[d];
  for (uint64_t stored = 0; stored < count; ++stored) {
    visit(stored, dense);
    for (int32_t i = item.rank - 1; i >= 0; --i) {
      int64_t dim = item.layout[i];
      dense += stride[dim];
      if (++index[i] < (uint64_t)item.dims[dim])
        break;
      dense -= index[i] * stride[dim];
      index[i] = 0;
    }
  }
}

static uint64_t elementBytes(const fx_tensor &item) {
  uint64_t count = 1;
  for (int32_t d = 0; d < item.rank; ++d)
    count *= item.dims[d];
  return count ? item.bytes / count : 0;
}

void toDense(const fx_tensor &item, const void *stored, void *dense) {
  if (!item.layout) {
    std::memcpy(dense, stored, item.bytes);
    return;
  }
  uint64_t size = elementBytes(item);
  forEachElement(item, [&](uint64_t from, uint64_t to) {
    std::memcpy(static_cast<std::byte *>(dense) + to * size,
                static_cast<const std::byte *>(stored) + from * size, size);
  });
}

void fromDense(const fx_tensor &item, const void *dense, void *stored) {
  if (!item.layout) {
    std::memcpy(stored, dense, item.bytes);
    return;
  }
  uint64_t size = elementBytes(item);
  forEachElement(item, [&](uint64_t to, uint64_t from) {
    std::memcpy(static_cast<std::byte *>(stored) + to * size,
                static_cast<const std::byte *>(dense) + from * size, size);
  });
}

} // namespace fluxion::rt
