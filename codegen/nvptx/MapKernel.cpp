// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Maps: a thread an element, or a 128-bit block of elements where all of a kernel's memory is read
// and written in order; scatter.
#include "codegen/nvptx/BlockEmitter.h"

#include "ir/ops/Indexing.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
int64_t ceilDiv(int64_t x, int64_t y) { return (x + y - 1) / y; }

// Elements that fill 128 bits of the widest result; narrow ones are computed in f32, of which more
// than eight would fill too many registers.
int64_t blockLanes(const MapGroup &group) {
  if (!group.flat)
    return 1;
  int64_t widest = 2;
  for (const StoredValue &stored : group.stores)
    widest = std::max<int64_t>(widest, typeOf(stored.value).getElementTypeBitWidth() / 8);
  return 16 / widest;
}

} // namespace

// Every shape has a range of the blocks of its own.
void BlockEmitter::emitMaps() {
  std::vector<MapPart> parts;
  int64_t blocks = 0, most = 1;
  for (const MapGroup &group : mapGroups(phase.stores, target)) {
    MapPart part;
    part.group = group;
    part.count = typeOf(group.stores[0].value).getNumElements();
    part.lanes = blockLanes(group);
    part.first = blocks;
    most = std::max(most, part.threads());
    parts.push_back(part);
    blocks += ceilDiv(part.threads(), mapThreads);
  }
  launch.block[0] = std::min(mapThreads, ceilDiv(most, warpSize) * warpSize);
  launch.grid[0] = std::max<int64_t>(1, blocks);
  std::function<void(size_t, size_t)> choose = [&](size_t low, size_t high) {
    if (high - low == 1)
      return emitMapPart(parts[low]);
    size_t middle = (low + high) / 2;
    branch(
        isBelow(blockIndex(0), parts[middle].first), [&] { choose(low, middle); },
        [&] { choose(middle, high); });
  };
  choose(0, parts.size());
}

void BlockEmitter::emitMapPart(const MapPart &part) {
  Value local = arith::SubIOp::create(b, loc, blockIndex(0), number(part.first));
  Value position = plus(times(local, launch.block[0]), thread());
  if (!part.group.flat) {
    branch(isBelow(position, part.count), [&] {
      storeAll(part.group.stores,
               positions(position, typeOf(part.group.stores[0].value).getShape()));
    });
    return;
  }
  auto scalar = [&](Value at) {
    branch(isBelow(at, part.count),
           [&] { storeAll(part.group.stores, Index{access.dimension(at)}); });
  };
  if (part.lanes == 1)
    return scalar(position);
  auto vector = [&] {
    AffineExpr first = access.dimension(times(position, part.lanes));
    access.setLanes(part.lanes, first, part.lanes);
    access.alignedLanes = true;
    storeAll(part.group.stores, Index{first});
    access.alignedLanes = false;
    access.setScalar();
  };
  branch(isBelow(position, part.vectors()), vector, [&] {
    if (part.count % part.lanes)
      scalar(plus(position, number(part.vectors() * (part.lanes - 1))));
  });
}

// y = x, then the updates are added in index order: a thread owns positions and looks at every
// index, so no two threads write one element.
void BlockEmitter::emitScatters() {
  auto scatter = phase.stores[0].value.getDefiningOp<ir::ScatterOp>();
  ArrayRef<int64_t> shape = typeOf(scatter.getX()).getShape();
  int64_t axis = scatter.getAxis(), size = shape[axis], outer = 1, inner = 1;
  for (int64_t d : shape.take_front(axis))
    outer *= d;
  for (int64_t d : shape.drop_front(axis + 1))
    inner *= d;
  int64_t count = typeOf(scatter.getIndices()).getNumElements();
  Type element = typeOf(scatter.getX()).getElementType(), i64 = b.getI64Type(),
       indexElement = typeOf(scatter.getIndices()).getElementType();
  // Columns of a position are the threads of a block; a block owns a range of positions.
  int64_t threads = std::min(mapThreads, ceilDiv(inner, warpSize) * warpSize),
          ranges = std::min<int64_t>(size, 4 * target.cores);
  launch.block[0] = threads;
  launch.grid = {ranges, ceilDiv(inner, threads), outer};
  Value to = addressOf(phase.stores[0]);
  Value column = plus(times(blockIndex(1), threads), thread());
  Value low = over(times(blockIndex(0), size), ranges),
        high = over(times(plus(blockIndex(0), number(1)), size), ranges);
  AffineExpr o = access.dimension(blockIndex(2)), i = access.dimension(column);
  branch(isBelow(column, inner), [&] {
    loop(low, high, 1, [&](Value p) {
      AffineExpr at = (o * size + access.dimension(p)) * inner + i;
      access.store(to, element, at, puller.pull(scatter.getX(), Index{at}));
    });
    loop(number(0), number(count), 1, [&](Value k) {
      AffineExpr kDim = access.dimension(k);
      Value where =
          access.emit.convert(puller.pull(scatter.getIndices(), Index{kDim}), indexElement, i64);
      where = access.emit.apply(ir::Atom::Max, {where, number(0)}, i64);
      where = access.emit.apply(ir::Atom::Min, {where, number(size - 1)}, i64);
      Value mine = arith::AndIOp::create(
          b, loc, access.emit.compare(ir::CompareDirection::GE, where, low, i64),
          access.emit.compare(ir::CompareDirection::LT, where, high, i64));
      branch(mine, [&] {
        AffineExpr at = (o * size + access.dimension(where)) * inner + i;
        Value sum = access.load(to, element, at, {});
        Value update = puller.pull(scatter.getUpdates(), Index{(o * count + kDim) * inner + i});
        access.store(to, element, at, access.emit.apply(ir::Atom::Add, {sum, update}, element));
      });
    });
  });
}
