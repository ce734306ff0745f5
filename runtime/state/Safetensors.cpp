// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// State files: 8 bytes of header length, a JSON header of names, types, shapes and byte ranges, the
// bytes.
#include "fluxion/runtime.h"
#include "runtime/core/Layout.h"
#include "runtime/state/Json.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace fluxion::rt {
namespace {

constexpr uint64_t headerLimit = uint64_t(100) << 20; // the format's own
const char *const dtypeNames[] = {"F64", "F32", "BF16", "F16", "I64",
                                  "I32", "I16", "I8",   "U8",  "BOOL"};

std::string shapeText(int32_t dtype, const int64_t *dims, size_t rank) {
  std::string text = std::string(dtypeNames[dtype]) + "[";
  for (size_t d = 0; d < rank; ++d)
    text += (d ? ", " : "") + std::to_string(dims[d]);
  return text + "]";
}

Status bad(const std::string &path, const std::string &reason) {
  return {Status::Kind::BadFile, path + ": " + reason};
}
Status cannotWrite(const std::string &path, int error) {
  return {Status::Kind::WriteFailed, "cannot write " + path + ": " + std::strerror(error)};
}

// A whole file, mapped.
class Mapped {
public:
  ~Mapped() {
    if (bytes)
      munmap(const_cast<char *>(bytes), size);
  }
  Status open(const std::string &path) {
    int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
      return bad(path, std::strerror(errno));
    struct stat info;
    bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    if (regular && info.st_size > 0) {
      void *mapping = mmap(nullptr, info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
      if (mapping != MAP_FAILED)
        bytes = static_cast<const char *>(mapping), size = info.st_size;
    }
    close(fd);
    if (!regular)
      return bad(path, "not a regular file");
    return bytes ? Status() : bad(path, "is empty");
  }
  const char *bytes = nullptr;
  uint64_t size = 0;
};

struct Entry {
  std::string dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0; // bytes of the file
};

struct File {
  Mapped mapped;
  std::map<std::string, Entry> entries;
  std::map<std::string, std::string> metadata;
  Status read(const std::string &path);

private:
  Status readEntry(const std::string &path, const std::string &name, const Json &value,
                   uint64_t dataStart);
};

Status File::readEntry(const std::string &path, const std::string &name, const Json &value,
                       uint64_t dataStart) {
  const Json *dtype = value.find("dtype"), *shape = value.find("shape"),
             *range = value.find("data_offsets");
  if (!dtype || dtype->kind != Json::String || !shape || shape->kind != Json::Array || !range ||
      range->items.size() != 2)
    return bad(path, "tensor " + name + " lacks dtype, shape or data_offsets");
  Entry entry;
  entry.dtype = dtype->string;
  uint64_t width = 0;
  for (int32_t d = 0; d < 10; ++d)
    if (entry.dtype == dtypeNames[d])
      width = elementBytes(d);
  if (!width)
    return bad(path, "tensor " + name + " has the unknown type " + entry.dtype);
  uint64_t bytes = width, available = mapped.size - dataStart;
  for (const Json &size : shape->items) {
    if (size.kind != Json::Count)
      return bad(path, "tensor " + name + " has a size that is not a count");
    if (size.count && bytes > available / size.count)
      return bad(path, "tensor " + name + " is larger than the file");
    bytes *= size.count;
    entry.shape.push_back((int64_t)size.count);
  }
  if (range->items[0].kind != Json::Count || range->items[1].kind != Json::Count)
    return bad(path, "tensor " + name + " has offsets that are not counts");
  uint64_t begin = range->items[0].count, end = range->items[1].count;
  if (end > available)
    return bad(path, "truncated: tensor " + name + " ends at byte " + std::to_string(end) + " of " +
                         std::to_string(available));
  if (begin > end || end - begin != bytes)
    return bad(path, "tensor " + name + " has " + std::to_string(end - begin) +
                         " bytes for a shape of " + std::to_string(bytes));
  entry.begin = dataStart + begin, entry.end = dataStart + end;
  entries[name] = entry;
  return {};
}

Status File::read(const std::string &path) {
  if (Status status = mapped.open(path); !status)
    return status;
  uint64_t length = 0;
  if (mapped.size < 8)
    return bad(path, "truncated: shorter than a safetensors header");
  std::memcpy(&length, mapped.bytes, 8);
  if (length > headerLimit || length > mapped.size - 8)
    return bad(path, "not a safetensors file, or truncated: its header claims " +
                         std::to_string(length) + " bytes");
  Json header;
  if (!Json::parse(mapped.bytes + 8, mapped.bytes + 8 + length, header) ||
      header.kind != Json::Object)
    return bad(path, "not a safetensors file: its header is not JSON");
  std::map<uint64_t, std::pair<uint64_t, std::string>> ranges;
  for (size_t i = 0; i < header.names.size(); ++i) {
    const std::string &name = header.names[i];
    const Json &value = header.items[i];
    if (name == "__metadata__") {
      for (size_t k = 0; k < value.names.size(); ++k)
        metadata[value.names[k]] = value.items[k].string;
      continue;
    }
    if (entries.count(name))
      return bad(path, "tensor " + name + " occurs twice");
    if (Status status = readEntry(path, name, value, 8 + length); !status)
      return status;
    const Entry &entry = entries[name];
    if (entry.begin != entry.end)
      if (auto [at, isNew] = ranges.try_emplace(entry.begin, entry.end, name); !isNew)
        return bad(path, "tensors " + name + " and " + at->second.second + " overlap");
  }
  for (auto range = ranges.begin(); range != ranges.end(); ++range)
    if (auto next = std::next(range); next != ranges.end() && next->first < range->second.first)
      return bad(path,
                 "tensors " + range->second.second + " and " + next->second.second + " overlap");
  return {};
}

Status checkEntry(const std::string &path, const std::string &name, const Entry &entry,
                  const fx_tensor &item) {
  bool same = entry.dtype == dtypeNames[item.dtype] && (int32_t)entry.shape.size() == item.rank &&
              std::equal(entry.shape.begin(), entry.shape.end(), item.dims);
  if (same)
    return {};
  std::string found = entry.dtype + "[";
  for (size_t d = 0; d < entry.shape.size(); ++d)
    found += (d ? ", " : "") + std::to_string(entry.shape[d]);
  return {Status::Kind::Mismatch, path + ": " + name + " is " + found + "], the program has " +
                                      shapeText(item.dtype, item.dims, item.rank)};
}

bool writeAll(int fd, const char *bytes, uint64_t size) {
  while (size > 0) {
    ssize_t written = write(fd, bytes, size);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return false;
    bytes += written, size -= written;
  }
  return true;
}

std::string headerText(const fx_program &program, const std::byte *state) {
  uint64_t offset = 0;
  std::string text, step = "0", seed = "0";
  for (uint32_t i = 0; i < program.num_state; ++i) {
    const fx_tensor &item = program.state[i];
    text += ",\"" + Json::quote(item.name).substr(1) + ":{\"dtype\":\"" + dtypeNames[item.dtype] +
            "\",\"shape\":[";
    for (int32_t d = 0; d < item.rank; ++d)
      text += (d ? "," : "") + std::to_string(item.dims[d]);
    text += "],\"data_offsets\":[" + std::to_string(offset) + "," +
            std::to_string(offset + item.bytes) + "]}";
    offset += item.bytes;
    if (item.role == FX_STEP || item.role == FX_SEED) {
      int64_t value;
      std::memcpy(&value, state + item.offset, sizeof value);
      (item.role == FX_STEP ? step : seed) = std::to_string(value);
    }
  }
  text = "{\"__metadata__\":{\"format\":\"fluxion\",\"program\":" + Json::quote(program.name) +
         ",\"hash\":" + Json::quote(program.hash) + ",\"step\":\"" + step + "\",\"seed\":\"" +
         seed + "\"}" + text + "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

// The file beside `path` that a save writes and renames. Its name is always the same, so that what
// a killed program left is written over, and it is locked while one writes.
class Beside {
public:
  ~Beside() {
    if (fd < 0)
      return;
    if (!renamed)
      unlink(name.c_str());
    close(fd);
  }
  Status open(const std::string &path) {
    struct stat known, here, there;
    // The rename would put a file in the place of a device.
    if (stat(path.c_str(), &known) == 0 && !S_ISREG(known.st_mode))
      return cannotWrite(path, S_ISDIR(known.st_mode) ? EISDIR : ENOTSUP);
    target = path, name = path + ".partial";
    // Another writer may have renamed or removed the file before its lock was given to us.
    for (;;) {
      fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
      if (fd < 0)
        return cannotWrite(path, errno);
      while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
        ;
      if (fstat(fd, &here) == 0 && stat(name.c_str(), &there) == 0 && here.st_ino == there.st_ino &&
          here.st_dev == there.st_dev)
        break;
      close(std::exchange(fd, -1));
    }
    return ftruncate(fd, 0) == 0 ? Status() : cannotWrite(path, errno);
  }
  bool write(const void *bytes, uint64_t size) {
    return writeAll(fd, static_cast<const char *>(bytes), size);
  }
  // Synced, then in the place of the target.
  bool finish() {
    renamed = fchmod(fd, 0644) == 0 && fsync(fd) == 0 && rename(name.c_str(), target.c_str()) == 0;
    return renamed;
  }

private:
  std::string target, name;
  int fd = -1;
  bool renamed = false;
};

} // namespace

Status checkWritable(const std::string &path) {
  Beside file;
  return file.open(path);
}

Status saveState(const Instance &instance, const std::string &path) {
  if (const std::byte *state = instance.state())
    return saveState(instance.program(), state, path);
  std::vector<std::byte> state(instance.program().state_bytes);
  Status status = instance.readState(state.data());
  return status ? saveState(instance.program(), state.data(), path) : status;
}

Status saveState(const fx_program &program, const void *block, const std::string &path) {
  auto *state = static_cast<const std::byte *>(block);
  Beside file;
  if (Status status = file.open(path); !status)
    return status;
  std::string header = headerText(program, state);
  uint64_t length = header.size();
  bool written = file.write(&length, 8) && file.write(header.data(), header.size());
  std::vector<char> dense;
  for (uint32_t i = 0; written && i < program.num_state; ++i) {
    const fx_tensor &item = program.state[i];
    dense.resize(item.bytes);
    toDense(item, state + item.offset, dense.data());
    written = file.write(dense.data(), item.bytes);
  }
  if (!written || !file.finish())
    return cannotWrite(path, errno);
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (int directory = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); directory >= 0) {
    fsync(directory);
    close(directory);
  }
  return {};
}

Status loadState(Instance &instance, const std::string &path) {
  File file;
  if (Status status = file.read(path); !status)
    return status;
  const fx_program &program = instance.program();
  if (!file.metadata.count("hash"))
    return {Status::Kind::Mismatch,
            path + ": not a Fluxion state file; --weights takes weights from elsewhere by name"};
  for (uint32_t i = 0; i < program.num_state; ++i) {
    auto found = file.entries.find(program.state[i].name);
    if (found == file.entries.end())
      return {Status::Kind::Mismatch, path + ": has no " + std::string(program.state[i].name) +
                                          "; it is the state of " + file.metadata["program"]};
    if (Status status = checkEntry(path, found->first, found->second, program.state[i]); !status)
      return status;
  }
  if (file.entries.size() != program.num_state)
    for (auto &[name, entry] : file.entries)
      if (!instance.stateItem(name.c_str()))
        return {Status::Kind::Mismatch,
                path + ": has " + name + ", which " + program.name + " does not"};
  for (uint32_t i = 0; i < program.num_state; ++i) {
    const Entry &entry = file.entries[program.state[i].name];
    if (Status status = instance.writeItem(program.state[i], file.mapped.bytes + entry.begin);
        !status)
      return status;
  }
  return {};
}

// A few of the names, and how many more there are.
static std::string listed(const std::vector<std::string> &names) {
  std::string text;
  size_t shown = names.size() > 4 ? 3 : names.size();
  for (size_t i = 0; i < shown; ++i)
    text += (i ? ", " : "") + names[i];
  return shown == names.size() ? text
                               : text + " and " + std::to_string(names.size() - shown) + " more";
}

Status loadWeights(Instance &instance, const std::string &path,
                   const std::function<std::string(const std::string &)> &rename) {
  File file;
  if (Status status = file.read(path); !status)
    return status;
  const fx_program &program = instance.program();
  std::vector<std::pair<const fx_tensor *, const Entry *>> copies;
  std::vector<std::string> missing, extra;
  for (uint32_t i = 0; i < program.num_state; ++i) {
    const fx_tensor &item = program.state[i];
    if (item.role != FX_PARAM && item.role != FX_BUFFER)
      continue;
    std::string name = rename ? rename(item.name) : item.name;
    auto found = file.entries.find(name);
    if (found == file.entries.end()) {
      missing.push_back(name);
      continue;
    }
    if (Status status = checkEntry(path, name, found->second, item); !status)
      return status;
    copies.push_back({&item, &found->second});
  }
  if (!missing.empty()) {
    for (auto &[name, entry] : file.entries)
      if (std::none_of(copies.begin(), copies.end(),
                       [&, of = &entry](auto &copy) { return copy.second == of; }))
        extra.push_back(name);
    return {Status::Kind::Mismatch,
            path + ": has no " + listed(missing) + ", which " + program.name + " needs" +
                (extra.empty() ? "" : "; what it has and the program does not: " + listed(extra))};
  }
  if (copies.empty())
    return {Status::Kind::Mismatch, path + ": " + program.name + " has no weights"};
  for (auto &[item, entry] : copies)
    if (Status status = instance.writeItem(*item, file.mapped.bytes + entry->begin); !status)
      return status;
  return {};
}

} // namespace fluxion::rt
