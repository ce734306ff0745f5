// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Register tiles: rows x vectors accumulators over the summed positions, all at once or a block at
// a time, and the results that depend on them.
#include "codegen/llvm/loops/PhaseEmitter.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Reduction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

// What is summed at once: all positions, or those of a block.
PhaseEmitter::Values PhaseEmitter::sumTile(const Reduction &r, ArrayRef<int64_t> extents,
                                           ValueRange initial,
                                           llvm::function_ref<Values(ValueRange, Index &)> add) {
  Index reduced;
  auto innermost = [&](ValueRange carried) { return add(carried, reduced); };
  if (!block)
    return foldExtents(extents, reduced, initial, innermost);
  reduced = block->outer;
  ArrayRef<int64_t> inner = extents.drop_front(reduced.size() + 1);
  int64_t unroll = inner.empty() ? (r.unroll ? r.unroll : 4) : 1;
  auto steps = [&](int64_t count) {
    return [&, count](Value iv, ValueRange carried) {
      AffineExpr position = access.dimension(iv);
      Values next(carried);
      for (int64_t u = 0; u < count; ++u) {
        reduced.push_back(position + u);
        next = inner.empty() ? innermost(next) : foldExtents(inner, reduced, next, innermost);
        reduced.pop_back();
      }
      return next;
    };
  };
  if (unroll == 1) {
    Value from = block->from, to = block->to;
    if (reduced.size() < windowBounds.size() && windowBounds[reduced.size()].first) {
      from = arith::MaxSIOp::create(b, loc, from, windowBounds[reduced.size()].first);
      to = arith::MinSIOp::create(b, loc, to, windowBounds[reduced.size()].second);
    }
    return foldBetween(from, to, 1, initial, steps(1));
  }
  // A block may end between two unrolled steps.
  Value length = arith::SubIOp::create(b, loc, block->to, block->from);
  Value rest = arith::RemUIOp::create(b, loc, length, number(unroll));
  Value whole = arith::SubIOp::create(b, loc, block->to, rest);
  Values sums = foldBetween(block->from, whole, unroll, initial, steps(unroll));
  bool ragged = extents[reduced.size()] % unroll || phase.blocking.depth % unroll;
  return ragged ? foldBetween(whole, block->to, 1, sums, steps(1)) : sums;
}

// Rows of the right side far apart are beyond what the hardware fetches ahead, and few rows of the
// left side leave no time to wait for them.
static bool prefetchesRight(const Reduction &r, int64_t rows) {
  std::optional<Panels> right = panelsOf(r.op, 1);
  return right && !r.rhs && !right->transposes() && right->columns >= 256 && rows > 1 && rows <= 8;
}

// The tile in every phase of its positions.
void PhaseEmitter::emitTile(const Reduction &r, const Index &base, int64_t rows, int64_t vectors,
                            int64_t lastActive) {
  TilePhase none;
  if (!r.phased())
    return emitTilePhase(r, base, rows, vectors, lastActive, none);
  auto conv = cast<ir::ConvolutionOp>(r.op);
  int64_t total = 1;
  for (int64_t count : r.phases)
    total *= count;
  for (int64_t number_ = 0; number_ < total; ++number_) {
    TilePhase current{SmallVector<int64_t>(r.kept.size(), 0),
                      SmallVector<int64_t>(r.kept.size(), 1),
                      {},
                      {},
                      SmallVector<int64_t>(r.extents)};
    current.firstTap.assign(r.extents.size(), 0), current.tapStep.assign(r.extents.size(), 1);
    int64_t rest = number_;
    for (int64_t d = (int64_t)r.phases.size() - 1; d >= 0; --d) {
      int64_t out = conv.getOutputDims()[d + 2], at = rest % r.phases[d], step = r.phases[d],
              e = d + (d >= r.featureExtent ? 1 : 0), first = firstTap(conv, d, at);
      rest /= step;
      current.offset[out] = at, current.step[out] = step;
      if (step == 1)
        continue;
      current.firstTap[e] = first, current.tapStep[e] = step;
      current.extents[e] = std::max<int64_t>(0, ceilDiv(r.extents[e] - first, step));
    }
    puller.newScope();
    emitTilePhase(r, base, rows, vectors, lastActive, current);
  }
}

