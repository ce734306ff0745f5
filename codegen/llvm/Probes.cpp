// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/Probes.h"

#include "ir/Target.h"
#include "ir/ops/Shape.h"

#include "llvm/Support/InterleavedRange.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

int32_t fluxion::codegen::dtypeOf(Type element) {
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

static std::string resultName(func::FuncOp entry, ir::KernelOp kernel, unsigned index) {
  auto place = cast<ir::PlaceAttr>((*kernel.getPlaces())[index]);
  if (place.getSpace() == ir::PlaceSpace::State)
    for (auto item : entry->getParentOfType<ModuleOp>().getOps<ir::StateOp>())
      if ((int64_t)item.getOffset().value_or(-1) == place.getSlot())
        return item.getSymName().str();
  if (place.getSpace() == ir::PlaceSpace::Output)
    if (auto name = entry.getResultAttrOfType<StringAttr>(place.getSlot(), ir::nameAttrName))
      return name.str();
  SmallVector<StringRef> read;
  for (Value input : kernel.getInputs()) {
    while (auto view = input.getDefiningOp<ir::ReshapeOp>())
      input = view.getX();
    if (auto state = input.getDefiningOp<ir::ReadOp>())
      read.push_back(state.getState());
  }
  std::string text = kernel.getName().str();
  if (!read.empty())
    text += "(" + llvm::join(read, ", ") + ")";
  auto type = cast<RankedTensorType>(kernel.getResult(index).getType());
  llvm::raw_string_ostream(text) << " " << type.getElementType() << "["
                                 << llvm::interleaved(type.getShape()) << "]";
  return text;
}

SmallVector<ProbedValue> fluxion::codegen::probedResults(func::FuncOp entry, ir::KernelOp kernel) {
  SmallVector<ProbedValue> probed;
  for (auto [i, value] : llvm::enumerate(kernel.getResults())) {
    auto type = cast<RankedTensorType>(value.getType());
    if (isa<FloatType>(type.getElementType()))
      probed.push_back({value, resultName(entry, kernel, i), dtypeOf(type.getElementType()),
                        type.getNumElements()});
  }
  return probed;
}

void ProbeCalls::load() {
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  Block *before = b.getInsertionBlock();
  Block *body = before->splitBlock(b.getInsertionPoint());
  probe = body->addArgument(pointer, loc());
  Block *lent = b.createBlock(body);
  LLVM::BrOp::create(b, loc(), LLVM::LoadOp::create(b, loc(), pointer, context).getResult(), body);
  b.setInsertionPointToEnd(before);
  Value zero = LLVM::ZeroOp::create(b, loc(), pointer);
  Value isLent = LLVM::ICmpOp::create(b, loc(), LLVM::ICmpPredicate::ne, context, zero);
  LLVM::CondBrOp::create(b, loc(), isLent, lent, ValueRange(), body, zero);
  b.setInsertionPointToStart(body);
}

void ProbeCalls::emit(ArrayRef<ProbedValue> values, Texts &texts,
                      llvm::function_ref<Value(size_t)> data) {
  if (values.empty())
    return;
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(b.getContext()),
      {pointer, pointer, b.getI32Type(), pointer, b.getI64Type()}); // fx_context::probe
  Block *current = b.getInsertionBlock();
  Block *next = current->splitBlock(b.getInsertionPoint());
  Block *report = b.createBlock(next);
  for (auto [i, value] : llvm::enumerate(values)) {
    auto dtype =
        LLVM::ConstantOp::create(b, loc(), b.getI32Type(), b.getI32IntegerAttr(value.dtype));
    auto count =
        LLVM::ConstantOp::create(b, loc(), b.getI64Type(), b.getI64IntegerAttr(value.count));
    LLVM::CallOp::create(b, loc(), type,
                         ValueRange{probe, context, texts(value.name), dtype, data(i), count});
  }
  LLVM::BrOp::create(b, loc(), ValueRange(), next);
  b.setInsertionPointToEnd(current);
  Value zero = LLVM::ZeroOp::create(b, loc(), pointer);
  Value wanted = LLVM::ICmpOp::create(b, loc(), LLVM::ICmpPredicate::ne, probe, zero);
  LLVM::CondBrOp::create(b, loc(), wanted, report, next);
  b.setInsertionPointToStart(next);
}
