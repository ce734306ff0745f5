// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/data/Data.h"

#include <cstdlib>
#include <sys/stat.h>

namespace fluxion::rt {
namespace {

Status bad(const std::string &path, const std::string &reason) {
  return {Status::Kind::BadFile, path + ": " + reason};
}

bool exists(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

// The file itself or with .gz, in the folder or one named after the kind below it.
std::string find(const std::string &path, const std::string &kind, const std::string &name) {
  for (const std::string &folder :
       {path + "/", path + "/" + kind + "/", std::string(path + "/sklearn_small/")})
    for (const char *ending : {"", ".gz"})
      if (exists(folder + name + ending))
        return folder + name + ending;
  return "";
}

uint32_t bigEndian(std::string_view bytes, size_t at) {
  return uint32_t(uint8_t(bytes[at])) << 24 | uint32_t(uint8_t(bytes[at + 1])) << 16 |
         uint32_t(uint8_t(bytes[at + 2])) << 8 | uint8_t(bytes[at + 3]);
}

size_t idxHeader(uint8_t rank) { return 4 + 4 * size_t(rank); }

// idx: two zero bytes, type 8 (unsigned byte), rank, big-endian sizes, data
// (yann.lecun.com/exdb/mnist).
Status readIdx(const std::string &path, uint8_t rank, File &file, std::vector<uint32_t> &sizes) {
  if (Status status = File::open(path, file); !status)
    return status;
  std::string_view bytes = file.bytes();
  if (bytes.size() < idxHeader(rank) || bytes[0] || bytes[1] || bytes[2] != 8 ||
      uint8_t(bytes[3]) != rank)
    return bad(path, "not an idx file of bytes of rank " + std::to_string(rank));
  uint64_t expected = 1, found = bytes.size() - idxHeader(rank);
  for (uint8_t d = 0; d < rank; ++d) {
    sizes.push_back(bigEndian(bytes, 4 + 4 * d));
    if (sizes.back() && expected > UINT64_MAX / sizes.back())
      return bad(path, "truncated: its sizes multiply to more than a file can hold");
    expected *= sizes.back();
  }
  if (found != expected)
    return bad(path, "truncated: " + std::to_string(found) + " of " + std::to_string(expected) +
                         " data bytes");
  return {};
}

Status loadIdxPair(const std::string &path, const std::string &stem, Dataset &out) {
  std::string images = find(path, "mnist", stem + "-images-idx3-ubyte"),
              labels = find(path, "mnist", stem + "-labels-idx1-ubyte");
  if (images.empty() || labels.empty())
    return bad(path, "has no " + stem +
                         (images.empty() ? "-images-idx3-ubyte" : "-labels-idx1-ubyte") +
                         " (or .gz); give the folder that has the MNIST files");
  File pixels, classes;
  std::vector<uint32_t> imageSizes, labelSizes;
  if (Status status = readIdx(images, 3, pixels, imageSizes); !status)
    return status;
  if (Status status = readIdx(labels, 1, classes, labelSizes); !status)
    return status;
  if (imageSizes[0] != labelSizes[0])
    return {Status::Kind::Mismatch, images + " has " + std::to_string(imageSizes[0]) + " images, " +
                                        labels + " has " + std::to_string(labelSizes[0]) +
                                        " labels"};
  out.count = imageSizes[0], out.width = int64_t(imageSizes[1]) * imageSizes[2];
  out.labels.assign(classes.at(idxHeader(1)), classes.at(idxHeader(1)) + out.count);
  for (int64_t i = 0; i < out.count; ++i)
    out.images.push_back(pixels.at(idxHeader(3) + i * out.width));
  for (int byte = 0; byte < 256; ++byte)
    out.values.push_back(float(byte) / 255.0f);
  out.files.push_back(std::move(pixels));
  return out.count && out.width ? Status() : bad(images, "holds no pixels");
}

// A label byte and 3072 bytes of red, green and blue planes an image
// (www.cs.toronto.edu/~kriz/cifar.html).
Status appendCifar(const std::string &path, Dataset &out) {
  static const float mean[] = {0.485f, 0.456f, 0.406f}, deviation[] = {0.229f, 0.224f, 0.225f};
  File file;
  if (Status status = File::open(path, file); !status)
    return status;
  constexpr size_t record = 1 + 3072;
  size_t size = file.bytes().size();
  if (size == 0 || size % record)
    return bad(path, "truncated: " + std::to_string(size) + " bytes are no whole number of " +
                         std::to_string(record) + "-byte images");
  for (size_t at = 0; at < size; at += record) {
    uint8_t label = *file.at(at);
    if (label > 9)
      return bad(path, "label " + std::to_string(label) + " of image " +
                           std::to_string(at / record) + " is above 9");
    out.labels.push_back(label);
    out.images.push_back(file.at(at + 1));
  }
  out.width = 3072, out.count = (int64_t)out.images.size();
  if (out.values.empty())
    for (int i = 0; i < 3 * 256; ++i)
      out.values.push_back((float(i % 256) / 255.0f - mean[i / 256]) / deviation[i / 256]);
  out.files.push_back(std::move(file));
  return {};
}

Status loadCifar(const std::string &path, Split &out) {
  for (int batch = 1; batch <= 5; ++batch)
    if (std::string file = find(path, "cifar10", "data_batch_" + std::to_string(batch) + ".bin");
        !file.empty())
      if (Status status = appendCifar(file, out.train); !status)
        return status;
  std::string test = find(path, "cifar10", "test_batch.bin");
  if (test.empty())
    test = find(path, "cifar10", "test_batch_first1000.bin");
  if (out.train.count == 0 || test.empty())
    return bad(path, std::string("has no ") +
                         (test.empty() ? "test_batch.bin" : "data_batch_1.bin") +
                         " (or .gz); give the folder that has the CIFAR-10 binary files");
  return appendCifar(test, out.test);
}

// Numbers separated by commas, the label last; every fifth row is held out.
Status loadCsv(const std::string &path, float scale, Split &out) {
  File file;
  if (Status status = File::open(path, file); !status)
    return status;
  std::string_view text = file.bytes();
  int64_t row = 0, width = -1;
  std::vector<float> values;
  for (size_t at = 0; at < text.size();) {
    size_t stop = text.find('\n', at);
    std::string line(text.substr(at, stop == std::string::npos ? stop : stop - at));
    at = stop == std::string::npos ? text.size() : stop + 1;
    if (line.empty() || line == "\r")
      continue;
    values.clear();
    for (const char *p = line.c_str(); *p;) {
      char *end;
      float value = std::strtof(p, &end);
      if (end == p) {
        if (row == 0)
          break; // a header of names
        return bad(path, "row " + std::to_string(row + 1) + " has \"" +
                             std::string(p).substr(0, 12) + "\" where a number is expected");
      }
      values.push_back(value);
      p = *end == ',' ? end + 1 : end;
      if (*end && *end != ',' && *end != '\r')
        return bad(path, "row " + std::to_string(row + 1) + " has \"" +
                             std::string(end).substr(0, 12) + "\" where a comma is expected");
      if (*end == '\r')
        break;
    }
    if (values.size() < 2 && row == 0)
      continue;
    if (width < 0)
      width = (int64_t)values.size() - 1;
    if ((int64_t)values.size() != width + 1)
      return bad(path, "row " + std::to_string(row + 1) + " has " + std::to_string(values.size()) +
                           " columns, the first has " + std::to_string(width + 1));
    float label = values.back();
    if (!(label >= 0 && label < float(1 << 24)) || label != float(int32_t(label)))
      return bad(path, "row " + std::to_string(row + 1) +
                           " has a label that is no whole number from 0 on");
    Dataset &part = row % 5 == 4 ? out.test : out.train;
    for (int64_t i = 0; i < width; ++i)
      part.features.push_back(values[i] * scale);
    part.labels.push_back((int32_t)values.back());
    ++part.count;
    ++row;
  }
  out.train.width = out.test.width = width;
  return row >= 5 ? Status() : bad(path, "has fewer than 5 rows of numbers");
}

} // namespace

const std::vector<std::string> &dataKinds() {
  static const std::vector<std::string> kinds = {"digits", "mnist", "cifar10", "csv"};
  return kinds;
}

Status loadData(const std::string &kind, const std::string &path, Split &out) {
  out = Split();
  if (kind == "mnist") {
    Status status = loadIdxPair(path, "train", out.train);
    if (status)
      status = loadIdxPair(path, "t10k", out.test);
    if (status && out.train.width != out.test.width)
      return {Status::Kind::Mismatch, path + ": training images have " +
                                          std::to_string(out.train.width) +
                                          " pixels, test images " + std::to_string(out.test.width)};
    return status;
  }
  if (kind == "cifar10")
    return loadCifar(path, out);
  if (kind == "digits" || kind == "csv") {
    std::string file = exists(path) ? path : find(path, kind, kind + ".csv");
    if (file.empty())
      return bad(path, "has no " + kind + ".csv (or .gz); give the file itself or its folder");
    Status status = loadCsv(file, kind == "digits" ? 1 / 16.0f : 1.0f, out);
    if (status && kind == "digits" && out.train.width != 64)
      return bad(file, "digits have 64 pixels and a label, this has " +
                           std::to_string(out.train.width) + " and a label");
    return status;
  }
  return {Status::Kind::NotFound,
          "no loader for data of kind \"" + kind + "\"; kinds are digits, mnist, cifar10, csv"};
}

} // namespace fluxion::rt