// rows x vectors accumulators over the reduced positions, then the results that depend on them.
void PhaseEmitter::emitTilePhase(const Reduction &r, const Index &base, int64_t rows,
                                 int64_t vectors, int64_t lastActive, const TilePhase &at) {
  const Tile &tile = phase.tile;
  int64_t lanes = tile.lanes;
  bool kept = tile.laneDim >= 0;
  size_t offset = phase.kind == Phase::Reduce && r.chunks > 1 ? 1 : 0; // base starts with the chunk
  SmallVector<Index> indices;
  for (int64_t row = 0; row < rows * tile.taps; ++row)
    for (int64_t v = 0; v < vectors; ++v) {
      Index index(base.begin() + offset, base.end());
      if (tile.rowDim >= 0)
        index[tile.rowDim] = index[tile.rowDim] + row / tile.taps;
      if (tile.tapDim >= 0)
        index[tile.tapDim] = access.constant(row % tile.taps);
      if (kept)
        index[tile.laneDim] = index[tile.laneDim] + v * lanes;
      for (size_t d = 0; d < at.step.size(); ++d)
        index[d] = index[d] * at.step[d] + at.offset[d];
      indices.push_back(index);
    }
  AffineExpr laneExpr = kept ? base[tile.laneDim + offset] : AffineExpr();
  auto activeOf = [&](int64_t v) { return v == vectors - 1 ? lastActive : lanes; };

  SmallVector<int64_t> extents(at.extents.empty() ? r.extents : at.extents);
  chunkStart = {};
  if (offset) {
    extents[0] /= r.chunks;
    chunkStart = base[0] * extents[0];
  }
  Reduction shortened = r;
  shortened.extents = extents;
  if (phase.kind == Phase::Combine)
    shortened.extents.assign({r.chunks});
  ArrayRef<Reduction> all(phase.reductions);
  size_t width = r.isArg() ? 2 : 1, count = indices.size();
  Values results; // of the first reduction at every index, then of the next
  if (!kept) {
    std::vector<Reduction> inTile(all.begin(), all.end());
    for (Reduction &one : inTile)
      one.extents = shortened.extents;
    SmallVector<Values> perRow;
    SmallVector<const Reduction *> group;
    for (const Reduction &one : inTile)
      group.push_back(&one);
    if (tile.taps > 1) { // the sums of a product share what they read
      group.assign(count, &inTile[0]);
      results = reduceOver(group, indices, true, lanes);
    }
    for (int64_t row = 0; tile.taps == 1 && row < rows; ++row)
      perRow.push_back(reduceOver(group, SmallVector<Index>(group.size(), indices[row]),
                                  !r.isArg() && phase.kind != Phase::Combine, lanes));
    for (size_t k = 0; k < all.size(); ++k)
      for (const Values &row : perRow)
        results.append(row.begin() + k * width, row.begin() + (k + 1) * width);
    access.setScalar();
  } else {
    access.setLanes(lanes, laneExpr, lanes);
    Values initial = block ? waitingSums(r, count) : Values();
    for (const Reduction &one : all)
      for (size_t i = 0; !block && i < count; ++i)
        initial.append(identities(one));
    bool prefetches = prefetchesRight(r, rows) && !phase.blocking.streams;
    int64_t stepsEmitted = 0;
    auto addTaps = [&](ValueRange carried, const Index &reduced, int64_t steps) {
      return tapSteps(r, carried, indices, reduced, steps, vectors,
                      [&](int64_t v) { access.setLanes(lanes, laneExpr, activeOf(v)); });
    };
    auto add = [&](ValueRange carried, Index &reduced) {
      Values next;
      if (prefetches)
        prefetchRight(r, indices, vectors, reduced[0]);
      if (nextPanel && stepsEmitted++ % std::max<int64_t>(1, r.unroll) == 0)
        advanceNextPanel(r, reduced[0]);
      Index taken(reduced);
      for (size_t e = 0; e < at.tapStep.size(); ++e)
        taken[e] = taken[e] * at.tapStep[e] + at.firstTap[e];
      for (const Reduction &one : all)
        for (auto [i, index] : llvm::enumerate(indices)) {
          access.setLanes(lanes, laneExpr, activeOf(i % vectors));
          ValueRange sums = carried.slice(next.size(), width);
          next.append(isOutside(one, index, taken) ? Values(sums) : step(one, sums, index, taken));
        }
      return next;
    };
    together = tile.taps > 1 && all.size() == 1 ? Together(addTaps) : Together();
    if (r.skipsBorder)
      boundWindow(r, indices[0], at);
    results = sumTile(r, shortened.extents, initial, add);
    together = {};
    windowBounds.clear();
  }
  puller.newScope();
  auto finish = [&] {
    for (auto [i, index] : llvm::enumerate(indices)) {
      if (kept)
        access.setLanes(lanes, laneExpr, activeOf(i % vectors));
      Values values;
      for (size_t k = 0; k < all.size(); ++k)
        values.push_back(results[(k * count + i) * width + (r.isArg() ? 1 : 0)]);
      finishElement(index, offset ? base[0] : AffineExpr(), values);
    }
    for (const Reduction &one : all)
      puller.release(one.result);
    access.setScalar();
  };
  if (!block)
    return finish();
  auto branch = [&](llvm::function_ref<void()> body) {
    return [body](OpBuilder &b, Location loc) {
      body();
      scf::YieldOp::create(b, loc);
    };
  };
  scf::IfOp::create(b, loc, block->isLast, branch(finish), branch([&] {
                      access.setLanes(lanes, laneExpr, lanes);
                      for (auto [i, value] : llvm::enumerate(results))
                        access.store(addressOf({r.result, -1, phase.blocking.sumsAt}),
                                     accumulatorElement(r), sumPlace(i), value);
                      access.setScalar();
                    }));
  puller.newScope();
}

