// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What works beside the threads of a block, for the host: barriers that count bytes, bulk copies of
// tensors, products of warpgroups.
#include "codegen/nvptx/EmulateKernel.h"
#include "codegen/nvptx/hopper/Instructions.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

static bool isProductOfRegisters(Operation *op) {
  auto text = dyn_cast<LLVM::InlineAsmOp>(op);
  return text && text.getAsmString().contains(productOfRegisters);
}

Value KernelLowering::entryArray(Type element, int64_t count) {
  OpBuilder::InsertionGuard restore(b);
  b.setInsertionPointToStart(&kernel.front());
  return LLVM::AllocaOp::create(b, loc, pointer(), element, wide(count), /*alignment=*/16);
}

Value KernelLowering::words(ValueRange values) {
  constexpr int64_t most = 8;
  if (!wordArray)
    wordArray = entryArray(b.getI32Type(), most);
  for (auto [i, value] : llvm::enumerate(values))
    LLVM::StoreOp::create(b, loc, value,
                          LLVM::GEPOp::create(b, loc, pointer(), b.getI32Type(), wordArray,
                                              ArrayRef<LLVM::GEPArg>{(int32_t)i}));
  return wordArray;
}

Value KernelLowering::guarded(Value predicate) {
  return predicate ? LLVM::ZExtOp::create(b, loc, b.getI32Type(), predicate).getResult()
                   : number(1);
}

bool KernelLowering::lowerBarriers(Operation *op) {
  Type none = LLVM::LLVMVoidType::get(b.getContext());
  if (auto init = dyn_cast<NVVM::MBarrierInitOp>(op)) {
    if (init.getPredicate())
      return false;
    call("fx_simt_mbarrier_init", none, {self, init.getAddr(), init.getCount()});
  } else if (auto arrive = dyn_cast<NVVM::MBarrierArriveOp>(op)) {
    if (arrive.getCount() || (arrive.getRes() && !arrive.getRes().use_empty()))
      return false;
    call("fx_simt_mbarrier_arrive", none, {self, arrive.getAddr(), number(0), number(1)});
  } else if (auto arrive = dyn_cast<NVVM::MBarrierArriveExpectTxOp>(op)) {
    call("fx_simt_mbarrier_arrive", none,
         {self, arrive.getAddr(), arrive.getTxcount(), guarded(arrive.getPredicate())});
  } else if (auto wait = dyn_cast<NVVM::MBarrierTryWaitParityOp>(op)) {
    call("fx_simt_mbarrier_wait", none, {self, wait.getAddr(), wait.getPhase()});
  } else if (auto fence = dyn_cast<NVVM::FenceProxyOp>(op)) {
    call("fx_simt_proxy_fence", none, {self});
  } else if (auto elect = dyn_cast<NVVM::ElectSyncOp>(op)) {
    Value chosen = call("fx_simt_elect", b.getI32Type(), {self});
    elect.getPred().replaceAllUsesWith(
        LLVM::TruncOp::create(b, loc, b.getI1Type(), chosen).getResult());
  } else if (auto registers = dyn_cast<NVVM::SetMaxRegisterOp>(op)) {
    call("fx_simt_registers", none, {self, number((int32_t)registers.getRegCount())});
  } else if (!isa<NVVM::FenceMbarrierInitOp, NVVM::PrefetchOp>(op)) {
    return false;
  }
  op->erase();
  return true;
}

