// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/runtime/Support.h"

#include <csignal>
#include <filesystem>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <thread>

using namespace fluxion::rt;
using testing::HasSubstr;

namespace {

std::string withHeader(const std::string &json, const std::string &bytes) {
  uint64_t length = json.size();
  return std::string(reinterpret_cast<const char *>(&length), 8) + json + bytes;
}

class State : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_TRUE(instance->initialise(42));
    ASSERT_TRUE(saveState(*instance, path));
    saved = test::read(path);
  }
  std::string stateBytes() const {
    return {reinterpret_cast<char *>(instance->state()), program.state_bytes};
  }
  std::string replaced(const std::string &from, const std::string &to) const {
    std::string bytes = saved;
    size_t at = bytes.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return bytes.replace(at, from.size(), to);
  }
  // Neither a byte of the state changes nor is the file's name left out.
  void expectRefused(const std::string &bytes, const std::string &reason) {
    test::write(path, bytes);
    std::string before = stateBytes();
    Status status = loadState(*instance, path);
    EXPECT_FALSE(status) << reason;
    EXPECT_THAT(status.message(), testing::StartsWith(path + ": "));
    EXPECT_THAT(status.message(), HasSubstr(reason));
    EXPECT_EQ(stateBytes(), before);
  }

  test::Folder folder;
  std::string path = folder / "state.safetensors", saved;
  fx_program program = test::program();
  std::unique_ptr<Instance> instance = test::instanceOf(program);
};

} // namespace

TEST_F(State, roundTrip) {
  std::string before = stateBytes();
  ASSERT_TRUE(instance->initialise(43));
  EXPECT_NE(stateBytes(), before);
  Status status = loadState(*instance, path);
  EXPECT_TRUE(status) << status.message();
  EXPECT_EQ(stateBytes(), before);
}

TEST_F(State, isSafetensorsOfDeclaredShapesAndOrder) {
  uint64_t length = 0;
  std::memcpy(&length, saved.data(), 8);
  ASSERT_LT(8 + length, saved.size());
  EXPECT_EQ(length % 8, 0u);
  std::string header = saved.substr(8, length);
  EXPECT_THAT(header,
              HasSubstr(R"("net.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]})"));
  EXPECT_THAT(header, HasSubstr(R"("hash":"0123abcd")"));
  EXPECT_THAT(header, HasSubstr(R"("seed":"42")"));
  float weight[6], expected[] = {0, 2, 4, 1, 3, 5};
  std::memcpy(weight, saved.data() + 8 + length, sizeof weight);
  EXPECT_TRUE(std::equal(weight, weight + 6, expected));
}

TEST_F(State, everyTruncationIsRefused) {
  for (size_t size = 0; size < saved.size(); ++size) {
    test::write(path, saved.substr(0, size));
    std::string before = stateBytes();
    Status status = loadState(*instance, path);
    ASSERT_FALSE(status) << size << " bytes";
    EXPECT_THAT(status.message(), testing::StartsWith(path));
    ASSERT_EQ(stateBytes(), before);
  }
}

TEST_F(State, everyDamagedHeaderByteIsRefusedOrHarmless) {
  uint64_t length = 0;
  std::memcpy(&length, saved.data(), 8);
  for (size_t at = 0; at < 8 + length; ++at)
    for (int bit : {0, 4, 7}) {
      std::string damaged = saved;
      damaged[at] = char(damaged[at] ^ 1 << bit);
      test::write(path, damaged);
      std::string before = stateBytes();
      if (Status status = loadState(*instance, path); !status) {
        ASSERT_EQ(stateBytes(), before) << "byte " << at;
      }
    }
}

