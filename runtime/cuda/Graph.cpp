// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cuda/Graph.h"

namespace fluxion::rt::cuda {

GraphBuilder::~GraphBuilder() {
  if (graph)
    driver.cuGraphDestroy(graph);
}

CUresult GraphBuilder::begin() { return driver.cuGraphCreate(&graph, 0); }

CUresult GraphBuilder::addKernel(const CUkernelNodeParams &kernel,
                                 const std::vector<CUgraphNode> &after, bool dependent,
                                 CUgraphNode &out) {
  if (!dependent || after.empty() || !driver.cuGraphAddDependencies_v2)
    return driver.cuGraphAddKernelNode(&out, graph, after.data(), after.size(), &kernel);
  CUresult result = driver.cuGraphAddKernelNode(&out, graph, nullptr, 0, &kernel);
  if (result != CUDA_SUCCESS)
    return result;
  std::vector<CUgraphNode> to(after.size(), out);
  std::vector<CUgraphEdgeData> edges(after.size(), programmaticEdge);
  return driver.cuGraphAddDependencies_v2(graph, after.data(), to.data(), edges.data(),
                                          after.size());
}

CUresult GraphBuilder::addCopy(CUmemcpy3D::Side to, CUdeviceptr from, uint64_t bytes,
                               const std::vector<CUgraphNode> &after, CUgraphNode &out) {
  CUmemcpy3D copy{};
  copy.from.memoryType = deviceMemory, copy.from.device = from;
  copy.to = to;
  copy.widthInBytes = bytes, copy.height = 1, copy.depth = 1;
  return driver.cuGraphAddMemcpyNode(&out, graph, after.data(), after.size(), &copy, context);
}

CUresult GraphBuilder::addCopyToHost(void *to, CUdeviceptr from, uint64_t bytes,
                                     const std::vector<CUgraphNode> &after, CUgraphNode &out) {
  CUmemcpy3D::Side side{};
  side.memoryType = hostMemory, side.host = to;
  return addCopy(side, from, bytes, after, out);
}

CUresult GraphBuilder::addCopy(CUdeviceptr to, CUdeviceptr from, uint64_t bytes,
                               const std::vector<CUgraphNode> &after, CUgraphNode &out) {
  CUmemcpy3D::Side side{};
  side.memoryType = deviceMemory, side.device = to;
  return addCopy(side, from, bytes, after, out);
}

CUresult GraphBuilder::addRecorded(CUstream stream, const std::function<CUresult()> &record,
                                   const std::vector<CUgraphNode> &after, CUgraphNode &out) {
  CUgraph part = nullptr;
  CUresult result = driver.cuStreamBeginCapture(stream, relaxedCapture);
  if (result != CUDA_SUCCESS)
    return result;
  result = record();
  CUresult ended = driver.cuStreamEndCapture(stream, &part);
  if (result == CUDA_SUCCESS)
    result = ended;
  if (result == CUDA_SUCCESS)
    result = driver.cuGraphAddChildGraphNode(&out, graph, after.data(), after.size(), part);
  if (part)
    driver.cuGraphDestroy(part); // the node has a copy
  return result;
}

CUresult GraphBuilder::instantiate(GraphExec &out) {
  CUgraphExec exec = nullptr;
  CUresult result = driver.cuGraphInstantiateWithFlags(&exec, graph, 0);
  if (result == CUDA_SUCCESS)
    out = GraphExec(exec, driver.cuGraphExecDestroy);
  return result;
}

} // namespace fluxion::rt::cuda
