// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/loops/Puller.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Contraction.h"
#include "ir/ops/Control.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Indexing.h"
#include "ir/ops/Reduction.h"
#include "ir/ops/Shape.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

// Row-major reindexing between two shapes, dimension group by dimension group so that unchanged
// dimensions keep their plain index.
Index reindex(Access &access, ArrayRef<int64_t> to, ArrayRef<int64_t> from, const Index &index) {
  Index result(to.size(), access.constant(0));
  int64_t t = 0, f = 0, tRank = to.size(), fRank = from.size();
  while (t < tRank || f < fRank) {
    int64_t tEnd = t, fEnd = f, tSize = 1, fSize = 1;
    do { // the smallest groups of equal size
      if (tEnd < tRank && (tSize <= fSize || fEnd == fRank))
        tSize *= to[tEnd++];
      else
        fSize *= from[fEnd++];
    } while (tSize != fSize || (tEnd == t && tEnd < tRank));
    while (tEnd < tRank && to[tEnd] == 1)
      ++tEnd;
    while (fEnd < fRank && from[fEnd] == 1)
      ++fEnd;
    AffineExpr position = access.constant(0);
    for (int64_t d = f; d < fEnd; ++d)
      position = position * from[d] + index[d];
    int64_t inner = 1;
    SmallVector<int64_t> open;
    for (int64_t d = t; d < tEnd; ++d)
      if (to[d] != 1)
        open.push_back(d);
    for (int64_t i = (int64_t)open.size() - 1; i >= 0; --i) {
      AffineExpr e = inner == 1 ? position : position.floorDiv(inner);
      result[open[i]] = i == 0 ? e : e % to[open[i]];
      inner *= to[open[i]];
    }
    t = tEnd, f = fEnd;
  }
  return result;
}

} // namespace

bool fluxion::codegen::isReduction(Operation *op) {
  return isa<ir::ReduceOp, ir::ArgmaxOp, ir::ArgminOp, ir::DotGeneralOp, ir::ConvolutionOp>(op);
}

std::optional<Index> fluxion::codegen::operandIndex(Access &access, Operation *op,
                                                    const Index &index) {
  if (auto reshape = dyn_cast<ir::ReshapeOp>(op))
    return reindex(access, shapeOf(reshape.getX()), shapeOf(reshape.getY()), index);
  if (isa<ir::BarrierOp>(op))
    return index;
  if (auto transpose = dyn_cast<ir::TransposeOp>(op)) {
    Index result(index);
    for (auto [to, from] : llvm::enumerate(transpose.getPermutation()))
      result[from] = index[to];
    return result;
  }
  if (auto broadcast = dyn_cast<ir::BroadcastInDimOp>(op)) {
    Index result;
    for (auto [i, dim] : llvm::enumerate(broadcast.getDims()))
      result.push_back(shapeOf(broadcast.getX())[i] == 1 ? access.constant(0) : index[dim]);
    return result;
  }
  if (auto slice = dyn_cast<ir::SliceOp>(op)) {
    Index result;
    for (auto [d, e] : llvm::enumerate(index))
      result.push_back(e * slice.getStride()[d] + slice.getStart()[d]);
    return result;
  }
  if (auto reverse = dyn_cast<ir::ReverseOp>(op)) {
    Index result(index);
    for (int64_t dim : reverse.getDims())
      result[dim] = access.constant(shapeOf(reverse.getX())[dim] - 1) - index[dim];
    return result;
  }
  return std::nullopt;
}

// What an op with an operandIndex reads for its result `value`.
static Value readThrough(Operation *op, Value value) {
  return op->getOperand(isa<ir::BarrierOp>(op) ? cast<OpResult>(value).getResultNumber() : 0);
}

bool Puller::Key::operator<(const Key &other) const {
  auto order = [](const Key &k) {
    return std::tuple(k.value.getAsOpaquePointer(), k.lanes, k.active,
                      k.scalarGuard.getAsOpaquePointer(), k.laneGuard.getAsOpaquePointer());
  };
  if (order(*this) != order(other))
    return order(*this) < order(other);
  return std::lexicographical_compare(
      index.begin(), index.end(), other.index.begin(), other.index.end(),
      [](AffineExpr a, AffineExpr c) {
        return a.getAsOpaquePointer() <
               c.getAsOpaquePointer(); // only for lookup: never visible in the code
      });
}

