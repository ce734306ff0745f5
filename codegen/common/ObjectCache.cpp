// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/common/ObjectCache.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace fluxion::codegen {
namespace {

// File: magic, then for every object its size (8 bytes, little endian) and bytes, then the hash of
// all before.
constexpr StringLiteral magic = "FXOBJ001";
constexpr size_t hashBytes = 32; // hex digits of ObjectCache::hash

std::string cacheDirectory(const CacheOptions &options) {
  if (!options.enabled)
    return "";
  if (!options.directory.empty())
    return options.directory;
  if (auto given = sys::Process::GetEnv("FLUXION_CACHE_DIR"))
    return *given; // set but empty turns the cache off
  SmallString<128> path;
  if (!sys::path::cache_directory(path))
    return "";
  sys::path::append(path, "fluxion");
  return std::string(path);
}

} // namespace

ObjectCache::ObjectCache(const CacheOptions &options)
    : directory(cacheDirectory(options)), limitBytes(options.limitBytes) {}

std::string ObjectCache::hash(ArrayRef<StringRef> texts) {
  BLAKE3 hasher;
  for (StringRef text : texts) {
    char size[8];
    support::endian::write64le(size, text.size());
    hasher.update(StringRef(size, 8));
    hasher.update(text);
  }
  auto digest = hasher.final<16>();
  return toHex(ArrayRef<uint8_t>(digest.data(), digest.size()), /*LowerCase=*/true);
}

std::string ObjectCache::pathOf(StringRef key) const {
  SmallString<128> path(directory);
  sys::path::append(path, key + ".fxo");
  return std::string(path);
}

std::optional<std::vector<std::string>> ObjectCache::load(StringRef key) const {
  if (directory.empty())
    return std::nullopt;
  std::string path = pathOf(key);
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return std::nullopt;
  StringRef bytes = (*buffer)->getBuffer();
  bool whole = bytes.size() >= magic.size() + hashBytes && bytes.starts_with(magic) &&
               bytes.take_back(hashBytes) == hash({bytes.drop_back(hashBytes)});
  std::vector<std::string> objects;
  StringRef rest = whole ? bytes.drop_front(magic.size()).drop_back(hashBytes) : StringRef();
  while (whole && !rest.empty()) {
    uint64_t size = rest.size() >= 8 ? support::endian::read64le(rest.data()) : UINT64_MAX;
    whole = rest.size() >= 8 && size <= rest.size() - 8;
    if (whole) {
      objects.push_back(rest.substr(8, size).str());
      rest = rest.drop_front(8 + size);
    }
  }
  if (!whole) {
    sys::fs::remove(path);
    return std::nullopt;
  }
  int fd;
  if (!sys::fs::openFileForReadWrite(path, fd, sys::fs::CD_OpenExisting, sys::fs::OF_None)) {
    (void)sys::fs::setLastAccessAndModificationTime(fd, std::chrono::system_clock::now());
    (void)sys::Process::SafelyCloseFileDescriptor(fd);
  }
  return objects;
}

void ObjectCache::store(StringRef key, const std::vector<std::string> &objects) const {
  if (directory.empty() || sys::fs::create_directories(directory))
    return;
  std::string bytes = magic.str();
  for (const std::string &object : objects) {
    char size[8];
    support::endian::write64le(size, object.size());
    bytes.append(size, 8).append(object);
  }
  bytes += hash({bytes});
  SmallString<128> temporary;
  int fd;
  if (sys::fs::createUniqueFile(pathOf(key) + ".%%%%%%", fd, temporary))
    return;
  raw_fd_ostream out(fd, /*shouldClose=*/true);
  out << bytes;
  out.close();
  bool written = !out.has_error();
  out.clear_error();
  if (!written || sys::fs::rename(temporary, pathOf(key)))
    sys::fs::remove(temporary);
  evict();
}

void ObjectCache::evict() const {
  struct Entry {
    std::string path;
    uint64_t size;
    sys::TimePoint<> used;
  };
  std::vector<Entry> entries;
  int64_t total = 0;
  std::error_code error;
  for (sys::fs::directory_iterator file(directory, error), end; file != end && !error;
       file.increment(error)) {
    auto status = file->status();
    // What a killed writer left counts and ages as well.
    if (!status || !sys::path::filename(file->path()).contains(".fxo"))
      continue;
    entries.push_back({file->path(), status->getSize(), status->getLastModificationTime()});
    total += status->getSize();
  }
  llvm::sort(entries, [](const Entry &a, const Entry &b) { return a.used < b.used; });
  for (const Entry &entry : entries) {
    if (total <= limitBytes)
      return;
    sys::fs::remove(entry.path);
    total -= entry.size;
  }
}

} // namespace fluxion::codegen