// Steps of the innermost summed dimension taken together by a tile of taps, in the order of the
// elements that they read: each is used by every tap before the next, so that registers hold one
// element and the few positions of the other side that its taps meet.
PhaseEmitter::Values PhaseEmitter::tapSteps(const Reduction &r, ValueRange carried,
                                            ArrayRef<Index> indices, const Index &reduced,
                                            int64_t steps, int64_t vectors,
                                            llvm::function_ref<void(int64_t)> setLanes) {
  int64_t taps = phase.tile.taps, rows = (int64_t)indices.size() / (taps * vectors);
  int64_t dilation = cast<ir::ConvolutionOp>(r.op).getRhsDilation().back();
  Values next(carried);
  for (int64_t read = 0; read < (steps - 1) * dilation + taps; ++read)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t tap = 0; tap < std::min(taps, read + 1); ++tap) {
        if ((read - tap) % dilation != 0 || (read - tap) / dilation >= steps)
          continue;
        Index at(reduced);
        at.back() = at.back() + (read - tap) / dilation;
        for (int64_t v = 0; v < vectors; ++v) {
          int64_t i = (row * taps + tap) * vectors + v;
          setLanes(v);
          if (!isOutside(r, indices[i], at))
            next[i] = step(r, next[i], indices[i], at)[0];
        }
      }
  return next;
}

// One block of a tile's results: into its place among the chunks' partial results, or through what
// depends on it into the kernel's results.
void PhaseEmitter::finishElement(const Index &index, AffineExpr chunk, ValueRange values) {
  for (auto [k, r] : llvm::enumerate(phase.reductions)) {
    Type element = chunk ? r.partialElement() : typeOf(r.result).getElementType();
    Value value = values[k];
    if (!r.isArg())
      value = access.emit.convert(value, accumulatorElement(r), element);
    if (!chunk) {
      puller.hold(r.result, index, value);
      continue;
    }
    SmallVector<int64_t> shape{r.chunks};
    shape.append(r.kept.begin(), r.kept.end());
    Index place{chunk};
    place.append(index);
    access.store(addressOf(phase.stores[k]), element, access.linear(shape, place), value);
  }
  if (!chunk)
    storeAll(phase.stores, index);
}

// What soon is summed.
void PhaseEmitter::prefetchRight(const Reduction &r, ArrayRef<Index> indices, int64_t vectors,
                                 AffineExpr summed) {
  Value right = r.op->getOperand(1);
  auto buffer = buffers.find(right);
  if (buffer == buffers.end())
    return;
  Panels side = *panelsOf(r.op, 1);
  for (const Index &index : indices.take_front(vectors)) {
    Index at(typeOf(right).getRank());
    for (auto [i, d] : llvm::enumerate(side.batch))
      at[d] = index[i];
    at[side.free] = index.back();
    at[side.summed] = summed + 12;
    access.prefetch(buffer->second, typeOf(right).getElementType(),
                    access.linear(typeOf(right).getShape(), at));
  }
}

// Where vector i of the tile's sums waits between blocks.
AffineExpr PhaseEmitter::sumPlace(int64_t i) {
  const Tile &tile = phase.tile;
  int64_t perTile = tile.accumulators();
  // The lane dimension appears with its own step, as any contiguous access has it.
  AffineExpr lane = access.laneDimension();
  return (block->tile * perTile + i) * tile.lanes + lane - lanePanel * (tile.lanes * tile.vectors);
}