void Puller::hold(Value value, const Index &index, Value block) {
  held[value].push_back({index, block});
}

Value Puller::pull(Value value, const Index &index) {
  if (shapeOf(value).empty() && !index.empty()) // a flattened space gives a scalar an index too
    return pull(value, {});
  Key key{value, index, guard.scalar, guard.lane, access.emit.lanes, access.activeLanes()};
  if (auto known = memo.find(key); known != memo.end())
    return known->second;
  Value block = compute(value, index);
  memo[key] = block;
  return block;
}

Value Puller::loadOnce(Value buffer, Value value, AffineExpr position) {
  // A flat index no element of `value` has: its one position keeps the key apart from pulled
  // blocks.
  Key key{
      value, Index{access.constant(-1), position}, {}, {}, access.emit.lanes, access.activeLanes()};
  auto [known, isNew] = memo.try_emplace(key);
  if (isNew)
    known->second = access.load(buffer, elementOf(value), position, {});
  return known->second;
}

Value Puller::pullUnder(const Guard &extra, Value value, const Index &index) {
  Guard outer = guard;
  guard = access.both(outer, extra);
  Value block = pull(value, index);
  guard = outer;
  return block;
}

Value Puller::pullScalar(Value value, const Index &index) {
  int64_t lanes = access.emit.lanes, active = access.activeLanes();
  AffineExpr dim = access.laneDimension();
  Guard outer = guard;
  guard.lane = {};
  access.setLanes(1, dim, 1);
  Value block = pull(value, index);
  access.setLanes(lanes, dim, active);
  guard = outer;
  return block;
}

Value Puller::compute(Value value, const Index &index) {
  if (auto found = held.find(value); found != held.end())
    for (auto &[at, block] : found->second)
      if (at == index)
        return access.emit.splat(block);
  if (std::optional<Place> place = storedAt(value, index))
    return loadBlock(place->buffer, elementOf(value), place->position);
  return computeOp(value.getDefiningOp(), value, index);
}

std::optional<Puller::Place> Puller::storedAt(Value value, const Index &index) {
  Value buffer = buffers.lookup(value);
  // A view of memory is read under its own shape.
  if (auto reshape = value.getDefiningOp<ir::ReshapeOp>(); reshape && !buffer)
    buffer = buffers.lookup(reshape.getX());
  if (!buffer)
    return std::nullopt;
  return Place{buffer, access.linear(shapeOf(value), index)};
}

std::optional<Puller::Place> Puller::placeOf(Value value, Index index) {
  while (true) {
    if (std::optional<Place> place = storedAt(value, index))
      return place;
    Operation *op = value.getDefiningOp();
    std::optional<Index> next = op ? operandIndex(access, op, index) : std::nullopt;
    if (!next)
      return std::nullopt;
    value = readThrough(op, value);
    index = *next;
  }
}

Value Puller::computeOp(Operation *op, Value value, const Index &index) {
  if (std::optional<Index> at = operandIndex(access, op, index))
    return pull(readThrough(op, value), *at);
  if (ir::hasScalarBody(op)) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(pull(operand, index));
    return ir::scalarBody(access.emit, op, ArrayRef<Value>(operands));
  }
  if (isa<ir::ConstantOp>(op))
    return constantBlock(op, index);
  if (auto iota = dyn_cast<ir::IotaOp>(op))
    return access.emit.convert(access.perLane(index[iota.getDim()]), access.emit.b.getI64Type(),
                               elementOf(value));
  if (isa<ir::PadOp>(op))
    return padBlock(op, index);
  if (isa<ir::ConcatenateOp>(op))
    return concatenateBlock(op, index);
  if (isa<ir::GatherOp>(op))
    return gatherBlock(op, index);
  if (isa<ir::RandomBitsOp>(op))
    return randomBlock(op, index);
  if (isa<ir::WindowScatterOp>(op))
    return scatterWindowBlock(op, index);
  if (isa<ir::ReduceWindowOp, ir::WindowArgmaxOp, ir::WindowGatherOp>(op))
    return windowBlock(op, index);
  llvm::report_fatal_error(llvm::Twine("loops: no element rule for ") +
                           op->getName().getStringRef());
}

