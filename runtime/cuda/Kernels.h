// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A program's code on the device: its module, kernels by name, and how one is launched.
#pragma once

#include "runtime/cuda/Graph.h"

#include <map>
#include <vector>

namespace fluxion::rt::cuda {

// Where the blocks of a program lie while an entry point runs.
struct Addresses {
  CUdeviceptr state = 0, arena = 0, constants = 0;
  std::vector<CUdeviceptr> inputs, outputs;
  CUdeviceptr of(const fx_place &place) const;
};

class Kernels {
public:
  // Loads the image that suits the device and finds every kernel the tables name.
  static Status load(const Device &device, const fx_program &program, Kernels &out);
  // Why no image of the program suits the device.
  static Status refusal(const Device &device, const fx_program &program);
  Status launch(const fx_launch &launch, const Addresses &addresses, CUstream stream) const;
  // The same as a node of a graph, see GraphBuilder::addKernel.
  Status add(const fx_launch &launch, const Addresses &addresses,
             const std::vector<CUgraphNode> &after, bool dependent, GraphBuilder &graph,
             CUgraphNode &out) const;

private:
  std::shared_ptr<const Driver> driver;
  Module module;
  std::map<std::string, CUfunction> functions;

  Status loadImage(const fx_image &image, const fx_program &program);
  Status find(const fx_program &program);
  Status find(const fx_launch &launch, uint32_t &most);
  struct Parameters {
    std::vector<CUdeviceptr> pointers;
    std::vector<CUtensorMap> maps;
    std::vector<void *> all; // addresses of those
  };
  Status parametersOf(const fx_launch &launch, const Addresses &addresses, Parameters &out) const;
  Status encode(const fx_tensor_map &map, const Addresses &addresses, const fx_launch &launch,
                CUtensorMap &out) const;
};

// "matmul_bias_3 (zoo/vision/mlp.cpp:12:20)"
std::string nameOf(const fx_launch &launch);

} // namespace fluxion::rt::cuda
