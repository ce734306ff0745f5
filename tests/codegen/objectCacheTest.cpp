// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiled objects on disk: found again, refused when damaged, deleted beyond the limit.
#include "codegen/common/ObjectCache.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

using namespace fluxion::codegen;
namespace fs = std::filesystem;

namespace {

using Objects = std::vector<std::string>;

struct Cache : testing::Test {
  void SetUp() override { fs::remove_all(options.directory); }
  void TearDown() override { fs::remove_all(options.directory); }
  ObjectCache cache() const { return ObjectCache(options); }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    if (fs::exists(options.directory))
      for (const fs::directory_entry &entry : fs::directory_iterator(options.directory))
        found.push_back(entry.path());
    return found;
  }
  static std::string read(const fs::path &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void write(const fs::path &path, const std::string &bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  // As if last used so many hours ago.
  void age(int hours) const {
    for (const fs::path &path : files())
      fs::last_write_time(path, fs::last_write_time(path) - std::chrono::hours(hours));
  }

  CacheOptions options{.directory = testing::TempDir() + "/fluxion-cache-test"};
};

TEST_F(Cache, GivesBackWhatWasStored) {
  EXPECT_FALSE(cache().load("key"));
  const Objects objects = {std::string("a\0b", 3), "", std::string(5000, 'x')};
  cache().store("key", objects);
  EXPECT_EQ(cache().load("key"), objects);
  EXPECT_FALSE(cache().load("other"));
  EXPECT_EQ(files().size(), 1u);
}

TEST_F(Cache, CanBeOff) {
  options.enabled = false;
  cache().store("key", {"object"});
  EXPECT_FALSE(cache().load("key"));
  EXPECT_TRUE(files().empty());
}

TEST_F(Cache, DamagedFilesCountAsNothing) {
  cache().store("key", {"an object", "another"});
  const fs::path path = files().at(0);
  const std::string good = read(path);
  for (size_t length : {size_t(0), size_t(3), good.size() / 2, good.size() - 1}) {
    write(path, good.substr(0, length));
    EXPECT_FALSE(cache().load("key")) << length;
    EXPECT_FALSE(fs::exists(path));
  }
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] ^= 1;
    write(path, bad);
    EXPECT_FALSE(cache().load("key")) << at;
  }
  write(path, good);
  EXPECT_EQ(cache().load("key"), (Objects{"an object", "another"}));
}

TEST_F(Cache, DeletesTheLeastRecentlyUsedBeyondTheLimit) {
  options.limitBytes = 3500;
  const Objects object = {std::string(1000, 'x')};
  for (const char *key : {"first", "second", "third"}) {
    cache().store(key, object);
    age(1);
  }
  ASSERT_TRUE(cache().load("first")); // used again
  cache().store("fourth", object);
  EXPECT_TRUE(cache().load("first"));
  EXPECT_FALSE(cache().load("second"));
  EXPECT_TRUE(cache().load("third"));
  EXPECT_TRUE(cache().load("fourth"));
}

TEST_F(Cache, WhatAKilledWriterLeftIsDeletedToo) {
  options.limitBytes = 3500;
  cache().store("first", {"x"});
  write(files().at(0).string() + ".abcdef", std::string(3400, '?'));
  age(1);
  cache().store("second", {std::string(1000, 'x')});
  EXPECT_TRUE(cache().load("second"));
  for (const fs::path &path : files())
    EXPECT_EQ(path.extension(), ".fxo");
}

TEST_F(Cache, AFolderThatCannotBeMadeLosesOnlyTheEntry) {
  write(options.directory, "a file");
  cache().store("key", {"object"});
  EXPECT_FALSE(cache().load("key"));
}

} // namespace
