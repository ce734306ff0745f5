// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/loops/PhaseEmitter.h"

#include "codegen/common/Addresses.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

Value PhaseEmitter::addressOf(const StoredValue &stored) {
  size_t operands = kernel.getInputs().size(), results = kernel.getNumResults();
  if (stored.result >= 0)
    return arguments[operands + stored.result];
  return byteOffset(b, loc, arguments[operands + results], stored.scratchOffset);
}

void PhaseEmitter::loop(Value from, Value to, int64_t step, Loop body) {
  scf::ForOp::create(b, loc, from, to, number(step), ValueRange(),
                     [&](OpBuilder &, Location, Value iv, ValueRange) {
                       puller.newScope();
                       body(iv);
                       scf::YieldOp::create(b, loc);
                     });
  puller.newScope();
}

PhaseEmitter::Values PhaseEmitter::fold(int64_t from, int64_t to, int64_t step, ValueRange initial,
                                        Fold body) {
  if (to <= from)
    return Values(initial);
  if (to - from == step) { // one trip needs no loop
    puller.newScope();
    return body(number(from), initial);
  }
  return foldBetween(number(from), number(to), step, initial, body);
}

PhaseEmitter::Values PhaseEmitter::foldBetween(Value from, Value to, int64_t step,
                                               ValueRange initial, Fold body) {
  auto made = scf::ForOp::create(b, loc, from, to, number(step), initial,
                                 [&](OpBuilder &, Location, Value iv, ValueRange carried) {
                                   puller.newScope();
                                   scf::YieldOp::create(b, loc, body(iv, carried));
                                 });
  puller.newScope();
  return Values(made.getResults());
}

PhaseEmitter::Values PhaseEmitter::decode(Value flat, ArrayRef<int64_t> sizes) {
  Values positions(sizes.size());
  for (int64_t d = (int64_t)sizes.size() - 1; d >= 0; --d) {
    if (d == 0) {
      positions[d] = flat;
      break;
    }
    if (sizes[d] == 1) {
      positions[d] = number(0);
      continue;
    }
    positions[d] = arith::RemUIOp::create(b, loc, flat, number(sizes[d]));
    flat = arith::DivUIOp::create(b, loc, flat, number(sizes[d]));
  }
  return positions;
}

// All values of a block are computed before any is stored: results may share memory with operands.
void PhaseEmitter::storeAll(ArrayRef<StoredValue> stores, const Index &index) {
  Values blocks;
  for (const StoredValue &stored : stores)
    blocks.push_back(puller.pull(stored.value, index));
  for (auto [stored, block] : llvm::zip_equal(stores, blocks)) {
    auto type = cast<RankedTensorType>(stored.value.getType());
    access.store(addressOf(stored), type.getElementType(), access.linear(type.getShape(), index),
                 block);
  }
}

void PhaseEmitter::emit(StringRef symbol, ArrayRef<StoredValue> earlier) {
  OpBuilder::InsertionGuard guard(b);
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  SmallVector<Type> types(kernel.getInputs().size() + kernel.getNumResults() + 1, pointer);
  types.append(2, b.getI64Type());
  auto function = LLVM::LLVMFuncOp::create(
      b, loc, symbol, LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), types),
      LLVM::Linkage::Internal);
  access.emit.module = function->getParentOfType<ModuleOp>();
  Block *entry = function.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  arguments.assign(entry->getArguments().begin(), entry->getArguments().end());
  for (auto [i, argument] : llvm::enumerate(kernel.getBody().getArguments()))
    buffers[argument] = arguments[i];
  for (const StoredValue &stored : earlier)
    if (!buffers.count(stored.value))
      buffers[stored.value] = addressOf(stored);
  switch (phase.kind) {
  case Phase::Pack:
    emitPack();
    break;
  case Phase::PadInput:
    emitPadInput();
    break;
  case Phase::Map:
    emitMap();
    break;
  case Phase::Row:
    emitRow();
    break;
  case Phase::Scatter:
    emitScatter();
    break;
  case Phase::Reduce:
  case Phase::Combine:
    emitReduce();
    break;
  }
  LLVM::ReturnOp::create(b, loc, ValueRange());
}