Value Puller::constantBlock(Operation *op, const Index &index) {
  auto elements = cast<DenseElementsAttr>(cast<ir::ConstantOp>(op).getValue());
  Type element = elements.getElementType();
  if (elements.isSplat())
    return isa<FloatType>(element)
               ? access.emit.constant(elements.getSplatValue<APFloat>().convertToDouble(), element)
               : access.emit.integer(elements.getSplatValue<APInt>().getSExtValue(), element);
  // Small tables live in the code's read-only data.
  Type memory = element.isInteger(1) ? access.emit.b.getI8Type() : VectorEmitter::storage(element);
  auto flatType = RankedTensorType::get({elements.getNumElements()}, memory);
  DenseElementsAttr flat =
      isa<IntegerType>(element)
          ? elements
                .mapValues(
                    memory,
                    [&](const APInt &v) { return v.zextOrTrunc(memory.getIntOrFloatBitWidth()); })
                .reshape(flatType)
          : elements.reshape(flatType);
  Value buffer = access.emit.table(flat);
  return access.load(buffer, element, access.linear(elements.getType().getShape(), index), guard);
}

Value Puller::padBlock(Operation *op, const Index &index) {
  auto pad = cast<ir::PadOp>(op);
  Guard inside;
  Index at;
  for (auto [d, e] : llvm::enumerate(index)) {
    int64_t step = pad.getInterior()[d] + 1, low = pad.getLow()[d], size = shapeOf(pad.getX())[d];
    AffineExpr position = e - low;
    int64_t spread = size ? (size - 1) * step + 1 : 0,
            highest = pad.getType().getDimSize(d) - 1 - low;
    inside = access.both(inside, access.within(position, spread, -low, highest));
    inside = access.both(inside, access.divides(position, step));
    at.push_back(step == 1 ? position : position.floorDiv(step));
  }
  if (inside.always())
    return pull(pad.getX(), at);
  Value filler = pull(pad.getValue(), {});
  if (llvm::is_contained(shapeOf(pad.getX()), 0))
    return filler;
  return access.emit.select(access.lanesOf(inside), pullUnder(inside, pad.getX(), at), filler);
}

Value Puller::concatenateBlock(Operation *op, const Index &index) {
  auto concatenate = cast<ir::ConcatenateOp>(op);
  int64_t dim = concatenate.getDim(), start = 0, total = concatenate.getType().getDimSize(dim);
  Value block;
  for (Value x : concatenate.getXs()) {
    int64_t size = shapeOf(x)[dim];
    if (size == 0)
      continue;
    Index at(index);
    at[dim] = index[dim] - start;
    Guard inside = access.within(at[dim], size, -start, total - 1 - start);
    Value part = pullUnder(inside, x, at);
    block =
        block && !inside.always() ? access.emit.select(access.lanesOf(inside), part, block) : part;
    start += size;
  }
  return block;
}

