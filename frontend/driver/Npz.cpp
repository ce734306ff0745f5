// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/driver/Npz.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <zip.h>

namespace fluxion::driver {
namespace {

const std::vector<std::pair<DType, std::string>> &codes() {
  static const std::vector<std::pair<DType, std::string>> table = {
      {DType::f64, "<f8"}, {DType::f32, "<f4"}, {DType::f16, "<f2"},
      {DType::i64, "<i8"}, {DType::i32, "<i4"}, {DType::i16, "<i2"},
      {DType::i8, "|i1"},  {DType::u8, "|u1"},  {DType::i1, "|b1"}};
  return table;
}

[[noreturn]] void bad(const std::string &path, const std::string &reason) {
  throw std::runtime_error(path + ": " + reason);
}

// The value after 'key': in the header's Python dictionary.
std::string field(const std::string &header, const std::string &key) {
  size_t at = header.find("'" + key + "':");
  if (at == std::string::npos)
    return "";
  at += key.size() + 3;
  while (at < header.size() && header[at] == ' ')
    ++at;
  char close = header[at] == '\'' ? '\'' : header[at] == '(' ? ')' : ',';
  size_t stop = header.find(close, at + 1);
  return stop == std::string::npos ? "" : header.substr(at, stop - at + (close == ',' ? 0 : 1));
}

Array parseNpy(const std::string &place, const std::string &bytes) {
  if (bytes.size() < 12 || bytes.compare(0, 6, "\x93NUMPY") != 0)
    bad(place, "not a .npy array");
  bool wide = bytes[6] >= 2;
  uint32_t length = 0;
  std::memcpy(&length, &bytes[8], wide ? 4 : 2);
  size_t start = (wide ? 12 : 10) + size_t(length);
  if (start > bytes.size())
    bad(place, "truncated header");
  std::string header = bytes.substr(wide ? 12 : 10, length), code = field(header, "descr");
  const std::pair<DType, std::string> *type = nullptr;
  for (const auto &entry : codes())
    if ("'" + entry.second + "'" == code)
      type = &entry;
  if (!type)
    bad(place, "elements of type " + code + " are not supported");
  if (field(header, "fortran_order") != "False")
    bad(place, "is in Fortran order; save numpy.ascontiguousarray(x)");
  Shape shape;
  std::string sizes = field(header, "shape");
  for (size_t at = 1; at < sizes.size();) {
    char *end;
    long long size = std::strtoll(&sizes[at], &end, 10);
    if (end == &sizes[at] || size < 0)
      break;
    shape.push_back(size);
    at = size_t(end - sizes.data());
    while (at < sizes.size() && (sizes[at] == ',' || sizes[at] == ' '))
      ++at;
  }
  uint64_t expected = uint64_t(bytesOf(type->first)), available = bytes.size() - start;
  for (int64_t size : shape)
    if (size && expected > available / uint64_t(size))
      bad(place, "truncated data");
    else
      expected *= uint64_t(size);
  if (expected != available)
    bad(place,
        std::to_string(available) + " bytes of data, the header says " + std::to_string(expected));
  Array array(Type{type->first, shape});
  std::copy_n(bytes.data() + start, expected, array.data<char>());
  return array;
}

std::string formatNpy(const std::string &place, const Array &array) {
  std::string code, shape = "(";
  for (const auto &entry : codes())
    if (entry.first == array.type().dtype)
      code = entry.second;
  if (code.empty())
    bad(place, std::string("NumPy has no type for ") + name(array.type().dtype));
  for (int64_t size : array.type().shape)
    shape += std::to_string(size) + ", ";
  std::string header =
      "{'descr': '" + code + "', 'fortran_order': False, 'shape': " + shape + "), }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  uint16_t length = uint16_t(header.size());
  bytes.append(reinterpret_cast<const char *>(&length), 2)
      .append(header)
      .append(array.data<char>(), array.size());
  return bytes;
}

} // namespace

NamedArrays readNpz(const std::string &path) {
  int code = 0;
  std::unique_ptr<zip_t, int (*)(zip_t *)> archive(zip_open(path.c_str(), ZIP_RDONLY, &code),
                                                   zip_close);
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    bad(path, reason);
  }
  NamedArrays arrays;
  for (zip_int64_t i = 0; i < zip_get_num_entries(archive.get(), 0); ++i) {
    zip_stat_t info;
    if (zip_stat_index(archive.get(), i, 0, &info) != 0 || !(info.valid & ZIP_STAT_SIZE))
      bad(path, "damaged directory");
    std::string member = info.name, bytes;
    std::unique_ptr<zip_file_t, int (*)(zip_file_t *)> file(zip_fopen_index(archive.get(), i, 0),
                                                            zip_fclose);
    char buffer[1 << 16];
    zip_int64_t got = -1;
    while (file && (got = zip_fread(file.get(), buffer, sizeof buffer)) > 0)
      bytes.append(buffer, size_t(got));
    if (got < 0)
      bad(path, "member " + member + " is damaged");
    if (member.size() > 4 && member.compare(member.size() - 4, 4, ".npy") == 0)
      member.resize(member.size() - 4);
    arrays.push_back({member, parseNpy(path + ": " + member, bytes)});
  }
  return arrays;
}

void writeNpz(const std::string &path, const NamedArrays &arrays) {
  // The rename below would put a file in the place of a device.
  if (std::filesystem::exists(path) && !std::filesystem::is_regular_file(path))
    bad(path, "cannot be written: not a regular file");
  std::string temporary = path + ".partial";
  int code = 0;
  zip_t *archive = zip_open(temporary.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  if (!archive)
    bad(path, "cannot be written");
  std::vector<std::string> members;
  for (const auto &[member, array] : arrays)
    members.push_back(formatNpy(path, array));
  bool written = true;
  for (size_t i = 0; i < arrays.size(); ++i) {
    zip_source_t *source = zip_source_buffer(archive, members[i].data(), members[i].size(), 0);
    zip_int64_t at =
        source ? zip_file_add(archive, (arrays[i].first + ".npy").c_str(), source, ZIP_FL_OVERWRITE)
               : -1;
    written &= at >= 0 && zip_set_file_compression(archive, zip_uint64_t(at), ZIP_CM_STORE, 0) == 0;
  }
  if (!written)
    zip_discard(archive);
  else
    written = zip_close(archive) == 0;
  if (!written || std::rename(temporary.c_str(), path.c_str()) != 0) {
    std::remove(temporary.c_str());
    bad(path, "cannot be written");
  }
}

} // namespace fluxion::driver
