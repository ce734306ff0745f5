// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/EntryPoints.h"

#include "codegen/common/Addresses.h"
#include "codegen/llvm/Probes.h"
#include "ir/Work.h"
#include "ir/ops/Shape.h"
#include "ir/ops/Update.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// Entry points small enough to run in one thread cost no wake-up.
constexpr double forkSeconds = 8e-6;

class EntryEmitter {
public:
  EntryEmitter(func::FuncOp entry, OpBuilder &builder)
      : entry(entry), module(entry->getParentOfType<ModuleOp>()), b(builder) {}

  FailureOr<EntryPoint> emit(StringRef symbol,
                             llvm::function_ref<const EmittedKernel &(ir::KernelOp)> emitted);

private:
  func::FuncOp entry;
  ModuleOp module;
  OpBuilder &b;
  EntryPoint result;
  Value context, state, arena, inputs, outputs;
  LLVM::LLVMFuncOp function;
  DenseMap<Value, Value> pointers;
  std::optional<Texts> texts;
  std::optional<ProbeCalls> probes;

  Location loc() { return entry.getLoc(); }
  Type pointerType() { return LLVM::LLVMPointerType::get(b.getContext()); }
  Value number(int64_t value) {
    return LLVM::ConstantOp::create(b, loc(), b.getI64Type(), b.getI64IntegerAttr(value));
  }
  Value slot(Value table, int64_t index) {
    Value at = LLVM::GEPOp::create(b, loc(), pointerType(), pointerType(), table,
                                   ArrayRef<LLVM::GEPArg>{(int32_t)index});
    return LLVM::LoadOp::create(b, loc(), pointerType(), at);
  }
  Value at(ir::PlaceAttr place) {
    switch (place.getSpace()) {
    case ir::PlaceSpace::Arena:
      return byteOffset(b, loc(), arena, place.getSlot());
    case ir::PlaceSpace::State:
      return byteOffset(b, loc(), state, place.getSlot());
    case ir::PlaceSpace::Input:
      return slot(inputs, place.getSlot());
    case ir::PlaceSpace::Output:
      return slot(outputs, place.getSlot());
    case ir::PlaceSpace::Constant:
      return {};
    }
    return {};
  }
  FailureOr<int64_t> stateOffset(Operation *user, FlatSymbolRefAttr name);
  Value constantData(ir::ConstantOp constant);
  void copy(Value to, Value from, int64_t bytes);
  LogicalResult emitOp(Operation *op,
                       llvm::function_ref<const EmittedKernel &(ir::KernelOp)> emitted);
  LogicalResult emitKernel(ir::KernelOp kernel, const EmittedKernel &emitted);
  void call(StringRef symbol, ValueRange arguments);
  void fork(const KernelPhase &phase, ValueRange buffers);
  LLVM::LLVMFuncOp trampoline(StringRef symbol, size_t buffers);
  void emitCheck(ir::CheckOp check);
};

FailureOr<int64_t> EntryEmitter::stateOffset(Operation *user, FlatSymbolRefAttr name) {
  auto item = module.lookupSymbol<ir::StateOp>(name.getValue());
  if (!item || !item.getOffset())
    return user->emitOpError("state @") << name.getValue() << " has no planned offset";
  return (int64_t)*item.getOffset();
}

// A constant outside every kernel becomes a private global.
Value EntryEmitter::constantData(ir::ConstantOp constant) {
  auto elements = cast<DenseElementsAttr>(constant.getValue());
  if (elements.getElementType().isInteger(1))
    elements = elements.mapValues(b.getI8Type(), [](const APInt &bit) { return bit.zext(8); });
  std::string name = (function.getSymName() + "_constant" + Twine(pointers.size())).str();
  auto type = LLVM::LLVMArrayType::get(elements.getElementType(), elements.getNumElements());
  auto flat = elements.reshape(
      RankedTensorType::get({elements.getNumElements()}, elements.getElementType()));
  LLVM::GlobalOp global;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(function);
    global = LLVM::GlobalOp::create(b, loc(), type, /*isConstant=*/true, LLVM::Linkage::Private,
                                    name, flat, /*alignment=*/64);
  }
  return LLVM::AddressOfOp::create(b, loc(), global);
}

void EntryEmitter::copy(Value to, Value from, int64_t bytes) {
  LLVM::MemcpyOp::create(b, loc(), to, from, number(bytes), /*isVolatile=*/false);
}

void EntryEmitter::call(StringRef symbol, ValueRange arguments) {
  LLVM::CallOp::create(b, loc(), TypeRange(), symbol, arguments);
}

