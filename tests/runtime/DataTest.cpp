// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/data/Data.h"
#include "tests/runtime/Support.h"

#include <algorithm>
#include <filesystem>
#include <gmock/gmock.h>
#include <random>
#include <set>
#include <zlib.h>

using namespace fluxion::rt;
using testing::HasSubstr;

namespace {

std::string bigEndian(uint32_t value) {
  return {char(value >> 24), char(value >> 16), char(value >> 8), char(value)};
}
std::string idx(std::vector<uint32_t> sizes, const std::string &data) {
  std::string bytes = {0, 0, 8, char(sizes.size())};
  for (uint32_t size : sizes)
    bytes += bigEndian(size);
  return bytes + data;
}
void writeGzip(const std::string &path, const std::string &bytes) {
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_TRUE(file);
  ASSERT_EQ(gzwrite(file, bytes.data(), (unsigned)bytes.size()), (int)bytes.size());
  ASSERT_EQ(gzclose(file), Z_OK);
}

std::vector<float> rowOf(const Dataset &data, int64_t index) {
  std::vector<float> row(data.width);
  data.row(index, row.data());
  return row;
}

class Data : public testing::Test {
protected:
  void expectRefused(const std::string &kind, const std::string &file, const std::string &reason) {
    Split split;
    Status status = loadData(kind, folder.path, split);
    EXPECT_FALSE(status) << reason;
    EXPECT_THAT(status.message(), HasSubstr(file.empty() ? folder.path + ": " : folder / file));
    EXPECT_THAT(status.message(), HasSubstr(reason));
  }
  void writeMnist() {
    test::write(folder / "train-images-idx3-ubyte", idx({2, 1, 3}, {0, 51, char(255), 1, 2, 3}));
    test::write(folder / "train-labels-idx1-ubyte", idx({2}, {4, 9}));
    writeGzip(folder / "t10k-images-idx3-ubyte.gz", idx({1, 1, 3}, "abc"));
    writeGzip(folder / "t10k-labels-idx1-ubyte.gz", idx({1}, {1}));
  }
  test::Folder folder;
};

} // namespace

TEST_F(Data, mnistPlainAndGzip) {
  writeMnist();
  Split split;
  Status status = loadData("mnist", folder.path, split);
  ASSERT_TRUE(status) << status.message();
  EXPECT_EQ(split.train.count, 2);
  EXPECT_EQ(split.train.width, 3);
  EXPECT_EQ(rowOf(split.train, 0), (std::vector<float>{0, 51 / 255.0f, 1}));
  EXPECT_EQ(split.train.labels, (std::vector<int32_t>{4, 9}));
  EXPECT_EQ(rowOf(split.test, 0)[0], 'a' / 255.0f);
}

TEST_F(Data, damagedMnistIsRefused) {
  const std::string images = "train-images-idx3-ubyte", labels = "train-labels-idx1-ubyte";
  expectRefused("mnist", "", "has no train-images-idx3-ubyte (or .gz)");
  writeMnist();
  test::write(folder / images, idx({2, 1, 3}, "abcde"));
  expectRefused("mnist", images, "truncated: 5 of 6 data bytes");
  test::write(folder / images, idx({6}, "abcdef"));
  expectRefused("mnist", images, "not an idx file of bytes of rank 3");
  test::write(folder / images, std::string("\0\0\10", 3));
  expectRefused("mnist", images, "not an idx file");
  test::write(folder / images, idx({65536, 65536, 65536 * 16}, ""));
  expectRefused("mnist", images, "truncated");
  writeMnist();
  test::write(folder / labels, idx({3}, "abc"));
  expectRefused("mnist", labels, "has 3 labels");
  writeMnist();
  std::string gzip = test::read(folder / "t10k-images-idx3-ubyte.gz");
  test::write(folder / "t10k-images-idx3-ubyte.gz", gzip.substr(0, gzip.size() - 9));
  expectRefused("mnist", "t10k-images-idx3-ubyte.gz", "damaged or truncated");
  gzip[gzip.size() - 6] ^= 1; // of the checksum
  test::write(folder / "t10k-images-idx3-ubyte.gz", gzip);
  expectRefused("mnist", "t10k-images-idx3-ubyte.gz", "damaged or truncated");
}

