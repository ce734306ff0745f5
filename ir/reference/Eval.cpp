// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/reference/Eval.h"

#include "ir/ops/Control.h"
#include "ir/ops/Update.h"
#include "ir/reference/Ops.h"

using namespace mlir;

namespace fluxion::ir::reference {
namespace {

class Evaluator {
public:
  explicit Evaluator(State *state) : state(state) {}
  FailureOr<SmallVector<Tensor>> run(Block &block, ArrayRef<Tensor> inputs);
  State written;

private:
  State *state;
  FailureOr<SmallVector<Tensor>> apply(Operation *op, ArrayRef<Tensor> operands);
  FailureOr<SmallVector<Tensor>> composite(CompositeOpInterface op, ArrayRef<Tensor> operands);
};

// The definition is built into a scratch function and evaluated.
FailureOr<SmallVector<Tensor>> Evaluator::composite(CompositeOpInterface op,
                                                    ArrayRef<Tensor> operands) {
  OpBuilder b(op->getContext());
  OwningOpRef<ModuleOp> scratch = ModuleOp::create(op.getLoc());
  b.setInsertionPointToEnd(scratch->getBody());
  auto function = func::FuncOp::create(
      b, op.getLoc(), "definition", b.getFunctionType(op->getOperandTypes(), op->getResultTypes()));
  Block *block = function.addEntryBlock();
  b.setInsertionPointToStart(block);
  IRMapping mapping;
  mapping.map(op->getOperands(), block->getArguments());
  auto copy = cast<CompositeOpInterface>(b.clone(*op, mapping));
  Emitter emit(b, op.getLoc());
  SmallVector<Value> results = copy.decompose(emit);
  func::ReturnOp::create(b, op.getLoc(), results);
  copy->erase();
  // An operand that occurs twice is one argument to the definition.
  return run(*block, operands);
}

FailureOr<SmallVector<Tensor>> Evaluator::apply(Operation *op, ArrayRef<Tensor> operands) {
  if (auto composed = dyn_cast<CompositeOpInterface>(op))
    return composite(composed, operands);
  if (auto kernel = dyn_cast<KernelOp>(op))
    return run(kernel.getBody().front(), operands);
  if (isa<BarrierOp>(op))
    return SmallVector<Tensor>(operands);
  if (auto read = dyn_cast<ReadOp>(op)) {
    if (!state || !state->count(read.getState().str()))
      return op->emitOpError("no state named ") << read.getState();
    return SmallVector<Tensor>{state->at(read.getState().str())};
  }
  if (auto write = dyn_cast<WriteOp>(op)) {
    written[write.getState().str()] = operands[0];
    return SmallVector<Tensor>{};
  }
  if (auto check = dyn_cast<CheckOp>(op)) {
    if (!operands[0].integers[0])
      return op->emitError(check.getMessage());
    return SmallVector<Tensor>{};
  }
  return evaluateOp(op, operands);
}

FailureOr<SmallVector<Tensor>> Evaluator::run(Block &block, ArrayRef<Tensor> inputs) {
  DenseMap<Value, Tensor> values;
  for (auto [argument, input] : llvm::zip_equal(block.getArguments(), inputs))
    values[argument] = input;
  auto operandsOf = [&](Operation &op) {
    SmallVector<Tensor> operands;
    for (Value operand : op.getOperands())
      operands.push_back(values.at(operand));
    return operands;
  };
  for (Operation &op : block.without_terminator()) {
    FailureOr<SmallVector<Tensor>> results = apply(&op, operandsOf(op));
    if (failed(results))
      return failure();
    for (auto [value, result] : llvm::zip_equal(op.getResults(), *results))
      values[value] = std::move(result);
  }
  return operandsOf(*block.getTerminator());
}

} // namespace

FailureOr<SmallVector<Tensor>> evaluateOp(Operation *op, ArrayRef<Tensor> operands) {
  for (auto family : {evalElementwise, evalContraction, evalReduction, evalShape, evalIndexing})
    if (Results results = family(op, operands))
      return std::move(*results);
  return op->emitOpError("has no reference evaluation; differentiate and decompose first");
}

// What the verifier lets through but has no meaning here.
static LogicalResult checkEvaluable(func::FuncOp function) {
  auto isTensor = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.hasStaticShape() && tensor.getElementType().isIntOrFloat();
  };
  if (!function.getBody().hasOneBlock())
    return function.emitError("a function to evaluate has a body of one block");
  if (!llvm::all_of(function.getArgumentTypes(), isTensor))
    return function.emitError("arguments must be tensors of static shape");
  return failure(function
                     .walk([&](Operation *op) {
                       if (llvm::all_of(op->getResultTypes(), isTensor))
                         return WalkResult::advance();
                       op->emitError("results must be tensors of static shape");
                       return WalkResult::interrupt();
                     })
                     .wasInterrupted());
}

FailureOr<SmallVector<Tensor>> evaluate(func::FuncOp function, ArrayRef<Tensor> inputs,
                                        State *state) {
  if (failed(checkEvaluable(function)))
    return failure();
  if (inputs.size() != function.getNumArguments())
    return function.emitError() << inputs.size() << " inputs for " << function.getNumArguments()
                                << " arguments";
  Evaluator evaluator(state);
  FailureOr<SmallVector<Tensor>> results = evaluator.run(function.front(), inputs);
  if (succeeded(results) && state)
    for (auto &[name, value] : evaluator.written)
      (*state)[name] = value;
  return results;
}

} // namespace fluxion::ir::reference
