// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiled programs through their launch tables: on the tests' own device, whose kernels are the
// emulated ones, and on a real one where there is one.
#include "codegen/llvm/Jit.h"
#include "fluxion/fluxion.h"
#include "fluxion/simt.h"
#include "frontend/driver/Compile.h"
#include "frontend/driver/commands/FileProgram.h"
#include "tests/gpu/Support.h"

#include <cmath>
#include <map>

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
  Running onDevice = start(device), onHost = start(emulated);
  ASSERT_NE(onDevice.instance, nullptr);
  EXPECT_STREQ(onDevice.instance->program().target, "cuda:sm_90a");
  EXPECT_EQ(results(*onDevice.instance, 2), results(*onHost.instance, 2));
  EXPECT_EQ(stateOf(*onDevice.instance), stateOf(*onHost.instance));
  EXPECT_EQ(rt::test::fakeCuda().counts().graphs, 4u); // init, step twice, evaluate
  EXPECT_GT(rt::test::fakeCuda().counts().programmaticEdges, 10u);
  onDevice.instance.reset();
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

INSTANTIATE_TEST_SUITE_P(Zoo, OnDevice,
                         testing::Values("vision/mlp", "vision/lenet", "vision/resnet20"));
