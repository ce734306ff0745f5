// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/halide/HalideCall.h"

#include "fluxion/abi.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <cstddef>

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// Buffer descriptions (halide_buffer_t, 56 bytes) live on the stack.
class Caller {
public:
  Caller(OpBuilder &b, ir::KernelOp kernel, const DescribedWindow &d)
      : b(b), loc(kernel.getLoc()), kernel(kernel), d(d) {
    for (Type type : kernel.getBody().front().front().getOperandTypes())
      types.push_back(cast<RankedTensorType>(type));
    types.push_back(cast<RankedTensorType>(kernel.getResult(0).getType()));
    steps.assign(d.operandBytesPerTask.begin(), d.operandBytesPerTask.end());
    steps.push_back(d.resultBytesPerTask);
  }
  void declareCallee();
  // `void symbol(operands..., result, scratch, begin, end)`: one call a task.
  void emitTasks(StringRef symbol);
  // `void symbol(operands..., result, scratch, context)`: one call for all tasks.
  void emitForking(StringRef symbol, int64_t scratchBytes);

private:
  OpBuilder &b;
  Location loc;
  ir::KernelOp kernel;
  const DescribedWindow &d;
  SmallVector<RankedTensorType> types; // operands, result
  SmallVector<int64_t> steps;          // bytes a task

  Type pointer() { return LLVM::LLVMPointerType::get(b.getContext()); }
  Value constant(Type type, int64_t value) {
    return LLVM::ConstantOp::create(b, loc, type, b.getIntegerAttr(type, value));
  }
  Value bytes(int64_t count) {
    return LLVM::AllocaOp::create(b, loc, pointer(), b.getI8Type(), constant(b.getI64Type(), count),
                                  8);
  }
  void put(Value base, int64_t offset, Value value) {
    Value at = LLVM::GEPOp::create(b, loc, pointer(), b.getI8Type(), base,
                                   ArrayRef<LLVM::GEPArg>{(int32_t)offset});
    LLVM::StoreOp::create(b, loc, value, at);
  }
  LLVM::LLVMFuncOp function(StringRef symbol, ArrayRef<Type> last);
  Value buffer(RankedTensorType type, int64_t taskDim);
  Value kernelName(LLVM::LLVMFuncOp user);
};

void Caller::declareCallee() {
  SmallVector<Type> arguments(types.size() + (d.kernel.forks ? 1 : 0), pointer());
  LLVM::LLVMFuncOp::create(b, loc, d.kernel.symbol,
                           LLVM::LLVMFunctionType::get(b.getI32Type(), arguments));
}

LLVM::LLVMFuncOp Caller::function(StringRef symbol, ArrayRef<Type> last) {
  SmallVector<Type> arguments(types.size() + 1, pointer());
  llvm::append_range(arguments, last);
  return LLVM::LLVMFuncOp::create(
      b, loc, symbol,
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), arguments),
      LLVM::Linkage::Internal);
}

// Of one task along `taskDim`; -1: of all.
Value Caller::buffer(RankedTensorType type, int64_t taskDim) {
  int64_t rank = type.getRank();
  Value descriptor = bytes(56), dims = bytes(16 * rank);
  int64_t stride = 1;
  for (int64_t i = 0; i < rank; ++i) {
    int64_t size = type.getDimSize(rank - 1 - i);
    int64_t fields[] = {0, rank - 1 - i == taskDim ? size / d.tasks : size, stride, 0};
    for (auto [f, value] : llvm::enumerate(fields))
      put(dims, 16 * i + 4 * f, constant(b.getI32Type(), value));
    stride *= size;
  }
  for (int64_t offset : {0, 8, 24, 48})
    put(descriptor, offset, constant(b.getI64Type(), 0));
  int64_t code = isa<FloatType>(type.getElementType()) ? 2 : 0;
  put(descriptor, 32,
      constant(b.getI32Type(), code | (int64_t)type.getElementTypeBitWidth() << 8 | 1 << 16));
  put(descriptor, 36, constant(b.getI32Type(), rank));
  put(descriptor, 40, dims);
  return descriptor;
}