// `void symbol.task(args, begin, end)` unpacks the buffers that fx_parallel_for hands to every
// thread.
LLVM::LLVMFuncOp EntryEmitter::trampoline(StringRef symbol, size_t buffers) {
  std::string name = (symbol + ".task").str();
  if (auto known =
          SymbolTable::lookupNearestSymbolFrom<LLVM::LLVMFuncOp>(function, b.getStringAttr(name)))
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(function);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                          {pointerType(), b.getI64Type(), b.getI64Type()});
  auto task = LLVM::LLVMFuncOp::create(b, loc(), name, type, LLVM::Linkage::Internal);
  Block *body = task.addEntryBlock(b);
  b.setInsertionPointToStart(body);
  SmallVector<Value> arguments;
  for (size_t i = 0; i < buffers; ++i)
    arguments.push_back(slot(body->getArgument(0), i));
  arguments.append({body->getArgument(1), body->getArgument(2)});
  call(symbol, arguments);
  LLVM::ReturnOp::create(b, loc(), ValueRange());
  return task;
}

void EntryEmitter::fork(const KernelPhase &phase, ValueRange buffers) {
  LLVM::LLVMFuncOp task = trampoline(phase.symbol, buffers.size());
  Value table;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&function.front());
    Value count = LLVM::ConstantOp::create(b, loc(), b.getI64Type(),
                                           b.getI64IntegerAttr((int64_t)buffers.size()));
    table = LLVM::AllocaOp::create(b, loc(), pointerType(), pointerType(), count);
  }
  for (auto [i, buffer] : llvm::enumerate(buffers)) {
    Value at = LLVM::GEPOp::create(b, loc(), pointerType(), pointerType(), table,
                                   ArrayRef<LLVM::GEPArg>{(int32_t)i});
    LLVM::StoreOp::create(b, loc(), buffer, at);
  }
  Value body = LLVM::AddressOfOp::create(b, loc(), task);
  call("fx_parallel_for", {context, body, table, number(phase.tasks)});
}

LogicalResult EntryEmitter::emitKernel(ir::KernelOp kernel, const EmittedKernel &emitted) {
  SmallVector<Value> buffers;
  for (Value input : kernel.getInputs()) {
    Value pointer = pointers.lookup(input);
    if (!pointer)
      return kernel.emitOpError("an operand has no planned place");
    buffers.push_back(pointer);
  }
  for (auto [i, value] : llvm::enumerate(kernel.getResults())) {
    auto places = kernel.getPlaces();
    Value pointer = places ? at(cast<ir::PlaceAttr>((*places)[i])) : Value();
    if (!pointer)
      return kernel.emitOpError("result ") << i << " has no planned place";
    pointers[value] = pointer;
    buffers.push_back(pointer);
  }
  auto scratch = kernel->getAttrOfType<ir::PlaceAttr>(ir::scratchPlaceAttrName);
  buffers.push_back(scratch ? at(scratch)
                            : LLVM::ZeroOp::create(b, loc(), pointerType()).getResult());

  auto seconds = kernel->getAttrOfType<FloatAttr>("fluxion.seconds");
  bool worthForking = !seconds || seconds.getValueAsDouble() > forkSeconds;
  ++result.kernels;
  for (const KernelPhase &phase : emitted.phases) {
    if (seconds && (phase.forks || (phase.tasks > 1 && worthForking)))
      result.forks.push_back({phase.symbol, seconds.getValueAsDouble()});
    if (phase.forks) {
      SmallVector<Value> arguments(buffers);
      arguments.push_back(context);
      call(phase.symbol, arguments);
      continue;
    }
    if (phase.tasks > 1 && worthForking) {
      fork(phase, buffers);
      continue;
    }
    SmallVector<Value> arguments(buffers);
    arguments.append({number(0), number(phase.tasks)});
    call(phase.symbol, arguments);
  }
  SmallVector<ProbedValue> probed = probedResults(entry, kernel);
  probes->emit(probed, *texts, [&](size_t i) { return pointers.lookup(probed[i].value); });
  return success();
}

void EntryEmitter::emitCheck(ir::CheckOp check) {
  Value byte = LLVM::LoadOp::create(b, loc(), b.getI8Type(), pointers.lookup(check.getPred()));
  Value zero = LLVM::ConstantOp::create(b, loc(), b.getI8Type(), b.getI8IntegerAttr(0));
  Value failed = LLVM::ICmpOp::create(b, loc(), LLVM::ICmpPredicate::eq, byte, zero);
  result.checks.push_back(check.getMessage().str());
  Block *current = b.getInsertionBlock();
  Block *next = current->splitBlock(b.getInsertionPoint());
  Block *leave = b.createBlock(next);
  Value code =
      LLVM::ConstantOp::create(b, loc(), b.getI32Type(), b.getI32IntegerAttr(result.checks.size()));
  LLVM::ReturnOp::create(b, loc(), code);
  b.setInsertionPointToEnd(current);
  LLVM::CondBrOp::create(b, loc(), failed, leave, next);
  b.setInsertionPointToStart(next);
}

