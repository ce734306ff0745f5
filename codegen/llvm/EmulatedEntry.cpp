// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/EmulatedEntry.h"

#include "codegen/common/Addresses.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

class EmulatedEntry {
public:
  EmulatedEntry(OpBuilder &b, Location loc, StringRef symbol, StringRef constants)
      : b(b), loc(loc), symbol(symbol), constants(constants),
        pointer(LLVM::LLVMPointerType::get(b.getContext())), i32(b.getI32Type()),
        i64(b.getI64Type()) {}
  void emit(const LaunchTable &table);

private:
  OpBuilder &b;
  Location loc;
  StringRef symbol, constants;
  Type pointer, i32, i64;
  LLVM::LLVMFuncOp function;
  Value context, state, arena, inputs, outputs, constantBlock, args, bytes;
  std::optional<Texts> texts;
  int64_t maps = 0;

  Value number(Type type, int64_t value) {
    return LLVM::ConstantOp::create(b, loc, type, b.getIntegerAttr(type, value));
  }
  Value element(Value table, Type type, int64_t index) {
    return LLVM::GEPOp::create(b, loc, pointer, type, table,
                               ArrayRef<LLVM::GEPArg>{(int32_t)index});
  }
  Value address(fx_place place);
  LLVM::LLVMFuncOp body(StringRef kernel, size_t arguments);
  void declare(const LaunchTable &table);
  Value map(const TensorMap &map);
  void launch(const TableLaunch &launch);
  void check(fx_place place, size_t index);
};

Value EmulatedEntry::address(fx_place place) {
  switch (place.space) {
  case FX_SPACE_STATE:
    return byteOffset(b, loc, state, (int64_t)place.offset);
  case FX_SPACE_ARENA:
    return byteOffset(b, loc, arena, (int64_t)place.offset);
  case FX_SPACE_CONSTANT:
    return byteOffset(b, loc, constantBlock, (int64_t)place.offset);
  case FX_SPACE_INPUT:
    return LLVM::LoadOp::create(b, loc, pointer, element(inputs, pointer, place.slot));
  case FX_SPACE_OUTPUT:
    return LLVM::LoadOp::create(b, loc, pointer, element(outputs, pointer, place.slot));
  default:
    return LLVM::ZeroOp::create(b, loc, pointer);
  }
}

// `void kernel.body(args)`: one GPU thread of a kernel, its arguments unpacked.
LLVM::LLVMFuncOp EmulatedEntry::body(StringRef kernel, size_t arguments) {
  std::string name = (kernel + ".body").str();
  if (auto known =
          SymbolTable::lookupNearestSymbolFrom<LLVM::LLVMFuncOp>(function, b.getStringAttr(name)))
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(function);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {pointer});
  auto made = LLVM::LLVMFuncOp::create(b, loc, name, type, LLVM::Linkage::Internal);
  Block *entry = made.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  SmallVector<Value> unpacked;
  for (size_t i = 0; i < arguments; ++i)
    unpacked.push_back(
        LLVM::LoadOp::create(b, loc, pointer, element(entry->getArgument(0), pointer, i)));
  LLVM::CallOp::create(b, loc, TypeRange(), kernel, unpacked);
  LLVM::ReturnOp::create(b, loc, ValueRange());
  return made;
}

// The fx_simt_map of fluxion/simt.h, word by word.
Value EmulatedEntry::map(const TensorMap &map) {
  SmallVector<int32_t> words{(int32_t)map.buffer, (int32_t)map.dataType, (int32_t)map.rank,
                             (int32_t)map.swizzle};
  auto add = [&](uint64_t value) {
    words.append({(int32_t)(uint32_t)value, (int32_t)(uint32_t)(value >> 32)});
  };
  llvm::for_each(map.dims, add);
  llvm::for_each(map.strides, add);
  words.append(map.box.begin(), map.box.end());
  words.append(map.steps.begin(), map.steps.end());
  auto type = LLVM::LLVMArrayType::get(i32, words.size());
  LLVM::GlobalOp global;
  {
    OpBuilder::InsertionGuard outside(b);
    b.setInsertionPoint(function);
    auto values = DenseElementsAttr::get(RankedTensorType::get({(int64_t)words.size()}, i32),
                                         ArrayRef<int32_t>(words));
    global = LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true, LLVM::Linkage::Private,
                                    (symbol + "_map" + Twine(maps++)).str(), values,
                                    /*alignment=*/8);
  }
  return LLVM::AddressOfOp::create(b, loc, global);
}

