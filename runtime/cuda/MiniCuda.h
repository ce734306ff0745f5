// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The part of the CUDA driver API that is used, declared here so that neither building nor running
// needs the toolkit. Names, values and layouts are those of cuda.h at version 12.0.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fluxion::rt::cuda {

using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st *;
using CUmodule = struct CUmod_st *;
using CUfunction = struct CUfunc_st *;
using CUstream = struct CUstream_st *;
using CUevent = struct CUevent_st *;
using CUgraph = struct CUgraph_st *;
using CUgraphNode = struct CUgraphNode_st *;
using CUgraphExec = struct CUgraphExec_st *;

inline constexpr int apiVersion = 12000;

enum CUresult : int {
  CUDA_SUCCESS = 0,
  CUDA_ERROR_INVALID_VALUE = 1,
  CUDA_ERROR_OUT_OF_MEMORY = 2,
  CUDA_ERROR_DEVICE_UNAVAILABLE = 46,
  CUDA_ERROR_NO_DEVICE = 100,
  CUDA_ERROR_ECC_UNCORRECTABLE = 214,
  CUDA_ERROR_NOT_FOUND = 500,
  CUDA_ERROR_ILLEGAL_ADDRESS = 700,
  CUDA_ERROR_LAUNCH_TIMEOUT = 702,
  CUDA_ERROR_HARDWARE_STACK_ERROR = 714,
  CUDA_ERROR_LAUNCH_FAILED = 719
};

// CUdevice_attribute, CUfunction_attribute, CUjit_option and the flags of streams and events.
inline constexpr int computeCapabilityMajor = 75, computeCapabilityMinor = 76;
inline constexpr int maxDynamicSharedBytes = 8;
inline constexpr int jitErrorLog = 5, jitErrorLogBytes = 6;
inline constexpr unsigned nonBlockingStream = 1, untimedEvent = 2, mappedHostMemory = 2;
inline constexpr int relaxedCapture = 2; // CUstreamCaptureMode: code may be loaded meanwhile
inline constexpr unsigned hostMemory = 1, deviceMemory = 2; // CUmemorytype

// Field order and padding are cuda.h's, versions _v2.
struct CUkernelNodeParams {
  CUfunction func;
  unsigned gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ, sharedMemBytes;
  void **kernelParams, **extra;
  void *kern;
  CUcontext ctx;
};
struct CUmemcpy3D {
  struct Side {
    size_t xInBytes, y, z, lod;
    unsigned memoryType;
    const void *host;
    CUdeviceptr device;
    void *array, *reserved;
    size_t pitch, height;
  };
  Side from, to;
  size_t widthInBytes, height, depth;
};
// How a node waits for another: for its end, or (from a kernel to a kernel) until all its blocks
// have said that dependents may start.
struct CUgraphEdgeData {
  unsigned char fromPort, toPort, type, reserved[5];
};
inline constexpr CUgraphEdgeData programmaticEdge = {1, 0, 1, {}};
struct alignas(64) CUtensorMap {
  uint64_t opaque[16];
};

// X(name, parameter types): every entry point, under the name cuGetProcAddress knows.
#define FLUXION_CUDA_FUNCTIONS(X)                                                                  \
  X(cuInit, unsigned)                                                                              \
  X(cuGetErrorName, CUresult, const char **)                                                       \
  X(cuGetErrorString, CUresult, const char **)                                                     \
  X(cuDeviceGetCount, int *)                                                                       \
  X(cuDeviceGet, CUdevice *, int)                                                                  \
  X(cuDeviceGetName, char *, int, CUdevice)                                                        \
  X(cuDeviceGetAttribute, int *, int, CUdevice)                                                    \
  X(cuDevicePrimaryCtxRetain, CUcontext *, CUdevice)                                               \
  X(cuDevicePrimaryCtxRelease, CUdevice)                                                           \
  X(cuCtxSetCurrent, CUcontext)                                                                    \
  X(cuModuleLoadDataEx, CUmodule *, const void *, unsigned, int *, void **)                        \
  X(cuModuleUnload, CUmodule)                                                                      \
  X(cuModuleGetFunction, CUfunction *, CUmodule, const char *)                                     \
  X(cuFuncSetAttribute, CUfunction, int, int)                                                      \
  X(cuMemGetInfo, size_t *, size_t *)                                                              \
  X(cuMemAlloc, CUdeviceptr *, size_t)                                                             \
  X(cuMemFree, CUdeviceptr)                                                                        \
  X(cuMemHostAlloc, void **, size_t, unsigned)                                                     \
  X(cuMemFreeHost, void *)                                                                         \
  X(cuMemHostGetDevicePointer, CUdeviceptr *, void *, unsigned)                                    \
  X(cuMemcpyHtoDAsync, CUdeviceptr, const void *, size_t, CUstream)                                \
  X(cuMemcpyDtoHAsync, void *, CUdeviceptr, size_t, CUstream)                                      \
  X(cuMemcpyDtoDAsync, CUdeviceptr, CUdeviceptr, size_t, CUstream)                                 \
  X(cuMemsetD8Async, CUdeviceptr, unsigned char, size_t, CUstream)                                 \
  X(cuStreamCreate, CUstream *, unsigned)                                                          \
  X(cuStreamDestroy, CUstream)                                                                     \
  X(cuStreamSynchronize, CUstream)                                                                 \
  X(cuStreamWaitEvent, CUstream, CUevent, unsigned)                                                \
  X(cuEventCreate, CUevent *, unsigned)                                                            \
  X(cuEventDestroy, CUevent)                                                                       \
  X(cuEventRecord, CUevent, CUstream)                                                              \
  X(cuEventSynchronize, CUevent)                                                                   \
  X(cuLaunchKernel, CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,        \
    unsigned, CUstream, void **, void **)                                                          \
  X(cuGraphCreate, CUgraph *, unsigned)                                                            \
  X(cuGraphAddKernelNode, CUgraphNode *, CUgraph, const CUgraphNode *, size_t,                     \
    const CUkernelNodeParams *)                                                                    \
  X(cuGraphAddMemcpyNode, CUgraphNode *, CUgraph, const CUgraphNode *, size_t, const CUmemcpy3D *, \
    CUcontext)                                                                                     \
  X(cuGraphAddChildGraphNode, CUgraphNode *, CUgraph, const CUgraphNode *, size_t, CUgraph)        \
  X(cuStreamBeginCapture, CUstream, int)                                                           \
  X(cuStreamEndCapture, CUstream, CUgraph *)                                                       \
  X(cuGraphInstantiateWithFlags, CUgraphExec *, CUgraph, unsigned long long)                       \
  X(cuGraphLaunch, CUgraphExec, CUstream)                                                          \
  X(cuGraphExecDestroy, CUgraphExec)                                                               \
  X(cuGraphDestroy, CUgraph)

// Hopper alone has tensor maps; drivers that lack the function serve every other program.
using TensorMapEncodeTiled = CUresult (*)(CUtensorMap *, unsigned dataType, unsigned rank,
                                          void *base, const uint64_t *dims, const uint64_t *strides,
                                          const uint32_t *box, const uint32_t *elementStrides,
                                          unsigned interleave, unsigned swizzle,
                                          unsigned l2Promotion, unsigned outOfBoundsFill);
// Since CUDA 12.3; graphs have plain edges without it.
using GraphAddDependencies = CUresult (*)(CUgraph, const CUgraphNode *from, const CUgraphNode *to,
                                          const CUgraphEdgeData *edges, size_t count);

} // namespace fluxion::rt::cuda
