// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/contract/TileContract.h"

#include "ir/ops/Convolution.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {
constexpr unsigned globalSpace = 1;
} // namespace

bool fluxion::codegen::hasOneContraction(ir::KernelOp kernel) {
  return llvm::count_if(kernel.getBody().front(),
                        [](Operation &op) { return isContraction(&op); }) == 1;
}

ContractPlan fluxion::codegen::planOf(const Contraction &c, ir::KernelOp kernel,
                                      const ir::TargetInfo &target) {
  ScheduleKeys keys(kernel);
  return planContraction(c, target, hasOneContraction(kernel) ? &keys : nullptr);
}

Value TileContractEmitter::word(int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr((int32_t)value));
}

Value TileContractEmitter::byteAt(Value base, Value offset, int64_t plus) {
  Value sum = plus ? arith::AddIOp::create(b, loc, offset, word(plus)).getResult() : offset;
  return LLVM::GEPOp::create(b, loc, base.getType(), b.getI8Type(), base,
                             ArrayRef<LLVM::GEPArg>{sum});
}

int64_t TileContractEmitter::strideOwn(int side) const {
  return (c.alongSummed[side] ? sides[side].shape.pitch : 1) * elementBytes();
}
int64_t TileContractEmitter::strideK(int side) const {
  return (c.alongSummed[side] ? 1 : sides[side].shape.pitch) * elementBytes();
}

Value TileContractEmitter::placeInStage(int side, Value own, Value k) {
  int64_t perWarp = side == 0 ? plan.warpM() : plan.warpN();
  Value row = plus(times(side == 0 ? warpM : warpN, perWarp), own),
        depth = plus(times(warpK, plan.warpK()), k);
  return narrow(
      plus(plus(times(row, strideOwn(side)), times(depth, strideK(side))), number(sides[side].at)));
}

void TileContractEmitter::emitBody() {
  if (phase.kind == Phase::Combine)
    return emitFinish();
  findThread();
  ring = dynamicShared(
      std::max(sharedBytes(c, plan), columnBytes(c, plan, (int64_t)phase.columns.size())));
  if (plan.stream.isEmpty()) {
    standInGrid();
    return finishSums(sumSteps());
  }
  launch.grid = {plan.stream.blocks, 1, 1};
  forPieces(plan.stream, {}, [&](const Piece &piece, ValueRange) {
    emitPiece(piece);
    return Values();
  });
}

// Every warp is done with the ring before the next piece fills it.
void TileContractEmitter::emitPiece(const Piece &piece) {
  standAt(piece.tile);
  auto position = [&](Value step) { return times(widened(step), plan.tileK); };
  firstK = position(piece.first);
  lastK = arith::MinUIOp::create(b, loc, position(piece.last), number(c.k));
  Values sums = sumSteps();
  branch(
      piece.isWhole, [&] { finishSums(sums); }, [&] { leavePart(piece.slot, threadSums(), sums); });
  barrier();
}

// The second launch: every thread has the sums of a tile again that parts of it were left of.
void TileContractEmitter::emitFinish() {
  findThread();
  launch.grid = {plan.stream.tiles, 1, 1};
  ring = dynamicShared(sumShape(c, plan).bytes);
  Value tile = narrow(blockIndex(0));
  standAt(plus(tile, like(tile, plan.stream.firstStreamed())));
  withParts(plan.stream, tile, threadSums(), [&](Values sums) { finishSums(sums); });
}

TileContractEmitter::ThreadSums TileContractEmitter::threadSums() {
  int64_t sums = plan.sumsOfThread();
  return {plan.threads(), sums, narrow(thread()), {}, sums};
}

// The thread's sums of the steps at hand.
TileContractEmitter::Values TileContractEmitter::sumSteps() {
  planSide(0, firstM);
  planSide(1, firstN);
  int64_t stageBytes = sides[0].shape.bytes + sides[1].shape.bytes;
  sides[1].at = sides[0].shape.bytes;

  // The first steps are on their way before any is needed.
  int64_t ahead = plan.stages - 1;
  foldBetween(number(0), number(ahead), 1, {word(0)}, [&](Value t, ValueRange stage) {
    Value k = plus(firstK, times(t, plan.tileK));
    copyAhead(k, stage[0]);
    for (int side : {0, 1})
      if (!sides[side].isAsync)
        storeSide(side, pullSide(side, k), stage[0]);
    return Values{nextStage(stage[0])};
  });
  Values carried = zeroSums();
  size_t count = carried.size();
  carried.append({word(0), word(ahead * stageBytes)});
  Values done = foldBetween(firstK, lastK, plan.tileK, carried, [&](Value k, ValueRange now) {
    Value reads = now[count], writes = now[count + 1];
    if (anyAsync())
      NVVM::CpAsyncWaitGroupOp::create(b, loc, (uint32_t)(ahead - 1));
    barrier();
    Value later = plus(k, number(ahead * plan.tileK));
    copyAhead(later, writes);
    Values pulled[2];
    for (int side : {0, 1})
      if (!sides[side].isAsync)
        pulled[side] = pullSide(side, later);
    Values next = step(reads, now.take_front(count));
    for (int side : {0, 1})
      storeSide(side, pulled[side], writes);
    next.append({nextStage(reads), nextStage(writes)});
    return next;
  });
  done.truncate(count);
  return done;
}

