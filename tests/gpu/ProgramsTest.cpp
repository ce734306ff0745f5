// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiled programs through their launch tables: on the tests' own device, whose kernels are the
// emulated ones, and on a real one where there is one.
#include "fluxion/train.h"
#include "frontend/driver/DevicePeak.h"
#include "runtime/cuda/Driver.h"
#include "runtime/cuda/LaunchOrder.h"
#include "tests/gpu/ProgramSupport.h"

#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <unistd.h>

using namespace fluxion;
using namespace fluxion::test;

namespace {

// LeNet for the tests' device, and emulated: from there the device has its kernels.
struct Lenet {
  Program program = programOf("vision/lenet_digits", 2);
  driver::Product device, emulated;
  std::unique_ptr<codegen::LinkedProgram> bodies;

  explicit Lenet(const std::string &arch) {
    setenv("FLUXION_PTXAS", "", 1);
    device = productOf(program, "cuda:" + arch);
    emulated = productOf(program, "cuda-emulated:" + arch);
    bodies = defineKernels(emulated);
  }
};

// Every value that a step's probe sees, by name.
std::vector<std::pair<std::string, std::vector<std::byte>>> probed(rt::Instance &instance) {
  std::vector<std::pair<std::string, std::vector<std::byte>>> seen;
  const fx_entry &entry = *instance.entry("step");
  std::vector<Array> inputs = inputsOf(entry, 5);
  std::vector<const void *> in;
  for (const Array &input : inputs)
    in.push_back(input.data<char>());
  std::vector<float> values(entry.num_outputs);
  std::vector<void *> out;
  for (float &value : values)
    out.push_back(&value);
  auto probe = [&](const char *name, int32_t, const void *data, int64_t count) {
    auto *bytes = static_cast<const std::byte *>(data);
    seen.emplace_back(name, std::vector<std::byte>(bytes, bytes + 4 * count));
  };
  EXPECT_TRUE(instance.initialise(3));
  rt::Status status = instance.run(entry, in, out, probe);
  EXPECT_TRUE(status) << status.message();
  return seen;
}

// Two steps in flight, then an evaluation: all results, and the state at the end.
std::vector<float> results(rt::Instance &instance, int steps) {
  EXPECT_TRUE(instance.initialise(3));
  std::vector<float> all;
  for (const char *name : {"step", "evaluate"}) {
    const fx_entry &entry = *instance.entry(name);
    int runs = name[0] == 's' ? steps : 1;
    std::vector<std::vector<float>> values(runs, std::vector<float>(entry.num_outputs));
    for (int run = 0; run < runs; ++run) {
      std::vector<Array> inputs = inputsOf(entry, 100 * run);
      std::vector<const void *> in;
      std::vector<void *> out;
      for (const Array &input : inputs)
        in.push_back(input.data<char>());
      for (float &value : values[run])
        out.push_back(&value);
      rt::Status status = instance.submit(entry, in, out);
      EXPECT_TRUE(status) << status.message();
      if (run > 0)
        EXPECT_TRUE(instance.wait());
    }
    rt::Status status = instance.wait();
    EXPECT_TRUE(status) << status.message();
    for (auto &list : values)
      all.insert(all.end(), list.begin(), list.end());
  }
  return all;
}

std::vector<std::byte> stateOf(const rt::Instance &instance) {
  std::vector<std::byte> state(instance.program().state_bytes);
  EXPECT_TRUE(instance.readState(state.data()));
  return state;
}

} // namespace

TEST(Programs, launchTablesDoWhatTheEmulatedProgramDoes) {
  Lenet lenet("sm_90a");
  for (const char *shape : {"branches", "line"}) {
    setenv("FLUXION_CUDA_GRAPH", shape, 1);
    Running onDevice = start(lenet.device), onHost = start(lenet.emulated);
    unsetenv("FLUXION_CUDA_GRAPH");
    ASSERT_NE(onDevice.instance, nullptr);
    EXPECT_STREQ(onDevice.instance->program().target, "cuda:sm_90a");
    auto before = rt::test::fakeCuda().counts();
    EXPECT_EQ(results(*onDevice.instance, 2), results(*onHost.instance, 2));
    EXPECT_EQ(stateOf(*onDevice.instance), stateOf(*onHost.instance));
    auto after = rt::test::fakeCuda().counts();
    EXPECT_EQ(after.graphs - before.graphs, 4u); // init, step twice, evaluate
    EXPECT_GT(after.programmaticEdges - before.programmaticEdges, 10u);
    auto seen = probed(*onDevice.instance);
    EXPECT_GT(seen.size(), 10u);
    EXPECT_EQ(seen, probed(*onHost.instance));
    onDevice.instance.reset();
    EXPECT_EQ(rt::test::fakeCuda().counts().deviceBytes, 0u);
  }
}

