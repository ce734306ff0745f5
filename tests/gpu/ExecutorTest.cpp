// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Programs for GPUs on a device that only the tests have: graphs, inputs and results of runs in
// flight, state, and everything that can go wrong.
#include "tests/gpu/Support.h"

#include <gmock/gmock.h>

using namespace fluxion::rt;
using testing::AllOf;
using testing::HasSubstr;

namespace {

class DeviceExecutor : public testing::Test {
protected:
  void SetUp() override { test::defineKernels(); }
  void TearDown() override {
    instance.reset();
    EXPECT_EQ(test::fakeCuda().counts().deviceBytes, 0u);
    EXPECT_EQ(test::fakeCuda().counts().pinnedBytes, 0u);
    EXPECT_EQ(test::fakeCuda().counts().modules, 0u);
    unsetenv("FLUXION_CUDA_BLOCKING"), unsetenv("FLUXION_CUDA_GRAPH");
  }
  Status create(const std::string &target = "") {
    return Instance::create(&program, nullptr, instance, target);
  }
  void start() {
    Status status = create();
    ASSERT_TRUE(status) << status.message();
    ASSERT_TRUE(instance->initialise(7));
  }
  Status step(float value, float *result) {
    const void *in[] = {&value};
    void *out[] = {result};
    return instance->run(*instance->entry("step"), in, out);
  }
  int64_t counter() {
    int64_t value = -1;
    EXPECT_TRUE(instance->readItem(*instance->stateItem("step"), &value));
    return value;
  }
  fx_program program = test::gpuProgram();
  std::unique_ptr<Instance> instance;
};

} // namespace

TEST_F(DeviceExecutor, buildsAGraphOfEveryEntryForEachSetOfBuffers) {
  start();
  float result = 0;
  for (int i = 1; i <= 1000; ++i) {
    ASSERT_TRUE(step(1, &result));
    ASSERT_EQ(result, float(i));
    if (i == 4)
      EXPECT_EQ(test::fakeCuda().counts().graphs, 3u); // init once, step twice
  }
  auto counts = test::fakeCuda().counts();
  EXPECT_EQ(counts.graphs, 3u);
  EXPECT_EQ(counts.graphLaunches, 1001u);
  EXPECT_EQ(counts.kernels, 2001u);
  EXPECT_EQ(counts.programmaticEdges, 2u); // one a graph of the step
  EXPECT_EQ(counter(), 1000);
  EXPECT_EQ(instance->state(), nullptr);
}

TEST_F(DeviceExecutor, memoryDoesNotGrow) {
  start();
  float result;
  ASSERT_TRUE(step(1, &result) && step(1, &result));
  auto before = test::fakeCuda().counts();
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(step(1, &result));
  EXPECT_EQ(test::fakeCuda().counts().deviceBytes, before.deviceBytes);
  EXPECT_EQ(test::fakeCuda().counts().pinnedBytes, before.pinnedBytes);
}

// Host time is driver calls: entering the context, one copy of neighbouring inputs, its event and
// the wait for it, the graph, its event, and the wait for the results.
TEST_F(DeviceExecutor, aStepIsAFewDriverCalls) {
  start();
  float result;
  ASSERT_TRUE(step(1, &result) && step(1, &result));
  for (int i = 0; i < 10; ++i) {
    auto before = test::fakeCuda().counts();
    ASSERT_TRUE(step(1, &result));
    auto after = test::fakeCuda().counts();
    EXPECT_LE(after.calls - before.calls, 8u);
    EXPECT_EQ(after.graphLaunches - before.graphLaunches, 1u);
  }
}

// So that its start takes the host the same time however many they are; checks come behind it.
TEST_F(DeviceExecutor, aLineIsOfKernelsAlone) {
  start();
  float result = 0;
  ASSERT_TRUE(step(1, &result));
  auto branches = test::fakeCuda().counts();
  EXPECT_EQ(branches.last.nodes, 3u);
  EXPECT_EQ(branches.last.kernels, 2u);
  setenv("FLUXION_CUDA_GRAPH", "line", 1);
  instance.reset();
  start();
  ASSERT_TRUE(step(1, &result) && step(2, &result));
  auto line = test::fakeCuda().counts();
  EXPECT_EQ(line.last.nodes, 2u);
  EXPECT_EQ(line.last.kernels, 2u);
  EXPECT_EQ(line.last.edges, 1u);
  EXPECT_EQ(result, 3);
  EXPECT_EQ(step(-1, &result).kind(), Status::Kind::CheckFailed);
  EXPECT_EQ(counter(), 2);
  auto before = test::fakeCuda().counts();
  ASSERT_TRUE(step(3, &result));
  EXPECT_EQ(result, 6);
  EXPECT_LE(test::fakeCuda().counts().calls - before.calls, 9u); // the check by itself
}

