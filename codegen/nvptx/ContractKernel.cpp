// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Contractions by fused multiply-adds: a block computes a tile of results, staging tiles of both
// sides through shared memory. Convolutions are products whose left side is read through its
// window (implicit GEMM), in any dimension order.
#include "codegen/nvptx/BlockEmitter.h"

#include "ir/ops/Contraction.h"
#include "ir/ops/Convolution.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

// Is the side contiguous along what is summed?
bool alongSummed(Operation *op, unsigned side) {
  int64_t last = typeOf(op->getOperand(side)).getRank() - 1;
  if (auto dot = dyn_cast<ir::DotGeneralOp>(op))
    return llvm::is_contained(side == 0 ? dot.getLhsContracting() : dot.getRhsContracting(), last);
  auto conv = cast<ir::ConvolutionOp>(op);
  // The features of the input, all but the features of the kernel's results.
  return side == 0 ? conv.getInputDims()[1] == last : conv.getKernelDims()[0] != last;
}

SmallVector<int64_t> sizesOf(const Reduction &r, ArrayRef<int64_t> dims) {
  return llvm::map_to_vector(dims, [&](int64_t dim) { return r.kept[dim]; });
}

// Results of a thread are `vector` neighbours, again and again, so that the threads of a warp read
// shared memory in order.
struct Fragment {
  int64_t count, vector, apart; // results, neighbours, from one group of neighbours to the next
  Fragment(int64_t count, int64_t threads, int64_t most)
      : count(count), vector(std::min(count, most)), apart(threads * vector) {}
  int64_t groups() const { return count / vector; }
};

} // namespace