// The host starts a step of some hundred launches as quickly as one of a few only where they are
// one line of kernels; so few run beside others there that the device loses little.
TEST(Programs, aDeepNetIsOneLine) {
  setenv("FLUXION_PTXAS", "", 1);
  Program resnet = programOf("vision/resnet20", 2);
  driver::Product product = productOf(resnet, "cuda:sm_90a");
  auto linked = driver::link(product);
  const fx_program &program = *linked->program();
  const fx_entry *step =
      std::find_if(program.entries, program.entries + program.num_entries,
                   [](const fx_entry &e) { return e.name == std::string("step"); });
  EXPECT_LE(step->num_launches, 220u);
  EXPECT_TRUE(rt::cuda::LaunchOrder(*step, rt::cuda::GraphShape::Fitting).isLine);
  // What is implied by others is left out: no launch has as many after it as there are in the net.
  std::vector<size_t> followers(step->num_launches);
  for (uint32_t l = 0; l < step->num_launches; ++l)
    for (uint32_t a = 0; a < step->launches[l].num_after; ++a)
      EXPECT_LE(++followers[step->launches[l].after[a]], 5u) << step->launches[l].kernel;
}

// Training on ten images; returns what is said on stderr.
std::string train(rt::Instance &instance, const rt::test::Folder &folder,
                  std::vector<std::string> options, int code) {
  std::string rows;
  for (int row = 0; row < 10; ++row) {
    for (int pixel = 0; pixel < 64; ++pixel)
      rows += std::to_string((row + pixel) % 17) + ",";
    rows += std::to_string(row) + "\n";
  }
  rt::test::write(folder / "digits.csv", rows);
  options.insert(options.begin(), {"train", "--data=" + (folder / "digits.csv")});
  std::vector<char *> argv;
  for (std::string &option : options)
    argv.push_back(option.data());
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  EXPECT_EQ(rt::trainMain(instance, "digits", (int)argv.size(), argv.data(), {}), code);
  testing::internal::GetCapturedStdout();
  return testing::internal::GetCapturedStderr();
}

// A convolution whose weights are so large that its sums overflow.
TEST(Programs, trainingNamesTheFirstTensorThatIsNotFinite) {
  Lenet lenet("sm_80");
  rt::test::Folder folder;
  std::string errors[2], large = folder / "large.safetensors", saved = folder / "saved.safetensors";
  for (int onHost : {0, 1}) {
    Running running = start(onHost ? lenet.emulated : lenet.device);
    ASSERT_TRUE(running.instance->initialise(3));
    const fx_program &description = running.instance->program();
    const fx_tensor *weight =
        std::find_if(description.state, description.state + description.num_state,
                     [](const fx_tensor &item) { return item.role == FX_PARAM && item.rank == 4; });
    std::vector<float> values(weight->bytes / 4, 3e38f);
    ASSERT_TRUE(running.instance->writeItem(*weight, values.data()));
    ASSERT_TRUE(rt::saveState(*running.instance, large));
    errors[onHost] = train(*running.instance, folder, {"--resume=" + large, "--save=" + saved}, 1);
    EXPECT_EQ(rt::test::read(saved), rt::test::read(large));
    EXPECT_THAT(errors[onHost], testing::HasSubstr(weight->name));
  }
  EXPECT_THAT(errors[0], testing::MatchesRegex(
                             "error: step 1: the loss is not finite; first offending tensor: "
                             ".*conv2d.* f32.*; the last good state, of step 0, is "
                             "in .*saved.safetensors\n"));
  EXPECT_EQ(errors[0], errors[1]);
}

TEST(Programs, aDeviceLostInTrainingLeavesTheLastState) {
  Lenet lenet("sm_80");
  rt::test::Folder folder;
  std::string saved = folder / "saved.safetensors", expected = folder / "expected.safetensors";
  Running running = start(lenet.device);
  rt::test::fakeCuda().fail("cuGraphLaunch", 3, 719); // init, two steps
  std::string error =
      train(*running.instance, folder, {"--save=" + saved, "--snapshot-every=1"}, 1);
  EXPECT_THAT(error, testing::MatchesRegex(
                         "error: step 3: cuda: starting step of vision/lenet_digits: "
                         "CUDA_ERROR_LAUNCH_FAILED, as the test asked; the device is lost to this "
                         "process; the last good state, of step 2, is in .*saved.safetensors\n"));
  Running again = start(lenet.device);
  EXPECT_EQ(train(*again.instance, folder, {"--save=" + expected, "--batch-limit=2"}, 0), "");
  EXPECT_EQ(rt::test::read(saved), rt::test::read(expected));
}