TEST_F(DeviceExecutor, aShapeThatNoGraphHasIsRefused) {
  setenv("FLUXION_CUDA_GRAPH", "lines", 1);
  EXPECT_EQ(create().message(), "FLUXION_CUDA_GRAPH is \"lines\"; it may be branches or line");
}

TEST_F(DeviceExecutor, aFailedCheckLeavesTheStateAlone) {
  start();
  float result = 0;
  ASSERT_TRUE(step(2, &result));
  Status status = step(-1, &result);
  EXPECT_EQ(status.kind(), Status::Kind::CheckFailed);
  EXPECT_EQ(status.message(), "value must not be negative");
  EXPECT_EQ(counter(), 1);
  ASSERT_TRUE(step(3, &result));
  EXPECT_EQ(result, 5);
}

TEST_F(DeviceExecutor, aProbeSeesWhatEachLaunchCompletes) {
  start();
  float result = 0, value = 2;
  ASSERT_TRUE(step(1, &result));
  auto before = test::fakeCuda().counts();
  const void *in[] = {&value};
  void *out[] = {&result};
  std::vector<std::string> seen;
  auto probe = [&](const char *name, int32_t dtype, const void *data, int64_t count) {
    std::string text = std::string(name) + ":" + std::to_string(dtype);
    for (int64_t i = 0; i < count; ++i)
      text += " " + std::to_string(int(static_cast<const float *>(data)[i]));
    seen.push_back(text);
  };
  ASSERT_TRUE(instance->run(*instance->entry("step"), in, out, probe));
  EXPECT_THAT(seen, testing::ElementsAre("net.bias:1 3 3 3", "value:1 3"));
  EXPECT_EQ(result, 3);
  EXPECT_EQ(counter(), 2);
  EXPECT_EQ(test::fakeCuda().counts().graphs, before.graphs);
  seen.clear(), value = -1;
  EXPECT_EQ(instance->run(*instance->entry("step"), in, out, probe).kind(),
            Status::Kind::CheckFailed);
  EXPECT_EQ(counter(), 2);
  value = 4;
  test::fakeCuda().fail("cuMemcpyDtoHAsync", 0, 1);
  EXPECT_EQ(instance->run(*instance->entry("step"), in, out, probe).message(),
            "cuda: reading net.bias: CUDA_ERROR_INVALID_VALUE, as the test asked");
}

TEST_F(DeviceExecutor, twoRunsAreInFlight) {
  start();
  const fx_entry &entry = *instance->entry("step");
  float values[2] = {1, 10}, results[2] = {0, 0};
  const void *first[] = {&values[0]}, *second[] = {&values[1]};
  void *firstOut[] = {&results[0]}, *secondOut[] = {&results[1]};
  ASSERT_TRUE(instance->submit(entry, first, firstOut));
  ASSERT_TRUE(instance->submit(entry, second, secondOut));
  Status third = instance->submit(entry, first, firstOut);
  EXPECT_EQ(third.kind(), Status::Kind::Mismatch);
  EXPECT_THAT(third.message(), HasSubstr("two runs are in flight"));
  values[0] = values[1] = -1; // ordinary memory may be reused at once
  ASSERT_TRUE(instance->wait());
  EXPECT_EQ(results[0], 1);
  EXPECT_EQ(results[1], 0);
  ASSERT_TRUE(instance->wait());
  EXPECT_EQ(results[1], 11);
  EXPECT_EQ(instance->wait().kind(), Status::Kind::Mismatch);
}

TEST_F(DeviceExecutor, manyRunsInFlightKeepTheirOrder) {
  start();
  const fx_entry &entry = *instance->entry("step");
  float results[100];
  auto submit = [&](int i) {
    float value = float(i);
    const void *in[] = {&value};
    void *out[] = {&results[i]};
    return instance->submit(entry, in, out);
  };
  ASSERT_TRUE(submit(0));
  float sum = 0;
  for (int i = 1; i < 100; ++i) {
    ASSERT_TRUE(submit(i));
    ASSERT_TRUE(instance->wait());
    sum += float(i - 1);
    ASSERT_EQ(results[i - 1], sum);
  }
  ASSERT_TRUE(instance->wait());
  EXPECT_EQ(results[99], sum + 99);
}