TEST_F(Data, cifar) {
  std::string image(3073, '\0');
  image[0] = 7, image[1 + 1024] = char(255);
  test::write(folder / "data_batch_1.bin", image + image);
  expectRefused("cifar10", "", "has no test_batch.bin");
  test::write(folder / "test_batch.bin", image);
  Split split;
  Status status = loadData("cifar10", folder.path, split);
  ASSERT_TRUE(status) << status.message();
  EXPECT_EQ(split.train.count, 2);
  EXPECT_EQ(split.test.labels[0], 7);
  EXPECT_FLOAT_EQ(rowOf(split.train, 1)[0], -0.485f / 0.229f);
  EXPECT_FLOAT_EQ(rowOf(split.train, 1)[1024], (1 - 0.456f) / 0.224f);
  test::write(folder / "data_batch_1.bin", image + "more");
  expectRefused("cifar10", "data_batch_1.bin", "truncated: 3077 bytes are no whole number");
  image[0] = 10;
  test::write(folder / "data_batch_1.bin", image);
  expectRefused("cifar10", "data_batch_1.bin", "label 10 of image 0 is above 9");
}

TEST_F(Data, csv) {
  test::write(folder / "csv.csv", "a,b,label\r\n1,2,0\r\n3,4,1\r\n5,6,2\r\n7,8,3\r\n9,1e1,4\r\n");
  Split split;
  Status status = loadData("csv", folder.path, split);
  ASSERT_TRUE(status) << status.message();
  EXPECT_EQ(split.train.count, 4);
  EXPECT_EQ(split.train.width, 2);
  EXPECT_EQ(split.test.features, (std::vector<float>{9, 10}));
  EXPECT_EQ(split.test.labels, (std::vector<int32_t>{4}));
}

TEST_F(Data, damagedCsvIsRefused) {
  auto rows = [&](const std::string &text) { test::write(folder / "csv.csv", text); };
  expectRefused("csv", "", "has no csv.csv (or .gz)");
  rows("1,2,0\n1,2,0\n");
  expectRefused("csv", "csv.csv", "has fewer than 5 rows of numbers");
  rows("1,2,0\n1,two,0\n");
  expectRefused("csv", "csv.csv", "row 2 has \"two,0\" where a number is expected");
  rows("1,2,0\n1;2;0\n");
  expectRefused("csv", "csv.csv", "row 2 has \";2;0\" where a comma is expected");
  rows("1,2,0\n1,2\n");
  expectRefused("csv", "csv.csv", "row 2 has 2 columns, the first has 3");
  for (const char *label : {"0.5", "nan", "-2", "3e9"}) {
    rows(std::string("1,2,0\n1,2,") + label + "\n");
    expectRefused("csv", "csv.csv", "row 2 has a label that is no whole number");
  }
  rows("1,2,0\n1,2,0\n1,2,0\n1,2,0\n1,2,0\n");
  Split split;
  EXPECT_THAT(loadData("digits", folder / "csv.csv", split).message(),
              HasSubstr("digits have 64 pixels and a label, this has 2"));
  EXPECT_THAT(loadData("moons", folder.path, split).message(),
              HasSubstr("no loader for data of kind \"moons\""));
}

TEST(Shuffled, isAPermutationOfSeedAndEpochAlone) {
  std::vector<int64_t> order = shuffled(1000, 1, 0);
  EXPECT_EQ(std::set<int64_t>(order.begin(), order.end()).size(), 1000u);
  EXPECT_EQ(*std::max_element(order.begin(), order.end()), 999);
  EXPECT_EQ(order, shuffled(1000, 1, 0));
  EXPECT_NE(order, shuffled(1000, 1, 1));
  EXPECT_NE(order, shuffled(1000, 2, 0));
  EXPECT_TRUE(shuffled(0, 1, 0).empty());
}

