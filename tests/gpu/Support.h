// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The program of tests/runtime/Support.h for a GPU, and the device that is not there.
#pragma once

#include "tests/gpu/FakeCuda.h"
#include "tests/runtime/Support.h"

#include <cstdlib>
#include <dlfcn.h>
#include <utility>

namespace fluxion::rt::test {

inline const fake::Control &fakeCuda() {
  static const fake::Control *control = [] {
    setenv("FLUXION_LIBCUDA", FLUXION_FAKE_CUDA, 1);
    void *library = dlopen(FLUXION_FAKE_CUDA, RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(library, nullptr) << dlerror();
    return static_cast<const fake::Control *>(dlsym(library, "fluxion_fake_cuda"));
  }();
  return *control;
}

// ---- Kernels: parameters in the order of the launches below ------------------------------------

inline bool guarded(void *const *args, int guard) {
  return args[guard] && *static_cast<const char *>(args[guard]) == 0;
}
inline void initKernel(void *const *args, const unsigned *, const unsigned *, unsigned, void *) {
  init(nullptr, args[1], nullptr, &args[0], nullptr);
}
inline void isValid(void *const *args, const unsigned *, const unsigned *, unsigned, void *) {
  *static_cast<char *>(args[1]) = *static_cast<const float *>(args[0]) >= 0;
}
inline void addValue(void *const *args, const unsigned *, const unsigned *, unsigned, void *) {
  if (guarded(args, 4))
    return;
  step(nullptr, args[1], nullptr, &args[0], &args[2]);
}

// Rows and columns exchanged; `user` is the pair of their numbers.
inline void swapSides(void *const *args, const unsigned *, const unsigned *, unsigned, void *user) {
  auto [rows, columns] = *static_cast<std::pair<int, int> *>(user);
  for (int i = 0; i < rows * columns; ++i)
    static_cast<float *>(args[1])[i % columns * rows + i / columns] =
        static_cast<const float *>(args[0])[i];
}

inline const fx_place initArgs[] = {{FX_SPACE_INPUT, 0, 0}, {FX_SPACE_STATE, 0, 0}};
inline const fx_place validArgs[] = {
    {FX_SPACE_INPUT, 0, 0}, {FX_SPACE_ARENA, 0, 0}, {FX_SPACE_NONE, 0, 0}, {FX_SPACE_NONE, 0, 0}};
inline const fx_place addArgs[] = {{FX_SPACE_INPUT, 0, 0},
                                   {FX_SPACE_STATE, 0, 0},
                                   {FX_SPACE_OUTPUT, 0, 0},
                                   {FX_SPACE_NONE, 0, 0},
                                   {FX_SPACE_ARENA, 0, 0}};
// Without shared memory, maps, a check or anything before it.
template <size_t N>
constexpr fx_launch launchOf(const char *kernel, const char *where, const fx_place (&args)[N],
                             uint32_t blocks, uint32_t threads) {
  fx_launch launch{};
  launch.kernel = kernel, launch.where = where;
  launch.grid[0] = blocks, launch.block[0] = threads;
  for (int d : {1, 2})
    launch.grid[d] = launch.block[d] = 1;
  launch.num_args = N, launch.args = args, launch.guard = -1;
  return launch;
}
inline const fx_launch initLaunches[] = {launchOf("init_kernel", "net.cpp:3:1", initArgs, 1, 32)};
inline const uint32_t addAfter[] = {0};
constexpr fx_launch addLaunch() {
  fx_launch launch = launchOf("add_value", "net.cpp:8:3", addArgs, 1, 32);
  launch.shared_bytes = 64 << 10, launch.guard = 0;
  launch.num_after = 1, launch.after = addAfter, launch.flags = FX_LAUNCH_DEPENDENT;
  return launch;
}
inline const fx_launch stepLaunches[] = {launchOf("is_valid", "net.cpp:7:3", validArgs, 1, 32),
                                         addLaunch()};
inline const fx_place stepCheckPlaces[] = {{FX_SPACE_ARENA, 0, 0}};
inline const int32_t stepCheckLaunches[] = {0};
inline const fx_probe stepProbes[] = {{"net.bias", FX_F32, 1, {FX_SPACE_STATE, 0, 64}, 3},
                                      {"value", FX_F32, 1, {FX_SPACE_OUTPUT, 0, 0}, 1}};
inline const fx_entry gpuEntries[] = {
    {"init", nullptr, 1, 0, 0, 1, seedInput, nullptr, nullptr, 0, 1, 0, initLaunches, nullptr,
     nullptr, nullptr, 0, 0, nullptr},
    {"step", nullptr, 1, 1, 1, 2, floatValue, floatValue, stepChecks, 64, 2, 0, stepLaunches,
     nullptr, stepCheckPlaces, stepCheckLaunches, 2, 0, stepProbes}};
inline const fx_image gpuImages[] = {{"sm_80", FX_IMAGE_PTX, 0, 4, "ptx"}};

inline fx_program gpuProgram() {
  fx_program made = program();
  made.target = "cuda:sm_80", made.entries = gpuEntries;
  made.num_images = 1, made.images = gpuImages;
  made.runtime = &fx_cuda_runtime;
  return made;
}

inline void defineKernels() {
  fakeCuda().reset();
  fakeCuda().define("init_kernel", 2, initKernel, nullptr);
  fakeCuda().define("is_valid", 4, isValid, nullptr);
  fakeCuda().define("add_value", 5, addValue, nullptr);
}

} // namespace fluxion::rt::test
