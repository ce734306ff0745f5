// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/loops/Access.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

AffineExpr Access::dimension(Value iv) {
  ivs.push_back(iv);
  return getAffineDimExpr(ivs.size() - 1, b.getContext());
}

AffineExpr Access::position(Value iv) {
  IntegerAttr known;
  return matchPattern(iv, m_Constant(&known)) ? constant(known.getInt()) : dimension(iv);
}

void Access::setDimension(AffineExpr dimension, Value iv) {
  ivs[cast<AffineDimExpr>(dimension).getPosition()] = iv;
}

void Access::setLanes(int64_t lanes, AffineExpr dimension, int64_t activeLanes) {
  emit.lanes = lanes;
  laneExpr = dimension;
  laneDim = dimension ? (int)cast<AffineDimExpr>(dimension).getPosition() : -1;
  active = activeLanes;
}

Value Access::number(int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
}

Value Access::scalar(AffineExpr e) {
  int64_t lanes = emit.lanes;
  emit.lanes = 1;
  Value value = evaluate(e, false);
  emit.lanes = lanes;
  return value;
}

Value Access::perLane(AffineExpr e) {
  if (!dependsOnLane(e))
    return emit.splat(scalar(e));
  return evaluate(e, true);
}

Value Access::evaluate(AffineExpr e, bool lanes) {
  Type i64 = b.getI64Type();
  if (auto constant = dyn_cast<AffineConstantExpr>(e))
    return emit.integer(constant.getValue(), i64);
  if (auto dim = dyn_cast<AffineDimExpr>(e)) {
    Value iv = ivs[dim.getPosition()];
    if (!lanes)
      return iv;
    Value wide = emit.splat(iv);
    return (int)dim.getPosition() == laneDim
               ? arith::AddIOp::create(b, loc, wide, emit.laneNumbers(i64)).getResult()
               : wide;
  }
  auto binary = cast<AffineBinaryOpExpr>(e);
  Value x = evaluate(binary.getLHS(), lanes), y = evaluate(binary.getRHS(), lanes);
  switch (e.getKind()) {
  case AffineExprKind::Add:
    return arith::AddIOp::create(b, loc, x, y);
  case AffineExprKind::Mul:
    return arith::MulIOp::create(b, loc, x, y);
  // Indices that are divided are never negative where it matters: guards see the undivided value.
  case AffineExprKind::FloorDiv:
    return arith::DivUIOp::create(b, loc, x, y);
  case AffineExprKind::Mod:
    return arith::RemUIOp::create(b, loc, x, y);
  default:
    llvm_unreachable("no ceildiv is built");
  }
}

AffineExpr Access::linear(ArrayRef<int64_t> shape, const Index &index) {
  if (index.size() == 1 && shape.size() != 1) // a flattened iteration space counts elements
    return index[0];
  AffineExpr position = constant(0);
  int64_t stride = 1;
  for (int64_t d = (int64_t)shape.size() - 1; d >= 0; --d) {
    position = position + index[d] * stride;
    stride *= shape[d];
  }
  return simplified(position);
}

std::optional<int64_t> Access::stride(AffineExpr e, AffineExpr dimension) {
  AffineExpr step = e.replace(dimension, dimension + 1) - e;
  if (auto constant = dyn_cast<AffineConstantExpr>(simplified(step)))
    return constant.getValue();
  return std::nullopt;
}

std::optional<int64_t> Access::laneStride(AffineExpr e) {
  return dependsOnLane(e) ? stride(e, laneExpr) : 0;
}

Value Access::address(Value buffer, Type element, Value offset) {
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  if (auto vector = dyn_cast<VectorType>(offset.getType()))
    pointer = VectorType::get(vector.getShape(), pointer);
  Type memory = memoryType(element);
  return LLVM::GEPOp::create(b, loc, pointer, memory, buffer, ArrayRef<LLVM::GEPArg>{offset});
}

// Of a block of elements in order.
unsigned Access::alignment(Type memory, AffineExpr position, bool dynamic) {
  int64_t bytes = std::max<int64_t>(1, memory.getIntOrFloatBitWidth() / 8);
  AffineExpr start = simplified(position - laneExpr);
  bool whole = alignedLanes && !dynamic && start.isMultipleOf(emit.lanes);
  return whole ? std::min<int64_t>(16, bytes * emit.lanes) : bytes;
}

Value Access::tailMask() {
  if (emit.lanes == 1 || active >= emit.lanes)
    return {};
  SmallVector<bool> bits;
  for (int64_t lane = 0; lane < emit.lanes; ++lane)
    bits.push_back(lane < active);
  return arith::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(VectorType::get({emit.lanes}, b.getI1Type()), ArrayRef<bool>(bits)));
}

Type Access::memoryType(Type element) {
  return element.isInteger(1) ? b.getI8Type()
                              : VectorEmitter::movedAs(VectorEmitter::storage(element));
}

Value Access::fromStorage(Value value, Type element) {
  if (Type memory = memoryType(element); isa<FloatType>(element) && memory != element)
    return emit.bitcast(value, memory, element);
  if (!element.isInteger(1))
    return value;
  return emit.compare(ir::CompareDirection::NE, value, emit.integer(0, b.getI8Type()),
                      b.getI8Type());
}

