// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/gpu/FakeState.h"

#include <array>
#include <cstdlib>
#include <cstring>

using namespace fluxion::fake;

namespace fluxion::fake {

State state;

CUresult before(const char *function) {
  if (state.lost)
    return CUresult(state.lost);
  auto asked = state.failures.find(function);
  if (asked == state.failures.end() || asked->second.first-- > 0)
    return CUDA_SUCCESS;
  CUresult result = CUresult(asked->second.second);
  state.failures.erase(asked);
  return result;
}

void enqueue(CUstream stream, Work work) {
  (stream->recording ? stream->recorded : stream->work).push_back(std::move(work));
}

bool inside(const std::map<uint64_t, size_t> &blocks, uint64_t address, size_t bytes) {
  auto after = blocks.upper_bound(address);
  if (after == blocks.begin())
    return false;
  auto block = std::prev(after);
  return address + bytes <= block->first + block->second;
}

} // namespace fluxion::fake

namespace {

// Nothing is erased, so that positions of events stay valid.
void drain(CUstream stream, size_t upTo) {
  while (stream->done < upTo) {
    Work work = std::move(stream->work[stream->done++]);
    work();
  }
}

CUresult outcome() { return state.lost ? CUresult(state.lost) : CUDA_SUCCESS; }

// What lies in no allocation loses the device, as a real one would.
void move(CUdeviceptr deviceSide, void *to, const void *from, size_t bytes) {
  if (state.lost)
    return;
  if (!inside(state.allocations, deviceSide, bytes) && !inside(state.pinned, deviceSide, bytes))
    state.lost = CUDA_ERROR_ILLEGAL_ADDRESS;
  else
    std::memcpy(to, from, bytes);
}

CUresult fakeInit(unsigned) { return state.devices ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE; }
CUresult fakeErrorName(CUresult result, const char **out) {
  *out = result == CUDA_SUCCESS                 ? "CUDA_SUCCESS"
         : result == CUDA_ERROR_OUT_OF_MEMORY   ? "CUDA_ERROR_OUT_OF_MEMORY"
         : result == CUDA_ERROR_NO_DEVICE       ? "CUDA_ERROR_NO_DEVICE"
         : result == CUDA_ERROR_NOT_FOUND       ? "CUDA_ERROR_NOT_FOUND"
         : result == CUDA_ERROR_ILLEGAL_ADDRESS ? "CUDA_ERROR_ILLEGAL_ADDRESS"
         : result == CUDA_ERROR_LAUNCH_FAILED   ? "CUDA_ERROR_LAUNCH_FAILED"
                                                : "CUDA_ERROR_INVALID_VALUE";
  return CUDA_SUCCESS;
}
CUresult fakeErrorString(CUresult, const char **out) {
  *out = "as the test asked";
  return CUDA_SUCCESS;
}
CUresult fakeDeviceCount(int *out) {
  *out = state.devices;
  return CUDA_SUCCESS;
}
CUresult fakeDeviceGet(CUdevice *out, int index) {
  *out = index;
  return index < state.devices ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
CUresult fakeDeviceName(char *out, int bytes, CUdevice) {
  std::strncpy(out, "Fake GPU", bytes);
  return CUDA_SUCCESS;
}
CUresult fakeDeviceAttribute(int *out, int attribute, CUdevice) {
  *out = attribute == computeCapabilityMajor ? state.major : state.minor;
  return CUDA_SUCCESS;
}
CUresult fakeRetain(CUcontext *out, CUdevice) {
  *out = reinterpret_cast<CUcontext>(&state);
  return CUDA_SUCCESS;
}
CUresult fakeRelease(CUdevice) { return CUDA_SUCCESS; }
CUresult fakeSetCurrent(CUcontext) { return CUDA_SUCCESS; }
CUresult fakeModuleLoad(CUmodule *out, const void *image, unsigned options, int *names,
                        void **values) {
  if (!std::strncmp(static_cast<const char *>(image), "damaged", 7)) {
    for (unsigned i = 0; i < options; ++i)
      if (names[i] == jitErrorLog)
        std::strcpy(static_cast<char *>(values[i]), "line 1: not PTX\nmore");
    return CUDA_ERROR_INVALID_VALUE;
  }
  ++state.counts.modules;
  *out = new CUmod_st;
  return CUDA_SUCCESS;
}
CUresult fakeModuleUnload(CUmodule module) {
  delete module;
  --state.counts.modules;
  return CUDA_SUCCESS;
}
CUresult fakeFunction(CUfunction *out, CUmodule, const char *name) {
  auto known = state.kernels.find(name);
  if (known == state.kernels.end())
    return CUDA_ERROR_NOT_FOUND;
  *out = &known->second;
  return CUDA_SUCCESS;
}
CUresult fakeFunctionAttribute(CUfunction, int, int value) {
  return value <= 227 << 10 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
CUresult fakeMemInfo(size_t *free, size_t *total) {
  *total = state.bytes;
  *free = state.bytes - state.counts.deviceBytes;
  return CUDA_SUCCESS;
}
CUresult fakeAlloc(CUdeviceptr *out, size_t bytes) {
  if (state.counts.deviceBytes + bytes > state.bytes)
    return CUDA_ERROR_OUT_OF_MEMORY;
  void *block = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(block, 0xff, bytes);
  *out = reinterpret_cast<CUdeviceptr>(block);
  state.allocations[*out] = bytes;
  state.counts.deviceBytes += bytes;
  return CUDA_SUCCESS;
}
CUresult fakeFree(CUdeviceptr address) {
  auto block = state.allocations.find(address);
  if (block == state.allocations.end())
    return CUDA_ERROR_INVALID_VALUE;
  state.counts.deviceBytes -= block->second;
  state.allocations.erase(block);
  std::free(reinterpret_cast<void *>(address));
  return CUDA_SUCCESS;
}
CUresult fakeHostAlloc(void **out, size_t bytes, unsigned) {
  *out = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(*out, 0xff, bytes);
  state.pinned[reinterpret_cast<uint64_t>(*out)] = bytes;
  state.counts.pinnedBytes += bytes;
  return CUDA_SUCCESS;
}
CUresult fakeFreeHost(void *block) {
  auto known = state.pinned.find(reinterpret_cast<uint64_t>(block));
  if (known == state.pinned.end())
    return CUDA_ERROR_INVALID_VALUE;
  state.counts.pinnedBytes -= known->second;
  state.pinned.erase(known);
  std::free(block);
  return CUDA_SUCCESS;
}
CUresult fakeDevicePointer(CUdeviceptr *out, void *block, unsigned) {
  *out = reinterpret_cast<CUdeviceptr>(block);
  return CUDA_SUCCESS;
}
CUresult fakeCopyIn(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
  state.counts.copiedIn += bytes;
  enqueue(stream, [=] { move(to, reinterpret_cast<void *>(to), from, bytes); });
  return CUDA_SUCCESS;
}
CUresult fakeCopyOut(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
  enqueue(stream, [=] { move(from, to, reinterpret_cast<const void *>(from), bytes); });
  return CUDA_SUCCESS;
}
CUresult fakeCopy(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  enqueue(stream, [=] {
    move(to, reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes);
  });
  return CUDA_SUCCESS;
}
CUresult fakeSet(CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream) {
  enqueue(stream, [=] { std::memset(reinterpret_cast<void *>(to), value, bytes); });
  return CUDA_SUCCESS;
}
CUresult fakeStream(CUstream *out, unsigned) {
  *out = new CUstream_st;
  return CUDA_SUCCESS;
}
CUresult fakeStreamDestroy(CUstream stream) {
  delete stream;
  return CUDA_SUCCESS;
}
CUresult fakeStreamSynchronize(CUstream stream) {
  drain(stream, stream->work.size());
  return outcome();
}
CUresult fakeStreamWait(CUstream stream, CUevent event, unsigned) {
  CUstream other = event->stream;
  size_t position = event->position;
  if (other)
    enqueue(stream, [=] { drain(other, position); });
  return CUDA_SUCCESS;
}
CUresult fakeEvent(CUevent *out, unsigned) {
  *out = new CUevent_st;
  return CUDA_SUCCESS;
}
CUresult fakeEventDestroy(CUevent event) {
  delete event;
  return CUDA_SUCCESS;
}
CUresult fakeEventRecord(CUevent event, CUstream stream) {
  event->stream = stream;
  event->position = stream->work.size();
  return CUDA_SUCCESS;
}
CUresult fakeEventSynchronize(CUevent event) {
  if (event->stream)
    drain(event->stream, event->position);
  return outcome();
}
Work kernelWork(CUfunction function, std::array<unsigned, 6> shape, unsigned sharedBytes,
                void **parameters) {
  std::vector<void *> values;
  for (unsigned i = 0; i < function->parameters; ++i)
    values.push_back(*static_cast<void **>(parameters[i]));
  return [=] {
    if (state.lost)
      return;
    ++state.counts.kernels;
    if (function->failure)
      state.lost = function->failure;
    else
      function->function(values.data(), shape.data(), shape.data() + 3, sharedBytes,
                         function->user);
  };
}
CUresult fakeLaunch(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ,
                    unsigned blockX, unsigned blockY, unsigned blockZ, unsigned sharedBytes,
                    CUstream stream, void **parameters, void **) {
  enqueue(stream, kernelWork(function, {gridX, gridY, gridZ, blockX, blockY, blockZ}, sharedBytes,
                             parameters));
  return CUDA_SUCCESS;
}
CUresult fakeGraphCreate(CUgraph *out, unsigned) {
  *out = new CUgraph_st;
  ++state.counts.graphs;
  return CUDA_SUCCESS;
}
CUgraphNode addNode(CUgraph graph, Work work, const CUgraphNode *after, size_t count) {
  graph->nodes.emplace_back(new CUgraphNode_st{std::move(work), {after, after + count}});
  return graph->nodes.back().get();
}
CUresult fakeKernelNode(CUgraphNode *out, CUgraph graph, const CUgraphNode *after, size_t count,
                        const CUkernelNodeParams *node) {
  *out = addNode(graph,
                 kernelWork(node->func,
                            {node->gridDimX, node->gridDimY, node->gridDimZ, node->blockDimX,
                             node->blockDimY, node->blockDimZ},
                            node->sharedMemBytes, node->kernelParams),
                 after, count);
  (*out)->isKernel = true;
  return CUDA_SUCCESS;
}
CUresult fakeCopyNode(CUgraphNode *out, CUgraph graph, const CUgraphNode *after, size_t count,
                      const CUmemcpy3D *copy, CUcontext) {
  if (copy->from.memoryType != deviceMemory || copy->height != 1 || copy->depth != 1)
    return CUDA_ERROR_INVALID_VALUE;
  bool toHost = copy->to.memoryType == hostMemory;
  CUdeviceptr from = copy->from.device,
              to = toHost ? reinterpret_cast<CUdeviceptr>(copy->to.host) : copy->to.device;
  Work work = [=, bytes = copy->widthInBytes] {
    move(toHost ? from : to, reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from),
         bytes);
  };
  *out = addNode(graph, std::move(work), after, count);
  return CUDA_SUCCESS;
}
// Kernels get the address a map describes; what no device can copy is refused.
CUresult fakeEncode(CUtensorMap *out, unsigned, unsigned rank, void *base, const uint64_t *dims,
                    const uint64_t *strides, const uint32_t *box, const uint32_t *steps, unsigned,
                    unsigned swizzle, unsigned, unsigned) {
  bool good = rank >= 1 && rank <= 5 && swizzle <= 3 && reinterpret_cast<uint64_t>(base) % 16 == 0;
  for (unsigned d = 0; good && d < rank; ++d)
    good = dims[d] > 0 && box[d] > 0 && box[d] <= 256 && steps[d] >= 1 && steps[d] <= 8 &&
           (d == 0 || strides[d - 1] % 16 == 0);
  if (!good)
    return CUDA_ERROR_INVALID_VALUE;
  *out = {};
  out->opaque[0] = reinterpret_cast<uint64_t>(base);
  return CUDA_SUCCESS;
}
GraphCounts countsOf(const CUgraph_st &graph) {
  GraphCounts counts{graph.nodes.size(), 0, 0};
  for (auto &node : graph.nodes)
    counts.kernels += node->isKernel, counts.edges += node->after.size();
  return counts;
}
CUresult fakeInstantiate(CUgraphExec *out, CUgraph graph, unsigned long long) {
  state.counts.last = countsOf(*graph);
  // Of the nodes that may run, the latest made runs first: an edge that lacks is seen.
  std::vector<CUgraphNode> left;
  for (auto &node : graph->nodes)
    left.push_back(node.get());
  auto *made = new CUgraphExec_st;
  while (!left.empty()) {
    auto ready = std::find_if(left.rbegin(), left.rend(), [&](CUgraphNode node) {
      return std::none_of(node->after.begin(), node->after.end(), [&](CUgraphNode before) {
        return std::find(left.begin(), left.end(), before) != left.end();
      });
    });
    if (ready == left.rend())
      return CUDA_ERROR_INVALID_VALUE;
    made->nodes.push_back((*ready)->work);
    left.erase(std::next(ready).base());
  }
  *out = made;
  return CUDA_SUCCESS;
}
CUresult fakeBeginCapture(CUstream stream, int) {
  if (stream->recording)
    return CUDA_ERROR_INVALID_VALUE;
  stream->recording = true;
  return CUDA_SUCCESS;
}
CUresult fakeEndCapture(CUstream stream, CUgraph *out) {
  if (!stream->recording)
    return CUDA_ERROR_INVALID_VALUE;
  stream->recording = false;
  *out = new CUgraph_st;
  for (Work &work : stream->recorded)
    addNode(*out, std::move(work), nullptr, 0);
  stream->recorded.clear();
  return CUDA_SUCCESS;
}
CUresult fakeChildNode(CUgraphNode *out, CUgraph graph, const CUgraphNode *after, size_t count,
                       CUgraph child) {
  std::vector<Work> works;
  for (auto &node : child->nodes)
    works.push_back(node->work);
  *out = addNode(
      graph,
      [works] {
        for (const Work &work : works)
          work();
      },
      after, count);
  return CUDA_SUCCESS;
}
CUresult fakeGraphLaunch(CUgraphExec graph, CUstream stream) {
  ++state.counts.graphLaunches;
  enqueue(stream, [graph] {
    for (const Work &node : graph->nodes)
      node();
  });
  return CUDA_SUCCESS;
}
CUresult fakeExecDestroy(CUgraphExec graph) {
  delete graph;
  return CUDA_SUCCESS;
}
CUresult fakeGraphDestroy(CUgraph graph) {
  delete graph;
  return CUDA_SUCCESS;
}

CUresult fakeDependencies(CUgraph, const CUgraphNode *from, const CUgraphNode *to,
                          const CUgraphEdgeData *edges, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    to[i]->after.push_back(from[i]);
    state.counts.programmaticEdges += edges[i].type == programmaticEdge.type;
  }
  return CUDA_SUCCESS;
}

#define ENTRY(name, body) {#name, (void *)Entry<#name, body>::call}
#define RETURN(name, body) {#name, (void *)Return<body>::call}

const std::map<std::string, void *> &functions() {
  static const std::map<std::string, void *> table = {
      ENTRY(cuInit, fakeInit),
      {"cuGetErrorName", (void *)fakeErrorName},
      {"cuGetErrorString", (void *)fakeErrorString},
      ENTRY(cuDeviceGetCount, fakeDeviceCount),
      ENTRY(cuDeviceGet, fakeDeviceGet),
      ENTRY(cuDeviceGetName, fakeDeviceName),
      ENTRY(cuDeviceGetAttribute, fakeDeviceAttribute),
      ENTRY(cuDevicePrimaryCtxRetain, fakeRetain),
      RETURN(cuDevicePrimaryCtxRelease, fakeRelease),
      ENTRY(cuCtxSetCurrent, fakeSetCurrent),
      ENTRY(cuModuleLoadDataEx, fakeModuleLoad),
      RETURN(cuModuleUnload, fakeModuleUnload),
      ENTRY(cuModuleGetFunction, fakeFunction),
      ENTRY(cuFuncSetAttribute, fakeFunctionAttribute),
      ENTRY(cuMemGetInfo, fakeMemInfo),
      ENTRY(cuMemAlloc, fakeAlloc),
      RETURN(cuMemFree, fakeFree),
      ENTRY(cuMemHostAlloc, fakeHostAlloc),
      RETURN(cuMemFreeHost, fakeFreeHost),
      ENTRY(cuMemHostGetDevicePointer, fakeDevicePointer),
      ENTRY(cuMemcpyHtoDAsync, fakeCopyIn),
      ENTRY(cuMemcpyDtoHAsync, fakeCopyOut),
      ENTRY(cuMemcpyDtoDAsync, fakeCopy),
      ENTRY(cuMemsetD8Async, fakeSet),
      ENTRY(cuStreamCreate, fakeStream),
      RETURN(cuStreamDestroy, fakeStreamDestroy),
      ENTRY(cuStreamSynchronize, fakeStreamSynchronize),
      ENTRY(cuStreamWaitEvent, fakeStreamWait),
      ENTRY(cuEventCreate, fakeEvent),
      RETURN(cuEventDestroy, fakeEventDestroy),
      ENTRY(cuEventRecord, fakeEventRecord),
      ENTRY(cuEventSynchronize, fakeEventSynchronize),
      ENTRY(cuTensorMapEncodeTiled, fakeEncode),
      ENTRY(cuLaunchKernel, fakeLaunch),
      ENTRY(cuGraphCreate, fakeGraphCreate),
      ENTRY(cuGraphAddKernelNode, fakeKernelNode),
      ENTRY(cuGraphAddMemcpyNode, fakeCopyNode),
      ENTRY(cuGraphAddChildGraphNode, fakeChildNode),
      ENTRY(cuStreamBeginCapture, fakeBeginCapture),
      ENTRY(cuStreamEndCapture, fakeEndCapture),
      ENTRY(cuGraphInstantiateWithFlags, fakeInstantiate),
      ENTRY(cuGraphLaunch, fakeGraphLaunch),
      RETURN(cuGraphExecDestroy, fakeExecDestroy),
      RETURN(cuGraphDestroy, fakeGraphDestroy)};
  return table;
}

void reset() {
  std::lock_guard lock(state.mutex);
  state.devices = 1, state.major = 9, state.minor = 0, state.bytes = size_t(1) << 30;
  state.kernels.clear(), state.failures.clear(), state.lacking.clear();
  state.lost = 0;
  Counts now = state.counts;
  state.counts = {};
  state.counts.deviceBytes = now.deviceBytes, state.counts.pinnedBytes = now.pinnedBytes;
  state.counts.libraryObjects = now.libraryObjects;
}
void setDevice(int count, int major, int minor, size_t bytes) {
  std::lock_guard lock(state.mutex);
  state.devices = count, state.major = major, state.minor = minor, state.bytes = bytes;
}
void define(const char *kernel, unsigned parameters, fluxion::fake::Kernel function, void *user) {
  std::lock_guard lock(state.mutex);
  state.kernels[kernel] = {kernel, parameters, function, user, 0};
}
void fail(const char *function, int after, int result) {
  std::lock_guard lock(state.mutex);
  state.failures[function] = {after, result};
}
void lack(const char *function) {
  std::lock_guard lock(state.mutex);
  state.lacking = function;
}
void failKernel(const char *kernel, int result) {
  std::lock_guard lock(state.mutex);
  state.kernels[kernel].failure = result;
}
Counts counts() {
  std::lock_guard lock(state.mutex);
  return state.counts;
}

} // namespace

extern "C" {
__attribute__((visibility("default"))) CUresult cuGetProcAddress_v2(const char *name, void **out,
                                                                    int, uint64_t, int *) {
  auto known = functions().find(name);
  *out = known == functions().end() || state.lacking == name ? nullptr : known->second;
  return *out ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}
__attribute__((visibility("default"))) CUresult
cuGraphAddDependencies_v2(CUgraph graph, const CUgraphNode *from, const CUgraphNode *to,
                          const CUgraphEdgeData *edges, size_t count) {
  return Entry<"cuGraphAddDependencies", fakeDependencies>::call(graph, from, to, edges, count);
}
__attribute__((visibility("default"))) fluxion::fake::Control fluxion_fake_cuda = {
    reset, setDevice, define, fail, lack, failKernel, counts};
}
