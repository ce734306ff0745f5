// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/autodiff/Reverse.h"

#include "ir/ops/Control.h"
#include "ir/ops/Elementwise.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace fluxion::ir;

namespace {

bool isFloat(Value value) { return isa<FloatType>(getElementTypeOrSelf(value)); }

// Values an op reads, those captured by its regions included.
SmallVector<Value> readValues(Operation *op) {
  SmallVector<Value> values(op->getOperands());
  for (Region &region : op->getRegions())
    region.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (!region.isAncestor(operand.getParentRegion()))
          values.push_back(operand);
    });
  return values;
}

// Ops whose adjoint has no factor that could be infinite or NaN.
bool mapsZeroToZero(Operation *op) {
  auto isFinite = [](Value value) {
    SplatElementsAttr splat;
    return matchPattern(value, m_Constant(&splat)) && isFloat(value) &&
           splat.getSplatValue<APFloat>().isFinite();
  };
  return isa<AddOp, SubOp, NegOp, ConvertOp, AccumulateOp, MaxOp, MinOp, ClampOp, ReluOp>(op) ||
         (isa<MulOp>(op) && llvm::any_of(op->getOperands(), isFinite));
}

} // namespace

Inlined fluxion::ir::inlineCopy(OpBuilder &builder, Region &region, ValueRange arguments) {
  IRMapping mapping;
  mapping.map(region.getArguments(), arguments);
  Inlined copy;
  for (Operation &op : region.front().without_terminator()) {
    auto composite = dyn_cast<CompositeOpInterface>(op);
    if (!composite || isa<DifferentiableOpInterface>(op)) {
      copy.ops.push_back(builder.clone(op, mapping));
      continue;
    }
    // Autodiff sees a composite without an adjoint as its definition, down to what has one.
    Operation *whole = builder.clone(op, mapping);
    SmallVector<Value> results(whole->getResults());
    SmallVector<Operation *> open{whole};
    SmallVector<Operation *> flat;
    while (!open.empty()) {
      Operation *next = open.pop_back_val();
      auto inner = dyn_cast<CompositeOpInterface>(next);
      if (!inner || isa<DifferentiableOpInterface>(next)) {
        flat.push_back(next);
        continue;
      }
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(next);
      Operation *before = next->getPrevNode();
      Emitter emit(builder, next->getLoc());
      SmallVector<Value> definition = inner.decompose(emit);
      SmallVector<Operation *> made;
      for (Operation *op = before ? before->getNextNode() : &next->getBlock()->front(); op != next;
           op = op->getNextNode())
        made.push_back(op);
      for (auto [from, to] : llvm::zip_equal(next->getResults(), definition)) {
        from.replaceAllUsesWith(to);
        llvm::replace(results, Value(from), to);
      }
      next->erase();
      open.append(made.rbegin(), made.rend());
    }
    mapping.map(op.getResults(), results);
    copy.ops.append(flat);
  }
  for (Value value : region.front().getTerminator()->getOperands())
    copy.results.push_back(mapping.lookupOrDefault(value));
  return copy;
}

void Reverse::want(ValueRange values) { active.insert(values.begin(), values.end()); }

void Reverse::add(Value value, Value cotangent) {
  if (cotangent)
    contributions[value].push_back(cotangent);
}

Value Reverse::accumulated(Value value) {
  auto found = contributions.find(value);
  if (found == contributions.end())
    return {};
  SmallVector<Value> &list = found->second;
  if (list.size() > 1) {
    Value sum = AccumulateOp::create(builder, value.getLoc(), value.getType(), list);
    Emitter emit(builder, value.getLoc());
    Value alive = live.lookup(list.front());
    for (Value other : ArrayRef<Value>(list).drop_front()) {
      Value also = live.lookup(other);
      alive = !alive || !also ? Value() : alive == also ? alive : emit.or_(emit(alive), emit(also));
    }
    if (alive)
      live[sum] = alive;
    list.assign({sum});
  }
  return list.front();
}

Value Reverse::cotangent(Value value) {
  if (Value sum = accumulated(value))
    return sum;
  return Emitter(builder, value.getLoc()).zeros(value.getType());
}

void Reverse::spreadActivity(Operation *op) {
  if (op->hasTrait<NoGradient>() && !isa<CheckpointOp, CustomVjpOp>(op))
    return;
  if (llvm::any_of(readValues(op), [&](Value value) { return active.contains(value); }))
    for (Value result : op->getResults())
      if (isFloat(result))
        active.insert(result);
}