TEST_F(DeviceExecutor, inputMemoryIsReadUntilTheNextWait) {
  start();
  const fx_entry &entry = *instance->entry("step");
  auto memory = instance->inputMemory(64);
  ASSERT_NE(memory, nullptr);
  auto *values = reinterpret_cast<float *>(memory.get());
  float results[3];
  const void *in[] = {&values[0]}, *other[] = {&values[1]};
  void *out[3][1] = {{&results[0]}, {&results[1]}, {&results[2]}};
  values[0] = 1, values[1] = 10;
  ASSERT_TRUE(instance->submit(entry, in, out[0]));
  ASSERT_TRUE(instance->submit(entry, other, out[1]));
  ASSERT_TRUE(instance->wait());
  values[0] = 100, values[1] = 0; // the second run's inputs are on the device now
  ASSERT_TRUE(instance->submit(entry, in, out[2]));
  ASSERT_TRUE(instance->wait() && instance->wait());
  EXPECT_THAT(results, testing::ElementsAre(1, 11, 111));
  auto later = instance->inputMemory(16);
  instance.reset(); // the memory outlives the instance
  later[0] = std::byte(1);
  later.reset(), memory.reset();
}

// The sanitizer sees what is read too late.
TEST_F(DeviceExecutor, aRunThatDoesNotStartReadsItsInputsNoMore) {
  start();
  auto memory = instance->inputMemory(64);
  ASSERT_NE(memory, nullptr);
  float result = 0;
  const void *in[] = {memory.get()};
  void *out[] = {&result};
  test::fakeCuda().fail("cuGraphLaunch", 0, 1);
  EXPECT_FALSE(instance->submit(*instance->entry("step"), in, out));
  memory.reset();
  instance.reset();
}

TEST_F(DeviceExecutor, measuringRunsLaunchesAlone) {
  start();
  float value = 1, result = 0;
  const void *in[] = {&value};
  void *out[] = {&result};
  auto before = test::fakeCuda().counts();
  double seconds = 0;
  ASSERT_TRUE(instance->measure(*instance->entry("step"), in, out, 10, seconds));
  auto after = test::fakeCuda().counts();
  EXPECT_GT(seconds, 0);
  EXPECT_EQ(counter(), 12); // one whole run, one to warm up
  EXPECT_EQ(after.copiedIn - before.copiedIn, 4u);
  EXPECT_EQ(after.graphs - before.graphs, 2u);
  ASSERT_TRUE(step(1, &result));
  EXPECT_EQ(result, 13);
}

// Launches of programs without state share graphs, each after those of the run before.
TEST_F(DeviceExecutor, measuringWithoutStateChainsRuns) {
  fx_entry entry = test::gpuEntries[1];
  fx_program pure = program;
  pure.num_state = 0, pure.num_entries = 1, pure.entries = &entry;
  ASSERT_TRUE(Instance::create(&pure, nullptr, instance));
  float value = 1, result = 0;
  const void *in[] = {&value};
  void *out[] = {&result};
  double seconds = 0;
  ASSERT_TRUE(instance->measure(entry, in, out, 300, seconds));
  auto counts = test::fakeCuda().counts();
  EXPECT_EQ(counts.kernels, 2u * 302);
  EXPECT_EQ(counts.graphs, 3u);
  EXPECT_EQ(counts.graphLaunches, 2u + 2 + 44); // 300 = 2 * 128 + 44
  EXPECT_EQ(counts.programmaticEdges, 1u + 1 + 128);
}