// Nothing before the first block; then what the block before left.
PhaseEmitter::Values PhaseEmitter::waitingSums(const Reduction &r, size_t count) {
  Type vector = access.emit.typeOf(accumulatorElement(r));
  SmallVector<Type> types(count, vector);
  auto made = scf::IfOp::create(b, loc, types, block->isFirst, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(made.thenBlock());
  Values none;
  for (size_t i = 0; i < count; ++i)
    none.push_back(access.emit.splat(identity(r)));
  scf::YieldOp::create(b, loc, none);
  b.setInsertionPointToStart(made.elseBlock());
  Values waiting;
  for (size_t i = 0; i < count; ++i)
    waiting.push_back(access.load(addressOf({r.result, -1, phase.blocking.sumsAt}),
                                  accumulatorElement(r), sumPlace(i), {}));
  scf::YieldOp::create(b, loc, waiting);
  return Values(made.getResults());
}

// The tile at a place; blocks at the edges are tiles of their own, of the exact size.
void PhaseEmitter::emitTileAt(const Reduction &r, Index base, Value lane, Value rowBlock) {
  const Tile &tile = phase.tile;
  int64_t laneBlock = tile.lanes * tile.vectors;
  int64_t chunk = phase.kind == Phase::Reduce && r.chunks > 1 ? 1 : 0;
  lanePanel = access.dimension(lane), rowPanel = access.dimension(rowBlock);
  auto at = [&](Value position, int64_t size) {
    return access.dimension(arith::MulIOp::create(b, loc, position, number(size)));
  };
  if (tile.laneDim >= 0)
    base[tile.laneDim + chunk] = at(lane, laneBlock);
  if (tile.rowDim >= 0)
    base[tile.rowDim + chunk] = at(rowBlock, tile.rows);
  if (tile.tapDim >= 0)
    base[tile.tapDim + chunk] = access.constant(0);
  int64_t rowRest = tile.rowDim >= 0 ? r.kept[tile.rowDim] % tile.rows : 0;
  int64_t laneRest = tile.laneDim >= 0 ? r.kept[tile.laneDim] % laneBlock : 0;
  int64_t rowBlocks = tile.rowDim >= 0 ? ceilDiv(r.kept[tile.rowDim], tile.rows) : 1;
  int64_t laneBlocks = tile.laneDim >= 0 ? ceilDiv(r.kept[tile.laneDim], laneBlock) : 1;
  // Each place of `own` is a case of its own, the others are one: null.
  using Place = std::optional<int64_t>;
  auto cases = [&](auto &self, Value position, int64_t count, ArrayRef<int64_t> own,
                   llvm::function_ref<void(Place)> emitCase) -> void {
    puller.newScope();
    if (count == (int64_t)own.size() && count == 1)
      return emitCase(own[0]);
    if (own.empty())
      return emitCase(std::nullopt);
    Value isOwn = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, position, number(own[0]));
    auto branch = [&](int64_t among, ArrayRef<int64_t> places) {
      return [&, among, places](OpBuilder &, Location) {
        self(self, position, among, places, emitCase);
        scf::YieldOp::create(b, loc);
      };
    };
    scf::IfOp::create(b, loc, isOwn, branch(1, own.take_front()),
                      branch(count - 1, own.drop_front()));
    puller.newScope();
  };
  SmallVector<int64_t> ownLanes, ownRows;
  if (laneRest)
    ownLanes.push_back(laneBlocks - 1);
  bool atBorder = rowsAtBorder(r, tile);
  if (rowRest || atBorder)
    ownRows.push_back(rowBlocks - 1);
  if (atBorder && rowBlocks > 1)
    ownRows.push_back(0);
  cases(cases, lane, laneBlocks, ownLanes, [&](Place lanePlace) {
    int64_t size = lanePlace ? laneRest : laneBlock,
            vectors = tile.laneDim >= 0 ? ceilDiv(size, tile.lanes) : 1;
    int64_t active = tile.laneDim >= 0 ? size - (vectors - 1) * tile.lanes : tile.lanes;
    cases(cases, rowBlock, rowBlocks, ownRows, [&](Place rowPlace) {
      bool isRest = rowRest && rowPlace == rowBlocks - 1;
      Index from(base);
      if (rowPlace && atBorder)
        from[tile.rowDim + chunk] = access.constant(*rowPlace * tile.rows);
      emitTile(r, from, isRest ? rowRest : tile.rows, vectors, active);
    });
  });
}

