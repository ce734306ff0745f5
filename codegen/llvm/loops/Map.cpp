// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loop nests without reductions, and scatter.
#include "codegen/llvm/loops/PhaseEmitter.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Indexing.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

// Every shape has a range of the tasks of its own.
void PhaseEmitter::emitMap() {
  int64_t first = 0;
  for (const MapGroup &group : mapGroups(phase.stores, target)) {
    auto clip = [&](Value bound) -> Value {
      if (group.tasks == phase.tasks)
        return bound;
      Value shifted = arith::SubIOp::create(b, loc, bound, number(first));
      Value atLeast = arith::MaxSIOp::create(b, loc, shifted, number(0));
      return arith::MinSIOp::create(b, loc, atLeast, number(group.tasks));
    };
    Value from = clip(begin()), to = clip(end());
    if (group.flat)
      emitFlat(group, from, to);
    else
      emitMapGroup(group, from, to);
    first += group.tasks;
  }
}

// A block of the widest type fills one register.
int64_t PhaseEmitter::lanesOf(ArrayRef<StoredValue> stores) {
  int64_t lanes = target.vectorBytes;
  for (const StoredValue &stored : stores)
    lanes = std::min(
        lanes, lanesFor(cast<RankedTensorType>(stored.value.getType()).getElementType(), target));
  return lanes;
}

// Positions [from, from + count) of the innermost dimension, `index[dim]` to be set; count is
// static.
void PhaseEmitter::emitLanes(ArrayRef<StoredValue> group, Index index, int64_t dim, Value from,
                             int64_t count) {
  alongLanes(lanesOf(group), from, count, [&](AffineExpr position) {
    index[dim] = position;
    storeAll(group, index);
  });
}

void PhaseEmitter::alongLanes(int64_t lanes, Value from, int64_t count,
                              llvm::function_ref<void(AffineExpr position)> body) {
  auto block = [&](Value at, int64_t active) {
    AffineExpr position = access.dimension(at);
    access.setLanes(lanes, position, active);
    body(position);
    access.setScalar();
  };
  int64_t whole = count / lanes * lanes;
  auto at = [&](Value offset) -> Value { return arith::AddIOp::create(b, loc, from, offset); };
  if (whole > 0)
    loop(number(0), number(whole), lanes, [&](Value offset) { block(at(offset), lanes); });
  if (whole < count) {
    puller.newScope();
    block(at(number(whole)), count - whole);
  }
}

void PhaseEmitter::emitFlat(const MapGroup &group, Value from, Value to) {
  int64_t count = cast<RankedTensorType>(group.stores[0].value.getType()).getNumElements();
  // Whole tasks are alike; the last may be shorter.
  int64_t wholeTasks = count / flatTaskElements, rest = count % flatTaskElements;
  Value wholeEnd = arith::MinSIOp::create(b, loc, to, number(wholeTasks));
  auto startOf = [&](Value task) -> Value {
    return arith::MulIOp::create(b, loc, task, number(flatTaskElements));
  };
  auto run = [&](Value task, int64_t elements) {
    emitLanes(group.stores, Index(1), 0, startOf(task), elements);
  };
  if (wholeTasks > 0)
    loop(from, wholeEnd, 1, [&](Value task) { run(task, flatTaskElements); });
  if (rest > 0) {
    Value lastFrom = arith::MaxSIOp::create(b, loc, from, number(wholeTasks));
    loop(lastFrom, to, 1, [&](Value task) { run(task, rest); });
  }
}

// A square whose lines lie along the results, `across` standing on the first of them: as vectors
// along the lines.
void PhaseEmitter::storeTurned(const StoredValue &stored, Values lines, Index index,
                               AffineExpr across, int64_t laneDim) {
  auto type = cast<RankedTensorType>(stored.value.getType());
  int64_t lanes = access.emit.lanes, active = access.activeLanes(), count = lines.size();
  AffineExpr lane = access.laneDimension();
  Value address = addressOf(stored);
  lines.resize(lanes, access.emit.integer(0, type.getElementType()));
  lines = transposeInRegisters(b, loc, lines);
  access.setLanes(lanes, across, count);
  for (int64_t i = 0; i < active; ++i) {
    index[laneDim] = lane + i;
    access.store(address, type.getElementType(), access.linear(type.getShape(), index), lines[i]);
  }
  access.setLanes(lanes, lane, active);
}

