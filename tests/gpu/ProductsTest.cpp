// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products that a library does in place of launches, on the tests' own device with the tests' own
// cuBLASLt, which checks every argument; and what happens where there is none.
#include "tests/gpu/Support.h"

#include <gmock/gmock.h>

using namespace fluxion::rt;
using testing::HasSubstr;

namespace {

// result[b, m, n] of two sides of small whole numbers, in two launches that a library may replace,
// and twice the result.
const fx_place productArgs[] = {{FX_SPACE_INPUT, 0, 0},
                                {FX_SPACE_INPUT, 1, 0},
                                {FX_SPACE_ARENA, 0, 0},
                                {FX_SPACE_ARENA, 0, 1024},
                                {FX_SPACE_NONE, 0, 0}};
const fx_place twiceArgs[] = {{FX_SPACE_ARENA, 0, 0}, {FX_SPACE_OUTPUT, 0, 0}};
const uint32_t afterFirst[] = {0}, afterSecond[] = {1};

class Products : public testing::Test {
protected:
  void SetUp() override {
    test::fakeCuda().reset();
    test::fakeCuda().define("own", 5, own, this);
    test::fakeCuda().define("add_chunks", 5, nothing, nullptr);
    test::fakeCuda().define("twice", 2, twice, this);
    setenv("FLUXION_CUBLASLT", FLUXION_FAKE_CUDA, 1);
    for (int side : {0, 1})
      sides[side] = {"side", FX_F32, FX_VALUE, 0, nullptr, 0, 4096, nullptr};
    result = {"result", FX_F32, FX_VALUE, 0, nullptr, 0, 4096, nullptr};
    shape(2, 3, 5, 7, false, false);
    launches[0] = launchOf("own", productArgs, nullptr);
    launches[1] = launchOf("add_chunks", productArgs, afterFirst);
    launches[2] = launchOf("twice", twiceArgs, afterSecond);
    launches[0].product = &product;
    entry.name = "main", entry.num_inputs = 2, entry.num_outputs = 1, entry.num_kernels = 3;
    entry.inputs = sides, entry.outputs = &result, entry.arena_bytes = 8192;
    entry.num_launches = 3, entry.launches = launches;
    program = test::gpuProgram();
    program.num_entries = 1, program.entries = &entry, program.arena_bytes = 8192;
    program.num_state = 0, program.state_bytes = 0;
  }
  void TearDown() override {
    instance.reset();
    unsetenv("FLUXION_CUBLASLT"), unsetenv("FLUXION_CUDA_BLOCKING");
    EXPECT_EQ(test::fakeCuda().counts().libraryObjects, 0u);
    EXPECT_EQ(test::fakeCuda().counts().deviceBytes, 0u);
  }
  template <size_t N>
  static fx_launch launchOf(const char *kernel, const fx_place (&args)[N], const uint32_t *after) {
    fx_launch launch = test::launchOf(kernel, "net.cpp:4:2", args, 1, 1);
    launch.num_after = after ? 1 : 0, launch.after = after, launch.flags = FX_LAUNCH_DEPENDENT;
    return launch;
  }
  void shape(int64_t batches, int64_t m, int64_t n, int64_t k, bool left, bool right) {
    product = {batches, m, n, k, FX_F32, FX_F32, 0, left, right, 0, 1, 2, 3, 2, 1024};
  }

  static void nothing(void *const *, const unsigned *, const unsigned *, unsigned, void *) {}
  static void own(void *const *args, const unsigned *, const unsigned *, unsigned, void *user) {
    static_cast<Products *>(user)->multiply(static_cast<const float *>(args[0]),
                                            static_cast<const float *>(args[1]),
                                            static_cast<float *>(args[2]));
  }
  static void twice(void *const *args, const unsigned *, const unsigned *, unsigned, void *user) {
    const fx_product &p = static_cast<Products *>(user)->product;
    for (int64_t i = 0; i < p.batches * p.m * p.n; ++i)
      static_cast<float *>(args[1])[i] = 2 * static_cast<const float *>(args[0])[i];
  }
  void multiply(const float *left, const float *right, float *out) const {
    auto [b, m, n, k] = std::array{product.batches, product.m, product.n, product.k};
    for (int64_t i = 0; i < b * m * n; ++i) {
      int64_t batch = i / (m * n), row = i / n % m, column = i % n;
      out[i] = 0;
      for (int64_t s = 0; s < k; ++s)
        out[i] +=
            left[batch * m * k + (product.left_transposed ? s * m + row : row * k + s)] *
            right[batch * k * n + (product.right_transposed ? column * k + s : s * n + column)];
    }
  }
  // Runs twice and compares.
  void expectResults() {
    std::vector<float> left(1024), right(1024), found(1024), expected(1024);
    for (int i = 0; i < 1024; ++i)
      left[i] = float(i * 7 % 11 - 5), right[i] = float(i * 5 % 13 - 6);
    const void *in[] = {left.data(), right.data()};
    void *out[] = {found.data()};
    for (int run = 0; run < 2; ++run) {
      Status status = instance->run(entry, in, out);
      ASSERT_TRUE(status) << status.message();
      multiply(left.data(), right.data(), expected.data());
      for (int64_t i = 0; i < product.batches * product.m * product.n; ++i)
        ASSERT_EQ(found[i], 2 * expected[i]) << i;
    }
  }
  Status create() { return Instance::create(&program, nullptr, instance); }