// Sizes of the kept dimensions other than the lanes', in order, the rows' in tiles and last.
SmallVector<int64_t> PhaseEmitter::rowCounts(const Reduction &r, SmallVector<int64_t> &order) {
  const Tile &tile = phase.tile;
  SmallVector<int64_t> counts;
  for (int64_t d = 0; d < (int64_t)r.kept.size(); ++d)
    if (d != tile.laneDim && d != tile.rowDim && d != tile.tapDim) {
      counts.push_back(r.kept[d]);
      order.push_back(d);
    }
  counts.push_back(tile.rowDim >= 0 ? ceilDiv(r.kept[tile.rowDim], tile.rows) : 1);
  return counts;
}

// Tasks count tiles: row blocks fastest, then lane blocks, then the other kept dimensions; or lane
// blocks slowest.
void PhaseEmitter::emitReduce() {
  const Reduction &r = phase.reductions[0];
  if (phase.blocking.depth)
    return emitBlocked(r);
  if (r.rhs && r.rhs->perTask)
    return emitPanelTasks(r);
  const Tile &tile = phase.tile;
  bool partial = phase.kind == Phase::Reduce && r.chunks > 1;
  SmallVector<int64_t> order, counts = rowCounts(r, order);
  int64_t laneBlocks =
      tile.laneDim >= 0 ? ceilDiv(r.kept[tile.laneDim], tile.lanes * tile.vectors) : 1;
  // Where the lane block stands among the positions.
  size_t first = partial ? 1 : 0, lanesAt = tile.lanesOutermost ? 0 : counts.size() - 1;
  counts.insert(counts.begin() + lanesAt, laneBlocks);
  if (partial)
    counts.insert(counts.begin(), r.chunks);
  loop(begin(), end(), 1, [&](Value task) {
    Values positions = decode(task, counts);
    Index base(r.kept.size());
    for (auto [i, d] : llvm::enumerate(order))
      base[d] = access.dimension(positions[first + i + (i >= lanesAt ? 1 : 0)]);
    if (partial)
      base.insert(base.begin(), access.dimension(positions[0]));
    emitTileAt(r, base, positions[first + lanesAt], positions.back());
  });
}

// Tasks count groups of tiles, row groups fastest. A group's blocks of summed positions come one
// after another: all its tiles take one block before the next.
void PhaseEmitter::emitBlocked(const Reduction &r) {
  const Tile &tile = phase.tile;
  const Blocking &blocking = phase.blocking;
  SmallVector<int64_t> order, counts = rowCounts(r, order);
  int64_t rowTiles = 1, laneTiles = ceilDiv(r.kept[tile.laneDim], tile.lanes * tile.vectors);
  for (int64_t count : counts)
    rowTiles *= count;
  SmallVector<int64_t> blocks(r.extents.begin(), r.extents.begin() + blocking.outer);
  int64_t extent = r.extents[blocking.outer];
  blocks.push_back(ceilDiv(extent, blocking.depth));
  int64_t blockCount = 1;
  for (int64_t count : blocks)
    blockCount *= count;
  auto equals = [&](Value x, int64_t y) -> Value {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, number(y));
  };
  auto range = [&](Value group, int64_t size, int64_t total) {
    Value from = arith::MulIOp::create(b, loc, group, number(size));
    Value to = arith::AddIOp::create(b, loc, from, number(size));
    return std::pair(from, arith::MinUIOp::create(b, loc, to, number(total)).getResult());
  };
  loop(begin(), end(), 1, [&](Value task) {
    Values group = decode(
        task, {ceilDiv(laneTiles, blocking.laneTiles), ceilDiv(rowTiles, blocking.rowTiles)});
    auto [laneFrom, laneTo] = range(group[0], blocking.laneTiles, laneTiles);
    auto [rowFrom, rowTo] = range(group[1], blocking.rowTiles, rowTiles);
    loop(number(0), number(blockCount), 1, [&](Value number_) {
      DepthBlock current;
      Values positions = decode(number_, blocks);
      for (Value position : ArrayRef<Value>(positions).drop_back())
        current.outer.push_back(access.dimension(position));
      std::tie(current.from, current.to) = range(positions.back(), blocking.depth, extent);
      current.isFirst = equals(number_, 0);
      current.isLast = equals(number_, blockCount - 1);
      block = &current;
      auto tileAt = [&](Value row, Value lane) {
        Values at = decode(row, counts);
        Index base(r.kept.size());
        for (auto [i, d] : llvm::enumerate(order))
          base[d] = access.dimension(at[i]);
        current.tile = access.dimension(row) * laneTiles + access.dimension(lane);
        emitTileAt(r, base, lane, at.back());
      };
      loop(rowFrom, rowTo, 1,
           [&](Value row) { loop(laneFrom, laneTo, 1, [&](Value lane) { tileAt(row, lane); }); });
      block = nullptr;
    });
  });
}