// One square: its lines, each with all of the group's values.
void PhaseEmitter::emitSquare(const MapGroup &group, Index index, Value from, int64_t lines,
                              AffineExpr lane, int64_t active) {
  ArrayRef<int64_t> shape = shapeOf(group.stores[0].value), dims = group.squares.lineDims;
  SmallVector<int64_t> sizes;
  Puller::Square square;
  square.lines = lines;
  int64_t weight = group.lines();
  for (int64_t d : dims) {
    sizes.push_back(shape[d]);
    square.weights.push_back(weight /= shape[d]);
    square.across.push_back(index[d] = access.dimension({}));
  }
  index[group.squares.laneDim] = lane;
  puller.square = square;
  auto standOn = [&](int64_t line) {
    Value at = line ? arith::AddIOp::create(b, loc, from, number(line)).getResult() : from;
    for (auto [dim, position] : llvm::zip_equal(square.across, decode(at, sizes)))
      access.setDimension(dim, position);
    puller.newLine(line);
  };
  bool turnsResults = group.squares.laneDim + 1 != (int64_t)shape.size();
  SmallVector<Values> waiting(group.stores.size());
  access.setLanes(group.lanes, lane, active);
  for (int64_t line = 0; line < lines; ++line) {
    standOn(line);
    if (!turnsResults) {
      storeAll(group.stores, index);
      continue;
    }
    for (auto [k, stored] : llvm::enumerate(group.stores))
      waiting[k].push_back(puller.pull(stored.value, index));
  }
  standOn(0);
  for (auto [k, values] : llvm::enumerate(waiting))
    if (turnsResults)
      storeTurned(group.stores[k], values, index, square.across.back(), group.squares.laneDim);
  puller.square.reset();
  access.setScalar();
}

// All squares of a few blocks of lines, in the order of the lanes' dimension.
void PhaseEmitter::emitSquares(const MapGroup &group, const Index &index, Value from) {
  int64_t lanes = group.lanes, last = shapeOf(group.stores[0].value)[group.squares.laneDim],
          lines = group.lines();
  int64_t wholeLast = last / lanes * lanes, wholeLines = lines / lanes * lanes;
  Value to = arith::AddIOp::create(b, loc, from, number(group.lineStep()));
  Value end = arith::MinSIOp::create(b, loc, to, number(wholeLines));
  Value hasRest = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, to, number(wholeLines));
  auto column = [&](Value at, int64_t active) {
    AffineExpr lane = access.dimension(at);
    loop(from, end, lanes,
         [&](Value start) { emitSquare(group, index, start, lanes, lane, active); });
    if (wholeLines == lines)
      return;
    scf::IfOp::create(b, loc, hasRest, [&](OpBuilder &, Location) {
      puller.newScope();
      emitSquare(group, index, number(wholeLines), lines - wholeLines, lane, active);
      scf::YieldOp::create(b, loc);
    });
    puller.newScope();
  };
  if (wholeLast > 0)
    loop(number(0), number(wholeLast), lanes, [&](Value at) { column(at, lanes); });
  if (wholeLast < last)
    column(number(wholeLast), last - wholeLast);
}