TEST_F(DeviceExecutor, stateTravelsBetweenDeviceAndHost) {
  start();
  float result = 0;
  ASSERT_TRUE(step(2, &result));
  test::Folder folder;
  ASSERT_TRUE(saveState(*instance, folder / "device.safetensors"));
  fx_program onHost = test::program();
  auto host = test::instanceOf(onHost);
  ASSERT_TRUE(loadState(*host, folder / "device.safetensors"));
  float value = 3;
  const void *in[] = {&value};
  void *out[] = {&result};
  ASSERT_TRUE(host->run(*host->entry("step"), in, out));
  EXPECT_EQ(result, 5);
  ASSERT_TRUE(saveState(*host, folder / "host.safetensors"));
  ASSERT_TRUE(loadState(*instance, folder / "host.safetensors"));
  EXPECT_EQ(counter(), 2);
  float weight[6];
  ASSERT_TRUE(instance->readItem(*instance->stateItem("net.weight"), weight));
  EXPECT_THAT(weight, testing::ElementsAre(0, 2, 4, 1, 3, 5)); // stored with dimensions exchanged
  ASSERT_TRUE(saveState(*instance, folder / "again.safetensors"));
  EXPECT_EQ(test::read(folder / "again.safetensors"), test::read(folder / "host.safetensors"));
}

TEST_F(DeviceExecutor, noDriverIsOneSentence) {
  setenv("FLUXION_LIBCUDA", "/nowhere/libcuda.so.1", 1);
  Status status = create();
  setenv("FLUXION_LIBCUDA", FLUXION_FAKE_CUDA, 1);
  EXPECT_EQ(status.kind(), Status::Kind::NoDevice);
  EXPECT_EQ(status.message(), "no CUDA device: /nowhere/libcuda.so.1 cannot be loaded; install the "
                              "NVIDIA driver");
}

TEST_F(DeviceExecutor, noDeviceIsOneSentence) {
  test::fakeCuda().setDevice(0, 0, 0, 0);
  Status status = create();
  EXPECT_EQ(status.kind(), Status::Kind::NoDevice);
  EXPECT_EQ(status.message(), "no CUDA device: CUDA_ERROR_NO_DEVICE, as the test asked");
}

TEST_F(DeviceExecutor, anotherArchitectureIsNamed) {
  test::fakeCuda().setDevice(1, 7, 5, 1 << 30);
  Status status = create();
  EXPECT_EQ(status.kind(), Status::Kind::NoDevice);
  EXPECT_EQ(status.message(), "test/net has code for sm_80, not for the device, Fake GPU (sm_75); "
                              "build it with --target=cuda:sm_75");
}

TEST_F(DeviceExecutor, machineCodeRunsOnItsOwnGenerationAlone) {
  const fx_image cubin[] = {{"sm_80", FX_IMAGE_CUBIN, 0, 4, "bin"}},
                 special[] = {{"sm_90a", FX_IMAGE_PTX, 0, 4, "ptx"}};
  program.images = cubin;
  EXPECT_EQ(create().kind(), Status::Kind::NoDevice);
  test::fakeCuda().setDevice(1, 8, 6, 1 << 30);
  EXPECT_TRUE(create());
  instance.reset();
  program.images = special;
  EXPECT_EQ(create().kind(), Status::Kind::NoDevice);
  test::fakeCuda().setDevice(1, 10, 0, 1 << 30);
  EXPECT_EQ(create().kind(), Status::Kind::NoDevice);
  test::fakeCuda().setDevice(1, 9, 0, 1 << 30);
  EXPECT_TRUE(create());
}

TEST_F(DeviceExecutor, theHostPartServesWhereThereIsNoDevice) {
  fx_program host = test::program(), newer = test::gpuProgram();
  const fx_image special[] = {{"sm_90a", FX_IMAGE_PTX, 0, 4, "ptx"}};
  newer.images = special, newer.target = "cuda:sm_90a";
  program.next = &newer, newer.next = &host;
  ASSERT_TRUE(create());
  EXPECT_EQ(&instance->program(), &newer);
  EXPECT_EQ(instance->note(), "");
  ASSERT_TRUE(create("cuda:sm_80"));
  EXPECT_EQ(&instance->program(), &program);
  ASSERT_TRUE(create("cpu"));
  EXPECT_EQ(&instance->program(), &host);
  EXPECT_EQ(instance->note(), "");
  test::fakeCuda().setDevice(1, 8, 9, 1 << 30);
  ASSERT_TRUE(create());
  EXPECT_EQ(&instance->program(), &program);
  test::fakeCuda().setDevice(0, 0, 0, 0);
  ASSERT_TRUE(create());
  EXPECT_EQ(&instance->program(), &host);
  EXPECT_EQ(instance->note(),
            "no CUDA device: CUDA_ERROR_NO_DEVICE, as the test asked; running on cpu:any");
  EXPECT_EQ(create("cuda").kind(), Status::Kind::NoDevice);
  Status unknown = create("cuda:sm_70");
  EXPECT_EQ(unknown.kind(), Status::Kind::Mismatch);
  EXPECT_EQ(unknown.message(), "test/net was not compiled for cuda:sm_70; it holds cuda:sm_80, "
                               "cuda:sm_90a, cpu:any");
}

