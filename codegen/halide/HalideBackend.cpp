// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/halide/HalideBackend.h"

#include "codegen/common/Libraries.h"
#include "codegen/halide/WindowKernel.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Reduction.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/TypeSwitch.h"

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

// A kernel in plain data, and how it splits into equal tasks along the outermost dimension.
struct Described {
  halide::WindowKernel kernel;
  int64_t tasks = 1;
  SmallVector<int64_t> operandBytesPerTask; // 0: the whole operand in every task
  int64_t resultBytesPerTask = 0;
};

std::optional<halide::Element> elementOf(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isF32()         ? std::optional(halide::Element::F32)
         : element.isF64()       ? std::optional(halide::Element::F64)
         : element.isInteger(32) ? std::optional(halide::Element::I32)
                                 : std::nullopt;
}

template <typename Op> void setWindow(halide::WindowKernel &kernel, Op op) {
  kernel.window.assign(op.getWindow().begin(), op.getWindow().end());
  kernel.strides.assign(op.getStrides().begin(), op.getStrides().end());
  kernel.dilation.assign(op.getDilation().begin(), op.getDilation().end());
  for (size_t d = 0; d < kernel.window.size(); ++d)
    kernel.low.push_back(op.getPadding()[2 * d]);
}

// Depthwise: channels last, one filter a channel, kernel [spatial..., 1, channels].
bool describeDepthwise(ir::ConvolutionOp conv, halide::WindowKernel &kernel) {
  auto input = conv.getInput().getType();
  auto weights = conv.getKernel().getType();
  int64_t rank = input.getRank(), channels = input.getDimSize(conv.getInputDims()[1]);
  auto channelsLast = [&](ArrayRef<int64_t> dims) { return dims[0] == 0 && dims[1] == rank - 1; };
  bool fits = conv.getFeatureGroupCount() == channels &&
              weights.getDimSize(conv.getKernelDims()[0]) == channels &&
              conv.getBatchGroupCount() == 1 && !conv.getWindowReversal() &&
              channelsLast(conv.getInputDims()) && channelsLast(conv.getOutputDims()) &&
              conv.getKernelDims()[0] == rank - 1 && conv.getKernelDims()[1] == rank - 2 &&
              llvm::all_of(conv.getLhsDilation(), [](int64_t d) { return d == 1; }) &&
              llvm::all_of(conv.getPadding(), [](int64_t p) { return p >= 0; });
  if (!fits)
    return false;
  kernel.op = halide::WindowOp::Depthwise;
  kernel.window = kernel.strides = kernel.dilation = {1};
  kernel.low = {0};
  for (int64_t d = 0; d < rank - 2; ++d) {
    if (conv.getInputDims()[d + 2] != d + 1 || conv.getOutputDims()[d + 2] != d + 1 ||
        conv.getKernelDims()[d + 2] != d)
      return false;
    kernel.window.push_back(weights.getDimSize(d));
    kernel.strides.push_back(conv.getWindowStrides()[d]);
    kernel.dilation.push_back(conv.getRhsDilation()[d]);
    kernel.low.push_back(conv.getPadding()[2 * d]);
  }
  for (auto *list : {&kernel.window, &kernel.strides, &kernel.dilation})
    list->push_back(1);
  kernel.low.push_back(0);
  return true;
}

