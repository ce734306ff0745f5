// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cuda/Kernels.h"

#include <algorithm>

namespace fluxion::rt::cuda {
namespace {

// More than this needs to be asked for (CUDA C++ programming guide, shared memory).
constexpr uint32_t plainSharedBytes = 48 << 10;

} // namespace

std::string nameOf(const fx_launch &launch) {
  return std::string(launch.kernel) + (*launch.where ? std::string(" (") + launch.where + ")" : "");
}

CUdeviceptr Addresses::of(const fx_place &place) const {
  switch (place.space) {
  case FX_SPACE_STATE:
    return state + place.offset;
  case FX_SPACE_ARENA:
    return arena + place.offset;
  case FX_SPACE_CONSTANT:
    return constants + place.offset;
  case FX_SPACE_INPUT:
    return inputs[place.slot] + place.offset;
  case FX_SPACE_OUTPUT:
    return outputs[place.slot] + place.offset;
  default:
    return 0;
  }
}

Status Kernels::refusal(const Device &device, const fx_program &program) {
  std::string archs;
  for (uint32_t i = 0; i < program.num_images; ++i)
    if (archs.find(program.images[i].arch) == std::string::npos)
      archs += (archs.empty() ? "" : ", ") + std::string(program.images[i].arch);
  return {Status::Kind::NoDevice,
          std::string(program.name) + " has code for " + (archs.empty() ? "no GPU" : archs) +
              ", not for the device, " + device.name + " (" + device.arch() +
              "); build it with --target=cuda:" + device.arch()};
}

Status Kernels::load(const Device &device, const fx_program &program, Kernels &out) {
  out.driver = device.driver;
  const fx_image *image = device.choose(program);
  if (!image)
    return refusal(device, program);
  if (Status status = out.loadImage(*image, program); !status)
    return status;
  return out.find(program);
}

Status Kernels::loadImage(const fx_image &image, const fx_program &program) {
  char log[4096] = "";
  int options[] = {jitErrorLog, jitErrorLogBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof log)};
  CUmodule loaded = nullptr;
  CUresult result = driver->cuModuleLoadDataEx(&loaded, image.data, 2, options, values);
  if (result == CUDA_SUCCESS)
    module = Module(loaded, driver->cuModuleUnload);
  std::string what = "loading the " + std::string(image.arch) + " code of " + program.name;
  if (*log && result != CUDA_SUCCESS)
    what += " (" + std::string(log, std::find(log, log + sizeof log, '\n')) + ")";
  return driver->status(result, what);
}

Status Kernels::find(const fx_program &program) {
  std::map<std::string, uint32_t> shared;
  for (uint32_t e = 0; e < program.num_entries; ++e)
    for (uint32_t l = 0; l < program.entries[e].num_launches; ++l) {
      const fx_launch &launch = program.entries[e].launches[l];
      Status status = find(launch, shared[launch.kernel]);
      if (launch.call)
        for (const fx_launch *around : {launch.call->before, launch.call->behind})
          if (status && around)
            status = find(*around, shared[around->kernel]);
      if (!status)
        return status;
    }
  return {};
}

// `most`: shared memory that launches of this kernel were given so far.
Status Kernels::find(const fx_launch &launch, uint32_t &most) {
  auto [known, isNew] = functions.try_emplace(launch.kernel, nullptr);
  if (isNew)
    if (Status status =
            driver->status(driver->cuModuleGetFunction(&known->second, module.get(), launch.kernel),
                           "finding the kernel " + nameOf(launch));
        !status)
      return status;
  if (launch.shared_bytes <= std::max(most, plainSharedBytes))
    return {};
  most = launch.shared_bytes;
  return driver->status(driver->cuFuncSetAttribute(known->second, maxDynamicSharedBytes, (int)most),
                        "giving " + nameOf(launch) + " " + std::to_string(most) +
                            " bytes of shared memory");
}

Status Kernels::encode(const fx_tensor_map &map, const Addresses &addresses,
                       const fx_launch &launch, CUtensorMap &out) const {
  std::string sizes = std::to_string(map.dims[0]), lines;
  for (uint32_t d = 1; d < map.rank; ++d) {
    sizes = std::to_string(map.dims[d]) + "x" + sizes;
    lines += (d > 1 ? ", " : ", lines and more apart by ") + std::to_string(map.strides[d - 1]);
  }
  std::string what = "describing a tensor of " + sizes + " elements" + lines +
                     (map.rank > 1 ? " bytes" : "") + " to " + nameOf(launch);
  if (!driver->cuTensorMapEncodeTiled)
    return {Status::Kind::DeviceFailed,
            "cuda: " + what + ": the driver has no cuTensorMapEncodeTiled; install a newer one"};
  constexpr unsigned promoteTo256 = 3;
  // The driver counts the elements that a box steps over too.
  uint32_t box[5];
  for (uint32_t d = 0; d < 5; ++d)
    box[d] = map.box[d] * map.steps[d];
  return driver->status(
      driver->cuTensorMapEncodeTiled(&out, map.data_type, map.rank,
                                     reinterpret_cast<void *>(addresses.of(map.base)), map.dims,
                                     map.strides, box, map.steps, /*interleave=*/0, map.swizzle,
                                     promoteTo256, /*outOfBoundsFill=*/0),
      what);
}

Status Kernels::parametersOf(const fx_launch &launch, const Addresses &addresses,
                             Parameters &out) const {
  out.pointers.resize(launch.num_args);
  out.maps.resize(launch.num_maps);
  for (uint32_t i = 0; i < launch.num_args; ++i) {
    out.pointers[i] = addresses.of(launch.args[i]);
    out.all.push_back(&out.pointers[i]);
  }
  for (uint32_t i = 0; i < launch.num_maps; ++i) {
    if (Status status = encode(launch.maps[i], addresses, launch, out.maps[i]); !status)
      return status;
    out.all.push_back(&out.maps[i]);
  }
  return {};
}

Status Kernels::launch(const fx_launch &launch, const Addresses &addresses, CUstream stream) const {
  Parameters parameters;
  if (Status status = parametersOf(launch, addresses, parameters); !status)
    return status;
  return driver->status(
      driver->cuLaunchKernel(functions.at(launch.kernel), launch.grid[0], launch.grid[1],
                             launch.grid[2], launch.block[0], launch.block[1], launch.block[2],
                             launch.shared_bytes, stream, parameters.all.data(), nullptr),
      "launching " + nameOf(launch));
}

Status Kernels::add(const fx_launch &launch, const Addresses &addresses,
                    const std::vector<CUgraphNode> &after, bool dependent, GraphBuilder &graph,
                    CUgraphNode &out) const {
  Parameters parameters;
  if (Status status = parametersOf(launch, addresses, parameters); !status)
    return status;
  CUkernelNodeParams node{functions.at(launch.kernel),
                          launch.grid[0],
                          launch.grid[1],
                          launch.grid[2],
                          launch.block[0],
                          launch.block[1],
                          launch.block[2],
                          launch.shared_bytes,
                          parameters.all.data(),
                          nullptr,
                          nullptr,
                          nullptr};
  return driver->status(graph.addKernel(node, after, dependent, out),
                        "launching " + nameOf(launch));
}

} // namespace fluxion::rt::cuda