TEST_F(State, damageIsNamed) {
  expectRefused("", "is empty");
  expectRefused("abc", "truncated: shorter than a safetensors header");
  expectRefused(std::string(8, '\xff') + saved.substr(8), "claims 18446744073709551615 bytes");
  expectRefused(withHeader("{\"a\": nonsense}", ""), "its header is not JSON");
  expectRefused(withHeader("[1, 2]", ""), "its header is not JSON");
  expectRefused(withHeader(std::string(100000, '['), ""), "its header is not JSON");
  expectRefused(withHeader(R"({"a":3})", ""), "tensor a lacks dtype, shape or data_offsets");
  expectRefused(replaced("\"F32\"", "\"X32\""), "has the unknown type X32");
  expectRefused(replaced("\"I64\"", "\"F64\""), "step is F64[], the program has I64[]");
  expectRefused(replaced("[2,3]", "[3,2]"), "net.weight is F32[3, 2], the program has F32[2, 3]");
  expectRefused(replaced("[2,3]", "[2,4]"), "net.weight has 24 bytes for a shape of 32");
  expectRefused(replaced("[0,24]", "[0,23]"), "net.weight has 23 bytes");
  expectRefused(replaced("[24,36]", "[20,32]"), "overlap");
  expectRefused(replaced("net.bias", "net.bent"), "has no net.bias; it is the state of test/net");
  expectRefused(saved.substr(0, saved.size() - 1), "truncated: tensor seed ends at byte");
}

TEST_F(State, shapesWhoseSizeOverflowsAreRefused) {
  expectRefused(withHeader(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],)"
                           R"("data_offsets":[0,0]}})",
                           "0123"),
                "larger than the file");
}

TEST_F(State, foreignFilesAreRefused) {
  expectRefused(withHeader(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "0123"),
                "not a Fluxion state file");
}

TEST_F(State, theSameStateFitsAProgramCompiledAnew) {
  test::write(path, replaced("0123abcd", "feedbeef"));
  EXPECT_TRUE(loadState(*instance, path));
}

TEST_F(State, missingFilesAndFoldersAreNamed) {
  EXPECT_EQ(loadState(*instance, folder / "none").message(),
            (folder / "none") + ": No such file or directory");
  EXPECT_EQ(loadState(*instance, folder.path).message(), folder.path + ": not a regular file");
  EXPECT_EQ(saveState(*instance, folder / "no/state").message(),
            "cannot write " + (folder / "no/state") + ": No such file or directory");
}

TEST_F(State, weightsAreTakenByName) {
  auto other = test::instanceOf(program);
  ASSERT_TRUE(other->initialise(5));
  float bias[] = {7, 8, 9};
  ASSERT_TRUE(instance->writeItem(*instance->stateItem("net.bias"), bias));
  ASSERT_TRUE(saveState(*instance, path));
  Status status = loadWeights(*other, path);
  ASSERT_TRUE(status) << status.message();
  float loaded[3];
  ASSERT_TRUE(other->readItem(*other->stateItem("net.bias"), loaded));
  EXPECT_EQ(loaded[2], 9);
  int64_t seed;
  ASSERT_TRUE(other->readItem(*other->stateItem("seed"), &seed));
  EXPECT_EQ(seed, 5);
  status = loadWeights(*other, path, [](const std::string &name) { return "x." + name; });
  EXPECT_EQ(status.message(),
            path + ": has no x.net.weight, x.net.bias, which " + program.name +
                " needs; what it has and the program does not: net.bias, net.weight, seed, step");
}

TEST_F(State, whatAKilledSaveLeftIsWrittenOver) {
  test::write(path + ".partial", std::string(1 << 20, '?'));
  ASSERT_TRUE(saveState(*instance, path));
  EXPECT_EQ(test::read(path), saved);
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  test::write(path + ".partial", "?");
  ASSERT_TRUE(checkWritable(path));
  EXPECT_EQ(test::read(path), saved);
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
}

TEST_F(State, twoSavesAtOnceDoNotMix) {
  auto repeat = [&] {
    for (int i = 0; i < 50; ++i)
      ASSERT_TRUE(saveState(*instance, path));
  };
  std::thread other(repeat);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(test::read(path), saved);
  repeat();
  other.join();
  EXPECT_EQ(test::read(path), saved);
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
}

TEST_F(State, aFullDiskLeavesTheOldFile) {
  rlimit old, small{64, RLIM_INFINITY};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  small.rlim_max = old.rlim_max;
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  Status status = saveState(*instance, path);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(status.kind(), Status::Kind::WriteFailed);
  EXPECT_EQ(status.message(), "cannot write " + path + ": File too large");
  EXPECT_EQ(test::read(path), saved);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path), {}), 1);
}