// The one op of a window kernel, with its operands the kernel's in order.
std::optional<Described> describe(ir::KernelOp kernel, const ir::TargetInfo &target) {
  Block &body = kernel.getBody().front();
  if (kernel.getNumResults() != 1 || !llvm::hasNItems(body.without_terminator(), 1))
    return std::nullopt;
  Operation *op = &body.front();
  if (!llvm::equal(op->getOperands(), body.getArguments()))
    return std::nullopt;
  Described d;
  halide::WindowKernel &k = d.kernel;
  bool known = llvm::TypeSwitch<Operation *, bool>(op)
                   .Case([&](ir::ReduceWindowOp reduce) {
                     k.op = reduce.getKind() == ir::ReduceKind::Sum   ? halide::WindowOp::Sum
                            : reduce.getKind() == ir::ReduceKind::Max ? halide::WindowOp::Max
                                                                      : halide::WindowOp::Min;
                     setWindow(k, reduce);
                     return true;
                   })
                   .Case([&](ir::WindowArgmaxOp argmax) {
                     return k.op = halide::WindowOp::Argmax, setWindow(k, argmax), true;
                   })
                   .Case([&](ir::WindowGatherOp gather) {
                     return k.op = halide::WindowOp::Gather, setWindow(k, gather), true;
                   })
                   .Case([&](ir::WindowScatterOp scatter) {
                     return k.op = halide::WindowOp::Scatter, setWindow(k, scatter), true;
                   })
                   .Case([&](ir::ConvolutionOp conv) { return describeDepthwise(conv, k); })
                   .Default([](Operation *) { return false; });
  if (!known)
    return std::nullopt;
  auto x = cast<RankedTensorType>(op->getOperand(0).getType()),
       y = cast<RankedTensorType>(op->getResult(0).getType());
  std::optional<halide::Element> element = elementOf(x);
  int64_t taps = 1;
  for (int64_t size : k.window)
    taps *= size;
  if (!known || !element || !elementOf(y) || taps > 49 || y.getRank() < 1)
    return std::nullopt;
  k.element = *element;
  k.input.assign(x.getShape().begin(), x.getShape().end());
  k.output.assign(y.getShape().begin(), y.getShape().end());
  k.vectorBytes = target.vectorBytes;
  k.fma = target.fma;
  bool batched =
      k.window[0] == 1 && k.strides[0] == 1 && k.low[0] == 0 && k.input[0] == k.output[0];
  d.tasks = batched ? k.output[0] : 1;
  if (batched)
    k.input[0] = k.output[0] = 1;
  for (Value operand : op->getOperands()) {
    auto type = cast<RankedTensorType>(operand.getType());
    bool whole = k.op == halide::WindowOp::Depthwise && operand == op->getOperand(1);
    d.operandBytesPerTask.push_back(
        whole ? 0 : type.getNumElements() / d.tasks * type.getElementTypeBitWidth() / 8);
  }
  d.resultBytesPerTask = y.getNumElements() / d.tasks * y.getElementTypeBitWidth() / 8;
  return d;
}

// `void symbol(operands..., result, scratch, begin, end)`: one call of the Halide function a task,
// with buffer descriptions (halide_buffer_t, 56 bytes) on the stack.
class Adapter {
public:
  Adapter(OpBuilder &b, Location loc) : b(b), loc(loc) {}
  void emit(StringRef symbol, StringRef callee, ir::KernelOp kernel, const Described &d);

private:
  OpBuilder &b;
  Location loc;
  Type pointer() { return LLVM::LLVMPointerType::get(b.getContext()); }
  Value constant(Type type, int64_t value) {
    return LLVM::ConstantOp::create(b, loc, type, b.getIntegerAttr(type, value));
  }
  void put(Value base, int64_t offset, Value value) {
    Value at = LLVM::GEPOp::create(b, loc, pointer(), b.getI8Type(), base,
                                   ArrayRef<LLVM::GEPArg>{(int32_t)offset});
    LLVM::StoreOp::create(b, loc, value, at);
  }
  Value buffer(RankedTensorType type, bool oneTask, int64_t tasks);
};

