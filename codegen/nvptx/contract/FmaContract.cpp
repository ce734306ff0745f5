// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A block computes a tile of results, staging tiles of both sides through shared memory.
#include "codegen/nvptx/contract/ContractEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

int64_t FmaContractEmitter::most() const {
  return std::max<int64_t>(1, 128 / c.accumulator.getIntOrFloatBitWidth());
}

void FmaContractEmitter::emitBody() {
  launch.block[0] = plan.threads();
  launch.grid = {plan.tilesM * plan.tilesN, plan.chunks, c.batches};
  // Neighbouring blocks share the columns, which the second-level cache keeps.
  Value tileM = times(modulo(blockIndex(0), plan.tilesM), plan.tileM),
        tileN = times(over(blockIndex(0), plan.tilesM), plan.tileN);
  firstK = times(blockIndex(1), plan.chunkLength);
  lastK = plan.chunks == 1
              ? number(c.k)
              : arith::MinUIOp::create(b, loc, plus(firstK, number(plan.chunkLength)), number(c.k))
                    .getResult();
  batch = positions(blockIndex(2), sizesOf(c.batchDims));
  sides[0] = stageSide(0, tileM);
  sides[1] = stageSide(1, tileN);

  Fragment rows(plan.threadM, plan.threadsM(), most()),
      columns(plan.threadN, plan.threadsN(), most());
  Value row = times(modulo(thread(), plan.threadsM()), rows.vector),
        column = times(over(thread(), plan.threadsM()), columns.vector);
  Values sums = mainLoop(rows, columns, narrow(row), narrow(column));
  for (int64_t i = 0; i < plan.threadM; ++i)
    for (int64_t j = 0; j < plan.threadN; ++j)
      finishAt(plus(plus(tileM, row), number(rows.offset(i))),
               plus(plus(tileN, column), number(columns.offset(j))), plan.tileM, plan.tileN,
               sums[i * plan.threadN + j]);
}

// Which elements this thread copies, and where they go.
FmaContractEmitter::Side FmaContractEmitter::stageSide(int s, Value tile) {
  Side side;
  side.tile = s == 0 ? plan.tileM : plan.tileN;
  // A pitch that keeps vectors aligned and spreads a column over the banks.
  side.pitch = side.tile + most();
  side.memory = shared(c.accumulator, plan.tileK * side.pitch);
  int64_t count = side.count(plan.tileK), bound = c.sizeOfSide(s);
  for (int64_t first = 0; first < count; first += plan.threads()) {
    Value at = plus(thread(), number(first));
    Value along = c.alongSummed[s] ? over(at, plan.tileK) : modulo(at, side.tile),
          summed = c.alongSummed[s] ? modulo(at, plan.tileK) : over(at, side.tile);
    Value global = plus(tile, along);
    Staged one;
    if (bound % side.tile)
      one.exists = isBelow(global, bound);
    one.position = positions(global, sizesOf(c.dimsOf(s)));
    one.summed = summed;
    one.local = narrow(plus(times(summed, side.pitch), along));
    if (count % plan.threads()) {
      Value fits = isBelow(at, count);
      one.exists = one.exists ? arith::AndIOp::create(b, loc, one.exists, fits).getResult() : fits;
    }
    side.staged.push_back(one);
  }
  return side;
}

FmaContractEmitter::Values FmaContractEmitter::pullStaged(int s, Value k) {
  Values values;
  bool hasTail =
      plan.chunks > 1 ? plan.chunkLength % plan.tileK || c.k % plan.chunkLength : c.k % plan.tileK;
  for (const Staged &one : sides[s].staged) {
    Value summed = plus(k, one.summed);
    Guard guard;
    guard.scalar = one.exists;
    if (hasTail)
      guard = access.both(
          guard, {arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, summed, lastK), {}});
    Index kept =
        s == 0 ? keptAt(one.position, origin(c.nDims)) : keptAt(origin(c.mDims), one.position);
    Value value = factorUnder(guard, s, kept, reducedAt(positions(summed, sizesOf(c.kDims))));
    values.push_back(access.emit.convert(value, c.element, c.accumulator));
  }
  return values;
}

void FmaContractEmitter::storeStaged(int s, Values values) {
  const Side &side = sides[s];
  int64_t count = side.count(plan.tileK);
  for (auto [one, value] : llvm::zip_equal(side.staged, values)) {
    auto store = [&] { storeShared(side.memory, c.accumulator, one.local, value); };
    if (count % plan.threads())
      branch(isBelow(thread(), count), store);
    else
      store();
  }
}

FmaContractEmitter::Values FmaContractEmitter::loadFragment(const Side &side, const Fragment &part,
                                                            Value at, int64_t k) {
  Values values;
  for (int64_t g = 0; g < part.groups(); ++g) {
    int32_t offset = k * side.pitch + g * part.apart;
    Value index = arith::AddIOp::create(
        b, loc, at, arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(offset)));
    Value vector = loadShared(side.memory, c.accumulator, index, part.vector);
    for (int64_t i = 0; i < part.vector; ++i)
      values.push_back(part.vector == 1 ? vector
                                        : vector::ExtractOp::create(b, loc, vector, i).getResult());
  }
  return values;
}

FmaContractEmitter::Values FmaContractEmitter::mainLoop(const Fragment &rows,
                                                        const Fragment &columns, Value rowAt,
                                                        Value columnAt) {
  Values zeros(plan.threadM * plan.threadN, identity(r));
  return foldBetween(firstK, lastK, plan.tileK, zeros, [&](Value k, ValueRange carried) {
    Values left = pullStaged(0, k), right = pullStaged(1, k);
    barrier();
    storeStaged(0, left);
    storeStaged(1, right);
    barrier();
    Values next(carried);
    for (int64_t step = 0; step < plan.tileK; ++step) {
      Values x = loadFragment(sides[0], rows, rowAt, step),
             y = loadFragment(sides[1], columns, columnAt, step);
      for (int64_t i = 0; i < plan.threadM; ++i)
        for (int64_t j = 0; j < plan.threadN; ++j) {
          Value &sum = next[i * plan.threadN + j];
          sum = multiplyAdd(x[i], y[j], sum);
        }
    }
    return next;
  });
}

Value FmaContractEmitter::multiplyAdd(Value x, Value y, Value sum) {
  if (isa<FloatType>(c.accumulator))
    return LLVM::FMAOp::create(b, loc, x.getType(), x, y, sum);
  Value product = access.emit.apply(ir::Atom::Mul, {x, y}, c.accumulator);
  return access.emit.apply(ir::Atom::Add, {sum, product}, c.accumulator);
}

// One side's factor where `guard` holds, else 0.
Value FmaContractEmitter::factorUnder(const Guard &guard, int side, const Index &kept,
                                      const Index &reduced) {
  Guard outer = puller.always(guard);
  auto [x, y] = factors(r, kept, reduced);
  puller.always(outer);
  Value value = side == 0 ? x : y;
  if (guard.always())
    return value;
  return access.emit.select(access.lanesOf(guard), value, access.emit.integer(0, c.element));
}