LogicalResult Reverse::sweep(ArrayRef<Operation *> ops) {
  for (Operation *op : ops)
    spreadActivity(op);
  for (Operation *op : llvm::reverse(ops))
    if (failed(reverse(op)))
      return failure();
  return success();
}

LogicalResult Reverse::reverse(Operation *op) {
  bool reached = llvm::any_of(op->getResults(), [&](Value result) {
    return active.contains(result) && contributions.count(result);
  });
  if (!reached)
    return success();
  SmallVector<Value> grads;
  for (Value result : op->getResults())
    grads.push_back(isFloat(result) ? cotangent(result) : Value());
  if (isa<CheckpointOp>(op))
    return reverseCheckpoint(op, grads);
  if (isa<CustomVjpOp>(op))
    return reverseCustom(op, grads);
  auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
  if (!differentiable)
    return op->emitOpError(
        "has no derivative; wrap its operands in stop_gradient if none is meant");
  Emitter emit(builder, op->getLoc());
  SmallVector<Value> cotangents = differentiable.adjoint(emit, grads);
  keepZeros(op, grads, cotangents);
  for (auto [operand, cotangent] : llvm::zip_equal(op->getOperands(), cotangents))
    if (active.contains(operand))
      add(operand, cotangent);
  return success();
}

// select gives the branch not taken a cotangent of exactly zero. On its way down a chain of
// pointwise ops the zero may meet infinite slopes, so it is written again after each of them.
void Reverse::keepZeros(Operation *op, ValueRange grads, MutableArrayRef<Value> cotangents) {
  Emitter emit(builder, op->getLoc());
  Value alive = grads.size() == 1 ? live.lookup(grads[0]) : Value();
  if (auto choice = dyn_cast<SelectOp>(op)) {
    Expr taken = emit(choice.getPred()),
         other = emit(NotOp::create(builder, op->getLoc(), taken.type(), taken));
    live[cotangents[1]] = alive ? emit.and_(emit(alive), taken) : taken;
    live[cotangents[2]] = alive ? emit.and_(emit(alive), other) : other;
    return;
  }
  if (!alive || !op->hasTrait<Pointwise>())
    return;
  for (Value &cotangent : cotangents) {
    if (!cotangent)
      continue;
    if (!mapsZeroToZero(op)) {
      Expr value = emit(cotangent);
      cotangent = emit.select(emit(alive), value, emit.like(0, value));
    }
    live[cotangent] = alive;
  }
}

// The region runs again on inputs that are not available before the cotangents are.
LogicalResult Reverse::reverseCheckpoint(Operation *op, ValueRange grads) {
  auto checkpoint = cast<CheckpointOp>(op);
  SmallVector<Value> guarded(checkpoint.getInputs()), present;
  for (Value grad : grads)
    if (grad)
      present.push_back(grad);
  llvm::append_range(guarded, present);
  auto barrier = BarrierOp::create(builder, op->getLoc(), ValueRange(guarded).getTypes(), guarded);
  ValueRange inputs = barrier.getYs().take_front(checkpoint.getInputs().size());
  ValueRange after = barrier.getYs().drop_front(checkpoint.getInputs().size());
  Inlined again = inlineCopy(builder, checkpoint.getBody(), inputs);
  for (auto [input, original] : llvm::zip_equal(inputs, checkpoint.getInputs()))
    if (active.contains(original))
      active.insert(input);
  size_t next = 0;
  for (auto [result, grad] : llvm::zip_equal(again.results, grads))
    if (grad)
      add(result, after[next++]);
  if (failed(sweep(again.ops)))
    return failure();
  for (auto [input, original] : llvm::zip_equal(inputs, checkpoint.getInputs()))
    if (active.contains(original))
      add(original, accumulated(input));
  return success();
}

LogicalResult Reverse::reverseCustom(Operation *op, ValueRange grads) {
  auto custom = cast<CustomVjpOp>(op);
  SmallVector<Value> arguments(custom.getInputs());
  llvm::append_range(arguments, custom.getResults());
  for (auto [result, grad] : llvm::zip_equal(custom.getResults(), grads))
    arguments.push_back(
        grad ? grad : Emitter(builder, op->getLoc()).zeros(result.getType()).operator Value());
  Inlined backward = inlineCopy(builder, custom.getBackward(), arguments);
  for (auto [input, cotangent] : llvm::zip_equal(custom.getInputs(), backward.results))
    if (active.contains(input))
      add(input, cotangent);
  return success();
}