TEST_F(DeviceExecutor, tooLittleMemoryIsSaidBeforeAnythingStarts) {
  program.arena_bytes = uint64_t(1) << 33;
  Status status = create();
  EXPECT_EQ(status.kind(), Status::Kind::OutOfMemory);
  EXPECT_EQ(status.message(),
            "out of device memory: test/net needs 8589935360 bytes (state 256, arena 8589934592, "
            "inputs and outputs 512), 1073741824 of 1073741824 are free on Fake GPU; use a smaller "
            "batch");
  EXPECT_EQ(test::fakeCuda().counts().deviceBytes, 0u);
  program.arena_bytes = UINT64_MAX;
  EXPECT_EQ(create().kind(), Status::Kind::OutOfMemory);
}

TEST_F(DeviceExecutor, aFailedAllocationGivesAllBack) {
  for (int after = 0; after < 4; ++after) {
    test::fakeCuda().fail("cuMemAlloc", after, 2);
    Status status = create();
    EXPECT_EQ(status.kind(), Status::Kind::OutOfMemory) << after;
    EXPECT_THAT(status.message(), HasSubstr("allocating ")) << after;
    EXPECT_EQ(test::fakeCuda().counts().deviceBytes, 0u);
  }
  test::fakeCuda().fail("cuMemHostAlloc", 1, 2);
  EXPECT_THAT(create().message(), HasSubstr("page-locking "));
}

TEST_F(DeviceExecutor, damagedCodeIsRefusedWithTheDriversWords) {
  const fx_image damaged[] = {{"sm_80", FX_IMAGE_PTX, 0, 8, "damaged"}};
  program.images = damaged;
  Status status = create();
  EXPECT_EQ(status.kind(), Status::Kind::DeviceFailed);
  EXPECT_EQ(status.message(), "cuda: loading the sm_80 code of test/net (line 1: not PTX): "
                              "CUDA_ERROR_INVALID_VALUE, as the test asked");
}

TEST_F(DeviceExecutor, aMissingKernelIsNamed) {
  test::fakeCuda().reset();
  Status status = create();
  EXPECT_EQ(status.kind(), Status::Kind::DeviceFailed);
  EXPECT_EQ(status.message(), "cuda: finding the kernel init_kernel (net.cpp:3:1): "
                              "CUDA_ERROR_NOT_FOUND, as the test asked");
}

TEST_F(DeviceExecutor, sharedMemoryThatDoesNotFitIsNamed) {
  fx_launch launches[] = {test::stepLaunches[0], test::stepLaunches[1]};
  launches[1].shared_bytes = 300 << 10;
  fx_entry entries[] = {test::gpuEntries[0], test::gpuEntries[1]};
  entries[1].launches = launches;
  program.entries = entries;
  EXPECT_EQ(create().message(), "cuda: giving add_value (net.cpp:8:3) 307200 bytes of shared "
                                "memory: CUDA_ERROR_INVALID_VALUE, as the test asked");
}

TEST_F(DeviceExecutor, aLaunchThatFailsNamesKernelAndLine) {
  start();
  test::fakeCuda().fail("cuGraphAddKernelNode", 1, 1);
  float result = 0;
  Status status = step(1, &result);
  EXPECT_EQ(status.kind(), Status::Kind::DeviceFailed);
  EXPECT_EQ(status.message(), "cuda: launching add_value (net.cpp:8:3): CUDA_ERROR_INVALID_VALUE, "
                              "as the test asked");
  ASSERT_TRUE(step(1, &result)); // built anew
  EXPECT_EQ(result, 1);
}

TEST_F(DeviceExecutor, aGraphThatFailsIsReported) {
  start();
  float result = 0;
  for (const char *function : {"cuGraphCreate", "cuGraphInstantiateWithFlags"}) {
    test::fakeCuda().fail(function, 0, 1);
    EXPECT_THAT(step(1, &result).message(),
                HasSubstr("cuda: building the graph of step of test/net: "))
        << function;
  }
  test::fakeCuda().fail("cuGraphLaunch", 0, 1);
  EXPECT_THAT(step(1, &result).message(), HasSubstr("cuda: starting step of test/net: "));
  ASSERT_TRUE(step(1, &result));
  EXPECT_EQ(result, 1);
}