Value Puller::gatherBlock(Operation *op, const Index &index) {
  auto gather = cast<ir::GatherOp>(op);
  int64_t axis = gather.getAxis(), indexRank = shapeOf(gather.getIndices()).size();
  Index where(index.begin() + axis, index.begin() + axis + indexRank),
      at(index.begin(), index.begin() + axis);
  at.push_back(access.constant(0));
  at.append(index.begin() + axis + indexRank, index.end());
  bool sameForAll = llvm::none_of(where, [&](AffineExpr e) { return access.dependsOnLane(e); });
  Type i64 = access.emit.b.getI64Type();
  int64_t lanes = access.emit.lanes;
  Value chosen =
      sameForAll ? pullScalar(gather.getIndices(), where) : pull(gather.getIndices(), where);
  if (sameForAll)
    access.emit.lanes = 1;
  chosen = access.emit.convert(chosen, elementOf(gather.getIndices()), i64);
  chosen = access.emit.apply(ir::Atom::Max, {chosen, access.emit.integer(0, i64)}, i64);
  chosen = access.emit.apply(
      ir::Atom::Min, {chosen, access.emit.integer(shapeOf(gather.getX())[axis] - 1, i64)}, i64);
  int64_t stride = 1;
  for (int64_t size : shapeOf(gather.getX()).drop_front(axis + 1))
    stride *= size;
  Value dynamic = access.emit.apply(ir::Atom::Mul, {chosen, access.emit.integer(stride, i64)}, i64);
  access.emit.lanes = lanes;
  Value buffer = buffers.lookup(gather.getX());
  if (!buffer)
    llvm::report_fatal_error("loops: a gathered operand must be in memory");
  return access.load(buffer, elementOf(gather.getX()), access.linear(shapeOf(gather.getX()), at),
                     guard, dynamic);
}

Value Puller::randomBlock(Operation *op, const Index &index) {
  auto random = cast<ir::RandomBitsOp>(op);
  OpBuilder &b = access.emit.b;
  Value element = access.perLane(access.linear(random.getType().getShape(), index));
  return ir::philoxWord(access.emit, element, pull(random.getSeed(), {}),
                        pull(random.getStep(), {}), (int64_t)random.getStream(), b.getI32Type(),
                        b.getI64Type());
}

namespace {
struct WindowGeometry {
  ArrayRef<int64_t> window, strides, padding, dilation;
};
template <typename Op> WindowGeometry geometryOf(Op op) {
  return {op.getWindow(), op.getStrides(), op.getPadding(), op.getDilation()};
}

// Offsets inside a window in row-major order.
SmallVector<SmallVector<int64_t>> tapsOf(ArrayRef<int64_t> window) {
  SmallVector<SmallVector<int64_t>> taps(1);
  for (int64_t size : window) {
    SmallVector<SmallVector<int64_t>> next;
    for (auto &prefix : taps)
      for (int64_t i = 0; i < size; ++i) {
        next.push_back(prefix);
        next.back().push_back(i);
      }
    taps = std::move(next);
  }
  return taps;
}
} // namespace

Value Puller::windowBlock(Operation *op, const Index &index) {
  auto reduce = dyn_cast<ir::ReduceWindowOp>(op);
  auto argmax = dyn_cast<ir::WindowArgmaxOp>(op);
  auto gather = dyn_cast<ir::WindowGatherOp>(op);
  WindowGeometry g = reduce ? geometryOf(reduce) : argmax ? geometryOf(argmax) : geometryOf(gather);
  Value x = op->getOperand(0);
  Type element = elementOf(x), i32 = access.emit.b.getI32Type();
  VectorEmitter &emit = access.emit;
  bool isMin = reduce && reduce.getKind() == ir::ReduceKind::Min,
       isSum = reduce && reduce.getKind() == ir::ReduceKind::Sum;
  Value wanted = gather ? pull(gather.getIndex(), index) : Value();
  Value best, position;
  for (auto [number, tap] : llvm::enumerate(tapsOf(g.window))) {
    Guard inside;
    Index at;
    for (auto [d, e] : llvm::enumerate(index)) {
      int64_t shift = tap[d] * g.dilation[d] - g.padding[2 * d],
              outputs = cast<RankedTensorType>(op->getResult(0).getType()).getDimSize(d);
      at.push_back(e * g.strides[d] + shift);
      inside = access.both(inside, access.within(at.back(), shapeOf(x)[d], shift,
                                                 (outputs - 1) * g.strides[d] + shift));
    }
    Value exists = access.lanesOf(inside);
    Value next = pullUnder(inside, x, at);
    if (gather) {
      Value chosen =
          emit.compare(ir::CompareDirection::EQ, wanted, emit.integer((int64_t)number, i32), i32);
      best = emit.select(chosen, next, best ? best : emit.integer(0, element));
      continue;
    }
    if (exists) {
      Value identity = isSum ? emit.integer(0, element) : emit.bound(isMin, element);
      next = emit.select(exists, next, identity);
    }
    if (!best) {
      best = next;
      position = emit.integer(0, i32);
    } else if (argmax) {
      Value wins = emit.compare(ir::CompareDirection::GT, next, best, element);
      if (isa<FloatType>(element)) {
        Value isNan = emit.compare(ir::CompareDirection::NE, next, next, element),
              bestIs = emit.compare(ir::CompareDirection::EQ, best, best, element);
        wins = arith::OrIOp::create(emit.b, emit.loc, wins,
                                    arith::AndIOp::create(emit.b, emit.loc, isNan, bestIs));
      }
      position = emit.select(wins, emit.integer((int64_t)number, i32), position);
      best = emit.select(wins, next, best);
    } else {
      best = emit.apply(isSum   ? ir::Atom::Add
                        : isMin ? ir::Atom::Min
                                : ir::Atom::Max,
                        {best, next}, element);
    }
  }
  return argmax ? position : best;
}

