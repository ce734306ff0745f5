// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a library does in place of launches, on the tests' own device with the tests' own cuBLASLt
// and cuDNN, which check every argument; and what happens where there is none.
#include "tests/gpu/Support.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace fluxion::rt;

namespace {

// A result of two sides of small whole numbers, in two launches that a library may replace, and
// twice the result.
const fx_place callArgs[] = {{FX_SPACE_INPUT, 0, 0},
                             {FX_SPACE_INPUT, 1, 0},
                             {FX_SPACE_ARENA, 0, 0},
                             {FX_SPACE_ARENA, 0, 4096},
                             {FX_SPACE_NONE, 0, 0}};
const fx_place twiceArgs[] = {{FX_SPACE_ARENA, 0, 0}, {FX_SPACE_OUTPUT, 0, 0}};
const uint32_t afterFirst[] = {0}, afterSecond[] = {1};
constexpr uint64_t bufferBytes = 4096;

class LibraryCalls : public testing::Test {
protected:
  void SetUp() override {
    test::fakeCuda().reset();
    test::fakeCuda().define("own", 5, own, this);
    test::fakeCuda().define("add_chunks", 5, nothing, nullptr);
    test::fakeCuda().define("twice", 2, twice, nullptr);
    setenv("FLUXION_CUBLASLT", FLUXION_FAKE_CUDA, 1), setenv("FLUXION_CUDNN", FLUXION_FAKE_CUDA, 1);
    for (int side : {0, 1})
      sides[side] = {"side", FX_F32, FX_VALUE, 0, nullptr, 0, bufferBytes, nullptr};
    result = {"result", FX_F32, FX_VALUE, 0, nullptr, 0, bufferBytes, nullptr};
    call.factors = call.sums = FX_F32, call.launches = 2;
    call.left = callArgs[0], call.right = callArgs[1], call.result = callArgs[2];
    call.workspace = callArgs[3], call.workspace_bytes = 1024;
    launches[0] = launchOf("own", callArgs, nullptr);
    launches[1] = launchOf("add_chunks", callArgs, afterFirst);
    launches[2] = launchOf("twice", twiceArgs, afterSecond);
    launches[0].call = &call;
    entry.name = "main", entry.num_inputs = 2, entry.num_outputs = 1, entry.num_kernels = 3;
    entry.inputs = sides, entry.outputs = &result, entry.arena_bytes = 3 * bufferBytes;
    entry.num_launches = 3, entry.launches = launches;
    program = test::gpuProgram();
    program.num_entries = 1, program.entries = &entry, program.arena_bytes = 3 * bufferBytes;
    program.num_state = 0, program.state_bytes = 0;
  }
  void TearDown() override {
    instance.reset();
    unsetenv("FLUXION_CUBLASLT"), unsetenv("FLUXION_CUDNN"), unsetenv("FLUXION_CUDA_BLOCKING");
    EXPECT_EQ(test::fakeCuda().counts().libraryObjects, 0u);
    EXPECT_EQ(test::fakeCuda().counts().deviceBytes, 0u);
  }
  // All of the result that is not 0.
  virtual void compute(const float *left, const float *right, float *out) const = 0;

  template <size_t N>
  static fx_launch launchOf(const char *kernel, const fx_place (&args)[N], const uint32_t *after) {
    fx_launch launch = test::launchOf(kernel, "net.cpp:4:2", args, 1, 1);
    launch.num_after = after ? 1 : 0, launch.after = after, launch.flags = FX_LAUNCH_DEPENDENT;
    return launch;
  }
  static void nothing(void *const *, const unsigned *, const unsigned *, unsigned, void *) {}
  static void own(void *const *args, const unsigned *, const unsigned *, unsigned, void *user) {
    std::fill_n(static_cast<float *>(args[2]), bufferBytes / 4, 0.0f);
    static_cast<LibraryCalls *>(user)->compute(static_cast<const float *>(args[0]),
                                               static_cast<const float *>(args[1]),
                                               static_cast<float *>(args[2]));
  }
  static void twice(void *const *args, const unsigned *, const unsigned *, unsigned, void *) {
    for (uint64_t i = 0; i < bufferBytes / 4; ++i)
      static_cast<float *>(args[1])[i] = 2 * static_cast<const float *>(args[0])[i];
  }