Value Adapter::buffer(RankedTensorType type, bool oneTask, int64_t tasks) {
  int64_t rank = type.getRank();
  Value descriptor =
      LLVM::AllocaOp::create(b, loc, pointer(), b.getI8Type(), constant(b.getI64Type(), 56), 8);
  Value dims = LLVM::AllocaOp::create(b, loc, pointer(), b.getI8Type(),
                                      constant(b.getI64Type(), 16 * rank), 8);
  int64_t stride = 1;
  for (int64_t d = 0; d < rank; ++d) {
    int64_t size = type.getDimSize(rank - 1 - d);
    if (oneTask && d == rank - 1)
      size /= tasks;
    int64_t fields[] = {0, size, stride, 0};
    for (auto [f, value] : llvm::enumerate(fields))
      put(dims, 16 * d + 4 * f, constant(b.getI32Type(), value));
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

void Adapter::emit(StringRef symbol, StringRef callee, ir::KernelOp kernel, const Described &d) {
  SmallVector<RankedTensorType> types;
  for (Type type : kernel.getBody().front().front().getOperandTypes())
    types.push_back(cast<RankedTensorType>(type));
  types.push_back(cast<RankedTensorType>(kernel.getResult(0).getType()));
  SmallVector<int64_t> steps(d.operandBytesPerTask);
  steps.push_back(d.resultBytesPerTask);

  OpBuilder::InsertionGuard guard(b);
  Type i64 = b.getI64Type();
  LLVM::LLVMFuncOp::create(
      b, loc, callee,
      LLVM::LLVMFunctionType::get(b.getI32Type(), SmallVector<Type>(types.size(), pointer())));
  SmallVector<Type> arguments(types.size() + 1, pointer());
  arguments.append({i64, i64});
  auto function = LLVM::LLVMFuncOp::create(
      b, loc, symbol,
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), arguments),
      LLVM::Linkage::Internal);
  Block *entry = function.addEntryBlock(b),
        *head = b.createBlock(&function.getBody(), {}, i64, loc),
        *body = b.createBlock(&function.getBody()), *leave = b.createBlock(&function.getBody());
  Value begin = entry->getArgument(types.size() + 1), end = entry->getArgument(types.size() + 2);
  b.setInsertionPointToStart(entry);
  SmallVector<Value> buffers;
  for (auto [type, step] : llvm::zip_equal(types, steps))
    buffers.push_back(buffer(type, step != 0, d.tasks));
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
  LLVM::CallOp::create(b, loc, b.getI32Type(), callee, buffers);
  Value next = LLVM::AddOp::create(b, loc, task, constant(i64, 1));
  LLVM::BrOp::create(b, loc, next, head);
  b.setInsertionPointToStart(leave);
  LLVM::ReturnOp::create(b, loc, ValueRange());
}

class HalideBackend final : public Backend {
public:
  StringRef name() const override { return "halide"; }

  ir::KernelCost cost(ir::KernelOp kernel, const ir::TargetInfo &target) const override {
    ir::KernelCost cost;
    std::optional<Described> d = describe(kernel, target);
    if (!d || !pluginInstalled()) {
      cost.refusal = d ? "libfluxion_halide.so is not installed"
                       : "not a window kernel of one op that Halide expresses";
      return cost;
    }
    cost.backend = "halide";
    cost.tasks = d->tasks;
    int64_t taps = 1;
    for (int64_t size : d->kernel.window)
      taps *= size;
    for (int64_t bytes : d->operandBytesPerTask)
      cost.bytes += double(bytes) * d->tasks;
    cost.bytes += double(d->resultBytesPerTask) * d->tasks;
    cost.flops =
        double(taps) * cast<RankedTensorType>(kernel.getResult(0).getType()).getNumElements();
    cost.seconds = cost.bytes / 25e9;
    return cost;
  }

  FailureOr<EmittedKernel> emit(ir::KernelOp kernel, OpBuilder &b, StringRef symbol,
                                const ir::TargetInfo &target) const override {
    std::optional<Described> d = describe(kernel, target);
    std::string error;
    halide::CompileWindowFn compile = d ? loadPlugin(&error) : nullptr;
    if (!compile)
      return kernel.emitOpError("halide: ") << error;
    d->kernel.symbol = symbol.str() + "_halide";
    EmittedKernel emitted;
    if (compile(&d->kernel, &emitted.object, &error))
      return kernel.emitOpError("halide: ") << error;
    Adapter(b, kernel.getLoc()).emit(symbol, d->kernel.symbol, kernel, *d);
    emitted.phases.push_back({symbol.str(), d->tasks});
    return emitted;
  }
};

} // namespace

std::unique_ptr<Backend> fluxion::codegen::makeHalideBackend() {
  return std::make_unique<HalideBackend>();
}