// Sums take the place of the ring.
void TileContractEmitter::finishSums(ValueRange sums) {
  tile = {ring, plan.tileM(), plan.tileN(), plan.warpsK, sumShape(c, plan).pitch};
  barrier();
  leaveSums(sums);
  barrier();
  finishTile(tile, firstM, firstN);
}

// A tile and a chunk of k a block.
void TileContractEmitter::standInGrid() {
  launch.grid = {plan.tilesM * plan.tilesN, plan.chunks, std::max<int64_t>(1, c.batches)};
  // Neighbouring blocks share the columns, which the second-level cache keeps.
  firstM = times(modulo(blockIndex(0), plan.tilesM), plan.tileM());
  firstN = times(over(blockIndex(0), plan.tilesM), plan.tileN());
  firstK = times(blockIndex(1), plan.chunkLength);
  lastK = plan.chunks == 1
              ? number(c.k)
              : arith::MinUIOp::create(b, loc, plus(firstK, number(plan.chunkLength)), number(c.k))
                    .getResult();
  batch = positions(blockIndex(2), sizesOf(c.batchDims));
}

// At a tile, by its number (i32).
void TileContractEmitter::standAt(Value number) {
  Value others = over(number, plan.tilesM);
  firstM = times(widened(modulo(number, plan.tilesM)), plan.tileM());
  firstN = times(widened(modulo(others, plan.tilesN)), plan.tileN());
  batch = positions(widened(over(others, plan.tilesN)), sizesOf(c.batchDims));
}

void TileContractEmitter::findThread() {
  launch.block[0] = plan.threads();
  leastBlocks = plan.blocks > 1 ? plan.blocks : 0;
  Value warp = over(thread(), warpSize);
  lane = modulo(thread(), warpSize);
  warpM = modulo(warp, plan.warpsM);
  warpN = modulo(over(warp, plan.warpsM), plan.warpsN);
  warpK = over(warp, plan.warpsM * plan.warpsN);
}

// Which elements this thread brings, and where they go.
void TileContractEmitter::planSide(int s, Value first) {
  Side &side = sides[s];
  side.shape = stageShape(c, plan, s);
  int64_t together = togetherIn(s), bytes = elementBytes();
  side.isAsync = together * bytes >= 4;
  side.vector = side.isAsync ? together : 1;
  int64_t inRow = side.shape.columns / side.vector, count = side.shape.rows * inRow;
  bool isAlong = c.alongSummed[s];
  for (int64_t from = 0; from < count; from += plan.threads()) {
    Value at = plus(thread(), number(from));
    Value row = over(at, inRow), column = times(modulo(at, inRow), side.vector);
    Value own = plus(first, isAlong ? row : column);
    Copy copy;
    if (isRagged(c.sizeOfSide(s), plan.tileOf(s)))
      copy.exists = isBelow(own, c.sizeOfSide(s));
    copy.own = positionsOf(own, c.dimsOf(s), isAlong ? 1 : side.vector);
    copy.summed = isAlong ? column : row;
    copy.local = narrow(times(plus(times(row, side.shape.pitch), column), bytes));
    side.copies.push_back(copy);
  }
}

// Threads beyond the last element of a side bring nothing.
void TileContractEmitter::fitting(int s, size_t copy, llvm::function_ref<void()> body) {
  const Side &side = sides[s];
  int64_t count = side.shape.rows * (side.shape.columns / side.vector),
          from = (int64_t)copy * plan.threads();
  if (count - from >= plan.threads())
    return body();
  branch(isBelow(thread(), count - from), body);
}

// Where a step lies inside one position of the outer dimensions, only the innermost moves.
Index TileContractEmitter::kIndex(Value k, const Copy &copy, int64_t vector) {
  if (c.kDims.empty() || c.kDims.back().size % plan.tileK)
    return positionsOf(plus(k, copy.summed), c.kDims, vector);
  Index index = positionsOf(k, c.kDims, plan.tileK);
  Value offset = vector == 1 ? copy.summed : over(copy.summed, vector);
  index.back() = index.back() + access.dimension(offset) * vector;
  return index;
}