Value Access::load(Value buffer, Type element, AffineExpr position, const Guard &guard,
                   Value dynamic) {
  Type memory = memoryType(element);
  unsigned align = std::max<unsigned>(1, memory.getIntOrFloatBitWidth() / 8);
  bool dynamicLanes = dynamic && isa<VectorType>(dynamic.getType());
  std::optional<int64_t> stride = dynamicLanes ? std::nullopt : laneStride(position);
  auto plus = [&](Value at) {
    return dynamic ? arith::AddIOp::create(b, loc, at, dynamic).getResult() : at;
  };

  bool sameForAll = emit.lanes == 1 || (stride == 0 && !guard.lane);
  if (sameForAll) {
    int64_t lanes = emit.lanes;
    emit.lanes = 1;
    Value at = plus(scalar(position));
    Value exists = lanes == 1 ? lanesOf(guard) : guard.scalar;
    if (exists) // a place that does not exist is read as the first element, and not used
      at = arith::SelectOp::create(b, loc, exists, at, number(0));
    Value value = fromStorage(
        LLVM::LoadOp::create(b, loc, memory, address(buffer, element, at), align), element);
    emit.lanes = lanes;
    return emit.splat(value);
  }
  Type type = VectorType::get({emit.lanes}, memory);
  Value mask = lanesOf(guard), tail = tailMask();
  if (tail)
    mask = mask ? arith::AndIOp::create(b, loc, mask, tail).getResult() : tail;
  if (stride == 1 && alignedLanes && guard.scalar && !guard.lane && !tail && !dynamic) {
    Value at = arith::SelectOp::create(b, loc, guard.scalar, scalar(position), number(0));
    return fromStorage(LLVM::LoadOp::create(b, loc, type, address(buffer, element, at),
                                            alignment(memory, position, false)),
                       element);
  }
  if (stride == 1) {
    Value at = address(buffer, element, plus(scalar(position)));
    if (!mask)
      return fromStorage(
          LLVM::LoadOp::create(b, loc, type, at, alignment(memory, position, (bool)dynamic)),
          element);
    Value zeros = emit.integer(0, memory);
    return fromStorage(
        LLVM::MaskedLoadOp::create(b, loc, type, at, mask, zeros, b.getI32IntegerAttr(align)),
        element);
  }
  Value at = perLane(position);
  if (dynamic)
    at = arith::AddIOp::create(b, loc, at, dynamicLanes ? dynamic : emit.splat(dynamic));
  if (!mask)
    mask = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(VectorType::get({emit.lanes}, b.getI1Type()), true));
  Value zeros = emit.integer(0, memory);
  return fromStorage(
      LLVM::masked_gather::create(b, loc, type, address(buffer, element, at), mask, zeros, align),
      element);
}

void Access::store(Value buffer, Type element, AffineExpr position, Value value) {
  Type memory = memoryType(element);
  unsigned align = std::max<unsigned>(1, memory.getIntOrFloatBitWidth() / 8);
  if (element.isInteger(1))
    value = arith::ExtUIOp::create(b, loc, emit.typeOf(b.getI8Type()), value);
  else if (isa<FloatType>(element))
    value = emit.bitcast(value, element, memory);
  if (emit.lanes == 1 || laneStride(position) == 1) {
    Value at = address(buffer, element, scalar(position));
    if (Value mask = tailMask())
      LLVM::MaskedStoreOp::create(b, loc, value, at, mask, b.getI32IntegerAttr(align));
    else
      LLVM::StoreOp::create(b, loc, value, at,
                            emit.lanes == 1 ? align : alignment(memory, position, false));
    return;
  }
  Value mask = tailMask();
  if (!mask)
    mask = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(VectorType::get({emit.lanes}, b.getI1Type()), true));
  LLVM::masked_scatter::create(b, loc, value, address(buffer, element, perLane(position)), mask,
                               align);
}

void Access::prefetch(Value buffer, Type element, AffineExpr position, bool soon) {
  Value at = address(buffer, element, scalar(position));
  LLVM::Prefetch::create(b, loc, at, /*rw=*/0, /*hint=*/soon ? 3 : 2, /*cache=*/1);
}

Guard Access::both(const Guard &a, const Guard &c) {
  auto join = [&](Value x, Value y) {
    return !x ? y : !y ? x : arith::AndIOp::create(b, loc, x, y).getResult();
  };
  return {join(a.scalar, c.scalar), join(a.lane, c.lane)};
}

Guard Access::condition(AffineExpr e, ir::CompareDirection direction, int64_t bound) {
  Type i64 = b.getI64Type();
  if (dependsOnLane(e))
    return {{}, emit.compare(direction, perLane(e), emit.integer(bound, i64), i64)};
  int64_t lanes = emit.lanes;
  emit.lanes = 1;
  Value holds = emit.compare(direction, scalar(e), emit.integer(bound, i64), i64);
  emit.lanes = lanes;
  return {holds, {}};
}

Guard Access::within(AffineExpr e, int64_t size, int64_t lowest, int64_t highest) {
  Guard guard;
  if (lowest < 0)
    guard = both(guard, condition(e, ir::CompareDirection::GE, 0));
  if (highest >= size)
    guard = both(guard, condition(e, ir::CompareDirection::LT, size));
  return guard;
}

Guard Access::divides(AffineExpr e, int64_t divisor) {
  return divisor == 1 ? Guard() : condition(e % divisor, ir::CompareDirection::EQ, 0);
}

Value Access::lanesOf(const Guard &guard) {
  if (emit.lanes == 1)
    return guard.scalar && guard.lane
               ? arith::AndIOp::create(b, loc, guard.scalar, guard.lane).getResult()
           : guard.scalar ? guard.scalar
                          : guard.lane;
  if (!guard.scalar)
    return guard.lane;
  Value wide = emit.splat(guard.scalar);
  return guard.lane ? arith::AndIOp::create(b, loc, wide, guard.lane).getResult() : wide;
}