void BlockEmitter::emitContraction(const ContractDims &dims) {
  const Reduction &r = phase.reductions[0];
  ContractGrid grid = contractGrid(r, dims, target);
  int64_t threads = grid.threads();
  launch.block[0] = threads;
  launch.grid = {grid.tilesM() * grid.tilesN(), r.chunks, grid.batches};
  Type element = typeOf(r.op->getOperand(0)).getElementType(), wide = accumulatorElement(r);
  int64_t most = std::max<int64_t>(1, 16 / (wide.getIntOrFloatBitWidth() / 8));

  Value tid = thread();
  // Neighbouring blocks share the columns, which the second-level cache keeps.
  Value tileM = times(modulo(blockIndex(0), grid.tilesM()), grid.tileM),
        tileN = times(over(blockIndex(0), grid.tilesM()), grid.tileN),
        firstK = times(blockIndex(1), grid.chunkLength);
  Value lastK =
      r.chunks == 1
          ? number(grid.k)
          : arith::MinUIOp::create(b, loc, plus(firstK, number(grid.chunkLength)), number(grid.k))
                .getResult();
  Index batch = positions(blockIndex(2), sizesOf(r, dims.batch));
  SmallVector<int64_t> sizesM = sizesOf(r, dims.m), sizesN = sizesOf(r, dims.n);
  auto keptAt = [&](const Index &m, const Index &n) {
    Index kept(r.kept.size());
    for (auto [dim, e] : llvm::zip_equal(dims.batch, batch))
      kept[dim] = e;
    for (auto [dim, e] : llvm::zip_equal(dims.m, m))
      kept[dim] = e;
    for (auto [dim, e] : llvm::zip_equal(dims.n, n))
      kept[dim] = e;
    return kept;
  };
  Index noM(sizesM.size(), access.constant(0)), noN(sizesN.size(), access.constant(0));

  // One side's tile: which elements this thread stages, and where they go.
  struct Staged {
    Index position;
    Value exists, local; // within the product; place in the tile
    Value summed;        // position of the tile, 0 to tileK
  };
  Operand sides[2] = {{{}, grid.tileM, 0, alongSummed(r.op, 0)},
                      {{}, grid.tileN, 0, alongSummed(r.op, 1)}};
  SmallVector<Staged> staged[2];
  for (int s : {0, 1}) {
    Operand &side = sides[s];
    // A pitch that keeps vectors aligned and spreads a column over the banks.
    side.pitch = side.tile + most;
    side.memory = shared(wide, grid.tileK * side.pitch);
    int64_t count = side.tile * grid.tileK, bound = s == 0 ? grid.m : grid.n;
    for (int64_t first = 0; first < count; first += threads) {
      Value at = plus(tid, number(first));
      Value along = side.alongSummed ? over(at, grid.tileK) : modulo(at, side.tile),
            summed = side.alongSummed ? modulo(at, grid.tileK) : over(at, side.tile);
      Value global = plus(s == 0 ? tileM : tileN, along);
      Staged one;
      if (bound % side.tile)
        one.exists = isBelow(global, bound);
      one.position = positions(global, s == 0 ? sizesM : sizesN);
      one.summed = summed;
      one.local = narrow(plus(times(summed, side.pitch), along));
      if (count % threads) {
        Value fits = isBelow(at, count);
        one.exists =
            one.exists ? arith::AndIOp::create(b, loc, one.exists, fits).getResult() : fits;
      }
      staged[s].push_back(one);
    }
  }

  auto stageInto = [&](int s, Value k) {
    Values values;
    for (const Staged &one : staged[s]) {
      Value summed = plus(k, one.summed);
      Guard guard;
      guard.scalar = one.exists;
      bool hasTail = r.chunks > 1 ? grid.chunkLength % grid.tileK || grid.k % grid.chunkLength
                                  : grid.k % grid.tileK;
      if (hasTail)
        guard = access.both(
            guard, {arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, summed, lastK), {}});
      Index reduced = positions(summed, r.extents);
      Index kept = s == 0 ? keptAt(one.position, noN) : keptAt(noM, one.position);
      Value value = factorUnder(guard, r, s, kept, reduced);
      values.push_back(access.emit.convert(value, element, wide));
    }
    return values;
  };

  Fragment rows(grid.threadM, grid.threadsM(), most), columns(grid.threadN, grid.threadsN(), most);
  Value row = modulo(tid, grid.threadsM()), column = over(tid, grid.threadsM());
  Value rowAt = narrow(times(row, rows.vector)), columnAt = narrow(times(column, columns.vector));
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr((int32_t)value));
  };
  auto fragment = [&](const Operand &side, const Fragment &part, Value at, int64_t k) {
    Values values;
    for (int64_t g = 0; g < part.groups(); ++g) {
      Value index = arith::AddIOp::create(b, loc, at, constant(k * side.pitch + g * part.apart));
      Value vector = loadShared(side.memory, wide, index, part.vector);
      for (int64_t i = 0; i < part.vector; ++i)
        values.push_back(
            part.vector == 1 ? vector : vector::ExtractOp::create(b, loc, vector, i).getResult());
    }
    return values;
  };

  Values zeros(grid.threadM * grid.threadN, identity(r));
  Values sums = foldBetween(firstK, lastK, grid.tileK, zeros, [&](Value k, ValueRange carried) {
    Values left = stageInto(0, k), right = stageInto(1, k);
    barrier();
    for (int s : {0, 1})
      for (auto [one, value] : llvm::zip_equal(staged[s], s == 0 ? left : right))
        if (int64_t count = sides[s].tile * grid.tileK; count % threads)
          branch(isBelow(tid, count),
                 [&] { storeShared(sides[s].memory, wide, one.local, value); });
        else
          storeShared(sides[s].memory, wide, one.local, value);
    barrier();
    Values next(carried);
    for (int64_t step = 0; step < grid.tileK; ++step) {
      Values x = fragment(sides[0], rows, rowAt, step),
             y = fragment(sides[1], columns, columnAt, step);
      for (int64_t i = 0; i < grid.threadM; ++i)
        for (int64_t j = 0; j < grid.threadN; ++j) {
          Value &sum = next[i * grid.threadN + j];
          sum = multiplyAdd(x[i], y[j], sum, wide);
        }
    }
    return next;
  });

  auto placeOf = [&](const Fragment &part, Value tile, Value at, int64_t i) {
    int64_t offset = i / part.vector * part.apart + i % part.vector;
    return plus(plus(tile, times(at, part.vector)), number(offset));
  };
  for (int64_t i = 0; i < grid.threadM; ++i)
    for (int64_t j = 0; j < grid.threadN; ++j) {
      Value m = placeOf(rows, tileM, row, i), n = placeOf(columns, tileN, column, j);
      auto store = [&] {
        finish(keptAt(positions(m, sizesM), positions(n, sizesN)), {sums[i * grid.threadN + j]});
      };
      Value exists;
      if (grid.m % grid.tileM)
        exists = isBelow(m, grid.m);
      if (grid.n % grid.tileN) {
        Value below = isBelow(n, grid.n);
        exists = exists ? arith::AndIOp::create(b, loc, exists, below).getResult() : below;
      }
      if (exists)
        branch(exists, store);
      else
        store();
      puller.newScope();
    }
}

Value BlockEmitter::multiplyAdd(Value x, Value y, Value sum, Type element) {
  if (isa<FloatType>(element))
    return LLVM::FMAOp::create(b, loc, x.getType(), x, y, sum);
  return access.emit.apply(ir::Atom::Add, {sum, access.emit.apply(ir::Atom::Mul, {x, y}, element)},
                           element);
}

// One side's factor where `guard` holds, else 0.
Value BlockEmitter::factorUnder(const Guard &guard, const Reduction &r, int side, const Index &kept,
                                const Index &reduced) {
  Guard outer = puller.always(guard);
  auto [x, y] = factors(r, kept, reduced);
  puller.always(outer);
  Value value = side == 0 ? x : y;
  if (guard.always())
    return value;
  Type element = typeOf(r.op->getOperand(side)).getElementType();
  return access.emit.select(access.lanesOf(guard), value, access.emit.integer(0, element));
}
