// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/hopper/Instructions.h"

#include "codegen/nvptx/hopper/HopperContract.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

Value HopperContractEmitter::word(int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr((int32_t)value));
}
Value HopperContractEmitter::isEqual(Value x, int64_t y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, word(y));
}
Value HopperContractEmitter::isLess(Value x, Value y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, x, y);
}

Value HopperContractEmitter::inMemory(Value offset) {
  return LLVM::GEPOp::create(b, loc, memory.getType(), b.getI8Type(), memory,
                             ArrayRef<LLVM::GEPArg>{offset});
}
Value HopperContractEmitter::fullBarrier(Value stage) {
  return inMemory(plus(times(stage, 8), word(plan.barriersAt())));
}
Value HopperContractEmitter::emptyBarrier(Value stage) {
  return inMemory(plus(times(stage, 8), word(plan.barriersAt() + 8 * plan.stages)));
}

void HopperContractEmitter::waitFor(Value barrier, Value parity) {
  constexpr int64_t nanoseconds = 10'000'000; // until it is tried again
  NVVM::MBarrierTryWaitParityOp::create(b, loc, barrier, parity, word(nanoseconds));
}

void HopperContractEmitter::arrive(Value barrier, int64_t bytes, Value condition) {
  NVVM::MBarrierArriveExpectTxOp::create(b, loc, Type(), barrier, word(bytes),
                                         NVVM::MemScopeKind::CTA, /*relaxed=*/false, condition);
}

// One predicated instruction: a branch while products are in flight makes ptxas serialise them.
void HopperContractEmitter::release(Value stage, Value condition) {
  arrive(emptyBarrier(stage), 0, condition);
}

void HopperContractEmitter::meet(Value barrier, int64_t threads) {
  NVVM::BarrierOp::create(b, loc, Type(), barrier, word(threads), NVVM::BarrierReductionAttr(),
                          Value());
}

// Equal in all lanes of a warp, and known to be.
Value HopperContractEmitter::uniform(Value x) {
  return NVVM::ShflOp::create(b, loc, b.getI32Type(), word(-1), x, word(0), word(31),
                              NVVM::ShflKind::idx, UnitAttr());
}

LLVM::LLVMStructType HopperContractEmitter::sumsType() {
  return LLVM::LLVMStructType::getLiteral(b.getContext(),
                                          SmallVector<Type>(plan.tileN / 2, b.getF32Type()));
}

Value HopperContractEmitter::multiply(Value sums, Value a, Value b2) {
  NVVM::WGMMATypes element = c.element.isBF16()  ? NVVM::WGMMATypes::bf16
                             : c.element.isF16() ? NVVM::WGMMATypes::f16
                                                 : NVVM::WGMMATypes::tf32;
  MLIRContext *context = b.getContext();
  auto shape = NVVM::MMAShapeAttr::get(context, 64, (int)plan.tileN, int(32 / plan.elementBytes));
  return NVVM::WgmmaMmaAsyncOp::create(
      b, loc, sums.getType(), sums, a, b2, shape, element, element, NVVM::WGMMATypes::f32,
      NVVM::WGMMAScaleOut::one, NVVM::WGMMAScaleIn::one, NVVM::WGMMAScaleIn::one,
      plan.multipliesAlong(0) ? NVVM::MMALayout::row : NVVM::MMALayout::col,
      plan.multipliesAlong(1) ? NVVM::MMALayout::col : NVVM::MMALayout::row,
      NVVM::MMAIntOverflowAttr());
}

Value HopperContractEmitter::multiply(Value sums, ValueRange fragment, Value right) {
  int64_t count = plan.tileN / 2, next = 2 * count;
  Values operands;
  std::string outputs, inputs, registers;
  for (int64_t i = 0; i < count; ++i) {
    operands.push_back(LLVM::ExtractValueOp::create(b, loc, sums, i));
    outputs += i ? ",=f" : "=f";
    inputs += "," + std::to_string(i);
    registers += (i ? ", $" : "$") + std::to_string(i);
  }
  operands.append(fragment.begin(), fragment.end());
  operands.push_back(right);
  auto word = [&](int64_t i) { return "$" + std::to_string(next + i); };
  std::string text = productOfRegisters.str() + ".m64n" + std::to_string(plan.tileN) +
                     "k8.f32.tf32.tf32 {" + registers + "}, {" + word(0) + ", " + word(1) + ", " +
                     word(2) + ", " + word(3) + "}, " + word(4) + ", 1, 1, 1;";
  return LLVM::InlineAsmOp::create(
             b, loc, sums.getType(), operands, text, outputs + inputs + ",r,r,r,r,l",
             /*has_side_effects=*/true, /*is_align_stack=*/false, LLVM::TailCallKind::None,
             LLVM::AsmDialectAttr::get(b.getContext(), LLVM::AsmDialect::AD_ATT), ArrayAttr())
      .getRes();
}

HopperContractEmitter::Values HopperContractEmitter::waitForSums(Value sums) {
  auto type = cast<LLVM::LLVMStructType>(sums.getType());
  int64_t count = type.getBody().size();
  Values parts;
  std::string outputs, inputs;
  for (int64_t i = 0; i < count; ++i) {
    parts.push_back(LLVM::ExtractValueOp::create(b, loc, sums, i));
    outputs += i ? ",=f" : "=f";
    inputs += "," + std::to_string(i);
  }
  auto wait = LLVM::InlineAsmOp::create(
      b, loc, type, parts, waitForAllProducts, outputs + inputs, /*has_side_effects=*/true,
      /*is_align_stack=*/false, LLVM::TailCallKind::None,
      LLVM::AsmDialectAttr::get(b.getContext(), LLVM::AsmDialect::AD_ATT), ArrayAttr());
  Values done;
  for (int64_t i = 0; i < count; ++i)
    done.push_back(LLVM::ExtractValueOp::create(b, loc, wait.getRes(), i));
  return done;
}
