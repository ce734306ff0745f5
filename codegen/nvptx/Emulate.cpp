// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/Emulate.h"

#include "codegen/nvptx/EmulateKernel.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

constexpr unsigned sharedSpace = 3;

int64_t bytesOf(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements() * bytesOf(vector.getElementType());
  if (isa<LLVM::LLVMPointerType>(type))
    return 8;
  return (type.getIntOrFloatBitWidth() + 7) / 8;
}
Type elementOf(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.getElementType() : type;
}

} // namespace

// Reads whose value nobody uses would be checked and logged like any other.
void KernelLowering::eraseUnused() {
  SmallVector<Operation *> all;
  kernel.walk<WalkOrder::PreOrder>([&](Operation *op) { all.push_back(op); });
  for (Operation *op : llvm::reverse(all))
    if (op != kernel && isOpTriviallyDead(op))
      op->erase();
}

void KernelLowering::findSharedVariables() {
  auto elements = [](LLVM::GlobalOp variable) {
    return (int64_t)cast<LLVM::LLVMArrayType>(variable.getType()).getNumElements();
  };
  SmallVector<LLVM::GlobalOp> dynamic;
  kernel.walk([&](LLVM::AddressOfOp address) {
    auto global = module.lookupSymbol<LLVM::GlobalOp>(address.getGlobalName());
    if (!global || global.getAddrSpace() != sharedSpace)
      return;
    auto &list = elements(global) == 0 ? dynamic : variables;
    if (!llvm::is_contained(list, global))
      list.push_back(global);
  });
  llvm::append_range(variables, dynamic); // dynamic memory follows the static
  for (LLVM::GlobalOp variable : variables) {
    int64_t align = std::max<int64_t>(16, variable.getAlignment().value_or(16));
    sharedBytes = (sharedBytes + align - 1) / align * align;
    offsets.push_back(sharedBytes);
    auto type = cast<LLVM::LLVMArrayType>(variable.getType());
    sharedBytes += elements(variable) * bytesOf(type.getElementType());
  }
}

int32_t KernelLowering::regionOf(Value address) {
  while (true) {
    if (auto argument = dyn_cast<BlockArgument>(address))
      return argument.getOwner() == &kernel.front() ? (int32_t)argument.getArgNumber() : unchecked;
    Operation *op = address.getDefiningOp();
    if (auto gep = dyn_cast<LLVM::GEPOp>(op)) {
      address = gep.getBase();
    } else if (auto cast = dyn_cast<LLVM::AddrSpaceCastOp>(op)) {
      address = cast.getArg();
    } else if (auto of = dyn_cast<LLVM::AddressOfOp>(op)) {
      auto global = module.lookupSymbol<LLVM::GlobalOp>(of.getGlobalName());
      auto found = llvm::find(variables, global);
      return found == variables.end() ? unchecked : -1 - (int32_t)(found - variables.begin());
    } else {
      return unchecked;
    }
  }
}

Value KernelLowering::call(StringRef symbol, Type result, ValueRange arguments) {
  if (!module.lookupSymbol(symbol)) {
    OpBuilder::InsertionGuard restore(b);
    b.setInsertionPointToStart(module.getBody());
    // Addresses of every space will be the host's.
    auto types = llvm::map_to_vector(arguments.getTypes(), [&](Type type) {
      return isa<LLVM::LLVMPointerType>(type) ? pointer() : type;
    });
    LLVM::LLVMFuncOp::create(b, loc, symbol, LLVM::LLVMFunctionType::get(result, types));
  }
  bool isVoid = isa<LLVM::LLVMVoidType>(result);
  auto made =
      LLVM::CallOp::create(b, loc, isVoid ? TypeRange() : TypeRange(result), symbol, arguments);
  return isVoid ? Value() : made.getResult();
}

// A 32-bit word of fx_simt_thread.
Value KernelLowering::field(unsigned index) {
  Value at = LLVM::GEPOp::create(b, loc, pointer(), b.getI32Type(), self,
                                 ArrayRef<LLVM::GEPArg>{(int32_t)index});
  return LLVM::LoadOp::create(b, loc, b.getI32Type(), at);
}

void KernelLowering::check(bool writes, Value address, Value bytes, int64_t elementBytes,
                           int64_t align, int32_t region) {
  if (region == unchecked)
    return;
  granule = std::min(granule, elementBytes);
  if (writes && region >= 0)
    written[region] = 1;
  call(writes ? "fx_simt_write" : "fx_simt_read", LLVM::LLVMVoidType::get(b.getContext()),
       {self, address, bytes, number((int32_t)align), number(region)});
}

