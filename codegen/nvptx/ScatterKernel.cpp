// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scatter in three launches: which updates meet the same position, y = x, and the sums. The first
// update of a position owns it and adds those that follow in their order, so no two blocks write
// one element.
#include "codegen/nvptx/BlockEmitter.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Indexing.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

ScatterShape fluxion::codegen::scatterShape(const Phase &phase) {
  ScatterShape shape;
  auto scatter = phase.stores[0].value.getDefiningOp<ir::ScatterOp>();
  ArrayRef<int64_t> sizes = typeOf(scatter.getX()).getShape();
  int64_t axis = scatter.getAxis();
  for (int64_t size : sizes.take_front(axis))
    shape.outer *= size;
  shape.size = sizes[axis];
  for (int64_t size : sizes.drop_front(axis + 1))
    shape.inner *= size;
  shape.count = typeOf(scatter.getIndices()).getNumElements();
  unsigned width = typeOf(scatter.getX()).getElementTypeBitWidth();
  if (width >= 8 && shape.inner % (128 / width) == 0)
    shape.lanes = 128 / width;
  return shape;
}

void BlockEmitter::emitScatter() {
  auto scatter = phase.stores[0].value.getDefiningOp<ir::ScatterOp>();
  if (part == 0)
    return emitScatterLinks();
  if (part == 2)
    return emitScatterSums();
  // Nothing moves where the result lies in its operand's memory.
  auto copy = [&] { emitMaps({{scatter.getX(), phase.stores[0].result, -1}}); };
  Value from = buffers.lookup(scatter.getX());
  if (!from)
    return copy();
  branch(LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::ne, from, addressOf(phase.stores[0])),
         copy);
}

// The position of an update, i64.
Value BlockEmitter::scatterPosition(Value update) {
  auto scatter = phase.stores[0].value.getDefiningOp<ir::ScatterOp>();
  Type i64 = b.getI64Type();
  Value at = access.emit.convert(puller.pull(scatter.getIndices(), Index{access.dimension(update)}),
                                 typeOf(scatter.getIndices()).getElementType(), i64);
  at = access.emit.apply(ir::Atom::Max, {at, number(0)}, i64);
  return access.emit.apply(ir::Atom::Min, {at, number(scatterShape(phase).size - 1)}, i64);
}

// A warp an update: the first of its position, and the next after it or their number.
void BlockEmitter::emitScatterLinks() {
  constexpr int64_t warps = 8;
  ScatterShape shape = scatterShape(phase);
  launch.block[0] = warps * warpSize;
  launch.grid[0] = std::max<int64_t>(1, (shape.count + warps - 1) / warps);
  Value update = plus(times(blockIndex(0), warps), over(thread(), warpSize)),
        lane = modulo(thread(), warpSize), none = number(shape.count);
  branch(isBelow(update, shape.count), [&] {
    Value position = scatterPosition(update);
    Values found = foldBetween(lane, none, warpSize, {none, none}, [&](Value j, ValueRange known) {
      auto least = [&](Value condition, Value best) -> Value {
        Value lower = arith::MinUIOp::create(b, loc, best, j);
        return arith::SelectOp::create(b, loc, condition, lower, best);
      };
      Value same = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, scatterPosition(j),
                                         position),
            later = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ugt, j, update);
      return Values{least(same, known[0]),
                    least(arith::AndIOp::create(b, loc, same, later), known[1])};
    });
    for (int64_t by = warpSize / 2; by >= 1; by /= 2)
      for (Value &best : found)
        best = arith::MinUIOp::create(b, loc, best, shuffleDown(best, by));
    branch(isBelow(lane, 1), [&] {
      for (auto [i, value] : llvm::enumerate(found))
        access.store(addressOf({Value(), -1, shape.linksAt(i)}), b.getI32Type(),
                     access.dimension(update), narrow(value));
    });
  });
}

// A block an update, and a range of what lies behind the axis.
void BlockEmitter::emitScatterSums() {
  auto scatter = phase.stores[0].value.getDefiningOp<ir::ScatterOp>();
  ScatterShape shape = scatterShape(phase);
  int64_t vectors = shape.inner / shape.lanes,
          threads = std::min(mapThreads, (vectors + warpSize - 1) / warpSize * warpSize);
  launch.block[0] = threads;
  launch.grid = {std::max<int64_t>(1, shape.count), (vectors + threads - 1) / threads, shape.outer};
  Type element = typeOf(scatter.getX()).getElementType(), i64 = b.getI64Type();
  Value update = blockIndex(0), to = addressOf(phase.stores[0]),
        vector = plus(times(blockIndex(1), threads), thread());
  auto link = [&](int64_t which, Value at) -> Value {
    Value loaded = access.load(addressOf({Value(), -1, shape.linksAt(which)}), b.getI32Type(),
                               access.dimension(at), {});
    return arith::ExtUIOp::create(b, loc, i64, loaded);
  };
  Value owns = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, link(0, update), update);
  Value mine = arith::AndIOp::create(b, loc, owns, isBelow(vector, vectors));
  branch(mine, [&] {
    AffineExpr position = access.dimension(scatterPosition(update)),
               outer = access.dimension(blockIndex(2)),
               inner = access.dimension(times(vector, shape.lanes));
    AffineExpr at = (outer * shape.size + position) * shape.inner + inner;
    auto inLanes = [&](llvm::function_ref<Value()> body) {
      access.setLanes(shape.lanes, shape.lanes > 1 ? inner : AffineExpr(), shape.lanes);
      access.alignedLanes = shape.lanes > 1;
      Value value = body();
      access.alignedLanes = false;
      access.setScalar();
      return value;
    };
    Value sum = inLanes([&] { return access.load(to, element, at, {}); });
    auto whileOp = scf::WhileOp::create(
        b, loc, TypeRange{i64, sum.getType()}, ValueRange{update, sum},
        [&](OpBuilder &, Location, ValueRange state) {
          scf::ConditionOp::create(b, loc, isBelow(state[0], shape.count), state);
        },
        [&](OpBuilder &, Location, ValueRange state) {
          KeptScope scope(puller);
          Value next = inLanes([&] {
            Index from{(outer * shape.count + access.dimension(state[0])) * shape.inner + inner};
            Value term = puller.pull(scatter.getUpdates(), from);
            return access.emit.apply(ir::Atom::Add, {state[1], term}, element);
          });
          scf::YieldOp::create(b, loc, ValueRange{link(1, state[0]), next});
        });
    inLanes([&] {
      access.store(to, element, at, whileOp.getResult(1));
      return Value();
    });
  });
}
