// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A CUDA graph in the making: kernels and copies, each after the nodes it needs.
#pragma once

#include "runtime/cuda/Memory.h"

#include <functional>
#include <vector>

namespace fluxion::rt::cuda {

class GraphBuilder {
public:
  GraphBuilder(const Driver &driver, CUcontext context) : driver(driver), context(context) {}
  ~GraphBuilder();
  GraphBuilder(const GraphBuilder &) = delete;
  GraphBuilder &operator=(const GraphBuilder &) = delete;

  CUresult begin();
  // `dependent`: the kernel waits by itself for the kernels it is after, so it may start early.
  CUresult addKernel(const CUkernelNodeParams &kernel, const std::vector<CUgraphNode> &after,
                     bool dependent, CUgraphNode &out);
  CUresult addCopyToHost(void *to, CUdeviceptr from, uint64_t bytes,
                         const std::vector<CUgraphNode> &after, CUgraphNode &out);
  CUresult addCopy(CUdeviceptr to, CUdeviceptr from, uint64_t bytes,
                   const std::vector<CUgraphNode> &after, CUgraphNode &out);
  // What `record` gives to the stream, as one node.
  CUresult addRecorded(CUstream stream, const std::function<CUresult()> &record,
                       const std::vector<CUgraphNode> &after, CUgraphNode &out);
  CUresult instantiate(GraphExec &out);

private:
  CUresult addCopy(CUmemcpy3D::Side to, CUdeviceptr from, uint64_t bytes,
                   const std::vector<CUgraphNode> &after, CUgraphNode &out);
  const Driver &driver;
  CUcontext context;
  CUgraph graph = nullptr;
};

} // namespace fluxion::rt::cuda