// Lanes of a masked block, or of addresses of their own.
void KernelLowering::checkLanes(bool writes, Value address, Value mask, Type element,
                                int32_t region) {
  int64_t lanes = cast<VectorType>(mask.getType()).getNumElements(), bytes = bytesOf(element);
  for (int64_t lane = 0; lane < lanes; ++lane) {
    Value at = wide(lane);
    Value active = LLVM::ExtractElementOp::create(b, loc, mask, at);
    Value size = LLVM::SelectOp::create(b, loc, active, wide(bytes), wide(0));
    Value place = isa<VectorType>(address.getType())
                      ? LLVM::ExtractElementOp::create(b, loc, address, at).getResult()
                      : LLVM::GEPOp::create(b, loc, pointer(), element, address,
                                            ArrayRef<LLVM::GEPArg>{(int32_t)lane})
                            .getResult();
    check(writes, place, size, bytes, bytes, region);
  }
}

bool KernelLowering::lowerMemory(Operation *op) {
  auto plain = [&](bool writes, Value address, Type type, auto memory) {
    int64_t element = bytesOf(elementOf(type)), align = memory.getAlignment().value_or(element);
    check(writes, address, wide(bytesOf(type)), element, align, regionOf(address));
    memory.setAlignment(element); // the host's buffers promise no more
    return true;
  };
  if (auto load = dyn_cast<LLVM::LoadOp>(op))
    return plain(false, load.getAddr(), load.getType(), load);
  if (auto store = dyn_cast<LLVM::StoreOp>(op))
    return plain(true, store.getAddr(), store.getValue().getType(), store);
  if (auto load = dyn_cast<LLVM::MaskedLoadOp>(op))
    checkLanes(false, load.getData(), load.getMask(), elementOf(load.getRes().getType()),
               regionOf(load.getData()));
  else if (auto store = dyn_cast<LLVM::MaskedStoreOp>(op))
    checkLanes(true, store.getData(), store.getMask(), elementOf(store.getValue().getType()),
               regionOf(store.getData()));
  else if (auto gather = dyn_cast<LLVM::masked_gather>(op))
    checkLanes(false, gather.getPtrs(), gather.getMask(), elementOf(gather.getRes().getType()),
               regionOf(gather.getPtrs()));
  else if (auto scatter = dyn_cast<LLVM::masked_scatter>(op))
    checkLanes(true, scatter.getPtrs(), scatter.getMask(), elementOf(scatter.getValue().getType()),
               regionOf(scatter.getPtrs()));
  else
    return false;
  return true;
}

bool KernelLowering::lowerRegister(Operation *op) {
  int word = TypeSwitch<Operation *, int>(op)
                 .Case([](NVVM::ThreadIdXOp) { return 0; })
                 .Case([](NVVM::ThreadIdYOp) { return 1; })
                 .Case([](NVVM::ThreadIdZOp) { return 2; })
                 .Case([](NVVM::BlockIdXOp) { return 3; })
                 .Case([](NVVM::BlockIdYOp) { return 4; })
                 .Case([](NVVM::BlockIdZOp) { return 5; })
                 .Case([](NVVM::BlockDimXOp) { return 6; })
                 .Case([](NVVM::GridDimXOp) { return 9; })
                 .Default([](Operation *) { return -1; });
  if (word < 0)
    return false;
  op->getResult(0).replaceAllUsesWith(field(word));
  op->erase();
  return true;
}

void KernelLowering::lowerShuffle(NVVM::ShflOp op) {
  Value value = op.getVal();
  bool isFloat = value.getType().isF32();
  Type i32 = b.getI32Type();
  if (isFloat)
    value = LLVM::BitcastOp::create(b, loc, i32, value);
  // NVVM's kinds in the order of fluxion/simt.h.
  int32_t kind = op.getKind() == NVVM::ShflKind::bfly   ? 0
                 : op.getKind() == NVVM::ShflKind::up   ? 1
                 : op.getKind() == NVVM::ShflKind::down ? 2
                                                        : 3;
  Value result = call("fx_simt_shuffle", i32,
                      {self, op.getThreadMask(), value, op.getOffset(), op.getMaskAndClamp(),
                       number(kind), number((int32_t)sites++)});
  if (isFloat)
    result = LLVM::BitcastOp::create(b, loc, b.getF32Type(), result);
  op.getRes().replaceAllUsesWith(result);
  op.erase();
}

