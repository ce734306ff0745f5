// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/gpu/FakeCuda.h"

#include "runtime/cuda/MiniCuda.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

using namespace fluxion::rt::cuda;
using fluxion::fake::Counts;

namespace fluxion::rt::cuda {
struct CUmod_st {};
struct CUfunc_st {
  std::string name;
  unsigned parameters = 0;
  fluxion::fake::Kernel function = nullptr;
  void *user = nullptr;
  int failure = 0;
};
struct CUevent_st {
  CUstream stream = nullptr;
  size_t position = 0; // the stream's work up to it
};
using Work = std::function<void()>;
struct CUgraphNode_st {
  Work work;
  std::vector<CUgraphNode> after;
};
struct CUgraph_st {
  std::vector<std::unique_ptr<CUgraphNode_st>> nodes;
};
struct CUgraphExec_st {
  std::vector<Work> nodes;
};
struct CUstream_st {
  std::vector<Work> work;
  size_t done = 0;
};
} // namespace fluxion::rt::cuda

namespace {

struct State {
  std::recursive_mutex mutex;
  int devices = 1, major = 9, minor = 0;
  size_t bytes = size_t(1) << 30;
  std::map<std::string, CUfunc_st> kernels;
  std::map<std::string, std::pair<int, int>> failures; // calls left, result
  std::map<uint64_t, size_t> allocations, pinned;
  Counts counts{};
  std::string lacking; // a function that the driver does not have
  int lost = 0;
};
State state;

// What a call gives before it does anything: a loss, or the failure that a test asked for.
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

#define ENTER(function)                                                                            \
  std::lock_guard lock(state.mutex);                                                               \
  if (CUresult failure = before(function); failure != CUDA_SUCCESS)                                \
  return failure

void drain(CUstream stream, size_t upTo) {
  while (stream->done < upTo) {
    Work work = std::move(stream->work[stream->done++]);
    work();
  }
  if (stream->done == stream->work.size())
    ; // positions of events stay valid: nothing is erased
}

void enqueue(CUstream stream, Work work) { stream->work.push_back(std::move(work)); }

CUresult outcome() { return state.lost ? CUresult(state.lost) : CUDA_SUCCESS; }

// A range that lies in one allocation; anything else loses the device, as a real one would.
bool inside(const std::map<uint64_t, size_t> &blocks, uint64_t address, size_t bytes) {
  auto after = blocks.upper_bound(address);
  if (after == blocks.begin())
    return false;
  auto block = std::prev(after);
  return address + bytes <= block->first + block->second;
}

void move(CUdeviceptr deviceSide, void *to, const void *from, size_t bytes) {
  if (state.lost)
    return;
  if (!inside(state.allocations, deviceSide, bytes) && !inside(state.pinned, deviceSide, bytes))
    state.lost = CUDA_ERROR_ILLEGAL_ADDRESS;
  else
    std::memcpy(to, from, bytes);
}

CUresult fakeInit(unsigned) {
  ENTER("cuInit");
  return state.devices ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE;
}
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
  ENTER("cuDeviceGetCount");
  *out = state.devices;
  return CUDA_SUCCESS;
}
CUresult fakeDeviceGet(CUdevice *out, int index) {
  ENTER("cuDeviceGet");
  *out = index;
  return index < state.devices ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
CUresult fakeDeviceName(char *out, int bytes, CUdevice) {
  ENTER("cuDeviceGetName");
  std::strncpy(out, "Fake GPU", bytes);
  return CUDA_SUCCESS;
}
CUresult fakeDeviceAttribute(int *out, int attribute, CUdevice) {
  ENTER("cuDeviceGetAttribute");
  *out = attribute == computeCapabilityMajor ? state.major : state.minor;
  return CUDA_SUCCESS;
}
CUresult fakeRetain(CUcontext *out, CUdevice) {
  ENTER("cuDevicePrimaryCtxRetain");
  *out = reinterpret_cast<CUcontext>(&state);
  return CUDA_SUCCESS;
}
CUresult fakeRelease(CUdevice) { return CUDA_SUCCESS; }
CUresult fakeSetCurrent(CUcontext) {
  ENTER("cuCtxSetCurrent");
  return CUDA_SUCCESS;
}
CUresult fakeModuleLoad(CUmodule *out, const void *image, unsigned options, int *names,
                        void **values) {
  ENTER("cuModuleLoadDataEx");
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
  std::lock_guard lock(state.mutex);
  delete module;
  --state.counts.modules;
  return CUDA_SUCCESS;
}
CUresult fakeFunction(CUfunction *out, CUmodule, const char *name) {
  ENTER("cuModuleGetFunction");
  auto known = state.kernels.find(name);
  if (known == state.kernels.end())
    return CUDA_ERROR_NOT_FOUND;
  *out = &known->second;
  return CUDA_SUCCESS;
}
CUresult fakeFunctionAttribute(CUfunction, int, int value) {
  ENTER("cuFuncSetAttribute");
  return value <= 227 << 10 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
CUresult fakeMemInfo(size_t *free, size_t *total) {
  ENTER("cuMemGetInfo");
  *total = state.bytes;
  *free = state.bytes - state.counts.deviceBytes;
  return CUDA_SUCCESS;
}
CUresult fakeAlloc(CUdeviceptr *out, size_t bytes) {
  ENTER("cuMemAlloc");
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
  std::lock_guard lock(state.mutex);
  auto block = state.allocations.find(address);
  if (block == state.allocations.end())
    return CUDA_ERROR_INVALID_VALUE;
  state.counts.deviceBytes -= block->second;
  state.allocations.erase(block);
  std::free(reinterpret_cast<void *>(address));
  return CUDA_SUCCESS;
}
CUresult fakeHostAlloc(void **out, size_t bytes, unsigned) {
  ENTER("cuMemHostAlloc");
  *out = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(*out, 0xff, bytes);
  state.pinned[reinterpret_cast<uint64_t>(*out)] = bytes;
  state.counts.pinnedBytes += bytes;
  return CUDA_SUCCESS;
}
CUresult fakeFreeHost(void *block) {
  std::lock_guard lock(state.mutex);
  auto known = state.pinned.find(reinterpret_cast<uint64_t>(block));
  if (known == state.pinned.end())
    return CUDA_ERROR_INVALID_VALUE;
  state.counts.pinnedBytes -= known->second;
  state.pinned.erase(known);
  std::free(block);
  return CUDA_SUCCESS;
}
CUresult fakeDevicePointer(CUdeviceptr *out, void *block, unsigned) {
  ENTER("cuMemHostGetDevicePointer");
  *out = reinterpret_cast<CUdeviceptr>(block);
  return CUDA_SUCCESS;
}
CUresult fakeCopyIn(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
  ENTER("cuMemcpyHtoDAsync");
  state.counts.copiedIn += bytes;
  enqueue(stream, [=] { move(to, reinterpret_cast<void *>(to), from, bytes); });
  return CUDA_SUCCESS;
}
CUresult fakeCopyOut(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
  ENTER("cuMemcpyDtoHAsync");
  enqueue(stream, [=] { move(from, to, reinterpret_cast<const void *>(from), bytes); });
  return CUDA_SUCCESS;
}
CUresult fakeCopy(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  ENTER("cuMemcpyDtoDAsync");
  enqueue(stream, [=] {
    move(to, reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes);
  });
  return CUDA_SUCCESS;
}
CUresult fakeSet(CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream) {
  ENTER("cuMemsetD8Async");
  enqueue(stream, [=] { std::memset(reinterpret_cast<void *>(to), value, bytes); });
  return CUDA_SUCCESS;
}
CUresult fakeStream(CUstream *out, unsigned) {
  ENTER("cuStreamCreate");
  *out = new CUstream_st;
  return CUDA_SUCCESS;
}
CUresult fakeStreamDestroy(CUstream stream) {
  std::lock_guard lock(state.mutex);
  delete stream;
  return CUDA_SUCCESS;
}
CUresult fakeStreamSynchronize(CUstream stream) {
  ENTER("cuStreamSynchronize");
  drain(stream, stream->work.size());
  return outcome();
}
CUresult fakeStreamWait(CUstream stream, CUevent event, unsigned) {
  ENTER("cuStreamWaitEvent");
  CUstream other = event->stream;
  size_t position = event->position;
  if (other)
    enqueue(stream, [=] { drain(other, position); });
  return CUDA_SUCCESS;
}
CUresult fakeEvent(CUevent *out, unsigned) {
  ENTER("cuEventCreate");
  *out = new CUevent_st;
  return CUDA_SUCCESS;
}
CUresult fakeEventDestroy(CUevent event) {
  std::lock_guard lock(state.mutex);
  delete event;
  return CUDA_SUCCESS;
}
CUresult fakeEventRecord(CUevent event, CUstream stream) {
  ENTER("cuEventRecord");
  event->stream = stream;
  event->position = stream->work.size();
  return CUDA_SUCCESS;
}
CUresult fakeEventSynchronize(CUevent event) {
  ENTER("cuEventSynchronize");
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
  ENTER("cuLaunchKernel");
  enqueue(stream, kernelWork(function, {gridX, gridY, gridZ, blockX, blockY, blockZ}, sharedBytes,
                             parameters));
  return CUDA_SUCCESS;
}
CUresult fakeGraphCreate(CUgraph *out, unsigned) {
  ENTER("cuGraphCreate");
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
  ENTER("cuGraphAddKernelNode");
  *out = addNode(graph,
                 kernelWork(node->func,
                            {node->gridDimX, node->gridDimY, node->gridDimZ, node->blockDimX,
                             node->blockDimY, node->blockDimZ},
                            node->sharedMemBytes, node->kernelParams),
                 after, count);
  return CUDA_SUCCESS;
}
CUresult fakeCopyNode(CUgraphNode *out, CUgraph graph, const CUgraphNode *after, size_t count,
                      const CUmemcpy3D *copy, CUcontext) {
  ENTER("cuGraphAddMemcpyNode");
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
  ENTER("cuTensorMapEncodeTiled");
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
CUresult fakeInstantiate(CUgraphExec *out, CUgraph graph, unsigned long long) {
  ENTER("cuGraphInstantiateWithFlags");
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
CUresult fakeGraphLaunch(CUgraphExec graph, CUstream stream) {
  ENTER("cuGraphLaunch");
  ++state.counts.graphLaunches;
  enqueue(stream, [graph] {
    for (const Work &node : graph->nodes)
      node();
  });
  return CUDA_SUCCESS;
}
CUresult fakeExecDestroy(CUgraphExec graph) {
  std::lock_guard lock(state.mutex);
  delete graph;
  return CUDA_SUCCESS;
}
CUresult fakeGraphDestroy(CUgraph graph) {
  std::lock_guard lock(state.mutex);
  delete graph;
  return CUDA_SUCCESS;
}

const std::map<std::string, void *> &functions() {
  static const std::map<std::string, void *> table = {
      {"cuInit", (void *)fakeInit},
      {"cuGetErrorName", (void *)fakeErrorName},
      {"cuGetErrorString", (void *)fakeErrorString},
      {"cuDeviceGetCount", (void *)fakeDeviceCount},
      {"cuDeviceGet", (void *)fakeDeviceGet},
      {"cuDeviceGetName", (void *)fakeDeviceName},
      {"cuDeviceGetAttribute", (void *)fakeDeviceAttribute},
      {"cuDevicePrimaryCtxRetain", (void *)fakeRetain},
      {"cuDevicePrimaryCtxRelease", (void *)fakeRelease},
      {"cuCtxSetCurrent", (void *)fakeSetCurrent},
      {"cuModuleLoadDataEx", (void *)fakeModuleLoad},
      {"cuModuleUnload", (void *)fakeModuleUnload},
      {"cuModuleGetFunction", (void *)fakeFunction},
      {"cuFuncSetAttribute", (void *)fakeFunctionAttribute},
      {"cuMemGetInfo", (void *)fakeMemInfo},
      {"cuMemAlloc", (void *)fakeAlloc},
      {"cuMemFree", (void *)fakeFree},
      {"cuMemHostAlloc", (void *)fakeHostAlloc},
      {"cuMemFreeHost", (void *)fakeFreeHost},
      {"cuMemHostGetDevicePointer", (void *)fakeDevicePointer},
      {"cuMemcpyHtoDAsync", (void *)fakeCopyIn},
      {"cuMemcpyDtoHAsync", (void *)fakeCopyOut},
      {"cuMemcpyDtoDAsync", (void *)fakeCopy},
      {"cuMemsetD8Async", (void *)fakeSet},
      {"cuStreamCreate", (void *)fakeStream},
      {"cuStreamDestroy", (void *)fakeStreamDestroy},
      {"cuStreamSynchronize", (void *)fakeStreamSynchronize},
      {"cuStreamWaitEvent", (void *)fakeStreamWait},
      {"cuEventCreate", (void *)fakeEvent},
      {"cuEventDestroy", (void *)fakeEventDestroy},
      {"cuEventRecord", (void *)fakeEventRecord},
      {"cuEventSynchronize", (void *)fakeEventSynchronize},
      {"cuTensorMapEncodeTiled", (void *)fakeEncode},
      {"cuLaunchKernel", (void *)fakeLaunch},
      {"cuGraphCreate", (void *)fakeGraphCreate},
      {"cuGraphAddKernelNode", (void *)fakeKernelNode},
      {"cuGraphAddMemcpyNode", (void *)fakeCopyNode},
      {"cuGraphInstantiateWithFlags", (void *)fakeInstantiate},
      {"cuGraphLaunch", (void *)fakeGraphLaunch},
      {"cuGraphExecDestroy", (void *)fakeExecDestroy},
      {"cuGraphDestroy", (void *)fakeGraphDestroy}};
  return table;
}

void reset() {
  std::lock_guard lock(state.mutex);
  state.devices = 1, state.major = 9, state.minor = 0, state.bytes = size_t(1) << 30;
  state.kernels.clear(), state.failures.clear(), state.lacking.clear();
  state.lost = 0;
  uint64_t device = state.counts.deviceBytes, pinned = state.counts.pinnedBytes;
  state.counts = {};
  state.counts.deviceBytes = device, state.counts.pinnedBytes = pinned;
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
cuGraphAddDependencies_v2(CUgraph, const CUgraphNode *from, const CUgraphNode *to,
                          const CUgraphEdgeData *edges, size_t count) {
  ENTER("cuGraphAddDependencies");
  for (size_t i = 0; i < count; ++i) {
    to[i]->after.push_back(from[i]);
    state.counts.programmaticEdges += edges[i].type == programmaticEdge.type;
  }
  return CUDA_SUCCESS;
}
__attribute__((visibility("default"))) fluxion::fake::Control fluxion_fake_cuda = {
    reset, setDevice, define, fail, lack, failKernel, counts};
}