LogicalResult
EntryEmitter::emitOp(Operation *op,
                     llvm::function_ref<const EmittedKernel &(ir::KernelOp)> emitted) {
  if (auto kernel = dyn_cast<ir::KernelOp>(op))
    return emitKernel(kernel, emitted(kernel));
  if (auto read = dyn_cast<ir::ReadOp>(op)) {
    FailureOr<int64_t> bytes = stateOffset(op, read.getStateAttr());
    if (succeeded(bytes))
      pointers[read.getValue()] = byteOffset(b, loc(), state, *bytes);
    return bytes;
  }
  if (auto view = dyn_cast<ir::ReshapeOp>(op)) {
    pointers[view.getY()] = pointers.lookup(view.getX());
    return success(pointers.lookup(view.getX()) != nullptr);
  }
  if (auto constant = dyn_cast<ir::ConstantOp>(op)) {
    pointers[constant.getY()] = constantData(constant);
    return success();
  }
  if (auto check = dyn_cast<ir::CheckOp>(op)) {
    emitCheck(check);
    return success();
  }
  return success(isa<ir::WriteOp, func::ReturnOp>(op)); // after all kernels
}

FailureOr<EntryPoint>
EntryEmitter::emit(StringRef symbol,
                   llvm::function_ref<const EmittedKernel &(ir::KernelOp)> emitted) {
  result.symbol = symbol.str();
  SmallVector<Type> arguments(5, pointerType());
  function = LLVM::LLVMFuncOp::create(b, loc(), symbol,
                                      LLVM::LLVMFunctionType::get(b.getI32Type(), arguments),
                                      LLVM::Linkage::Internal);
  OpBuilder::InsertionGuard guard(b);
  Block *setup = function.addEntryBlock(b);
  context = setup->getArgument(0), state = setup->getArgument(1), arena = setup->getArgument(2);
  inputs = setup->getArgument(3), outputs = setup->getArgument(4);
  b.setInsertionPointToStart(setup);
  texts.emplace(b, function);
  probes.emplace(b, context);
  probes->load();
  for (auto [i, argument] : llvm::enumerate(entry.getArguments()))
    pointers[argument] = slot(inputs, i);
  for (Operation &op : entry.front())
    if (failed(emitOp(&op, emitted)))
      return op.emitOpError("cannot be part of a planned entry point"), failure();

  auto finish = [&](Value value, Value target, bool placed) {
    if (!placed)
      copy(target, pointers.lookup(value), ir::byteSize(value.getType()));
  };
  auto placeOf = [&](Value value) -> ir::PlaceAttr {
    while (auto view = value.getDefiningOp<ir::ReshapeOp>())
      value = view.getX();
    auto kernel = value.getDefiningOp<ir::KernelOp>();
    return kernel && kernel.getPlaces()
               ? cast<ir::PlaceAttr>((*kernel.getPlaces())[cast<OpResult>(value).getResultNumber()])
               : ir::PlaceAttr();
  };
  for (auto [i, value] : llvm::enumerate(entry.front().getTerminator()->getOperands()))
    finish(value, slot(outputs, i),
           placeOf(value) == ir::PlaceAttr::get(b.getContext(), ir::PlaceSpace::Output, i));
  for (auto write : entry.getOps<ir::WriteOp>()) {
    FailureOr<int64_t> bytes = stateOffset(write, write.getStateAttr());
    if (failed(bytes))
      return failure();
    finish(write.getValue(), byteOffset(b, loc(), state, *bytes),
           placeOf(write.getValue()) ==
               ir::PlaceAttr::get(b.getContext(), ir::PlaceSpace::State, *bytes));
  }
  Value ok = LLVM::ConstantOp::create(b, loc(), b.getI32Type(), b.getI32IntegerAttr(0));
  LLVM::ReturnOp::create(b, loc(), ok);
  return result;
}

} // namespace

FailureOr<EntryPoint>
fluxion::codegen::emitEntryPoint(func::FuncOp entry, OpBuilder &builder, StringRef symbol,
                                 llvm::function_ref<const EmittedKernel &(ir::KernelOp)> emitted) {
  return EntryEmitter(entry, builder).emit(symbol, emitted);
}
