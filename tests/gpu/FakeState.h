// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the tests' own driver and library share: the device's state, and the frame of every
// function.
#pragma once

#include "runtime/cuda/MiniCuda.h"
#include "tests/gpu/FakeCuda.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

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
  bool isKernel = false;
};
struct CUgraph_st {
  std::vector<std::unique_ptr<CUgraphNode_st>> nodes;
};
struct CUgraphExec_st {
  std::vector<Work> nodes;
};
struct CUstream_st {
  std::vector<Work> work, recorded;
  size_t done = 0;
  bool recording = false;
};
} // namespace fluxion::rt::cuda

namespace fluxion::fake {

using namespace fluxion::rt::cuda;

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
extern State state;

// What a call gives before it does anything: a loss, or the failure that a test asked for.
CUresult before(const char *function);

// Work that waits in the stream, or becomes part of what is recorded there.
void enqueue(CUstream stream, Work work);

// Bytes that lie in one allocation.
bool inside(const std::map<uint64_t, size_t> &blocks, uint64_t address, size_t bytes);

template <size_t N> struct Name {
  char text[N];
  constexpr Name(const char (&given)[N]) { std::copy(given, given + N, text); }
};

// A function of the driver: one caller at a time, counted, failing where a test asked for it.
template <Name name, auto body> struct Entry;
template <Name name, typename... Args, CUresult (*body)(Args...)> struct Entry<name, body> {
  static CUresult call(Args... args) {
    std::lock_guard lock(state.mutex);
    ++state.counts.calls;
    CUresult failure = before(name.text);
    return failure == CUDA_SUCCESS ? body(args...) : failure;
  }
};
// What gives back works on a lost device too.
template <auto body> struct Return;
template <typename... Args, CUresult (*body)(Args...)> struct Return<body> {
  static CUresult call(Args... args) {
    std::lock_guard lock(state.mutex);
    return body(args...);
  }
};

} // namespace fluxion::fake