bool KernelLowering::lowerCopies(Operation *op) {
  Type none = LLVM::LLVMVoidType::get(b.getContext());
  if (auto load = dyn_cast<NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp>(op)) {
    if (load.getPredicate() || load.getMulticastMask() || !load.getIm2colOffsets().empty())
      return false;
    call("fx_simt_tensor_load", none,
         {self, load.getDstMem(), load.getTmaDescriptor(), load.getMbar(),
          words(load.getCoordinates())});
  } else if (auto store = dyn_cast<NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp>(op)) {
    if (store.getPredicate())
      return false;
    // Which buffer the map describes is the kernel's to say.
    auto map = dyn_cast<BlockArgument>(store.getTmaDescriptor());
    auto buffers = kernel->getAttrOfType<DenseI64ArrayAttr>(mapBuffersAttrName);
    if (!map || !buffers)
      return false;
    int64_t first = kernel.getNumArguments() - buffers.size();
    written[buffers[map.getArgNumber() - first]] = 1;
    call("fx_simt_tensor_store", none,
         {self, map, store.getSrcMem(), words(store.getCoordinates())});
  } else if (isa<NVVM::CpAsyncBulkCommitGroupOp>(op)) {
    call("fx_simt_bulk_commit", none, {self});
  } else if (auto wait = dyn_cast<NVVM::CpAsyncBulkWaitGroupOp>(op)) {
    call("fx_simt_bulk_wait", none, {self, number((int32_t)wait.getGroup())});
  } else if (auto store = dyn_cast<NVVM::StMatrixOp>(op)) {
    call("fx_simt_store_matrices", none,
         {self, store.getPtr(), words(store.getSources()),
          number((int32_t)store.getSources().size()),
          number(store.getLayout() == NVVM::MMALayout::col), number((int32_t)sites++)});
  } else {
    return false;
  }
  op->erase();
  return true;
}

Value KernelLowering::sumPlace(int32_t i) {
  constexpr int64_t most = 128;
  if (!sumArray)
    sumArray = entryArray(b.getF32Type(), most);
  return LLVM::GEPOp::create(b, loc, pointer(), b.getF32Type(), sumArray,
                             ArrayRef<LLVM::GEPArg>{i});
}

void KernelLowering::putSums(ValueRange sums) {
  for (auto [i, sum] : llvm::enumerate(sums))
    LLVM::StoreOp::create(b, loc, sum, sumPlace((int32_t)i));
}

Value KernelLowering::takeSums(Type type) {
  int32_t count = (int32_t)cast<LLVM::LLVMStructType>(type).getBody().size();
  Value sums = LLVM::UndefOp::create(b, loc, type);
  for (int32_t i = 0; i < count; ++i)
    sums = LLVM::InsertValueOp::create(
        b, loc, sums, LLVM::LoadOp::create(b, loc, b.getF32Type(), sumPlace(i)), i);
  return sums;
}

// fx_simt_product of fluxion/simt.h.
Value KernelLowering::productFacts(ArrayRef<int32_t> facts) {
  Type i32 = b.getI32Type();
  auto values = DenseElementsAttr::get(RankedTensorType::get({(int64_t)facts.size()}, i32), facts);
  LLVM::GlobalOp constant;
  {
    OpBuilder::InsertionGuard restore(b);
    b.setInsertionPoint(kernel);
    constant = LLVM::GlobalOp::create(
        b, loc, LLVM::LLVMArrayType::get(i32, facts.size()), /*isConstant=*/true,
        LLVM::Linkage::Internal, (kernel.getSymName() + "_product" + Twine(sites)).str(), values,
        /*alignment=*/4);
  }
  return LLVM::AddressOfOp::create(b, loc, constant);
}

void KernelLowering::lowerProduct(NVVM::WgmmaMmaAsyncOp op) {
  auto type = cast<LLVM::LLVMStructType>(op.getResults().getType());
  bool adds = op.getScaleD() == NVVM::WGMMAScaleOut::one;
  SmallVector<Value> sums;
  for (int64_t i = 0; adds && i < (int64_t)type.getBody().size(); ++i)
    sums.push_back(LLVM::ExtractValueOp::create(b, loc, op.getInouts(), i));
  putSums(sums);
  int32_t element = op.getTypeA() == NVVM::WGMMATypes::bf16  ? 0
                    : op.getTypeA() == NVVM::WGMMATypes::f16 ? 1
                                                             : 2;
  Value facts =
      productFacts({(int32_t)op.getShape().getN(), element, op.getLayoutA() == NVVM::MMALayout::row,
                    op.getLayoutB() == NVVM::MMALayout::col, adds, (int32_t)sites++});
  call("fx_simt_wgmma", LLVM::LLVMVoidType::get(b.getContext()),
       {self, op.getDescriptorA(), op.getDescriptorB(), sumPlace(0), facts});
  op.getResults().replaceAllUsesWith(takeSums(type));
}

