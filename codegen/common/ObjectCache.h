// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiled objects on disk, by the hash of what they were compiled from.
#pragma once

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fluxion::codegen {

struct CacheOptions {
  bool enabled = true;
  std::string directory; // empty: $FLUXION_CACHE_DIR, else $XDG_CACHE_HOME or ~/.cache + /fluxion
  int64_t limitBytes = int64_t(256) << 20; // the least recently used objects beyond it are deleted
};

class ObjectCache {
public:
  explicit ObjectCache(const CacheOptions &options);

  // The objects stored under a key, or nothing. A damaged file counts as nothing and is deleted.
  std::optional<std::vector<std::string>> load(llvm::StringRef key) const;
  // Best effort: a full or read-only disk loses the entry, never the compilation.
  void store(llvm::StringRef key, const std::vector<std::string> &objects) const;

  // 128 bits of BLAKE3, in hex, of the texts in order.
  static std::string hash(llvm::ArrayRef<llvm::StringRef> texts);

private:
  std::string directory; // empty: off
  int64_t limitBytes;

  std::string pathOf(llvm::StringRef key) const;
  void evict() const;
};

} // namespace fluxion::codegen