void TileContractEmitter::copySide(int s, Value k, Value stage) {
  Side &side = sides[s];
  auto global = LLVM::LLVMPointerType::get(b.getContext(), globalSpace);
  int64_t bytes = side.vector * elementBytes();
  bool hasTail = c.k % plan.tileK;
  // Windows overlap: the first-level cache has what a tap before brought.
  bool overlaps = s == 0 && isa<ir::ConvolutionOp>(r.op);
  for (auto [i, entry] : llvm::enumerate(side.copies)) {
    const Copy &copy = entry;
    fitting(s, i, [&] {
      Index index = kIndex(k, copy, c.alongSummed[s] ? side.vector : 1);
      FactorPlace place = placeOf(s, keptOf(s, copy.own), reducedAt(index));
      Guard exists = access.both({copy.exists, {}}, place.exists);
      if (hasTail)
        exists = access.both(exists, {arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                                            plus(k, copy.summed), lastK),
                                      {}});
      Value from =
          LLVM::GEPOp::create(b, loc, place.buffer.getType(), VectorEmitter::storage(c.element),
                              place.buffer, ArrayRef<LLVM::GEPArg>{access.scalar(place.position)});
      // What does not exist is 0, and nothing is read for it.
      Value size;
      if (!exists.always())
        size = arith::SelectOp::create(b, loc, exists.scalar, word(bytes), word(0));
      NVVM::CpAsyncOp::create(
          b, loc, byteAt(ring, arith::AddIOp::create(b, loc, stage, copy.local), side.at),
          LLVM::AddrSpaceCastOp::create(b, loc, global, from), (uint32_t)bytes,
          bytes < 16 || overlaps ? NVVM::LoadCacheModifierKind::CA
                                 : NVVM::LoadCacheModifierKind::CG,
          size);
    });
  }
}

void TileContractEmitter::copyAhead(Value k, Value stage) {
  if (!anyAsync())
    return;
  Value isIn = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, k, lastK);
  branch(isIn, [&] {
    for (int side : {0, 1})
      if (sides[side].isAsync)
        copySide(side, k, stage);
  });
  NVVM::CpAsyncCommitGroupOp::create(b, loc);
}

TileContractEmitter::Values TileContractEmitter::pullSide(int s, Value k) {
  Values values;
  for (const Copy &copy : sides[s].copies) {
    Value inStep =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, plus(k, copy.summed), lastK);
    Index reduced = reducedAt(kIndex(k, copy, 1));
    Guard guard = access.both(access.both({copy.exists, {}}, {inStep, {}}), isTap(reduced));
    Guard outer = puller.always(guard);
    auto [x, y] = factors(r, keptOf(s, copy.own), reduced);
    puller.always(outer);
    values.push_back(access.emit.select(access.lanesOf(guard), s == 0 ? x : y,
                                        access.emit.integer(0, c.element)));
    puller.newScope();
  }
  return values;
}

void TileContractEmitter::storeSide(int s, ValueRange values, Value stage) {
  for (auto [i, value] : llvm::enumerate(values)) {
    const Copy &copy = sides[s].copies[i];
    fitting(s, i, [&] {
      Value at = byteAt(ring, arith::AddIOp::create(b, loc, stage, copy.local), sides[s].at);
      storeShared(at, c.element, word(0), value);
    });
  }
}

Value TileContractEmitter::nextStage(Value stage) {
  int64_t bytes = sides[0].shape.bytes + sides[1].shape.bytes;
  Value next = arith::AddIOp::create(b, loc, stage, word(bytes));
  Value isEnd =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, next, word(plan.stages * bytes));
  return arith::SelectOp::create(b, loc, isEnd, word(0), next);
}

void TileContractEmitter::storeSum(Value row, Value column, ValueRange neighbours) {
  bool alongN = c.resultAlongN();
  Value m = plus(times(warpM, plan.warpM()), row), n = plus(times(warpN, plan.warpN()), column);
  int64_t rows = alongN ? tile.tileM : tile.tileN;
  Value part = times(warpK, rows * tile.pitch);
  for (auto [i, sum] : llvm::enumerate(neighbours)) {
    Value beside = plus(n, number(i));
    Value at = alongN ? plus(times(m, tile.pitch), beside) : plus(times(beside, tile.pitch), m);
    storeShared(tile.memory, c.accumulator, narrow(plus(part, at)), sum);
  }
}