// Operands: sums, the fragment's words, the right side's descriptor.
void KernelLowering::lowerProduct(LLVM::InlineAsmOp op) {
  constexpr int32_t tf32 = 2, words = 4;
  int32_t count = (int32_t)op.getNumOperands() - words - 1;
  putSums(op.getOperands().take_front(count));
  Value facts = productFacts(
      {2 * count, tf32, /*a_summed_last=*/1, /*b_summed_last=*/1, /*adds=*/1, (int32_t)sites++});
  Value left = this->words(op.getOperands().slice(count, words));
  call("fx_simt_wgmma_of_registers", LLVM::LLVMVoidType::get(b.getContext()),
       {self, left, op.getOperands().back(), sumPlace(0), facts});
  op.getRes().replaceAllUsesWith(takeSums(op.getRes().getType()));
}

bool KernelLowering::lowerProducts(Operation *op) {
  Type none = LLVM::LLVMVoidType::get(b.getContext());
  if (isa<NVVM::WgmmaFenceAlignedOp>(op)) {
    call("fx_simt_wgmma_fence", none, {self});
  } else if (auto product = dyn_cast<NVVM::WgmmaMmaAsyncOp>(op)) {
    lowerProduct(product);
  } else if (isProductOfRegisters(op)) {
    lowerProduct(cast<LLVM::InlineAsmOp>(op));
  } else if (isa<NVVM::WgmmaGroupSyncAlignedOp>(op)) {
    call("fx_simt_wgmma_commit", none, {self});
  } else if (auto wait = dyn_cast<NVVM::WgmmaWaitGroupSyncOp>(op)) {
    call("fx_simt_wgmma_wait", none, {self, number((int32_t)wait.getGroup())});
  } else if (auto wait = dyn_cast<LLVM::InlineAsmOp>(op);
             wait && wait.getAsmString() == waitForAllProducts) {
    call("fx_simt_wgmma_wait", none, {self, number(0)});
    Value sums = LLVM::UndefOp::create(b, loc, wait.getRes().getType());
    for (auto [i, sum] : llvm::enumerate(wait.getOperands()))
      sums = LLVM::InsertValueOp::create(b, loc, sums, sum, (int64_t)i);
    wait.getRes().replaceAllUsesWith(sums);
  } else {
    return false;
  }
  op->erase();
  return true;
}

bool KernelLowering::lowerEngines(Operation *op) {
  return lowerBarriers(op) || lowerCopies(op) || lowerProducts(op);
}

// Sums of products in flight may go on to other products and to the wait alone.
LogicalResult KernelLowering::checkProducts() {
  SmallVector<Value> inFlight;
  llvm::DenseSet<Value> seen;
  auto add = [&](Value value) {
    if (seen.insert(value).second)
      inFlight.push_back(value);
  };
  kernel.walk([&](Operation *op) {
    if (isa<NVVM::WgmmaMmaAsyncOp>(op) || isProductOfRegisters(op))
      add(op->getResult(0));
  });
  while (!inFlight.empty()) {
    Value value = inFlight.pop_back_val();
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      unsigned number = use.getOperandNumber();
      if (isa<NVVM::WgmmaMmaAsyncOp>(user) || isProductOfRegisters(user))
        continue;
      if (auto wait = dyn_cast<LLVM::InlineAsmOp>(user);
          wait && wait.getAsmString() == waitForAllProducts)
        continue;
      if (auto part = dyn_cast<LLVM::ExtractValueOp>(user)) {
        add(part);
      } else if (auto branch = dyn_cast<BranchOpInterface>(user)) {
        if (auto argument = branch.getSuccessorBlockArgument(number))
          add(*argument);
      } else if (auto loop = dyn_cast<scf::ForOp>(user)) {
        add(loop.getTiedLoopRegionIterArg(&use));
        add(loop.getTiedLoopResult(&use));
      } else if (isa<scf::YieldOp>(user)) {
        add(user->getParentOp()->getResult(number));
        if (auto loop = dyn_cast<scf::ForOp>(user->getParentOp()))
          add(loop.getRegionIterArg(number));
      } else {
        return user->emitOpError("reads sums of products in flight; wait for them first");
      }
    }
  }
  return success();
}