TEST_F(DeviceExecutor, aLostDeviceLeavesTheSavedState) {
  start();
  float result = 0;
  test::Folder folder;
  ASSERT_TRUE(step(2, &result));
  std::vector<std::byte> copy(program.state_bytes);
  ASSERT_TRUE(instance->readState(copy.data()));
  ASSERT_TRUE(saveState(*instance, folder / "saved.safetensors"));
  std::string saved = test::read(folder / "saved.safetensors");
  test::fakeCuda().failKernel("add_value", 719);
  Status status = step(3, &result);
  EXPECT_EQ(status.kind(), Status::Kind::DeviceLost);
  EXPECT_EQ(status.message(),
            "cuda: running step of test/net (FLUXION_CUDA_BLOCKING=1 names the kernel): "
            "CUDA_ERROR_LAUNCH_FAILED, as the test asked; the device is lost to this process");
  EXPECT_EQ(step(3, &result).kind(), Status::Kind::DeviceLost);
  EXPECT_EQ(saveState(*instance, folder / "saved.safetensors").kind(), Status::Kind::DeviceLost);
  EXPECT_EQ(instance->writeState(copy.data()).kind(), Status::Kind::DeviceLost);
  EXPECT_EQ(test::read(folder / "saved.safetensors"), saved);
  ASSERT_TRUE(saveState(program, copy.data(), folder / "copy.safetensors"));
  EXPECT_EQ(test::read(folder / "copy.safetensors"), saved);
  instance.reset();
  test::defineKernels(); // the next process
  start();
  ASSERT_TRUE(loadState(*instance, folder / "saved.safetensors"));
  ASSERT_TRUE(step(3, &result));
  EXPECT_EQ(result, 5);
}

TEST_F(DeviceExecutor, blockingModeNamesTheKernelThatLosesTheDevice) {
  setenv("FLUXION_CUDA_BLOCKING", "1", 1);
  start();
  float result = 0;
  ASSERT_TRUE(step(2, &result));
  EXPECT_EQ(result, 2);
  EXPECT_EQ(test::fakeCuda().counts().graphs, 0u);
  EXPECT_EQ(step(-2, &result).kind(), Status::Kind::CheckFailed);
  test::fakeCuda().failKernel("add_value", 700);
  EXPECT_EQ(step(3, &result).message(),
            "cuda: running add_value (net.cpp:8:3): CUDA_ERROR_ILLEGAL_ADDRESS, as the test asked; "
            "the device is lost to this process");
}

// ---- Outputs that are large, copied, or not a kernel's -----------------------------------------

namespace {

const int64_t longDims[] = {4096};
const fx_tensor longInput[] = {{"x", FX_F32, FX_VALUE, 1, longDims, 0, 16384, nullptr}};
const fx_tensor longOutputs[] = {{"twice", FX_F32, FX_VALUE, 1, longDims, 0, 16384, nullptr},
                                 {"same", FX_F32, FX_VALUE, 1, longDims, 0, 16384, nullptr},
                                 {"seven", FX_F32, FX_VALUE, 0, nullptr, 0, 4, nullptr}};
const fx_place twiceArgs[] = {{FX_SPACE_INPUT, 0, 0}, {FX_SPACE_OUTPUT, 0, 0}};
const fx_launch twiceLaunches[] = {test::launchOf("twice", "", twiceArgs, 16, 256)};
const fx_copy copies[] = {{{FX_SPACE_INPUT, 0, 0}, {FX_SPACE_OUTPUT, 1, 0}, 16384},
                          {{FX_SPACE_CONSTANT, 0, 64}, {FX_SPACE_OUTPUT, 2, 0}, 4},
                          {{FX_SPACE_INPUT, 0, 0}, {FX_SPACE_STATE, 0, 0}, 24}};
const fx_entry longEntries[] = {{"main", nullptr, 1, 3, 0, 1, longInput, longOutputs, nullptr, 0, 1,
                                 3, twiceLaunches, copies, nullptr, nullptr, 0, 0, nullptr}};
void twice(void *const *args, const unsigned grid[3], const unsigned block[3], unsigned, void *) {
  for (unsigned i = 0; i < grid[0] * block[0]; ++i)
    static_cast<float *>(args[1])[i] = 2 * static_cast<const float *>(args[0])[i];
}

} // namespace

