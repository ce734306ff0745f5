// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/halide/HalideBackend.h"

#include "codegen/common/Libraries.h"
#include "codegen/common/ScheduleKeys.h"
#include "codegen/halide/DescribeWindow.h"
#include "codegen/halide/HalideCall.h"

#include <algorithm>
#include <dlfcn.h>
#include <mutex>
#include <unistd.h>

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

halide::CompileWindowFn loadPlugin(std::string *why) {
  static std::once_flag once;
  static halide::CompileWindowFn compile = nullptr;
  static std::string problem;
  std::call_once(once, [] {
    std::string path = libraryDirectory() + "/libfluxion_halide.so";
    void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library)
      compile = (halide::CompileWindowFn)dlsym(library, halide::compileWindowSymbol);
    if (!compile)
      problem = dlerror();
  });
  *why = problem;
  return compile;
}

bool pluginInstalled() {
  return access((libraryDirectory() + "/libfluxion_halide.so").c_str(), R_OK) == 0;
}

// One thread, measured on kernels of lenet, resnet and mobile networks: bytes at the rate of
// memory, or the taps, vector by vector.
double predictedSeconds(const DescribedWindow &d) {
  constexpr double bytesPerSecond = 26e9, vectorTapSeconds = 0.5e-9;
  return std::max(d.bytes / bytesPerSecond, d.vectorTaps * vectorTapSeconds);
}

// A kernel that is over before other threads wake up does not ask for them.
constexpr double forkSeconds = 8e-6;

std::optional<DescribedWindow> describe(ir::KernelOp kernel, const ir::TargetInfo &target) {
  std::optional<DescribedWindow> d = describeWindow(kernel, target);
  if (d && d->kernel.heapBytes == 0 && predictedSeconds(*d) < forkSeconds)
    d->kernel.forks = false;
  return d;
}

int64_t scratchOf(const DescribedWindow &d, ir::KernelOp kernel) {
  return d.kernel.heapBytes + alignedResultBytes(kernel, d);
}

class HalideBackend final : public Backend {
public:
  StringRef name() const override { return "halide"; }

  ir::KernelCost cost(ir::KernelOp kernel, const ir::TargetInfo &target) const override {
    ir::KernelCost cost;
    std::optional<DescribedWindow> d = describe(kernel, target);
    if (!d || !pluginInstalled()) {
      cost.refusal = d ? "libfluxion_halide.so is not installed"
                       : "not a window kernel of one op that Halide expresses";
      return cost;
    }
    cost.backend = "halide";
    cost.tasks = d->tasks;
    cost.scratchBytes = scratchOf(*d, kernel);
    cost.bytes = d->bytes;
    cost.flops = d->flops;
    cost.seconds = predictedSeconds(*d);
    ScheduleKeys keys(kernel);
    keys.finish();
    cost.schedule = keys.decided(name());
    cost.scheduleRefusal = keys.refusal();
    return cost;
  }

  FailureOr<EmittedKernel> emit(ir::KernelOp kernel, OpBuilder &b, StringRef symbol,
                                const ir::TargetInfo &target) const override {
    std::optional<DescribedWindow> d = describe(kernel, target);
    std::string error = "not a window kernel of one op that Halide expresses";
    halide::CompileWindowFn compile = d ? loadPlugin(&error) : nullptr;
    if (!compile)
      return kernel.emitOpError("halide: ") << error;
    d->kernel.symbol = symbol.str() + "_halide";
    EmittedKernel emitted;
    if (compile(&d->kernel, &emitted.object, &error))
      return kernel.emitOpError("halide: ") << error;
    emitted.phases.push_back(emitHalideCall(b, symbol, kernel, *d, scratchOf(*d, kernel)));
    return emitted;
  }
};

} // namespace

std::unique_ptr<Backend> fluxion::codegen::makeHalideBackend() {
  return std::make_unique<HalideBackend>();
}
