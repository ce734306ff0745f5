// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What kernels that Halide generated call when they use memory or threads of their own; the rest of
// Halide's runtime is not needed. Their user context is an fx_halide_call: memory comes from the
// kernel's scratch in the arena, loops run on the program's threads, and errors end the run with a
// Status.
#include "runtime/core/HalideHooks.h"

#include "runtime/core/Failure.h"

#include <atomic>
#include <cstddef>
#include <utility>

using namespace fluxion::rt;

namespace {

constexpr uintptr_t alignment = 128; // of halide_malloc's memory

fx_halide_call *callOf(void *userContext) { return static_cast<fx_halide_call *>(userContext); }

int report(void *userContext, const char *message) {
  fail(callOf(userContext)->context, callOf(userContext)->kernel, message);
  return -1;
}

using HalideTask = int (*)(void *userContext, int index, uint8_t *closure);

struct Loop {
  HalideTask task;
  void *userContext;
  uint8_t *closure;
  int first;
  std::atomic<int> status = 0;
};

void runTasks(void *args, int64_t begin, int64_t end) {
  Loop &loop = *static_cast<Loop *>(args);
  for (int64_t i = begin; i < end; ++i)
    if (int status = loop.task(loop.userContext, loop.first + (int)i, loop.closure))
      loop.status = status;
}

} // namespace

extern "C" {

// Every allocation of a pipeline is made once a call and was counted when the kernel was compiled,
// so nothing is taken back before the call ends.
void *halide_malloc(void *userContext, size_t bytes) {
  fx_halide_call &call = *callOf(userContext);
  uintptr_t start = (uintptr_t)call.scratch,
            at = (start + call.used + alignment - 1) / alignment * alignment;
  if (at - start > call.bytes || bytes > call.bytes - (at - start))
    return nullptr;
  call.used = at - start + bytes;
  return (void *)at;
}

void halide_free(void *, void *) {}

int halide_do_par_for(void *userContext, HalideTask task, int first, int count, uint8_t *closure) {
  Loop loop{task, userContext, closure, first};
  fx_parallel_for(callOf(userContext)->context, runTasks, &loop, count);
  return loop.status;
}

void halide_error(void *userContext, const char *message) { report(userContext, message); }

// Halide hands every error details of its own behind the context; what went wrong is enough, since
// the compiler fixed every size.
#define FX_HALIDE_ERROR(name, message)                                                             \
  int halide_error_##name(void *userContext) { return report(userContext, message); }
#include "runtime/core/HalideErrors.def"
#undef FX_HALIDE_ERROR
}

std::span<const std::pair<const char *, void *>> fluxion::rt::halideHooks() {
  static const std::pair<const char *, void *> hooks[] = {
      {"halide_malloc", (void *)&halide_malloc},
      {"halide_free", (void *)&halide_free},
      {"halide_do_par_for", (void *)&halide_do_par_for},
      {"halide_error", (void *)&halide_error},
#define FX_HALIDE_ERROR(name, message) {"halide_error_" #name, (void *)&halide_error_##name},
#include "runtime/core/HalideErrors.def"
#undef FX_HALIDE_ERROR
  };
  return hooks;
}