void EmulatedEntry::launch(const TableLaunch &launch) {
  for (auto [i, place] : llvm::enumerate(launch.args)) {
    LLVM::StoreOp::create(b, loc, address(place), element(args, pointer, i));
    LLVM::StoreOp::create(b, loc, number(i64, launch.bytes[i]), element(bytes, i64, i));
  }
  const KernelLaunch &shape = launch.shape;
  size_t count = launch.args.size();
  for (const TensorMap &one : shape.maps) {
    LLVM::StoreOp::create(b, loc, map(one), element(args, pointer, count));
    LLVM::StoreOp::create(b, loc, number(i64, 0), element(bytes, i64, count++));
  }
  SmallVector<Value> operands{context, LLVM::AddressOfOp::create(b, loc, body(shape.symbol, count)),
                              args, bytes, number(i64, count)};
  for (int64_t size : shape.grid)
    operands.push_back(number(i32, size));
  for (int64_t size : shape.block)
    operands.push_back(number(i32, size));
  operands.append({number(i32, shape.sharedBytes), (*texts)(shape.symbol), (*texts)(launch.where)});
  LLVM::CallOp::create(b, loc, TypeRange(), simtLaunchName, operands);
}

void EmulatedEntry::check(fx_place place, size_t index) {
  Value byte = LLVM::LoadOp::create(b, loc, b.getI8Type(), address(place));
  Value failed =
      LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq, byte, number(b.getI8Type(), 0));
  Block *current = b.getInsertionBlock();
  Block *next = current->splitBlock(b.getInsertionPoint());
  Block *leave = b.createBlock(next);
  LLVM::ReturnOp::create(b, loc, number(i32, int64_t(index) + 1));
  b.setInsertionPointToEnd(current);
  LLVM::CondBrOp::create(b, loc, failed, leave, next);
  b.setInsertionPointToStart(next);
}

void EmulatedEntry::declare(const LaunchTable &table) {
  auto module = cast<ModuleOp>(b.getInsertionBlock()->getParentOp());
  if (!module.lookupSymbol(simtLaunchName)) {
    SmallVector<Type> types{pointer, pointer, pointer, pointer, i64};
    types.append(7, i32);
    types.append(2, pointer);
    LLVM::LLVMFuncOp::create(
        b, loc, simtLaunchName,
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), types));
  }
  function = LLVM::LLVMFuncOp::create(
      b, loc, symbol, LLVM::LLVMFunctionType::get(i32, SmallVector<Type>(5, pointer)),
      LLVM::Linkage::Internal);
  Block *entry = function.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  context = entry->getArgument(0), state = entry->getArgument(1), arena = entry->getArgument(2);
  inputs = entry->getArgument(3), outputs = entry->getArgument(4);
  size_t most = 1;
  for (const TableLaunch &launch : table.launches)
    most = std::max(most, launch.args.size() + launch.shape.maps.size());
  args = LLVM::AllocaOp::create(b, loc, pointer, pointer, number(i64, most));
  bytes = LLVM::AllocaOp::create(b, loc, pointer, i64, number(i64, most));
  if (!constants.empty())
    constantBlock = LLVM::AddressOfOp::create(b, loc, pointer, constants);
  texts.emplace(b, function);
}

void EmulatedEntry::emit(const LaunchTable &table) {
  OpBuilder::InsertionGuard guard(b);
  declare(table);
  ProbeCalls probes(b, context);
  probes.load();
  for (const TableLaunch &one : table.launches) {
    launch(one);
    probes.emit(one.probed, *texts, [&](size_t i) { return address(one.probedPlaces[i]); });
  }
  for (const fx_copy &copy : table.copies)
    LLVM::MemcpyOp::create(b, loc, address(copy.to), address(copy.from), number(i64, copy.bytes),
                           /*isVolatile=*/false);
  for (auto [i, place] : llvm::enumerate(table.checks))
    check(place, i);
  LLVM::ReturnOp::create(b, loc, number(i32, 0));
}

} // namespace

void fluxion::codegen::emitConstantBlock(OpBuilder &b, Location loc, StringRef symbol,
                                         const std::string &bytes) {
  LLVM::GlobalOp::create(b, loc, LLVM::LLVMArrayType::get(b.getI8Type(), bytes.size()),
                         /*isConstant=*/true, LLVM::Linkage::Private, symbol,
                         b.getStringAttr(bytes), /*alignment=*/64);
}

void fluxion::codegen::emitEmulatedEntry(OpBuilder &b, Location loc, StringRef symbol,
                                         const LaunchTable &table, StringRef constants) {
  EmulatedEntry(b, loc, symbol, constants).emit(table);
}
