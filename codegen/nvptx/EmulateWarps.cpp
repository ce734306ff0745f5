// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Asynchronous copies, and the matrices that a warp loads and multiplies, for the host.
#include "codegen/nvptx/EmulateKernel.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {
constexpr int32_t fragmentMost = 4; // words of a thread
enum Fragment { Left, Right, Sums };

// Of fluxion/simt.h; nothing where it has none.
std::optional<int32_t> typeOf(NVVM::MmaOp op) {
  auto type = op.getMultiplicandAPtxType();
  if (!type || type != op.getMultiplicandBPtxType() || op.getShape().getM() != 16 ||
      op.getShape().getN() != 8)
    return std::nullopt;
  int64_t k = op.getShape().getK();
  return *type == NVVM::MMATypes::bf16 && k == 16  ? std::optional<int32_t>(0)
         : *type == NVVM::MMATypes::f16 && k == 16 ? std::optional<int32_t>(1)
         : *type == NVVM::MMATypes::tf32 && k == 8 ? std::optional<int32_t>(2)
                                                   : std::nullopt;
}
} // namespace

Value KernelLowering::fragmentArray(int64_t fragment) {
  if (!fragmentWords)
    fragmentWords = entryArray(b.getI32Type(), 3 * fragmentMost);
  return LLVM::GEPOp::create(b, loc, pointer(), b.getI32Type(), fragmentWords,
                             ArrayRef<LLVM::GEPArg>{(int32_t)fragment * fragmentMost});
}

bool KernelLowering::lowerAsyncCopies(Operation *op) {
  Type none = LLVM::LLVMVoidType::get(b.getContext());
  if (auto copy = dyn_cast<NVVM::CpAsyncOp>(op)) {
    int32_t bytes = (int32_t)copy.getSize();
    int32_t to = regionOf(copy.getDst()), from = regionOf(copy.getSrc());
    if (to >= 0 || to == unchecked || from < 0)
      return false;
    granule = std::min<int64_t>(granule, 4);
    call("fx_simt_copy_async", none,
         {self, copy.getDst(), copy.getSrc(), number(bytes),
          copy.getCpSize() ? copy.getCpSize() : number(bytes), number(to), number(from)});
  } else if (isa<NVVM::CpAsyncCommitGroupOp>(op)) {
    call("fx_simt_copy_commit", none, {self});
  } else if (auto wait = dyn_cast<NVVM::CpAsyncWaitGroupOp>(op)) {
    call("fx_simt_copy_wait", none, {self, number((int32_t)wait.getN())});
  } else {
    return false;
  }
  op->erase();
  return true;
}

void KernelLowering::lowerLoadMatrix(NVVM::LdMatrixOp op) {
  Type i32 = b.getI32Type(), type = op.getRes().getType();
  Value words = fragmentArray(Left);
  granule = std::min<int64_t>(granule, 2);
  call("fx_simt_load_matrices", LLVM::LLVMVoidType::get(b.getContext()),
       {self, op.getPtr(), words, number((int32_t)op.getNum()),
        number(op.getLayout() == NVVM::MMALayout::col), number(regionOf(op.getPtr())),
        number((int32_t)sites++)});
  auto word = [&](int32_t i) -> Value {
    return LLVM::LoadOp::create(
        b, loc, i32, LLVM::GEPOp::create(b, loc, pointer(), i32, words, ArrayRef<LLVM::GEPArg>{i}));
  };
  Value all;
  if (isa<LLVM::LLVMStructType>(type)) {
    all = LLVM::UndefOp::create(b, loc, type);
    for (uint32_t i = 0; i < op.getNum(); ++i)
      all = LLVM::InsertValueOp::create(b, loc, all, word((int32_t)i), i);
  } else {
    all = word(0);
  }
  op.getRes().replaceAllUsesWith(all);
}

bool KernelLowering::lowerProduct(NVVM::MmaOp op) {
  std::optional<int32_t> element = typeOf(op);
  auto type = cast<LLVM::LLVMStructType>(op.getRes().getType());
  if (!element || type.getBody().size() != 4 || !type.getBody()[0].isF32())
    return false;
  auto put = [&](ValueRange values, int64_t fragment) {
    Value array = fragmentArray(fragment);
    for (auto [i, value] : llvm::enumerate(values))
      LLVM::StoreOp::create(b, loc, value,
                            LLVM::GEPOp::create(b, loc, pointer(), b.getI32Type(), array,
                                                ArrayRef<LLVM::GEPArg>{(int32_t)i}));
    return array;
  };
  Value left = put(op.getOperandA(), Left), right = put(op.getOperandB(), Right),
        sums = put(op.getOperandC(), Sums);
  call("fx_simt_mma", LLVM::LLVMVoidType::get(b.getContext()),
       {self, left, right, sums, number(*element), number((int32_t)sites++)});
  Value all = LLVM::UndefOp::create(b, loc, type);
  for (int32_t i = 0; i < 4; ++i)
    all = LLVM::InsertValueOp::create(
        b, loc, all,
        LLVM::LoadOp::create(b, loc, b.getF32Type(),
                             LLVM::GEPOp::create(b, loc, pointer(), b.getF32Type(), sums,
                                                 ArrayRef<LLVM::GEPArg>{i})),
        i);
  op.getRes().replaceAllUsesWith(all);
  op.erase();
  return true;
}

bool KernelLowering::lowerWarps(Operation *op) {
  if (lowerAsyncCopies(op))
    return true;
  if (auto product = dyn_cast<NVVM::MmaOp>(op))
    return lowerProduct(product);
  if (auto load = dyn_cast<NVVM::LdMatrixOp>(op)) {
    lowerLoadMatrix(load);
  } else if (auto convert = dyn_cast<NVVM::ConvertFloatToTF32Op>(op)) {
    bool toEven = convert.getRnd() == NVVM::FPRoundingMode::RN;
    if (!toEven && convert.getRnd() != NVVM::FPRoundingMode::RNA)
      return false;
    Value bits = LLVM::BitcastOp::create(b, loc, b.getI32Type(), convert.getSrc());
    convert.getRes().replaceAllUsesWith(
        call("fx_simt_tf32", b.getI32Type(), {bits, number(toEven)}));
  } else if (auto cast = dyn_cast<LLVM::AddrSpaceCastOp>(op)) {
    // All spaces are the host's memory. Regions are found through it: it goes with the addresses.
    cast.getRes().replaceAllUsesWith(cast.getArg());
  } else {
    return false;
  }
  op->erase();
  return true;
}
