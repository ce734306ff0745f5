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
  constexpr int64_t together = 4; // so that their loads overlap
  auto body = [&](Value at) {
    if (count % threads)
      branch(isBelow(at, count), [&] { finishLanes(tile, firstM, firstN, at, lanes); });
    else
      finishLanes(tile, firstM, firstN, at, lanes);
    puller.newScope();
  };
  int64_t rounds = (count + threads - 1) / threads, grouped = rounds / together * together;
  if (grouped > together)
    loop(number(0), number(grouped), together, [&](Value round) {
      for (int64_t i = 0; i < together; ++i)
        body(plus(thread(), times(plus(round, number(i)), threads)));
    });
  else
    grouped = 0;
  for (int64_t round = grouped; round < rounds; ++round)
    body(plus(thread(), number(round * threads)));
}

void ContractEmitter::finishLanes(const SumTile &tile, Value firstM, Value firstN, Value at,
                                  int64_t lanes) {
  bool alongN = c.resultAlongN();
  int64_t rows = alongN ? tile.tileM : tile.tileN,
          inRow = (alongN ? tile.tileN : tile.tileM) / lanes;
  Value row = over(at, inRow), column = times(modulo(at, inRow), lanes);
  Value place = narrow(plus(times(row, tile.pitch), column));
  Value m = plus(firstM, alongN ? row : column), n = plus(firstN, alongN ? column : row);
  auto store = [&] {
    Value sum;
    for (int64_t part = 0; part < tile.parts; ++part) {
      Value index = arith::AddIOp::create(
          b, loc, place,
          arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(part * rows * tile.pitch)));
      Value next = loadShared(tile.memory, c.accumulator, index, lanes);
      access.emit.lanes = lanes;
      sum = sum ? access.emit.apply(ir::Atom::Add, {sum, next}, c.accumulator) : next;
      access.emit.lanes = 1;
    }
    Index mIndex = positionsOf(m, c.mDims, alongN ? 1 : lanes),
          nIndex = positionsOf(n, c.nDims, alongN ? lanes : 1);
    if (lanes > 1) {
      AffineExpr &inner = alongN ? nIndex.back() : mIndex.back();
      inner = access.dimension(access.scalar(inner));
      access.setLanes(lanes, inner, lanes);
      access.alignedLanes = true;
    }
    finish(keptAt(mIndex, nIndex), {sum});
    access.alignedLanes = false;
    access.setScalar();
  };
  Value exists;
  if (isRagged(c.m, tile.tileM))
    exists = isBelow(m, c.m);
  if (isRagged(c.n, tile.tileN)) {
    Value below = isBelow(n, c.n);
    exists = exists ? arith::AndIOp::create(b, loc, exists, below).getResult() : below;
  }
  if (exists)
    branch(exists, store);
  else
    store();
}
