// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the threads of a block do together: shared memory, shuffles, combination in a fixed order.
#include "codegen/nvptx/BlockEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {
constexpr unsigned sharedSpace = 3;

Type memoryType(OpBuilder &b, Type element) {
  return element.isInteger(1) ? b.getI8Type() : VectorEmitter::storage(element);
}
int64_t byteWidth(Type memory) { return std::max<int64_t>(1, memory.getIntOrFloatBitWidth() / 8); }
} // namespace

Value BlockEmitter::shared(Type element, int64_t count) {
  OpBuilder::InsertionGuard restore(b);
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), count * byteWidth(memoryType(b, element)));
  LLVM::GlobalOp global;
  {
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPoint(function);
    global = LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/false, LLVM::Linkage::Internal,
                                    launch.symbol + "_shared" + std::to_string(sharedGlobals++),
                                    Attribute(),
                                    /*alignment=*/16, sharedSpace);
  }
  return LLVM::AddressOfOp::create(b, loc, global);
}

Value BlockEmitter::dynamicShared(int64_t bytes) {
  launch.sharedBytes = bytes;
  LLVM::GlobalOp global;
  {
    OpBuilder::InsertionGuard restore(b);
    b.setInsertionPoint(function);
    global = LLVM::GlobalOp::create(b, loc, LLVM::LLVMArrayType::get(b.getI8Type(), 0),
                                    /*isConstant=*/false, LLVM::Linkage::External,
                                    launch.symbol + "_dynamic", Attribute(), /*alignment=*/128,
                                    sharedSpace);
  }
  return LLVM::AddressOfOp::create(b, loc, global);
}

Value BlockEmitter::sharedAt(Value base, Type element, Value index) {
  return LLVM::GEPOp::create(b, loc, base.getType(), memoryType(b, element), base,
                             ArrayRef<LLVM::GEPArg>{index});
}

Value BlockEmitter::loadShared(Value base, Type element, Value index, int64_t lanes) {
  Type memory = memoryType(b, element);
  unsigned align = byteWidth(memory) * lanes;
  Type type = lanes == 1 ? memory : VectorType::get({lanes}, memory);
  Value value = LLVM::LoadOp::create(b, loc, type, sharedAt(base, element, index), align);
  if (!element.isInteger(1))
    return value;
  return access.emit.compare(ir::CompareDirection::NE, value, access.emit.integer(0, b.getI8Type()),
                             b.getI8Type());
}

void BlockEmitter::storeShared(Value base, Type element, Value index, Value value) {
  if (element.isInteger(1))
    value = arith::ExtUIOp::create(b, loc, b.getI8Type(), value);
  auto block = dyn_cast<VectorType>(value.getType());
  LLVM::StoreOp::create(b, loc, value, sharedAt(base, element, index),
                        byteWidth(memoryType(b, element)) * (block ? block.getNumElements() : 1));
}

void BlockEmitter::barrier() { NVVM::Barrier0Op::create(b, loc); }
void BlockEmitter::warpBarrier() {
  NVVM::SyncWarpOp::create(b, loc, arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(-1)));
}

// Registers travel between lanes as 32-bit words.
Value BlockEmitter::shuffle(Value value, bool down, int64_t by) {
  Type type = value.getType(), i32 = b.getI32Type();
  if (auto block = dyn_cast<VectorType>(type)) {
    Values elements;
    for (int64_t i = 0; i < block.getNumElements(); ++i)
      elements.push_back(shuffle(vector::ExtractOp::create(b, loc, value, i), down, by));
    return vector::FromElementsOp::create(b, loc, block, elements);
  }
  unsigned width = type.getIntOrFloatBitWidth();
  auto constant = [&](int64_t number) -> Value {
    return LLVM::ConstantOp::create(b, loc, i32, b.getI32IntegerAttr((int32_t)number));
  };
  auto word = [&](Value bits) -> Value {
    return NVVM::ShflOp::create(b, loc, i32, constant(-1), bits, constant(by), constant(31),
                                down ? NVVM::ShflKind::down : NVVM::ShflKind::idx, UnitAttr());
  };
  Type bitsType = b.getIntegerType(width);
  Value bits =
      isa<FloatType>(type) ? LLVM::BitcastOp::create(b, loc, bitsType, value).getResult() : value;
  if (width < 32) {
    bits =
        arith::TruncIOp::create(b, loc, bitsType, word(arith::ExtUIOp::create(b, loc, i32, bits)));
  } else if (width == 32) {
    bits = word(bits);
  } else {
    Value shift = arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(32));
    Value low = word(arith::TruncIOp::create(b, loc, i32, bits));
    Value high =
        word(arith::TruncIOp::create(b, loc, i32, arith::ShRUIOp::create(b, loc, bits, shift)));
    bits = arith::OrIOp::create(
        b, loc, arith::ExtUIOp::create(b, loc, bitsType, low),
        arith::ShLIOp::create(b, loc, arith::ExtUIOp::create(b, loc, bitsType, high), shift));
  }
  return isa<FloatType>(type) ? LLVM::BitcastOp::create(b, loc, type, bits).getResult() : bits;
}