// Yardsticks of the device are kernels of their own, run as programs are.
TEST(Programs, devicePeaksAreMeasuredByKernels) {
  auto nothing = [](void *const *, const unsigned *, const unsigned *, unsigned, void *) {};
  rt::test::fakeCuda().reset();
  EXPECT_THROW(driver::devicePeak(driver::Arithmetic::f32), std::runtime_error); // no such kernel
  for (const char *kernel :
       {"fx_peak_f32", "fx_peak_f64", "fx_peak_tf32", "fx_peak_bf16", "fx_peak_f16"})
    rt::test::fakeCuda().define(kernel, 1, nothing, nullptr);
  auto copy = [](void *const *args, const unsigned grid[3], const unsigned block[3], unsigned,
                 void *) { std::memcpy(args[1], args[0], size_t(grid[0]) * block[0] * 64); };
  rt::test::fakeCuda().define("fx_peak_copy", 2, copy, nullptr);
  for (driver::Arithmetic arithmetic : {driver::Arithmetic::f32, driver::Arithmetic::bf16}) {
    double peak = driver::devicePeak(arithmetic);
    EXPECT_GT(peak, 0);
    EXPECT_GE(driver::devicePeak(arithmetic), peak); // the best so far
  }
  EXPECT_GT(driver::deviceCopyBandwidth(1 << 20), 0);
  EXPECT_EQ(rt::test::fakeCuda().counts().deviceBytes, 0u);
}

TEST(Programs, severalTargetsAreOneProgram) {
  Program program = programOf("vision/lenet_digits", 2);
  rt::test::fakeCuda().reset();
  rt::test::fakeCuda().setDevice(0, 0, 0, 0);
  Running running = start(productOf(program, "cuda:sm_80,cpu,cuda:sm_90a"));
  EXPECT_EQ(std::string(running.instance->program().target).substr(0, 4), "cpu:");
  EXPECT_NE(running.instance->note(), "");
  EXPECT_THROW(productOf(program, "cpu,cpu"), std::runtime_error);
  EXPECT_THROW(productOf(program, "cpu,"), std::runtime_error);
}

class OnDevice : public testing::TestWithParam<const char *> {
  void SetUp() override {
    unsetenv("FLUXION_LIBCUDA");
    unsetenv("FLUXION_PTXAS");
    std::string arch;
    if (rt::Status status = rt::deviceArch(arch); !status)
      GTEST_SKIP() << "needs an NVIDIA GPU: " << status.message();
  }
  void TearDown() override { setenv("FLUXION_LIBCUDA", FLUXION_FAKE_CUDA, 1); }
};

TEST_P(OnDevice, stepsFollowTheCpu) {
  Program program = programOf(GetParam(), 32);
  Running device = start(productOf(program, "cuda")), host = start(productOf(program, "cpu"));
  ASSERT_TRUE(device.instance && host.instance);
  std::vector<float> found = results(*device.instance, 20), expected = results(*host.instance, 20);
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 2e-3 * std::fabs(expected[i]) + 1e-5) << i;
}

// What the device has left, in the context that is current, and what this process holds.
uint64_t usedOnDevice() {
  rt::cuda::Device device;
  EXPECT_TRUE(rt::cuda::Device::find(device));
  size_t free = 0, total = 0;
  EXPECT_EQ(device.driver->cuMemGetInfo(&free, &total), 0);
  return total - free;
}
uint64_t residentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t mapped = 0, resident = 0;
  statm >> mapped >> resident;
  return resident * uint64_t(sysconf(_SC_PAGESIZE));
}

TEST_P(OnDevice, aThousandStepsTakeNoMemory) {
  Running device = start(productOf(programOf(GetParam(), 8), "cuda"));
  ASSERT_TRUE(device.instance);
  results(*device.instance, 20);
  uint64_t onDevice = usedOnDevice(), onHost = residentBytes();
  results(*device.instance, 1000);
  EXPECT_EQ(usedOnDevice(), onDevice);
  EXPECT_LE(residentBytes(), onHost + (1 << 20));
}

INSTANTIATE_TEST_SUITE_P(Zoo, OnDevice,
                         testing::Values("vision/mlp", "vision/lenet", "vision/resnet20"));
