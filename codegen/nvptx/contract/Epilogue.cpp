// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From sums in shared memory to results: threads walk the tile in the result's order, so that
// neighbours store neighbours, 16 bytes at a time where they may.
#include "codegen/nvptx/contract/ContractEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

// Sums that fill 16 bytes and are neighbours in the result.
int64_t ContractEmitter::resultLanes() {
  const ContractDims &inner = c.resultAlongN() ? c.nDims : c.mDims;
  int64_t lanes = 128 / c.accumulator.getIntOrFloatBitWidth();
  bool inOrder = !inner.empty() && inner.back().dim == (int64_t)r.kept.size() - 1 &&
                 inner.back().step == 1 && inner.back().size % lanes == 0;
  return inOrder ? lanes : 1;
}

void ContractEmitter::finishTile(const SumTile &tile, Value firstM, Value firstN) {
  int64_t lanes = resultLanes(), count = tile.tileM * tile.tileN / lanes, threads = launch.block[0];
  constexpr int64_t together = 4;
  auto finishRounds = [&](Value first, int64_t rounds) {
    SmallVector<Finished> all;
    for (int64_t i = 0; i < rounds; ++i)
      all.push_back(sumOf(tile, firstM, firstN, plus(first, number(i * threads)), lanes));
    finishAll(tile, all);
    puller.newScope();
  };
  int64_t whole = count / threads, grouped = whole / together * together;
  if (grouped > together)
    loop(number(0), number(grouped), together,
         [&](Value round) { finishRounds(plus(thread(), times(round, threads)), together); });
  else
    grouped = 0;
  for (int64_t round = grouped; round < whole; round += together)
    finishRounds(plus(thread(), number(round * threads)), std::min(together, whole - round));
  Value last = plus(thread(), number(whole * threads));
  if (count % threads)
    branch(isBelow(last, count), [&] { finishRounds(last, 1); });
  if (!phase.columns.empty())
    sumColumns(tile, firstM, firstN);
}

ContractEmitter::Finished ContractEmitter::sumOf(const SumTile &tile, Value firstM, Value firstN,
                                                 Value at, int64_t lanes) {
  Finished one;
  bool alongN = c.resultAlongN();
  int64_t rows = alongN ? tile.tileM : tile.tileN,
          inRow = (alongN ? tile.tileN : tile.tileM) / lanes;
  Value row = over(at, inRow), column = times(modulo(at, inRow), lanes);
  one.place = plus(times(row, tile.pitch), column);
  Value place = narrow(one.place);
  access.emit.lanes = lanes;
  for (int64_t part = 0; part < tile.parts; ++part) {
    Value index = arith::AddIOp::create(
        b, loc, place,
        arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(part * rows * tile.pitch)));
    Value next = loadShared(tile.memory, c.accumulator, index, lanes);
    one.sum = one.sum ? access.emit.apply(ir::Atom::Add, {one.sum, next}, c.accumulator) : next;
  }
  access.emit.lanes = 1;
  Value m = plus(firstM, alongN ? row : column), n = plus(firstN, alongN ? column : row);
  if (isRagged(c.m, tile.tileM))
    one.exists = isBelow(m, c.m);
  if (isRagged(c.n, tile.tileN)) {
    Value below = isBelow(n, c.n);
    one.exists = one.exists ? arith::AndIOp::create(b, loc, one.exists, below).getResult() : below;
  }
  Index mIndex = positionsOf(m, c.mDims, alongN ? 1 : lanes),
        nIndex = positionsOf(n, c.nDims, alongN ? lanes : 1);
  if (lanes > 1) {
    AffineExpr &inner = alongN ? nIndex.back() : mIndex.back();
    one.lane = inner = access.dimension(access.scalar(inner));
  }
  one.lanes = lanes;
  one.kept = keptAt(mIndex, nIndex);
  return one;
}

void ContractEmitter::holdResult(const Index &kept, Value sum) {
  puller.hold(r.result, kept,
              access.emit.convert(sum, c.accumulator, typeOf(r.result).getElementType()));
}

// All are computed before any is stored, where all exist: their loads then overlap.
void ContractEmitter::finishAll(const SumTile &tile, ArrayRef<Finished> all) {
  auto stand = [&](const Finished &one) {
    access.setLanes(one.lanes, one.lane, one.lanes);
    access.alignedLanes = one.lanes > 1;
  };
  auto finishOne = [&](const Finished &one) {
    stand(one);
    if (!phase.columns.empty()) {
      holdResult(one.kept, one.sum);
      leaveTerms(tile, one.place, columnTerms(one.kept));
      puller.release(r.result);
    }
    finish(one.kept, {one.sum});
    access.setScalar();
  };
  auto leaveZeros = [&](const Finished &one) {
    stand(one);
    leaveTerms(tile, one.place, zeroColumns());
    access.setScalar();
  };
  SmallVector<Values> blocks, terms;
  for (const Finished &one : all) {
    if (one.exists) {
      auto finish = [&] { finishOne(one); };
      if (phase.columns.empty())
        branch(one.exists, finish);
      else
        branch(one.exists, finish, [&] { leaveZeros(one); });
    } else if (r.chunks > 1) {
      finishOne(one);
    } else {
      stand(one);
      holdResult(one.kept, one.sum);
      terms.push_back(columnTerms(one.kept));
      blocks.emplace_back();
      for (const StoredValue &stored : phase.stores)
        blocks.back().push_back(puller.pull(stored.value, one.kept));
      puller.release(r.result);
    }
  }
  for (auto [one, values, added] : llvm::zip(all, blocks, terms)) {
    stand(one);
    leaveTerms(tile, one.place, added);
    for (auto [stored, block] : llvm::zip_equal(phase.stores, values)) {
      auto type = cast<RankedTensorType>(stored.value.getType());
      access.store(addressOf(stored), type.getElementType(),
                   access.linear(type.getShape(), one.kept), block);
    }
  }
  access.alignedLanes = false;
  access.setScalar();
}