  fx_product product{};
  fx_tensor sides[2], result;
  fx_launch launches[3];
  fx_entry entry{};
  fx_program program;
  std::unique_ptr<Instance> instance;
};

} // namespace

TEST_F(Products, replaceTheLaunchesOfTheirKernel) {
  for (int transposed = 0; transposed < 4; ++transposed)
    for (int64_t batches : {1, 2}) {
      shape(batches, 3, 5, 7, transposed & 1, transposed & 2);
      ASSERT_TRUE(create());
      EXPECT_EQ(instance->note(), "");
      auto before = test::fakeCuda().counts();
      expectResults();
      auto after = test::fakeCuda().counts();
      EXPECT_EQ(after.kernels - before.kernels, 2u);           // twice alone
      EXPECT_EQ(after.libraryCalls - before.libraryCalls, 2u); // recorded once a graph
      EXPECT_EQ(after.programmaticEdges, before.programmaticEdges);
      instance.reset();
    }
}

TEST_F(Products, areCalledInBlockingModeToo) {
  setenv("FLUXION_CUDA_BLOCKING", "1", 1);
  ASSERT_TRUE(create());
  expectResults();
  EXPECT_EQ(test::fakeCuda().counts().libraryCalls, 2u);
  EXPECT_EQ(test::fakeCuda().counts().graphs, 0u);
}

TEST_F(Products, areOwnKernelsWhereThereIsNoLibrary) {
  setenv("FLUXION_CUBLASLT", "/nowhere/libcublasLt.so", 1);
  ASSERT_TRUE(create());
  EXPECT_EQ(instance->note(),
            "/nowhere/libcublasLt.so cannot be loaded; install cuBLAS of the CUDA toolkit; 1 "
            "product of test/net runs by Fluxion's own kernels");
  expectResults();
  EXPECT_EQ(test::fakeCuda().counts().libraryCalls, 0u);
  EXPECT_EQ(test::fakeCuda().counts().kernels, 6u);
}

TEST_F(Products, areOwnKernelsWhereTheLibraryDoesNotStart) {
  test::fakeCuda().fail("cublasLtCreate", 0, 1);
  ASSERT_TRUE(create());
  EXPECT_EQ(instance->note(), "cublasLtCreate failed with status 1; 1 product of test/net runs by "
                              "Fluxion's own kernels");
  expectResults();
}

TEST_F(Products, thatFailAreNamed) {
  ASSERT_TRUE(create());
  std::vector<float> buffer(1024);
  const void *in[] = {buffer.data(), buffer.data()};
  void *out[] = {buffer.data()};
  test::fakeCuda().fail("cublasLtMatmul", 0, 13);
  EXPECT_EQ(instance->run(entry, in, out).message(),
            "own (net.cpp:4:2): cublasLtMatmul failed with status 13");
  test::fakeCuda().fail("cuGraphAddChildGraphNode", 0, 1);
  EXPECT_EQ(instance->run(entry, in, out).message(),
            "cuda: recording own (net.cpp:4:2): CUDA_ERROR_INVALID_VALUE, as the test asked");
  expectResults();
  instance.reset();
  product.sums = FX_BF16; // of f32 factors: no algorithm
  ASSERT_TRUE(create());
  EXPECT_EQ(instance->run(entry, in, out).message(),
            "own (net.cpp:4:2): cuBLASLt has no algorithm for it; give it another backend than "
            "library");
}
