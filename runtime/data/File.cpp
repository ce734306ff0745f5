// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/data/File.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <zlib.h>

namespace fluxion::rt {
namespace {

Status bad(const std::string &path, const std::string &reason) {
  return {Status::Kind::BadFile, path + ": " + reason};
}

} // namespace

Status File::open(const std::string &path, File &out) {
  File file;
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return bad(path, std::strerror(errno));
  struct stat info;
  void *mapping = MAP_FAILED;
  int error = 0;
  bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  if (regular && info.st_size > 0) {
    mapping = mmap(nullptr, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    error = mapping == MAP_FAILED ? errno : 0;
  }
  close(fd);
  if (!regular)
    return bad(path, "not a regular file");
  if (error)
    return bad(path, std::strerror(error));
  if (mapping != MAP_FAILED)
    file.mapped = static_cast<const uint8_t *>(mapping), file.size = (size_t)info.st_size;
  if (file.size >= 2 && file.mapped[0] == 0x1F && file.mapped[1] == 0x8B)
    if (Status status = file.unpack(path); !status)
      return status;
  out = std::move(file);
  return {};
}

// Every member of a gzip file; `inflate` alone, for zlib's own file functions also bring the other
// direction into every program.
Status File::unpack(const std::string &path) {
  z_stream stream = {};
  if (inflateInit2(&stream, 15 + 16) != Z_OK)
    return bad(path, "cannot be decompressed: out of memory");
  size_t capacity = 0, made = 0, read = 0;
  uint8_t *bytes = nullptr;
  int code = Z_OK;
  while (code == Z_OK) {
    if (made == capacity) {
      size_t larger = std::max(capacity * 2, std::max<size_t>(size * 4, 1 << 16));
      void *moved = std::realloc(bytes, larger);
      if (!moved) {
        code = Z_MEM_ERROR;
        break;
      }
      bytes = static_cast<uint8_t *>(moved), capacity = larger;
    }
    constexpr size_t most = 1 << 30; // zlib counts in 32 bits
    uInt in = (uInt)std::min(size - read, most), room = (uInt)std::min(capacity - made, most);
    stream.next_in = const_cast<uint8_t *>(mapped) + read, stream.avail_in = in;
    stream.next_out = bytes + made, stream.avail_out = room;
    code = inflate(&stream, Z_NO_FLUSH);
    read += in - stream.avail_in, made += room - stream.avail_out;
    if (code == Z_STREAM_END && read < size)
      code = inflateReset(&stream);
  }
  std::string reason = code == Z_MEM_ERROR   ? "out of memory"
                       : code == Z_BUF_ERROR ? "its end is missing"
                       : stream.msg          ? stream.msg
                                             : "no gzip data";
  inflateEnd(&stream);
  munmap(const_cast<uint8_t *>(mapped), size);
  mapped = nullptr, size = made;
  unpacked = {bytes, std::free};
  return code == Z_STREAM_END ? Status() : bad(path, "damaged or truncated: " + reason);
}

File::~File() {
  if (mapped)
    munmap(const_cast<uint8_t *>(mapped), size);
}

File::File(File &&other) noexcept
    : mapped(std::exchange(other.mapped, nullptr)), unpacked(std::move(other.unpacked)),
      size(std::exchange(other.size, 0)) {}

File &File::operator=(File &&other) noexcept {
  std::swap(mapped, other.mapped);
  std::swap(unpacked, other.unpacked);
  std::swap(size, other.size);
  return *this;
}

} // namespace fluxion::rt