Value BlockEmitter::shuffleDown(Value value, int64_t by) { return shuffle(value, true, by); }
Value BlockEmitter::broadcastFirst(Value value) { return shuffle(value, false, 0); }

// x stands before y; of an argmax the pair of best element and its position, -1 where none was
// seen.
BlockEmitter::Values BlockEmitter::combinePair(const Reduction &r, ValueRange x, ValueRange y) {
  if (!r.isArg())
    return {combine(r, x[0], y[0])};
  Type element = accumulatorElement(r), i32 = b.getI32Type(), i1 = b.getI1Type();
  VectorEmitter &emit = access.emit;
  using D = ir::CompareDirection;
  auto both = [&](Value p, Value q) { return emit.apply(ir::Atom::And, {p, q}, i1); };
  auto either = [&](Value p, Value q) { return emit.apply(ir::Atom::Or, {p, q}, i1); };
  Value wins = emit.compare(isa<ir::ArgmaxOp>(r.op) ? D::GT : D::LT, y[0], x[0], element);
  Value equal = emit.compare(D::EQ, y[0], x[0], element);
  if (isa<FloatType>(element)) {
    Value xIsNan = emit.compare(D::NE, x[0], x[0], element),
          yIsNan = emit.compare(D::NE, y[0], y[0], element),
          xIsNumber = emit.compare(D::EQ, x[0], x[0], element);
    wins = either(wins, both(yIsNan, xIsNumber));
    equal = either(equal, both(xIsNan, yIsNan));
  }
  wins = either(wins, both(equal, emit.compare(D::LT, y[1], x[1], i32)));
  Value zero = emit.integer(0, i32);
  wins = either(wins, emit.compare(D::LT, x[1], zero, i32)); // x saw nothing
  wins = both(wins, emit.compare(D::GE, y[1], zero, i32));
  return {emit.select(wins, y[0], x[0]), emit.select(wins, y[1], x[1])};
}

BlockEmitter::Values BlockEmitter::combineAll(ArrayRef<const Reduction *> group, ValueRange x,
                                              ValueRange y) {
  Values result;
  for (const Reduction *r : group) {
    size_t at = result.size();
    result.append(combinePair(*r, x.slice(at, r->width()), y.slice(at, r->width())));
  }
  return result;
}

BlockEmitter::Values BlockEmitter::acrossLanes(ArrayRef<const Reduction *> group, Values values) {
  int64_t lanes = access.emit.lanes;
  for (int64_t width = lanes; width > 1; width /= 2) {
    Values low, high;
    for (Value value : values) {
      auto [first, second] = halves(value, width);
      low.push_back(first), high.push_back(second);
    }
    access.emit.lanes = width / 2;
    values = combineAll(group, low, high);
  }
  access.emit.lanes = lanes;
  return values;
}

BlockEmitter::Values BlockEmitter::acrossThreads(ArrayRef<const Reduction *> group, Values values,
                                                 int64_t threads) {
  for (int64_t by = std::min(threads, warpSize) / 2; by >= 1; by /= 2) {
    Values other;
    for (Value value : values)
      other.push_back(shuffleDown(value, by));
    values = combineAll(group, values, other);
  }
  if (threads <= warpSize) {
    for (Value &value : values)
      value = broadcastFirst(value);
    return values;
  }
  // Every warp leaves its part in shared memory; every thread combines them all.
  int64_t warps = threads / warpSize;
  Value warp = narrow(over(thread(), warpSize));
  Values slots;
  for (Value value : values)
    slots.push_back(shared(value.getType(), warps));
  branch(isBelow(modulo(thread(), warpSize), 1), [&] {
    for (auto [slot, value] : llvm::zip_equal(slots, values))
      storeShared(slot, value.getType(), warp, value);
  });
  barrier();
  std::function<Values(int64_t, int64_t)> parts = [&](int64_t from, int64_t count) {
    if (count > 1) // pairs of pairs: the fewest steps that wait for each other
      return combineAll(group, parts(from, count / 2), parts(from + count / 2, count / 2));
    Values loaded;
    Value index = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr((int32_t)from));
    for (auto [slot, value] : llvm::zip_equal(slots, values))
      loaded.push_back(loadShared(slot, value.getType(), index));
    return loaded;
  };
  return parts(0, warps);
}