// The transpose as a gather: an element collects from the windows over it, in window order.
Value Puller::scatterWindowBlock(Operation *op, const Index &index) {
  auto scatter = cast<ir::WindowScatterOp>(op);
  WindowGeometry g = geometryOf(scatter);
  VectorEmitter &emit = access.emit;
  Type element = elementOf(scatter.getY()), i32 = emit.b.getI32Type();
  Value sum = emit.integer(0, element);
  auto collect = [&](const Guard &inside, const Index &at, Value tap) {
    Value chosen =
        emit.compare(ir::CompareDirection::EQ, pullUnder(inside, scatter.getIndex(), at), tap, i32);
    Value exists = access.lanesOf(inside);
    if (exists)
      chosen = arith::AndIOp::create(emit.b, emit.loc, chosen, exists);
    Value term =
        emit.select(chosen, pullUnder(inside, scatter.getY(), at), emit.integer(0, element));
    sum = emit.apply(ir::Atom::Add, {sum, term}, element);
  };
  bool disjoint = llvm::all_of(llvm::seq<size_t>(0, index.size()), [&](size_t d) {
    return g.window[d] <= g.strides[d] && g.dilation[d] == 1;
  });
  auto windows = [&](size_t d) { return shapeOf(scatter.getY())[d]; };
  if (disjoint) { // one window at most; which of its places this is follows from the index
    Guard inside;
    Index at;
    AffineExpr tap = access.constant(0);
    for (auto [d, e] : llvm::enumerate(index)) {
      AffineExpr shifted = e + g.padding[2 * d], offset = shifted % g.strides[d];
      int64_t last = scatter.getType().getDimSize(d) - 1 + g.padding[2 * d];
      at.push_back(shifted.floorDiv(g.strides[d]));
      inside = access.both(inside, access.within(at.back(), windows(d), 0, last / g.strides[d]));
      if (g.window[d] < g.strides[d])
        inside = access.both(inside, access.within(offset, g.window[d], 0, g.strides[d] - 1));
      tap = tap * g.window[d] + offset;
    }
    collect(inside, at, emit.convert(access.perLane(tap), emit.b.getI64Type(), i32));
    return sum;
  }
  for (auto [number, offset] : llvm::enumerate(tapsOf(g.window))) {
    Guard inside;
    Index at;
    for (auto [d, e] : llvm::enumerate(index)) {
      int64_t shift = g.padding[2 * d] - offset[d] * g.dilation[d], stride = g.strides[d];
      AffineExpr shifted = e + shift;
      inside = access.both(inside, access.within(shifted, (windows(d) - 1) * stride + 1, shift,
                                                 scatter.getType().getDimSize(d) - 1 + shift));
      inside = access.both(inside, access.divides(shifted, stride));
      at.push_back(shifted.floorDiv(stride));
    }
    collect(inside, at, emit.integer((int64_t)number, i32));
  }
  return sum;
}
