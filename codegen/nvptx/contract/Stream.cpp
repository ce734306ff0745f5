// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Stream-K: which pieces of tiles a block does, and the parts of sums that wait in scratch for the
// second launch. A part lies there as the threads hold it, so that each thread finds its own sums
// again and neighbours move 16 bytes beside each other.
#include "codegen/nvptx/contract/ContractEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

// Whole tiles first: those of neighbouring blocks are neighbours. Then the block's run.
ContractEmitter::Values ContractEmitter::forPieces(const StreamPlan &stream, ValueRange carried,
                                                   PieceBody body) {
  Value block = NVVM::BlockIdXOp::create(b, loc, b.getI32Type());
  auto word = [&](int64_t value) { return like(block, value); };
  auto least = [&](Value x, Value y) { return arith::MinUIOp::create(b, loc, x, y).getResult(); };
  Value total = word(stream.tiles * stream.steps);
  Value start = least(times(block, stream.run), total),
        end = least(plus(start, word(stream.run)), total);
  Value firstTile = over(start, stream.steps);
  // No tile where the run is empty: the last one starts beyond the stream.
  Value tiles = subtract(over(plus(end, word(stream.steps - 1)), stream.steps), firstTile);
  Value count = plus(tiles, word(stream.whole));
  auto made = scf::ForOp::create(
      b, loc, word(0), count, word(1), carried,
      [&](OpBuilder &, Location, Value i, ValueRange now) {
        puller.newScope();
        Value isStreamed =
            arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, i, word(stream.whole));
        Value inRun = subtract(i, word(stream.whole)), tile = plus(firstTile, inRun);
        Value tileStart = times(tile, stream.steps);
        Value from = subtract(arith::MaxUIOp::create(b, loc, start, tileStart), tileStart),
              to = least(subtract(end, tileStart), word(stream.steps));
        Piece piece{select(isStreamed, plus(tile, word(stream.firstStreamed())),
                           plus(block, times(i, stream.blocks))),
                    select(isStreamed, from, word(0)),
                    select(isStreamed, to, word(stream.steps)),
                    {},
                    {}};
        piece.isWhole =
            arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                  subtract(piece.last, piece.first), word(stream.steps));
        Value isLater = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, inRun, word(0));
        piece.slot =
            plus(times(block, 2), arith::ExtUIOp::create(b, loc, block.getType(), isLater));
        scf::YieldOp::create(b, loc, body(piece, now));
      });
  puller.newScope();
  return Values(made.getResults());
}

int64_t ContractEmitter::ThreadSums::lanes(Type type) const {
  return std::gcd(std::gcd(sums, count),
                  std::max<int64_t>(1, 128 / (int64_t)type.getIntOrFloatBitWidth()));
}

// Of the thread's lanes from sum `i` on.
Value ContractEmitter::partAddress(Value slot, const ThreadSums &place, int64_t i) {
  int64_t lanes = place.lanes(c.accumulator);
  Value at =
      plus(times(widened(slot), place.sums * place.threads), times(widened(place.thread), lanes));
  if (place.first)
    at = plus(at, times(widened(place.first), place.threads));
  Value base = addressOf(phase.partials[0]);
  return LLVM::GEPOp::create(b, loc, base.getType(), VectorEmitter::storage(c.accumulator), base,
                             ArrayRef<LLVM::GEPArg>{plus(at, number(i * place.threads))});
}

unsigned ContractEmitter::alignment(int64_t lanes) const {
  return (unsigned)(lanes * std::max<int64_t>(1, c.accumulator.getIntOrFloatBitWidth() / 8));
}

void ContractEmitter::leavePart(Value slot, const ThreadSums &place, ValueRange sums) {
  int64_t lanes = place.lanes(c.accumulator);
  for (int64_t i = 0; i < place.count; i += lanes) {
    Value some = sums[i];
    if (lanes > 1)
      some = vector::FromElementsOp::create(b, loc, VectorType::get({lanes}, c.accumulator),
                                            sums.slice(i, lanes));
    LLVM::StoreOp::create(b, loc, some, partAddress(slot, place, i), alignment(lanes));
  }
}

ContractEmitter::Values ContractEmitter::loadPart(Value slot, const ThreadSums &place) {
  Values loaded;
  int64_t lanes = place.lanes(c.accumulator);
  Type type = lanes == 1 ? c.accumulator : VectorType::get({lanes}, c.accumulator);
  for (int64_t i = 0; i < place.count; i += lanes)
    loaded.push_back(
        LLVM::LoadOp::create(b, loc, type, partAddress(slot, place, i), alignment(lanes)));
  return loaded;
}

void ContractEmitter::withParts(const StreamPlan &stream, Value tile, const ThreadSums &place,
                                llvm::function_ref<void(Values)> body) {
  int64_t lanes = place.lanes(c.accumulator);
  Value start = times(tile, stream.steps), firstRun = over(start, stream.run),
        lastRun = over(plus(start, like(start, stream.steps - 1)), stream.run);
  auto add = [&](ValueRange x, ValueRange y) {
    access.emit.lanes = lanes;
    Values sums;
    for (auto [left, right] : llvm::zip_equal(x, y))
      sums.push_back(access.emit.apply(ir::Atom::Add, {left, right}, c.accumulator));
    access.emit.lanes = 1;
    return sums;
  };
  // Of all runs but the first the tile is the first one.
  auto later = [&](Value run) { return loadPart(times(run, 2), place); };
  Value isCut = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, firstRun, lastRun);
  branch(isCut, [&] {
    Value isLater = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                          times(firstRun, stream.run), start);
    Value slot =
        plus(times(firstRun, 2), arith::ExtUIOp::create(b, loc, firstRun.getType(), isLater));
    Value next = plus(firstRun, like(firstRun, 1));
    Values first = loadPart(slot, place), sums = add(first, later(next));
    if (stream.mostRuns() > 2) {
      Value one = like(next, 1);
      auto rest = scf::ForOp::create(b, loc, plus(next, one), plus(lastRun, one), one, sums,
                                     [&](OpBuilder &, Location, Value run, ValueRange now) {
                                       scf::YieldOp::create(b, loc, add(now, later(run)));
                                     });
      sums.assign(rest.getResults().begin(), rest.getResults().end());
    }
    Values all;
    for (Value some : sums)
      for (int64_t lane = 0; lane < lanes; ++lane)
        all.push_back(lanes == 1 ? some
                                 : vector::ExtractOp::create(b, loc, some, lane).getResult());
    body(all);
  });
}