TEST(Batches, everyRowOnceAndARaggedLast) {
  Dataset data;
  data.count = 10, data.width = 2;
  for (int row = 0; row < 10; ++row)
    data.features.insert(data.features.end(), {float(row), float(-row)}),
        data.labels.push_back(row);
  std::vector<int64_t> order = shuffled(10, 3, 0);
  Batches batches(data, order, 4);
  EXPECT_EQ(batches.count(), 3);
  for (int number = 0; number < 3; ++number) {
    const Batches::Batch *batch = batches.next();
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->valid, number < 2 ? 4 : 2);
    for (int row = 0; row < 4; ++row) {
      int64_t from = order[std::min(4 * number + row, 9)];
      EXPECT_EQ(batch->features[2 * row], float(from));
      EXPECT_EQ(batch->features[2 * row + 1], float(-from));
      EXPECT_EQ(batch->labels[row], row < batch->valid ? from : -1);
    }
  }
  EXPECT_EQ(batches.next(), nullptr);
}

TEST(Batches, mayBeLeftEarly) {
  Dataset data;
  data.count = 100, data.width = 1;
  data.features.resize(100), data.labels.resize(100);
  for (int taken = 0; taken < 4; ++taken) {
    Batches batches(data, shuffled(100, 1, 0), 3);
    for (int i = 0; i < taken; ++i)
      EXPECT_TRUE(batches.next());
  }
}

TEST_F(Data, testImagesOfAnotherSizeAreRefused) {
  writeMnist();
  writeGzip(folder / "t10k-images-idx3-ubyte.gz", idx({1, 1, 2}, "ab"));
  expectRefused("mnist", "", "training images have 3 pixels, test images 2");
}

TEST_F(Data, gzipMembersAreJoined) {
  const std::string rows = "1,2,0\n3,4,1\n5,6,2\n", more = "7,8,3\n9,10,4\n";
  writeGzip(folder / "first", rows);
  writeGzip(folder / "second", more);
  test::write(folder / "csv.csv.gz", test::read(folder / "first") + test::read(folder / "second"));
  Split split;
  Status status = loadData("csv", folder.path, split);
  ASSERT_TRUE(status) << status.message();
  EXPECT_EQ(split.train.count + split.test.count, 5);
}

// Under the sanitizers: whatever a file holds, loading it ends in a reason or in rows that can be
// read.
TEST_F(Data, damagedFilesAreRefusedOrSound) {
  std::mt19937 random(1);
  auto below = [&](size_t count) {
    return std::uniform_int_distribution<size_t>(0, count - 1)(random);
  };
  writeMnist();
  test::write(folder / "data_batch_1.bin", std::string(2 * 3073, '\3'));
  writeGzip(folder / "test_batch.bin.gz", std::string(3073, '\4'));
  std::string rows = "a,b,label\n";
  for (int row = 0; row < 8; ++row)
    rows += "0.5,-1e3," + std::to_string(row % 3) + "\r\n";
  writeGzip(folder / "csv.csv.gz", rows);
  test::write(folder / "digits.csv", rows);
  std::vector<std::string> files;
  for (auto &entry : std::filesystem::directory_iterator(folder.path))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  int refused = 0, loaded = 0;
  for (int round = 0; round < 3000; ++round) {
    const std::string &path = files[below(files.size())], good = test::read(path);
    std::string bytes = good;
    if (round % 4 == 0)
      bytes.resize(below(bytes.size()));
    else
      for (size_t change = 0; change <= below(4); ++change)
        bytes[below(bytes.size())] = char(below(256));
    test::write(path, bytes);
    for (const std::string &kind : dataKinds()) {
      Split split;
      Status status = loadData(kind, folder.path, split);
      (status ? loaded : refused)++;
      if (!status) {
        ASSERT_THAT(status.message(), HasSubstr(folder.path));
        continue;
      }
      for (const Dataset *part : {&split.train, &split.test}) {
        ASSERT_EQ((int64_t)part->labels.size(), part->count);
        for (int64_t row = 0; row < part->count; ++row)
          rowOf(*part, row);
      }
    }
    test::write(path, good);
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(loaded, 100);
}
