// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiled programs on the tests' own device, whose kernels are the emulated ones.
#pragma once

#include "codegen/llvm/Jit.h"
#include "fluxion/fluxion.h"
#include "fluxion/simt.h"
#include "frontend/driver/Compile.h"
#include "frontend/driver/commands/FileProgram.h"
#include "tests/gpu/Support.h"

#include <map>

namespace fluxion::test {

// A kernel as the emulated program launches it: its code and the sizes of its buffers.
struct Recorded {
  void (*body)(void *const *);
  std::vector<int64_t> bytes;
};
inline std::map<std::string, Recorded> recorded;

inline void record(fx_context *, void (*body)(void *const *), void *const *, const int64_t *bytes,
                   int64_t count, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t,
                   const char *kernel, const char *) {
  recorded[kernel] = {body, {bytes, bytes + count}};
}

inline void runOnFake(void *const *args, const unsigned grid[3], const unsigned block[3],
                      unsigned shared, void *user) {
  const Recorded &kernel = *static_cast<const Recorded *>(user);
  std::vector<int64_t> bytes = kernel.bytes;
  bytes.back() = 1; // the guard
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = args[i] ? bytes[i] : 0;
  fx_simt_launch(nullptr, kernel.body, args, bytes.data(), (int64_t)bytes.size(), (int)grid[0],
                 (int)grid[1], (int)grid[2], (int)block[0], (int)block[1], (int)block[2],
                 (int)shared, "", "");
}

inline Program programOf(const std::string &name, int64_t batch) {
  for (const Model &model : models())
    if (name == model.name)
      return model.make({.batch = batch});
  throw std::runtime_error("no such model");
}

struct Running {
  std::unique_ptr<codegen::LinkedProgram> linked;
  std::unique_ptr<rt::Instance> instance;
};

inline driver::Product productOf(const Program &program, const std::string &target) {
  driver::Request request;
  request.name = program.impl->name;
  request.options.target = target;
  return driver::compileModule(*program.impl->module, request);
}

inline Running start(const driver::Product &product) {
  Running running;
  running.linked = driver::link(product);
  rt::Status status = rt::Instance::create(running.linked->program(), nullptr, running.instance);
  EXPECT_TRUE(status) << status.message();
  return running;
}

// Makes the emulated program's kernels those of the tests' device.
inline std::unique_ptr<codegen::LinkedProgram> defineKernels(const driver::Product &emulated) {
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

inline std::vector<Array> inputsOf(const fx_entry &entry, uint64_t seed) {
  std::vector<Array> inputs;
  for (uint32_t i = 0; i < entry.num_inputs; ++i)
    inputs.push_back(driver::randomArray(
        {DType(entry.inputs[i].dtype),
         Shape(entry.inputs[i].dims, entry.inputs[i].dims + entry.inputs[i].rank)},
        seed + i));
  return inputs;
}

} // namespace fluxion::test