  // Runs twice and compares as many results as there are.
  static std::pair<std::vector<float>, std::vector<float>> sidesFilled() {
    std::vector<float> left(1024), right(1024);
    for (int i = 0; i < 1024; ++i)
      left[i] = float(i * 7 % 11 - 5), right[i] = float(i * 5 % 13 - 6);
    return {left, right};
  }
  void expectResults(int64_t count) {
    auto [left, right] = sidesFilled();
    std::vector<float> found(1024), expected(1024);
    const void *in[] = {left.data(), right.data()};
    void *out[] = {found.data()};
    compute(left.data(), right.data(), expected.data());
    for (int run = 0; run < 2; ++run) {
      Status status = instance->run(entry, in, out);
      ASSERT_TRUE(status) << status.message();
      for (int64_t i = 0; i < count; ++i)
        ASSERT_EQ(found[i], 2 * expected[i]) << i;
    }
  }
  std::string failure() {
    std::vector<float> buffer(1024);
    const void *in[] = {buffer.data(), buffer.data()};
    void *out[] = {buffer.data()};
    return instance->run(entry, in, out).message();
  }
  Status create() { return Instance::create(&program, nullptr, instance); }

  fx_library_call call{};
  fx_tensor sides[2], result;
  fx_launch launches[3];
  fx_entry entry{};
  fx_program program;
  std::unique_ptr<Instance> instance;
};

class Products : public LibraryCalls {
protected:
  void SetUp() override {
    LibraryCalls::SetUp();
    call.product = &product;
    shape(2, 3, 5, 7, false, false);
  }
  void shape(int64_t batches, int64_t m, int64_t n, int64_t k, bool left, bool right) {
    product = {batches, m, n, k, left, right};
  }
  void expectResults() { LibraryCalls::expectResults(product.batches * product.m * product.n); }
  void compute(const float *left, const float *right, float *out) const override {
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
  fx_product product{};
};

// Of 2 images with 4 features, to 6, in groups; planes or volumes.
class Convolutions : public LibraryCalls {
protected:
  void SetUp() override {
    LibraryCalls::SetUp();
    call.convolution = &conv;
    shape(FX_CONVOLUTION_OUTPUT, false, 2, 1);
  }
  void shape(uint32_t computes, bool channelsLast, uint32_t spatial, int32_t groups) {
    conv = {computes,
            channelsLast,
            0,
            spatial,
            2,
            4,
            6,
            groups,
            {6 - int(spatial), 7, 4},
            {2, 3, 1},
            {0, 0, 0},
            {1, 0, 0},
            {2, 1, 1},
            {1, 2, 1}};
    size();
  }
  void size() { // of the output
    for (uint32_t d = 0; d < conv.spatial; ++d)
      conv.output[d] =
          (conv.input[d] + 2 * conv.padding[d] - (conv.kernel[d] - 1) * conv.dilation[d] - 1) /
              conv.stride[d] +
          1;
  }
  static int64_t volume(const int32_t (&sizes)[3], uint32_t spatial) {
    return sizes[0] * sizes[1] * (spatial == 3 ? sizes[2] : 1);
  }
  int64_t results() const {
    int64_t in = conv.in_features, out = conv.out_features;
    return conv.computes == FX_CONVOLUTION_OUTPUT
               ? conv.batch * out * volume(conv.output, conv.spatial)
           : conv.computes == FX_CONVOLUTION_INPUT
               ? conv.batch * in * volume(conv.input, conv.spatial)
               : out * in / conv.groups * volume(conv.kernel, conv.spatial);
  }
  void expectResults() { LibraryCalls::expectResults(results()); }