void PhaseEmitter::emitMapGroup(const MapGroup &group, Value from, Value to) {
  ArrayRef<int64_t> shape = shapeOf(group.stores[0].value);
  int64_t rank = shape.size();
  // Blocks of lines stand where their dimension does: what lies beside a block's results, along
  // the dimensions after it, is then made soon after.
  SmallVector<int64_t> counts(group.outerSizes);
  size_t blocksAt = counts.size();
  if (group.turns()) {
    blocksAt =
        llvm::count_if(group.outer, [&](int64_t d) { return d < group.squares.lineDims.front(); });
    counts.insert(counts.begin() + blocksAt,
                  (group.lines() + group.lineStep() - 1) / group.lineStep());
  }
  loop(from, to, 1, [&](Value task) {
    Index index(rank);
    Values positions = decode(task, counts);
    for (auto [i, d] : llvm::enumerate(group.outer))
      index[d] = access.dimension(positions[i + (i >= blocksAt ? 1 : 0)]);
    if (group.turns())
      return emitSquares(
          group, index,
          arith::MulIOp::create(b, loc, positions[blocksAt], number(group.lineStep())));
    if (rank == 2)
      return emitLanes(group.stores, index, rank - 1, number(0), shape[rank - 1]);
    loop(number(0), number(shape[rank - 2]), 1, [&](Value middle) {
      Index at(index);
      at[rank - 2] = access.dimension(middle);
      emitLanes(group.stores, at, rank - 1, number(0), shape[rank - 1]);
    });
  });
}

// y = x, then the updates whose index falls into this task's positions are added in index order.
void PhaseEmitter::emitScatter() {
  auto scatter = phase.stores[0].value.getDefiningOp<ir::ScatterOp>();
  ArrayRef<int64_t> shape = shapeOf(scatter.getX()), indexShape = shapeOf(scatter.getIndices());
  int64_t axis = scatter.getAxis(), positions = shape[axis], tasks = phase.tasks, outer = 1,
          inner = 1, count = 1;
  for (int64_t size : shape.take_front(axis))
    outer *= size;
  for (int64_t size : shape.drop_front(axis + 1))
    inner *= size;
  for (int64_t size : indexShape)
    count *= size;
  Type element = cast<RankedTensorType>(scatter.getX().getType()).getElementType();
  Type indexElement = cast<RankedTensorType>(scatter.getIndices().getType()).getElementType(),
       i64 = b.getI64Type();
  Value target0 = addressOf(phase.stores[0]);
  auto bound = [&](Value task) -> Value {
    return arith::DivUIOp::create(b, loc, arith::MulIOp::create(b, loc, task, number(positions)),
                                  number(tasks));
  };
  Value low = bound(begin()), high = bound(end());
  loop(number(0), number(outer), 1, [&](Value o) {
    AffineExpr oDim = access.dimension(o);
    auto flatIndex = [&](AffineExpr middle, int64_t middleSize, AffineExpr at) {
      return Index{(oDim * middleSize + middle) * inner + at};
    };
    auto place = [&](AffineExpr middle, AffineExpr at) {
      return flatIndex(middle, positions, at)[0];
    };
    loop(low, high, 1, [&](Value p) {
      AffineExpr pDim = access.dimension(p);
      loop(number(0), number(inner), 1, [&](Value i) {
        AffineExpr at = place(pDim, access.dimension(i));
        Index flat{at};
        access.store(target0, element, at, puller.pull(scatter.getX(), flat));
      });
    });
    loop(number(0), number(count), 1, [&](Value k) {
      AffineExpr kDim = access.dimension(k);
      Value where =
          access.emit.convert(puller.pull(scatter.getIndices(), Index{kDim}), indexElement, i64);
      where = access.emit.apply(ir::Atom::Max, {where, number(0)}, i64);
      where = access.emit.apply(ir::Atom::Min, {where, number(positions - 1)}, i64);
      Value mine = arith::AndIOp::create(
          b, loc, access.emit.compare(ir::CompareDirection::GE, where, low, i64),
          access.emit.compare(ir::CompareDirection::LT, where, high, i64));
      scf::IfOp::create(b, loc, mine, [&](OpBuilder &, Location) {
        AffineExpr wDim = access.dimension(where);
        loop(number(0), number(inner), 1, [&](Value i) {
          AffineExpr iDim = access.dimension(i), at = place(wDim, iDim);
          Value sum = access.load(target0, element, at, {});
          Value update = puller.pull(scatter.getUpdates(), Index{flatIndex(kDim, count, iDim)[0]});
          access.store(target0, element, at,
                       access.emit.apply(ir::Atom::Add, {sum, update}, element));
        });
        scf::YieldOp::create(b, loc);
      });
    });
  });
}