TEST_F(DeviceExecutor, tensorMapsFollowTheirTensors) {
  auto fromMap = [](void *const *args, const unsigned *grid, const unsigned *block, unsigned shared,
                    void *user) {
    void *const exchanged[] = {args[1], args[0]};
    twice(exchanged, grid, block, shared, user);
  };
  test::fakeCuda().define("twice", 2, fromMap, nullptr);
  const fx_place out[] = {{FX_SPACE_OUTPUT, 0, 0}};
  fx_tensor_map map{{FX_SPACE_INPUT, 0, 0}, 7, 2, {64, 64}, {256}, {32, 8}, {1, 1}, 3};
  fx_launch launch = test::launchOf("twice", "net.cpp:9:1", out, 16, 256);
  launch.num_maps = 1, launch.maps = &map;
  fx_entry entry = longEntries[0];
  entry.launches = &launch, entry.num_outputs = 1, entry.num_copies = 0;
  program.num_entries = 1, program.entries = &entry;
  auto runOnce = [&](std::vector<float> &doubled) {
    std::vector<float> x(4096, 3);
    const void *in[] = {x.data()};
    void *to[] = {doubled.data()};
    return instance->run(*instance->entry("main"), in, to);
  };
  std::vector<float> doubled(4096);
  ASSERT_TRUE(create());
  for (int round = 0; round < 3; ++round) {
    std::fill(doubled.begin(), doubled.end(), 0.0f);
    ASSERT_TRUE(runOnce(doubled));
    EXPECT_EQ(doubled, std::vector<float>(4096, 6));
  }
  instance.reset();
  map.strides[0] = 100;
  ASSERT_TRUE(create());
  EXPECT_EQ(runOnce(doubled).message(),
            "cuda: describing a tensor of 64x64 elements, lines and more apart by 100 bytes to "
            "twice (net.cpp:9:1): CUDA_ERROR_INVALID_VALUE, as the test asked");
}

TEST_F(DeviceExecutor, outputsComeFromWhereverTheyLie) {
  test::fakeCuda().define("twice", 2, twice, nullptr);
  alignas(64) float constants[32] = {};
  constants[16] = 7;
  program.num_entries = 1, program.entries = longEntries;
  program.constants = constants, program.constant_bytes = sizeof constants;
  ASSERT_TRUE(create());
  for (int round = 0; round < 3; ++round) {
    std::vector<float> x(4096), doubled(4096), same(4096);
    float seven = 0;
    for (int i = 0; i < 4096; ++i)
      x[i] = float(i + round);
    const void *in[] = {x.data()};
    void *out[] = {doubled.data(), same.data(), &seven};
    ASSERT_TRUE(instance->run(*instance->entry("main"), in, out));
    EXPECT_EQ(same, x);
    for (int i = 0; i < 4096; ++i)
      ASSERT_EQ(doubled[i], 2 * x[i]);
    EXPECT_EQ(seven, 7);
    float weight[6];
    ASSERT_TRUE(instance->readItem(*instance->stateItem("net.weight"), weight));
    EXPECT_EQ(weight[0], x[0]);
  }
}

TEST_F(DeviceExecutor, tensorMapsNeedADriverThatHasThem) {
  const fx_tensor_map maps[] = {
      {{FX_SPACE_INPUT, 0, 0}, 7, 2, {64, 64}, {256}, {32, 8}, {1, 1}, 3}};
  fx_launch launch = twiceLaunches[0];
  launch.num_maps = 1, launch.maps = maps;
  fx_entry entry = longEntries[0];
  entry.launches = &launch;
  program.num_entries = 1, program.entries = &entry;
  test::fakeCuda().define("twice", 2, twice, nullptr);
  test::fakeCuda().lack("cuTensorMapEncodeTiled");
  ASSERT_TRUE(create());
  std::vector<float> buffer(4096);
  const void *in[] = {buffer.data()};
  void *out[] = {buffer.data(), buffer.data(), buffer.data()};
  EXPECT_EQ(
      instance->run(entry, in, out).message(),
      "cuda: describing a tensor of 64x64 elements, lines and more apart by 256 bytes to twice: "
      "the driver has no cuTensorMapEncodeTiled; install a newer one");
}
