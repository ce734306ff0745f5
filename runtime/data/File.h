// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A data file's bytes: mapped where it is plain, decompressed where it is gzip.
#pragma once

#include "fluxion/runtime.h"

#include <string>
#include <string_view>

namespace fluxion::rt {

class File {
public:
  File() = default;
  ~File();
  File(File &&other) noexcept;
  File &operator=(File &&other) noexcept;

  // Refused by name and reason: missing, unreadable, no regular file, damaged or truncated gzip.
  static Status open(const std::string &path, File &out);
  std::string_view bytes() const {
    return {reinterpret_cast<const char *>(mapped ? mapped : unpacked.get()), size};
  }
  const uint8_t *at(size_t offset) const {
    return reinterpret_cast<const uint8_t *>(bytes().data()) + offset;
  }

private:
  const uint8_t *mapped = nullptr;
  std::unique_ptr<uint8_t, void (*)(void *)> unpacked{nullptr, nullptr};
  size_t size = 0;

  Status unpack(const std::string &path);
};

} // namespace fluxion::rt