void Caller::emitTasks(StringRef symbol) {
  OpBuilder::InsertionGuard guard(b);
  Type i64 = b.getI64Type();
  LLVM::LLVMFuncOp made = function(symbol, {i64, i64});
  Block *entry = made.addEntryBlock(b), *head = b.createBlock(&made.getBody(), {}, i64, loc),
        *body = b.createBlock(&made.getBody()), *leave = b.createBlock(&made.getBody());
  Value begin = entry->getArgument(types.size() + 1), end = entry->getArgument(types.size() + 2);
  b.setInsertionPointToStart(entry);
  SmallVector<Value> buffers;
  for (auto [i, type] : llvm::enumerate(types))
    buffers.push_back(buffer(type, steps[i] == 0           ? -1
                                   : i + 1 == types.size() ? 0
                                                           : d.operandTaskDim));
  LLVM::BrOp::create(b, loc, begin, head);
  b.setInsertionPointToStart(head);
  Value task = head->getArgument(0);
  Value more = LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::slt, task, end);
  LLVM::CondBrOp::create(b, loc, more, body, leave);
  b.setInsertionPointToStart(body);
  for (auto [i, descriptor] : llvm::enumerate(buffers)) {
    Value offset = LLVM::MulOp::create(b, loc, task, constant(i64, steps[i]));
    Value host = LLVM::GEPOp::create(b, loc, pointer(), b.getI8Type(), entry->getArgument(i),
                                     ArrayRef<LLVM::GEPArg>{offset});
    put(descriptor, 16, host);
  }
  LLVM::CallOp::create(b, loc, b.getI32Type(), d.kernel.symbol, buffers);
  Value next = LLVM::AddOp::create(b, loc, task, constant(i64, 1));
  LLVM::BrOp::create(b, loc, next, head);
  b.setInsertionPointToStart(leave);
  LLVM::ReturnOp::create(b, loc, ValueRange());
}

// In front of the function under construction.
Value Caller::kernelName(LLVM::LLVMFuncOp user) {
  std::string name = kernel.getName().str() + '\0';
  LLVM::GlobalOp global;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(user);
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), name.size());
    global = LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true, LLVM::Linkage::Private,
                                    (user.getSymName() + "_name").str(), b.getStringAttr(name));
  }
  return LLVM::AddressOfOp::create(b, loc, global);
}

// A pipeline with memory of its own stores its result as whole aligned vectors, which a caller's
// memory need not be: it is made at the start of the scratch memory and copied.
void Caller::emitForking(StringRef symbol, int64_t scratchBytes) {
  OpBuilder::InsertionGuard guard(b);
  Type i64 = b.getI64Type();
  LLVM::LLVMFuncOp made = function(symbol, {pointer()});
  Block *entry = made.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  Value call = bytes(sizeof(fx_halide_call));
  put(call, offsetof(fx_halide_call, context), entry->getArgument(types.size() + 1));
  put(call, offsetof(fx_halide_call, scratch), entry->getArgument(types.size()));
  int64_t resultBytes = alignedResultBytes(kernel, d);
  bool copies = resultBytes > 0;
  put(call, offsetof(fx_halide_call, used), constant(i64, resultBytes));
  put(call, offsetof(fx_halide_call, bytes), constant(i64, scratchBytes));
  put(call, offsetof(fx_halide_call, kernel), kernelName(made));
  SmallVector<Value> arguments{call};
  for (auto [i, type] : llvm::enumerate(types)) {
    arguments.push_back(buffer(type, /*taskDim=*/-1));
    put(arguments.back(), 16, entry->getArgument(copies && i + 1 == types.size() ? i + 1 : i));
  }
  LLVM::CallOp::create(b, loc, b.getI32Type(), d.kernel.symbol, arguments);
  RankedTensorType result = types.back();
  int64_t written = result.getNumElements() * result.getElementTypeBitWidth() / 8;
  if (copies)
    LLVM::MemcpyOp::create(b, loc, entry->getArgument(types.size() - 1),
                           entry->getArgument(types.size()), constant(i64, written),
                           /*isVolatile=*/false);
  LLVM::ReturnOp::create(b, loc, ValueRange());
}

} // namespace

int64_t fluxion::codegen::alignedResultBytes(ir::KernelOp kernel, const DescribedWindow &d) {
  if (d.kernel.heapBytes == 0)
    return 0;
  auto type = cast<RankedTensorType>(kernel.getResult(0).getType());
  return llvm::alignTo(type.getNumElements() * type.getElementTypeBitWidth() / 8, 128);
}

KernelPhase fluxion::codegen::emitHalideCall(OpBuilder &builder, StringRef symbol,
                                             ir::KernelOp kernel, const DescribedWindow &d,
                                             int64_t scratchBytes) {
  Caller caller(builder, kernel, d);
  caller.declareCallee();
  if (d.kernel.forks)
    caller.emitForking(symbol, scratchBytes);
  else
    caller.emitTasks(symbol);
  return {symbol.str(), d.tasks, d.kernel.forks};
}
