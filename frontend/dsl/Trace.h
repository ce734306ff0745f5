// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The program being traced on this thread: where Tensor operations put their ops.
#pragma once

#include "fluxion/Program.h"
#include "ir/Dialect.h"
#include "ir/ops/Ops.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"

#include <map>

namespace fluxion {

namespace dsl {
// A line of the printed model.
struct LayerNote {
  std::string name, text, output; // dotted name, as written, type of the result
  int64_t parameters;
};
} // namespace dsl

struct Program::Impl {
  std::shared_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string name, summary, description;
  std::vector<dsl::LayerNote> layers; // in the order they run
  int64_t parameters = 0;
  double traceSeconds = 0;
};

struct Param::Info {
  Type type;
  Init init;
  bool trainable = true;
  std::string name;
};

namespace dsl {

std::shared_ptr<mlir::MLIRContext> makeContext();
mlir::RankedTensorType toMlir(mlir::MLIRContext *context, const Type &type);
Type fromMlir(mlir::Type type);

class Trace {
public:
  Trace(mlir::OpBuilder builder, mlir::ModuleOp module);
  ~Trace();
  Trace(const Trace &) = delete;

  static Trace *active();
  static Trace &current(Loc loc);  // an Error where nothing is traced
  static bool isLive(uint64_t id); // a trace of this thread that has not ended

  mlir::Value value(Tensor tensor, Loc loc);
  Tensor tensor(mlir::Value value) { return {value.getAsOpaquePointer(), id}; }
  mlir::Location location(Loc loc);

  // An op whose result types are inferred; what its clauses refuse becomes an Error in the user's
  // place.
  template <typename Op, typename... Args> mlir::Operation *make(Loc loc, Args &&...args) {
    mlir::OperationState state(location(loc), Op::getOperationName());
    // Types stand in for those inferred from what a build leaves in `state`.
    constexpr size_t results = Op::template hasTrait<mlir::OpTrait::OneResult>() ? 1 : 3;
    static_assert(results == 1 || Op::template hasTrait<mlir::OpTrait::NResults<3>::Impl>());
    llvm::SmallVector<mlir::Type> unknown(results, builder.getNoneType());
    Op::build(builder, state, mlir::TypeRange(unknown), std::forward<Args>(args)...);
    state.types.clear();
    std::string complaint;
    llvm::SmallVector<mlir::Type> types;
    {
      mlir::ScopedDiagnosticHandler handler(builder.getContext(),
                                            [&](mlir::Diagnostic &diagnostic) {
                                              complaint = diagnostic.str();
                                              return mlir::success();
                                            });
      if (mlir::failed(Op::inferReturnTypes(builder.getContext(), state.location, state.operands,
                                            state.attributes.getDictionary(builder.getContext()),
                                            state.getRawProperties(), state.regions, types)))
        refuse(Op::getOperationName(), complaint, state.operands, loc);
    }
    state.addTypes(types);
    return verified(builder.create(state), loc);
  }
  // The op; an Error in the user's place where its verifier refuses it.
  mlir::Operation *verified(mlir::Operation *op, Loc loc);

  mlir::OpBuilder builder;
  mlir::ModuleOp module;

  // Regions being filled, outermost first; tensors of others are out of scope.
  llvm::SmallVector<mlir::Region *> open;
  // Regions traced for their types alone; kept because user code may hold tensors of them.
  std::vector<std::unique_ptr<mlir::Region>> discarded;
  std::vector<LayerNote> layers;
  Loc last; // where the user's code was when the latest op was made

  // Training: parameter values, random numbers, updates of buffers, metrics.
  bool training = false;
  llvm::DenseMap<const Param::Info *, mlir::Value> params;
  std::vector<std::pair<const Param::Info *, mlir::Value>> updates;
  std::vector<std::pair<std::string, mlir::Value>> metrics;
  mlir::Value seed, step;
  int64_t nextStream = 0;

private:
  Trace *outer;
  uint64_t id;
  [[noreturn]] void refuse(llvm::StringRef op, const std::string &complaint,
                           mlir::ValueRange operands, Loc loc);
};

// Result of a single-result op.
template <typename Op, typename... Args> Tensor emit(Loc loc, Args &&...args) {
  Trace &trace = Trace::current(loc);
  return trace.tensor(trace.make<Op>(loc, std::forward<Args>(args)...)->getResult(0));
}
template <typename Op, typename... Args>
Tensor emitTyped(Loc loc, const Type &type, Args &&...args) {
  Trace &trace = Trace::current(loc);
  mlir::Operation *op =
      Op::create(trace.builder, trace.location(loc), toMlir(trace.builder.getContext(), type),
                 std::forward<Args>(args)...);
  return trace.tensor(trace.verified(op, loc)->getResult(0));
}

// Ops go into the region until the scope ends.
class Scope {
public:
  Scope(Trace &trace, mlir::Region &region) : trace(trace), guard(trace.builder) {
    trace.builder.setInsertionPointToStart(&region.front());
    trace.open.push_back(&region);
  }
  ~Scope() { trace.open.pop_back(); }

private:
  Trace &trace;
  mlir::OpBuilder::InsertionGuard guard;
};

int64_t axisOf(int64_t axis, int64_t rank, const char *op, Loc loc);
Shape axesOf(Shape axes, int64_t rank, const char *op, Loc loc); // sorted; empty: all
std::string describe(Tensor tensor); // f32[64, 784], made by ... at file:line
// The nearest candidate by edit distance; empty where none is near.
std::string nearest(const std::string &name, const std::vector<std::string> &candidates);
// `unknown stage "fusee"; did you mean fuse?`, or all candidates where none is near.
std::string unknownName(const std::string &kind, const std::string &name,
                        const std::vector<std::string> &candidates);

} // namespace dsl
} // namespace fluxion
