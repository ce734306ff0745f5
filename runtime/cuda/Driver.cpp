// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cuda/Driver.h"

#include <cstdlib>
#include <dlfcn.h>

namespace fluxion::rt::cuda {
namespace {

using GetProcAddress = CUresult (*)(const char *, void **, int, uint64_t, int *);

// "sm_90a" as 90 and whether it runs on that device alone; 0 where it is no such name.
int archNumber(const std::string &arch, bool &only) {
  char *end = nullptr;
  long number = arch.rfind("sm_", 0) == 0 ? std::strtol(arch.c_str() + 3, &end, 10) : 0;
  only = end && *end == 'a';
  return (int)number;
}

} // namespace

Status Driver::open(std::shared_ptr<const Driver> &out) {
  const char *given = std::getenv("FLUXION_LIBCUDA");
  const char *path = given && *given ? given : "libcuda.so.1";
  auto none = [](const std::string &why) {
    return Status(Status::Kind::NoDevice, "no CUDA device: " + why);
  };
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return none(std::string(path) + " cannot be loaded; install the NVIDIA driver");
  auto find = reinterpret_cast<GetProcAddress>(dlsym(library, "cuGetProcAddress_v2"));
  if (!find)
    return none(std::string(path) + " is older than CUDA 12; install a newer NVIDIA driver");
  auto driver = std::make_shared<Driver>();
  std::string missing;
  auto load = [&](const char *name) -> void * {
    void *address = nullptr;
    int found = 0;
    if (find(name, &address, apiVersion, 0, &found) != CUDA_SUCCESS)
      address = nullptr;
    return address;
  };
#define FLUXION_CUDA_LOAD(name, ...)                                                               \
  driver->name = reinterpret_cast<CUresult (*)(__VA_ARGS__)>(load(#name));                         \
  if (!driver->name && missing.empty())                                                            \
    missing = #name;
  FLUXION_CUDA_FUNCTIONS(FLUXION_CUDA_LOAD)
#undef FLUXION_CUDA_LOAD
  if (!missing.empty())
    return none(std::string(path) + " has no " + missing + "; install a newer NVIDIA driver");
  driver->cuTensorMapEncodeTiled =
      reinterpret_cast<TensorMapEncodeTiled>(load("cuTensorMapEncodeTiled"));
  driver->cuGraphAddDependencies_v2 =
      reinterpret_cast<GraphAddDependencies>(dlsym(library, "cuGraphAddDependencies_v2"));
  if (CUresult result = driver->cuInit(0); result != CUDA_SUCCESS)
    return none(driver->words(result));
  out = driver;
  return {};
}

std::string Driver::words(CUresult result) const {
  const char *name = nullptr, *text = nullptr;
  cuGetErrorName(result, &name);
  cuGetErrorString(result, &text);
  return (name ? name : "CUDA error " + std::to_string((int)result)) +
         (text ? std::string(", ") + text : "");
}

bool isLoss(CUresult result) {
  return result == CUDA_ERROR_DEVICE_UNAVAILABLE || result == CUDA_ERROR_ECC_UNCORRECTABLE ||
         (result >= CUDA_ERROR_ILLEGAL_ADDRESS && result <= CUDA_ERROR_LAUNCH_TIMEOUT &&
          result != 701) ||
         (result >= CUDA_ERROR_HARDWARE_STACK_ERROR && result <= CUDA_ERROR_LAUNCH_FAILED);
}

Status Driver::status(CUresult result, const std::string &what) const {
  if (result == CUDA_SUCCESS)
    return {};
  Status::Kind kind = result == CUDA_ERROR_OUT_OF_MEMORY ? Status::Kind::OutOfMemory
                      : isLoss(result)                   ? Status::Kind::DeviceLost
                                                         : Status::Kind::DeviceFailed;
  return {kind,
          "cuda: " + what + ": " + words(result) +
              (kind == Status::Kind::DeviceLost ? "; the device is lost to this process" : "")};
}

Status Device::find(Device &out) {
  if (Status status = Driver::open(out.driver); !status)
    return status;
  const Driver &driver = *out.driver;
  int count = 0;
  driver.cuDeviceGetCount(&count);
  if (count == 0 || driver.cuDeviceGet(&out.handle, 0) != CUDA_SUCCESS)
    return {Status::Kind::NoDevice, "no CUDA device: the driver shows none to this process; see "
                                    "nvidia-smi and CUDA_VISIBLE_DEVICES"};
  char name[256] = "";
  driver.cuDeviceGetName(name, sizeof name, out.handle);
  out.name = name;
  driver.cuDeviceGetAttribute(&out.major, computeCapabilityMajor, out.handle);
  driver.cuDeviceGetAttribute(&out.minor, computeCapabilityMinor, out.handle);
  return {};
}

std::string Device::arch() const { return "sm_" + std::to_string(major) + std::to_string(minor); }

const fx_image *Device::choose(const fx_program &program) const {
  const fx_image *best = nullptr;
  int bestScore = 0, own = 10 * major + minor;
  for (uint32_t i = 0; i < program.num_images; ++i) {
    const fx_image &image = program.images[i];
    bool only = false, machineCode = image.kind == FX_IMAGE_CUBIN;
    int number = archNumber(image.arch, only);
    bool runs = only          ? number == own
                : machineCode ? number / 10 == major && number <= own
                              : number > 0 && number <= own;
    int score = 4 * number + 2 * only + machineCode;
    if (runs && score > bestScore)
      best = &image, bestScore = score;
  }
  return best;
}

} // namespace fluxion::rt::cuda
