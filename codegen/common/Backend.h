// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What every kernel backend implements: which kernels it takes, at what cost, and how it emits one.
#pragma once

#include "fluxion/abi.h"
#include "ir/KernelModel.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace fluxion::codegen {

// A function `void symbol(ptr operands..., ptr results..., ptr scratch, i64 begin, i64 end)` that
// does tasks [begin, end) of `tasks`. Phases of a kernel run one after the other.
struct KernelPhase {
  std::string symbol;
  int64_t tasks = 1;
  // `(..., ptr scratch, ptr context)`: called once for all tasks, forks by itself with the
  // fx_context it gets.
  bool forks = false;
};

// A tensor map (CUtensorMap) that follows the addresses of a launch, innermost dimension first.
struct TensorMap {
  unsigned buffer = 0;                          // which address of the launch is its base
  uint32_t dataType = 0, rank = 0;              // CUtensorMapDataType
  std::array<uint64_t, 5> dims{};               // elements
  std::array<uint64_t, 4> strides{};            // bytes, of all dimensions but the innermost
  std::array<uint32_t, 5> box{};                // elements that are copied
  std::array<uint32_t, 5> steps{1, 1, 1, 1, 1}; // from one of them to the next
  uint32_t swizzle = 0;                         // CUtensorMapSwizzle
};

struct LibraryCall;

// One launch of a GPU function `void symbol(ptr operands..., ptr results..., ptr scratch, ptr
// guard)`, which does nothing where `guard` points to a zero byte; null is no guard.
struct KernelLaunch {
  std::string symbol;
  std::array<int64_t, 3> grid{1, 1, 1}, block{1, 1, 1};
  int64_t sharedBytes = 0; // dynamic shared memory
  std::vector<TensorMap> maps;
  bool dependent = false; // may start before the launch ahead has ended, and waits for it itself
  std::shared_ptr<const LibraryCall> call; // or null
};

// An address of a launch, by position, and so many bytes behind it.
struct LaunchPlace {
  unsigned position = 0;
  int64_t offset = 0;
};

// What a library may do in place of a kernel's launches, see fx_library_call.
struct LibraryCall {
  std::variant<fx_product, fx_convolution> what;
  mlir::Type factors, sums; // elements
  bool tf32 = false;
  LaunchPlace left{0}, right{1}, result{2}, workspace{3};
  int64_t workspaceBytes = 0;
  size_t launches = 1; // of the kernel
  // Of a kernel of its own, `void symbol(ptr from, ptr to, ptr scratch, ptr guard)`.
  struct Turn {
    KernelLaunch launch;
    LaunchPlace from, to;
  };
  std::optional<Turn> before, behind;
};

struct EmittedKernel {
  std::vector<KernelPhase> phases;    // of a CPU target
  std::vector<KernelLaunch> launches; // of a GPU target, in order
  // Native object code the phases live in, for backends that do not emit MLIR; else empty.
  std::string object;
};

// A few keys of a schedule; the model decides the others.
using ScheduleVariation = llvm::SmallVector<mlir::NamedAttribute>;

class Backend {
public:
  virtual ~Backend() = default;
  virtual llvm::StringRef name() const = 0;
  virtual ir::KernelCost cost(ir::KernelOp kernel, const ir::TargetInfo &target) const = 0;
  // KernelModel::sumsResults.
  virtual bool sumsResults(mlir::Operation *sum, mlir::Operation *contraction,
                           const ir::TargetInfo &target) const {
    return false;
  }
  // Schedules worth measuring, the model's own first: variations that are refused are left out.
  std::vector<mlir::DictionaryAttr> candidates(ir::KernelOp kernel,
                                               const ir::TargetInfo &target) const;
  // Emits functions named after `symbol` at the builder's insertion point in a module.
  virtual mlir::FailureOr<EmittedKernel> emit(ir::KernelOp kernel, mlir::OpBuilder &builder,
                                              llvm::StringRef symbol,
                                              const ir::TargetInfo &target) const = 0;

protected:
  // Keys worth a try beside the model's `own` decisions, some to each.
  virtual std::vector<ScheduleVariation>
  variations(ir::KernelOp kernel, const ir::TargetInfo &target, mlir::DictionaryAttr own) const {
    return {};
  }
};

// All backends of a target kind, preferred first.
const std::vector<std::unique_ptr<Backend>> &backendsFor(const ir::TargetInfo &target);

// The backend that the kernel's schedule forces, or else the one with the least predicted time.
const Backend *chooseBackend(ir::KernelOp kernel, const ir::TargetInfo &target,
                             ir::KernelCost *cost = nullptr);

// The model that passes ask, backed by the backends above.
std::unique_ptr<ir::KernelModel> makeKernelModel();

} // namespace fluxion::codegen
