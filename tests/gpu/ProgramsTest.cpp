// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiled programs through their launch tables: on the tests' own device, whose kernels are the
// emulated ones, and on a real one where there is one.
#include "codegen/llvm/Jit.h"
#include "fluxion/fluxion.h"
#include "fluxion/simt.h"
#include "fluxion/train.h"
#include "frontend/driver/Compile.h"
#include "frontend/driver/DevicePeak.h"
#include "frontend/driver/commands/FileProgram.h"
#include "runtime/cuda/Driver.h"
#include "runtime/cuda/LaunchOrder.h"
#include "tests/gpu/Support.h"

#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <map>
#include <unistd.h>

using namespace fluxion;

namespace {

// A kernel as the emulated program launches it: its code and the sizes of its buffers.
struct Recorded {
  void (*body)(void *const *);
  std::vector<int64_t> bytes;
};
std::map<std::string, Recorded> recorded;

void record(fx_context *, void (*body)(void *const *), void *const *, const int64_t *bytes,
            int64_t count, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t,
            const char *kernel, const char *) {
  recorded[kernel] = {body, {bytes, bytes + count}};
}

void runOnFake(void *const *args, const unsigned grid[3], const unsigned block[3], unsigned shared,
               void *user) {
  const Recorded &kernel = *static_cast<const Recorded *>(user);
  std::vector<int64_t> bytes = kernel.bytes;
  bytes.back() = 1; // the guard
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = args[i] ? bytes[i] : 0;
  fx_simt_launch(nullptr, kernel.body, args, bytes.data(), (int64_t)bytes.size(), (int)grid[0],
                 (int)grid[1], (int)grid[2], (int)block[0], (int)block[1], (int)block[2],
                 (int)shared, "", "");
}

Program programOf(const std::string &name, int64_t batch) {
  for (const Model &model : models())
    if (name == model.name)
      return model.make({.batch = batch});
  throw std::runtime_error("no such model");
}

struct Running {
  std::unique_ptr<codegen::LinkedProgram> linked;
  std::unique_ptr<rt::Instance> instance;
};

driver::Product productOf(const Program &program, const std::string &target) {
  driver::Request request;
  request.name = program.impl->name;
  request.options.target = target;
  return driver::compileModule(*program.impl->module, request);
}

Running start(const driver::Product &product) {
  Running running;
  running.linked = driver::link(product);
  rt::Status status = rt::Instance::create(running.linked->program(), nullptr, running.instance);
  EXPECT_TRUE(status) << status.message();
  return running;
}

// Makes the emulated program's kernels those of the tests' device.
std::unique_ptr<codegen::LinkedProgram> defineKernels(const driver::Product &emulated) {
  recorded.clear();
  rt::test::fakeCuda().reset();
#define FX_ADDRESS(symbol) {#symbol, (void *)&symbol},
  std::vector<std::pair<std::string, void *>> symbols = {FX_SIMT_SYMBOLS(FX_ADDRESS)};
#undef FX_ADDRESS
  for (auto &[name, address] : symbols)
    if (name == "fx_simt_launch")
      address = (void *)&record;
  auto linked =
      llvm::cantFail(codegen::linkInProcess(emulated.objects, emulated.descriptor, symbols));
  const fx_program &program = *linked->program();
  rt::Arena state, arena;
  EXPECT_TRUE(rt::Arena::create(program.state_bytes + 64, state) &&
              rt::Arena::create(program.arena_bytes + 64, arena));
  for (uint32_t e = 0; e < program.num_entries; ++e) {
    const fx_entry &entry = program.entries[e];
    std::vector<std::vector<std::byte>> buffers;
    for (uint32_t i = 0; i < entry.num_inputs + entry.num_outputs; ++i)
      buffers.emplace_back(i < entry.num_inputs ? entry.inputs[i].bytes
                                                : entry.outputs[i - entry.num_inputs].bytes);
    std::vector<void *> pointers;
    for (auto &buffer : buffers)
      pointers.push_back(buffer.data());
    entry.run(nullptr, state.data(), arena.data(), pointers.data(),
              pointers.data() + entry.num_inputs);
  }
  for (auto &[name, kernel] : recorded)
    rt::test::fakeCuda().define(name.c_str(), (unsigned)kernel.bytes.size(), runOnFake, &kernel);
  return linked;
}

std::vector<Array> inputsOf(const fx_entry &entry, uint64_t seed) {
  std::vector<Array> inputs;
  for (uint32_t i = 0; i < entry.num_inputs; ++i)
    inputs.push_back(driver::randomArray(
        {DType(entry.inputs[i].dtype),
         Shape(entry.inputs[i].dims, entry.inputs[i].dims + entry.inputs[i].rank)},
        seed + i));
  return inputs;
}

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
  Program program = programOf("vision/lenet_digits", 2);
  setenv("FLUXION_PTXAS", "", 1);
  driver::Product device = productOf(program, "cuda:sm_90a"),
                  emulated = productOf(program, "cuda-emulated:sm_90a");
  auto bodies = defineKernels(emulated);
  for (const char *shape : {"branches", "line"}) {
    setenv("FLUXION_CUDA_GRAPH", shape, 1);
    Running onDevice = start(device), onHost = start(emulated);
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
  Program program = programOf("vision/lenet_digits", 2);
  setenv("FLUXION_PTXAS", "", 1);
  driver::Product products[] = {productOf(program, "cuda:sm_80"),
                                productOf(program, "cuda-emulated:sm_80")};
  auto bodies = defineKernels(products[1]);
  rt::test::Folder folder;
  std::string errors[2], large = folder / "large.safetensors", saved = folder / "saved.safetensors";
  for (int onHost : {0, 1}) {
    Running running = start(products[onHost]);
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
  Program program = programOf("vision/lenet_digits", 2);
  setenv("FLUXION_PTXAS", "", 1);
  driver::Product device = productOf(program, "cuda:sm_80"),
                  emulated = productOf(program, "cuda-emulated:sm_80");
  auto bodies = defineKernels(emulated);
  rt::test::Folder folder;
  std::string saved = folder / "saved.safetensors", expected = folder / "expected.safetensors";
  Running running = start(device);
  rt::test::fakeCuda().fail("cuGraphLaunch", 3, 719); // init, two steps
  std::string error =
      train(*running.instance, folder, {"--save=" + saved, "--snapshot-every=1"}, 1);
  EXPECT_THAT(error, testing::MatchesRegex(
                         "error: step 3: cuda: starting step of vision/lenet_digits: "
                         "CUDA_ERROR_LAUNCH_FAILED, as the test asked; the device is lost to this "
                         "process; the last good state, of step 2, is in .*saved.safetensors\n"));
  Running again = start(device);
  EXPECT_EQ(train(*again.instance, folder, {"--save=" + expected, "--batch-limit=2"}, 0), "");
  EXPECT_EQ(rt::test::read(saved), rt::test::read(expected));
}

// What the schedule gives to a library equals what the kernels in its place compute.
TEST(Programs, productsGoToALibraryWhereAScheduleSaysSo) {
  setenv("FLUXION_PTXAS", "", 1);
  setenv("FLUXION_CUBLASLT", FLUXION_FAKE_CUDA, 1);
  rt::test::Folder folder;
  struct Side {
    const char *left, *right, *how;
    bool leftTransposed, rightTransposed;
  };
  for (Side c :
       {Side{"6x10", "10x7", "contracting [1] x [0]", false, false},
        Side{"10x6", "7x10", "contracting [0] x [1]", true, true},
        Side{"3x6x10", "3x10x7", "batching [0] x [0] contracting [2] x [1]", false, false}}) {
    std::string left = std::string("tensor<") + c.left + "xf32>",
                right = std::string("tensor<") + c.right + "xf32>",
                result =
                    c.left[1] == 'x' && c.left[3] == 'x' ? "tensor<3x6x7xf32>" : "tensor<6x7xf32>";
    rt::test::write(folder / "product.mlir",
                    "func.func @main(%x: " + left + ", %y: " + right + ") -> " + result +
                        " attributes {fluxion.entry} { %z = fluxion.dot_general %x, %y " + c.how +
                        " : (" + left + ", " + right + ") -> " + result + " return %z : " + result +
                        " }\n");
    Program program = driver::readProgram(folder / "product.mlir");
    driver::Request request;
    request.name = "product";
    request.options.target = "cuda:sm_80", request.options.schedule = "backend=library";
    driver::Product device = driver::compileModule(*program.impl->module, request),
                    emulated = productOf(program, "cuda-emulated:sm_80");
    auto bodies = defineKernels(emulated);
    Running onDevice = start(device), onHost = start(emulated);
    const fx_entry &entry = *onDevice.instance->entry("main");
    const fx_product *product = entry.launches[0].product;
    ASSERT_NE(product, nullptr) << c.how;
    EXPECT_EQ(product->batches * product->m * product->n * product->k,
              (c.left[3] == 'x' ? 3 : 1) * 6 * 7 * 10);
    EXPECT_EQ(product->left_transposed, c.leftTransposed);
    EXPECT_EQ(product->right_transposed, c.rightTransposed);
    EXPECT_EQ(product->launches, entry.num_launches);
    std::vector<Array> inputs = inputsOf(entry, 3);
    std::vector<float> results[2];
    for (int host : {0, 1}) {
      results[host].resize(entry.outputs[0].bytes / 4);
      const void *in[] = {inputs[0].data<char>(), inputs[1].data<char>()};
      void *out[] = {results[host].data()};
      rt::Instance &instance = *(host ? onHost : onDevice).instance;
      rt::Status status = instance.run(*instance.entry("main"), in, out);
      ASSERT_TRUE(status) << status.message();
    }
    EXPECT_THAT(results[0], testing::Pointwise(testing::FloatNear(1e-4f), results[1])) << c.how;
    EXPECT_EQ(rt::test::fakeCuda().counts().libraryCalls, 1u);
    EXPECT_EQ(rt::test::fakeCuda().counts().kernels, 0u);
  }
  unsetenv("FLUXION_CUBLASLT");
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
