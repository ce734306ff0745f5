// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/Descriptor.h"

#include "fluxion/abi.h"
#include "ir/KernelModel.h"
#include "ir/ops/Update.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/GlobalVariable.h"

using namespace llvm;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

int32_t dtypeOf(mlir::Type element) {
  if (element.isF64())
    return FX_F64;
  if (element.isF32())
    return FX_F32;
  if (element.isBF16())
    return FX_BF16;
  if (element.isF16())
    return FX_F16;
  if (element.isUnsignedInteger(8))
    return FX_U8;
  switch (element.getIntOrFloatBitWidth()) {
  case 64:
    return FX_I64;
  case 32:
    return FX_I32;
  case 16:
    return FX_I16;
  case 8:
    return FX_I8;
  default:
    return FX_I1;
  }
}

// Field order and types follow fluxion/abi.h; the sizes are checked there by the C compiler alone,
// so a change of the header is a change here.
class DescriptorEmitter {
public:
  explicit DescriptorEmitter(Module &module)
      : module(module), c(module.getContext()), pointer(PointerType::getUnqual(c)),
        i32(Type::getInt32Ty(c)), i64(Type::getInt64Ty(c)),
        tensorType(
            StructType::create({pointer, i32, i32, i32, pointer, i64, i64, pointer}, "fx_tensor")),
        entryType(StructType::create(
            {pointer, pointer, i32, i32, i32, i32, pointer, pointer, pointer, i64}, "fx_entry")),
        programType(StructType::create(
            {i32, i32, i32, i32, pointer, pointer, pointer, i64, i64, pointer, pointer},
            "fx_program")) {}

  Constant *text(StringRef value) {
    return global(ConstantDataArray::getString(c, value, /*AddNull=*/true), 1);
  }
  Constant *number32(int64_t value) { return ConstantInt::getSigned(i32, value); }
  Constant *number64(int64_t value) { return ConstantInt::getSigned(i64, value); }
  Constant *global(Constant *value, int align = 8) {
    auto *variable = new GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                        GlobalValue::PrivateLinkage, value, "fx_data");
    variable->setAlignment(Align(align));
    return variable;
  }
  Constant *array(Type *type, ArrayRef<Constant *> values) {
    return values.empty() ? (Constant *)ConstantPointerNull::get(pointer)
                          : global(ConstantArray::get(ArrayType::get(type, values.size()), values));
  }
  // With a layout, dimension i of the type is dimension layout[i] of the tensor described.
  Constant *tensor(StringRef name, mlir::Type type, int32_t role, int64_t offset,
                   ArrayRef<int64_t> layout = {}) {
    auto ranked = cast<mlir::RankedTensorType>(type);
    SmallVector<Constant *> dims(ranked.getRank()), order;
    for (auto [i, size] : llvm::enumerate(ranked.getShape()))
      dims[layout.empty() ? i : layout[i]] = number64(size);
    for (int64_t dim : layout)
      order.push_back(number64(dim));
    return ConstantStruct::get(tensorType,
                               {text(name), number32(dtypeOf(ranked.getElementType())),
                                number32(role), number32(ranked.getRank()), array(i64, dims),
                                number64(offset), number64(byteSize(type)), array(i64, order)});
  }
  Constant *entry(mlir::func::FuncOp function, const EntryPoint &point);

  Module &module;
  LLVMContext &c;
  PointerType *pointer;
  Type *i32, *i64;
  StructType *tensorType, *entryType, *programType;
};

Constant *DescriptorEmitter::entry(mlir::func::FuncOp function, const EntryPoint &point) {
  SmallVector<Constant *> inputs, outputs, checks;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto name = function.getArgAttrOfType<mlir::StringAttr>(i, ir::nameAttrName);
    inputs.push_back(tensor(name ? name.getValue() : "input" + std::to_string(i),
                            function.getArgument(i).getType(), FX_VALUE, 0));
  }
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    auto name = function.getResultAttrOfType<mlir::StringAttr>(i, ir::nameAttrName);
    outputs.push_back(tensor(name ? name.getValue() : "output" + std::to_string(i),
                             function.getResultTypes()[i], FX_VALUE, 0));
  }
  for (const std::string &message : point.checks)
    checks.push_back(text(message));
  auto arena = function->getAttrOfType<mlir::IntegerAttr>("fluxion.arena_bytes");
  return ConstantStruct::get(
      entryType, {text(function.getSymName()), module.getFunction(point.symbol),
                  number32(inputs.size()), number32(outputs.size()), number32(checks.size()),
                  number32(point.kernels), array(tensorType, inputs), array(tensorType, outputs),
                  array(pointer, checks), number64(arena ? arena.getInt() : 0)});
}

} // namespace

std::string
fluxion::codegen::emitDescriptor(Module &module, mlir::ModuleOp planned,
                                 ArrayRef<std::pair<mlir::func::FuncOp, EntryPoint>> entries,
                                 const LowerOptions &options) {
  DescriptorEmitter emit(module);
  SmallVector<Constant *> state, points;
  for (auto item : planned.getOps<ir::StateOp>()) {
    auto layout = item->getAttrOfType<mlir::DenseI64ArrayAttr>(ir::stateLayoutAttrName);
    state.push_back(emit.tensor(item.getSymName(), item.getType(), (int32_t)item.getRole(),
                                item.getOffset().value_or(0),
                                layout ? layout.asArrayRef() : ArrayRef<int64_t>()));
  }
  int64_t arena = 0;
  for (auto &[function, point] : entries) {
    points.push_back(emit.entry(function, point));
    if (auto bytes = function->getAttrOfType<mlir::IntegerAttr>("fluxion.arena_bytes"))
      arena = std::max(arena, bytes.getInt());
  }
  auto stateBytes = planned->getAttrOfType<mlir::IntegerAttr>("fluxion.state_bytes");
  ir::TargetInfo target = ir::TargetInfo::of(planned);
  Constant *program = ConstantStruct::get(
      emit.programType, {emit.number32(FX_ABI_VERSION), emit.number32(state.size()),
                         emit.number32(points.size()), emit.number32(0), emit.text(options.name),
                         emit.text(target.kind + ":" + target.cpu), emit.text(options.hash),
                         emit.number64(stateBytes ? stateBytes.getInt() : 0), emit.number64(arena),
                         emit.array(emit.tensorType, state), emit.array(emit.entryType, points)});
  std::string symbol = "fx_" + identifier(options.name) + "_program";
  new GlobalVariable(module, emit.programType, /*isConstant=*/true, GlobalValue::ExternalLinkage,
                     program, symbol);
  return symbol;
}
