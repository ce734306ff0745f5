// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/autodiff/Differentiate.h"

#include "ir/autodiff/Reverse.h"
#include "ir/ops/Control.h"

#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {

SmallVector<Value> inputsOf(ValueRange inputs, ArrayRef<int64_t> wrt) {
  return llvm::map_to_vector(wrt, [&](int64_t index) { return inputs[index]; });
}

// Two inputs may be one value (f(x, x)), or the body may capture one, which is then constant to it;
// each needs a cotangent of its own.
SmallVector<Value> distinct(OpBuilder &builder, Location loc, ValueRange values, Region &body) {
  SmallVector<Value> result;
  DenseSet<Value> seen;
  visitUsedValuesDefinedAbove(body, body, [&](OpOperand *use) { seen.insert(use->get()); });
  for (Value value : values)
    result.push_back(seen.insert(value).second
                         ? value
                         : BarrierOp::create(builder, loc, value.getType(), value).getYs()[0]);
  return result;
}

LogicalResult expandVjp(VjpOp vjp) {
  OpBuilder builder(vjp);
  SmallVector<Value> inputs = distinct(builder, vjp.getLoc(), vjp.getInputs(), vjp.getBody());
  Inlined forward = inlineCopy(builder, vjp.getBody(), inputs);
  Reverse reverse(builder);
  SmallVector<Value> wanted = inputsOf(inputs, vjp.getWrt());
  reverse.want(wanted);
  for (auto [result, cotangent] : llvm::zip(forward.results, vjp.getCotangents()))
    reverse.add(result, cotangent);
  if (failed(reverse.sweep(forward.ops)))
    return failure();
  SmallVector<Value> results(forward.results);
  for (Value value : wanted)
    results.push_back(reverse.cotangent(value));
  vjp.replaceAllUsesWith(results);
  vjp.erase();
  return success();
}

// u -> J^T u is linear, and its transpose is t -> J t: the reverse sweep reversed. Nothing of the
// value of u survives, so zeros stand in for it and clean-up removes them.
LogicalResult expandJvp(JvpOp jvp) {
  OpBuilder builder(jvp);
  SmallVector<Value> inputs = distinct(builder, jvp.getLoc(), jvp.getInputs(), jvp.getBody());
  Inlined forward = inlineCopy(builder, jvp.getBody(), inputs);
  SmallVector<Value> wanted = inputsOf(inputs, jvp.getWrt());

  Reverse reverse(builder);
  reverse.want(wanted);
  SmallVector<Value> zeros,
      outputs(ArrayRef<Value>(forward.results).take_front(jvp.getNumTangents()));
  for (Value output : outputs) {
    Emitter emit(builder, jvp.getLoc());
    zeros.push_back(BarrierOp::create(builder, jvp.getLoc(), output.getType(),
                                      emit.zeros(output.getType()).operator Value())
                        .getYs()[0]);
    reverse.add(output, zeros.back());
  }
  Operation *last = jvp->getPrevNode();
  if (failed(reverse.sweep(forward.ops)))
    return failure();
  SmallVector<Value> pulled;
  for (Value value : wanted)
    pulled.push_back(reverse.cotangent(value));

  SmallVector<Operation *> linear;
  for (Operation *op = last->getNextNode(); op != jvp.getOperation(); op = op->getNextNode())
    linear.push_back(op);
  Reverse transpose(builder);
  transpose.want(zeros);
  for (auto [value, tangent] : llvm::zip_equal(pulled, jvp.getTangents()))
    transpose.add(value, tangent);
  if (failed(transpose.sweep(linear)))
    return failure();
  SmallVector<Value> results(forward.results);
  for (Value zero : zeros)
    results.push_back(transpose.cotangent(zero));
  jvp.replaceAllUsesWith(results);
  jvp.erase();
  return success();
}

void inlineInPlace(Operation *op, Region &region) {
  OpBuilder builder(op);
  IRMapping mapping;
  mapping.map(region.getArguments(), op->getOperands());
  for (Operation &inner : region.front().without_terminator())
    builder.clone(inner, mapping);
  SmallVector<Value> results;
  for (Value value : region.front().getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(value));
  op->replaceAllUsesWith(results);
  op->erase();
}

template <typename... Ops> SmallVector<Operation *> collect(ModuleOp module) {
  SmallVector<Operation *> found; // innermost first
  module.walk<WalkOrder::PostOrder>([&](Operation *op) {
    if (isa<Ops...>(op))
      found.push_back(op);
  });
  return found;
}

} // namespace

LogicalResult fluxion::ir::differentiate(ModuleOp module) {
  // Expanding one op copies no other, as inner ones are gone by then: one list serves.
  for (Operation *op : collect<VjpOp, JvpOp>(module)) {
    auto vjp = dyn_cast<VjpOp>(op);
    if (failed(vjp ? expandVjp(vjp) : expandJvp(cast<JvpOp>(op))))
      return failure();
  }
  for (SmallVector<Operation *> open = collect<CheckpointOp, CustomVjpOp>(module); !open.empty();
       open = collect<CheckpointOp, CustomVjpOp>(module))
    for (Operation *op : open)
      inlineInPlace(op, op->getRegion(0));
  return success();
}

LogicalResult fluxion::ir::decomposeComposites(ModuleOp module) {
  auto collectComposites = [&] {
    SmallVector<CompositeOpInterface> found;
    module.walk([&](CompositeOpInterface op) { found.push_back(op); });
    return found;
  };
  for (auto open = collectComposites(); !open.empty(); open = collectComposites())
    for (CompositeOpInterface op : open) {
      OpBuilder builder(op);
      Emitter emit(builder, op.getLoc());
      op->replaceAllUsesWith(op.decompose(emit));
      op->erase();
    }
  return success();
}