  // Where element [first, second, space] of an array with `features` lies.
  int64_t at(int64_t first, int64_t second, const int64_t *space, int64_t features,
             const int32_t (&sizes)[3]) const {
    int64_t line = 0;
    for (uint32_t d = 0; d < conv.spatial; ++d)
      line = line * sizes[d] + space[d];
    int64_t positions = volume(sizes, conv.spatial);
    return conv.channels_last ? (first * positions + line) * features + second
                              : (first * features + second) * positions + line;
  }
  void compute(const float *left, const float *right, float *out) const override {
    for (int64_t b = 0; b < conv.batch; ++b)
      for (int64_t o = 0; o < conv.out_features; ++o)
        for (int64_t c = 0; c < conv.in_features / conv.groups; ++c)
          for (int64_t p = 0; p < volume(conv.output, conv.spatial); ++p)
            for (int64_t t = 0; t < volume(conv.kernel, conv.spatial); ++t)
              addTap(b, o, c, p, t, left, right, out);
  }
  void addTap(int64_t b, int64_t o, int64_t c, int64_t p, int64_t t, const float *left,
              const float *right, float *out) const {
    int64_t position[3], tap[3], read[3], inFeatures = conv.in_features / conv.groups;
    for (int d = int(conv.spatial) - 1; d >= 0; --d) {
      position[d] = p % conv.output[d], p /= conv.output[d];
      tap[d] = t % conv.kernel[d], t /= conv.kernel[d];
      read[d] = position[d] * conv.stride[d] + tap[d] * conv.dilation[d] - conv.padding[d];
      if (read[d] < 0 || read[d] >= conv.input[d])
        return;
      if (conv.flipped)
        tap[d] = conv.kernel[d] - 1 - tap[d];
    }
    int64_t feature = o / (conv.out_features / conv.groups) * inFeatures + c;
    int64_t x = at(b, feature, read, conv.in_features, conv.input),
            w = at(o, c, tap, inFeatures, conv.kernel),
            y = at(b, o, position, conv.out_features, conv.output);
    if (conv.computes == FX_CONVOLUTION_OUTPUT)
      out[y] += left[x] * right[w];
    else if (conv.computes == FX_CONVOLUTION_INPUT)
      out[x] += left[y] * right[w];
    else
      out[w] += left[x] * right[y];
  }
  fx_convolution conv{};
};

} // namespace

TEST_F(Products, replaceTheLaunchesOfTheirKernel) {
  for (int transposed = 0; transposed < 4; ++transposed)
    for (int64_t batches : {1, 2}) {
      shape(batches, 3, 5, 7, transposed & 1, transposed & 2);
      ASSERT_TRUE(create());
      EXPECT_EQ(instance->note(), "");
      EXPECT_TRUE(instance->hasLibraries(entry));
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
  EXPECT_FALSE(instance->hasLibraries(entry));
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
  test::fakeCuda().fail("cublasLtMatmul", 0, 13);
  EXPECT_EQ(failure(), "own (net.cpp:4:2): cublasLtMatmul failed with status 13");
  test::fakeCuda().fail("cuGraphAddChildGraphNode", 0, 1);
  EXPECT_EQ(failure(),
            "cuda: recording own (net.cpp:4:2): CUDA_ERROR_INVALID_VALUE, as the test asked");
  expectResults();
  instance.reset();
  call.sums = FX_BF16; // of f32 factors: no algorithm
  ASSERT_TRUE(create());
  EXPECT_EQ(failure(), "own (net.cpp:4:2): cuBLASLt has no algorithm for it; give it another "
                       "backend than library");
}

TEST_F(Convolutions, replaceTheLaunchesOfTheirKernel) {
  for (uint32_t computes : {FX_CONVOLUTION_OUTPUT, FX_CONVOLUTION_INPUT, FX_CONVOLUTION_KERNEL})
    for (bool channelsLast : {false, true})
      for (uint32_t spatial : {2, 3})
        for (int32_t groups : {1, 2})
          for (bool flipped : {false, true}) {
            shape(computes, channelsLast, spatial, groups);
            conv.flipped = flipped;
            ASSERT_TRUE(create());
            EXPECT_EQ(instance->note(), "");
            auto before = test::fakeCuda().counts();
            expectResults();
            auto after = test::fakeCuda().counts();
            EXPECT_EQ(after.kernels - before.kernels, 2u);
            EXPECT_EQ(after.libraryCalls - before.libraryCalls, 2u);
            instance.reset();
          }
}

TEST_F(Convolutions, roundWhatTheyMayAlone) {
  for (bool tf32 : {false, true}) {
    call.tf32 = tf32;
    ASSERT_TRUE(create());
    expectResults();
    EXPECT_EQ(test::fakeCuda().counts().mathType, tf32 ? 1 : 3); // tensor cores, multiply-adds
    instance.reset();
  }
}

// Halves, as bits, of small whole numbers; sums are exact.
TEST_F(Convolutions, areOfNarrowNumbersToo) {
  conv = {FX_CONVOLUTION_OUTPUT,
          1,
          0,
          2,
          1,
          2,
          1,
          1,
          {1, 2, 0},
          {1, 2, 0},
          {1, 1, 0},
          {0, 0, 0},
          {1, 1, 0},
          {1, 1, 0}};
  struct Bits {
    uint32_t type;
    uint16_t one, two, six;
  };
  for (Bits bits : {Bits{FX_F16, 0x3c00, 0x4000, 0x4600}, Bits{FX_BF16, 0x3f80, 0x4000, 0x40c0}}) {
    call.factors = call.sums = bits.type;
    entry.num_launches = 1, call.launches = 1, call.result = {FX_SPACE_OUTPUT, 0, 0};
    ASSERT_TRUE(create());
    std::vector<uint16_t> left(2048), right(2048), found(2048);
    left = {bits.one, bits.one, bits.two, bits.one},
    right = {bits.one, bits.two, bits.one, bits.one};
    left.resize(2048), right.resize(2048);
    const void *in[] = {left.data(), right.data()};
    void *out[] = {found.data()};
    Status status = instance->run(entry, in, out); // 1 + 2 + 2 + 1
    ASSERT_TRUE(status) << status.message();
    EXPECT_EQ(found[0], bits.six);
    EXPECT_EQ(test::fakeCuda().counts().mathType, 1);
    instance.reset();
  }
}

// A kernel that lies with its features out last, [k, c, o], turned before or behind the call.
TEST_F(Convolutions, haveTheirKernelTurnedByLaunchesAroundThem) {
  static const fx_place turned = {FX_SPACE_ARENA, 0, 2 * bufferBytes};
  static const fx_place beforeArgs[] = {callArgs[1], turned}, behindArgs[] = {turned, callArgs[2]};
  fx_launch before = test::launchOf("turn", "net.cpp:4:2", beforeArgs, 1, 1),
            behind = test::launchOf("turn", "net.cpp:4:2", behindArgs, 1, 1);
  for (bool isResult : {false, true})
    for (bool blocking : {false, true}) {
      setenv("FLUXION_CUDA_BLOCKING", blocking ? "1" : "0", 1);
      shape(isResult ? FX_CONVOLUTION_KERNEL : FX_CONVOLUTION_OUTPUT, true, 2, 1);
      int features = conv.out_features, others = conv.in_features * conv.kernel[0] * conv.kernel[1];
      std::pair<int, int> sizes{isResult ? features : others, isResult ? others : features};
      test::fakeCuda().define("turn", 2, test::swapSides, &sizes);
      call.before = isResult ? nullptr : &before, call.behind = isResult ? &behind : nullptr;
      call.right = isResult ? callArgs[1] : turned, call.result = isResult ? turned : callArgs[2];
      ASSERT_TRUE(create());
      auto [left, right] = sidesFilled();
      std::vector<float> found(1024), plain(1024), expected(1024);
      std::vector<float> inOrder = right;
      void *turn[] = {right.data(), inOrder.data()}, *back[] = {plain.data(), expected.data()};
      if (!isResult)
        test::swapSides(turn, nullptr, nullptr, 0, &sizes);
      compute(left.data(), inOrder.data(), plain.data());
      expected = plain;
      if (isResult)
        test::swapSides(back, nullptr, nullptr, 0, &sizes);
      const void *in[] = {left.data(), right.data()};
      void *out[] = {found.data()};
      uint64_t kernels = test::fakeCuda().counts().kernels;
      Status status = instance->run(entry, in, out);
      ASSERT_TRUE(status) << status.message();
      for (int64_t i = 0; i < results(); ++i)
        ASSERT_EQ(found[i], 2 * expected[i]) << i;
      EXPECT_EQ(test::fakeCuda().counts().kernels - kernels, 2u); // turn, twice
      instance.reset();
    }
}

TEST_F(Convolutions, areOwnKernelsWhereThereIsNoLibrary) {
  setenv("FLUXION_CUDNN", "/nowhere/libcudnn.so", 1);
  fx_launch again[4] = {launches[0], launches[1], launches[2], launches[0]};
  again[3].num_after = 1, again[3].after = afterSecond;
  entry.launches = again, entry.num_launches = 4;
  ASSERT_TRUE(create());
  EXPECT_EQ(instance->note(), "/nowhere/libcudnn.so cannot be loaded; install cuDNN 9; 2 "
                              "convolutions of test/net run by Fluxion's own kernels");
  EXPECT_FALSE(instance->hasLibraries(entry));
  expectResults();
  EXPECT_EQ(test::fakeCuda().counts().libraryCalls, 0u);
}

TEST_F(Convolutions, areOwnKernelsWhereTheLibraryDoesNotStart) {
  test::fakeCuda().fail("cudnnCreate", 0, 1001);
  ASSERT_TRUE(create());
  EXPECT_EQ(instance->note(), "cudnnCreate failed with status 1001, CUDNN_STATUS_OF_THE_TEST; 1 "
                              "convolution of test/net runs by Fluxion's own kernels");
  expectResults();
}

TEST_F(Convolutions, thatFailAreNamed) {
  ASSERT_TRUE(create());
  for (const char *function :
       {"cudnnSetStream", "cudnnSetTensorNdDescriptor", "cudnnSetConvolutionGroupCount",
        "cudnnGetConvolutionForwardAlgorithm_v7", "cudnnConvolutionForward"}) {
    test::fakeCuda().fail(function, 0, 2000);
    EXPECT_EQ(failure(), "own (net.cpp:4:2): " + std::string(function) +
                             " failed with status 2000, CUDNN_STATUS_BAD_PARAM");
  }
  expectResults();
  instance.reset();
  call.workspace_bytes = 100;
  ASSERT_TRUE(create());
  EXPECT_EQ(failure(), "own (net.cpp:4:2): cuDNN has no deterministic algorithm for it in 100 "
                       "bytes; give it another backend than library");
}