LogicalResult KernelLowering::lower(Operation *op) {
  b.setInsertionPoint(op);
  if (lowerRegister(op) || lowerMemory(op) || lowerWarps(op) || lowerEngines(op))
    return success();
  Type none = LLVM::LLVMVoidType::get(b.getContext());
  if (isa<NVVM::Barrier0Op>(op)) {
    call("fx_simt_barrier", none, {self, number(0), number(0), number((int32_t)sites++)});
    op->erase();
  } else if (auto barrier = dyn_cast<NVVM::BarrierOp>(op)) {
    Value id = barrier.getBarrierId() ? barrier.getBarrierId() : number(0),
          count = barrier.getNumberOfThreads() ? barrier.getNumberOfThreads() : number(0);
    call("fx_simt_barrier", none, {self, id, count, number((int32_t)sites++)});
    op->erase();
  } else if (isa<NVVM::GriddepcontrolOp>(op)) { // launches run one after another
    op->erase();
  } else if (auto shuffle = dyn_cast<NVVM::ShflOp>(op)) {
    lowerShuffle(shuffle);
  } else if (auto barrier = dyn_cast<NVVM::SyncWarpOp>(op)) {
    call("fx_simt_shuffle", b.getI32Type(),
         {self, barrier.getMask(), number(0), number(0), number(0),
          number(/*FX_SIMT_WARP_BARRIER*/ 4), number((int32_t)sites++)});
    op->erase();
  } else if (auto address = dyn_cast<LLVM::AddressOfOp>(op)) {
    auto found = llvm::find_if(variables, [&](LLVM::GlobalOp variable) {
      return variable.getSymName() == address.getGlobalName();
    });
    if (found == variables.end())
      return success();
    Value place =
        LLVM::GEPOp::create(b, loc, pointer(), b.getI8Type(), sharedBase,
                            ArrayRef<LLVM::GEPArg>{(int32_t)offsets[found - variables.begin()]});
    address.replaceAllUsesWith(place);
    address.erase();
  } else if (isa<NVVM::NVVMDialect>(op->getDialect())) {
    return op->emitOpError("has no form on the host");
  }
  return success();
}

// What fx_simt_self is told: see fluxion/simt.h.
void KernelLowering::emitLayout() {
  SmallVector<int64_t> facts{granule, sharedBytes, (int64_t)written.size()};
  facts.append(written.begin(), written.end());
  facts.push_back(variables.size());
  for (auto [variable, offset] : llvm::zip_equal(variables, offsets)) {
    auto type = cast<LLVM::LLVMArrayType>(variable.getType());
    facts.append({offset, (int64_t)type.getNumElements() * bytesOf(type.getElementType())});
  }
  std::string name = (kernel.getSymName() + "_layout").str();
  auto values = DenseElementsAttr::get(
      RankedTensorType::get({(int64_t)facts.size()}, b.getI64Type()), ArrayRef<int64_t>(facts));
  b.setInsertionPoint(kernel);
  auto global = LLVM::GlobalOp::create(
      b, loc, LLVM::LLVMArrayType::get(b.getI64Type(), facts.size()), /*isConstant=*/true,
      LLVM::Linkage::Internal, name, values, /*alignment=*/8);
  b.setInsertionPointToStart(&kernel.front());
  Value layout = LLVM::AddressOfOp::create(b, loc, global);
  Value found = call("fx_simt_self", pointer(), {layout});
  self.replaceAllUsesWith(found);
  self.getDefiningOp()->erase();
  self = found;
}

LogicalResult KernelLowering::run() {
  if (failed(checkProducts()))
    return failure();
  eraseUnused();
  findSharedVariables();
  written.assign(kernel.getNumArguments(), 0);
  b.setInsertionPointToStart(&kernel.front());
  // Stands for the thread until its layout is known.
  self = LLVM::UndefOp::create(b, loc, pointer());
  Operation *first = self.getDefiningOp();
  // Addresses go last: regions are found through them.
  SmallVector<Operation *> all, addresses;
  kernel.walk([&](Operation *op) {
    if (op != kernel && op != first)
      (isa<LLVM::AddressOfOp>(op) ? addresses : all).push_back(op);
  });
  llvm::append_range(all, addresses);
  b.setInsertionPointAfter(first);
  Value at =
      LLVM::GEPOp::create(b, loc, pointer(), b.getI32Type(), self, ArrayRef<LLVM::GEPArg>{12});
  sharedBase = LLVM::LoadOp::create(b, loc, pointer(), at);
  for (Operation *op : all)
    if (failed(lower(op)))
      return failure();
  emitLayout();
  auto flatten = [&](Value value) {
    auto type = dyn_cast<LLVM::LLVMPointerType>(value.getType());
    if (type && type.getAddressSpace())
      value.setType(pointer());
  };
  kernel.walk([&](Operation *op) {
    llvm::for_each(op->getResults(), flatten);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        llvm::for_each(block.getArguments(), flatten);
  });
  for (StringRef name : {"nvvm.kernel", "nvvm.reqntid", "nvvm.minctasm"})
    kernel->removeAttr(name);
  kernel.removeArgAttrsAttr();
  kernel.setLinkage(LLVM::Linkage::Internal);
  for (LLVM::GlobalOp variable : variables)
    variable.erase();
  return success();
}

LogicalResult fluxion::codegen::lowerToHost(ModuleOp module, const ir::TargetInfo &target) {
  for (auto function : llvm::to_vector(module.getOps<LLVM::LLVMFuncOp>()))
    if (function->hasAttr("nvvm.kernel") && failed(KernelLowering(module, function).run()))
      return failure();
  return success();
}
