// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums over all results of a contraction but those along its last dimension (the gradient of a
// bias), found by the blocks that have the results at hand: every tile leaves the sums of its own
// rows, which a second launch adds in order.
#include "codegen/nvptx/contract/ContractEmitter.h"
#include "codegen/nvptx/hopper/HopperPlan.h"

#include "codegen/common/Shapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// More parts take their second launch longer than another sweep over the results.
constexpr int64_t mostParts = 1024;

// The last dimension of the results is all of n, in order, and the sum is over all others.
bool keepsColumns(const Contraction &c, ir::ReduceOp sum) {
  const Reduction &r = *c.reduction;
  int64_t last = (int64_t)r.kept.size() - 1;
  auto type = cast<RankedTensorType>(sum.getX().getType());
  return sum.getKind() == ir::ReduceKind::Sum && type.getElementType() == c.accumulator &&
         type.getShape() == ArrayRef<int64_t>(r.kept) && c.nDims.size() == 1 &&
         c.nDims[0].dim == last && c.nDims[0].step == 1 && c.n == r.kept[last] &&
         llvm::equal(sum.getDims(), llvm::seq<int64_t>(0, last));
}

int64_t termBytes(const Contraction &c, const ContractPlan &plan) {
  return sumShape(c, plan).bytes / plan.warpsK;
}

} // namespace

int64_t fluxion::codegen::columnParts(const Reduction &r, Operation *sum,
                                      const ir::TargetInfo &target, ScheduleKeys *keys) {
  auto reduce = dyn_cast<ir::ReduceOp>(sum);
  if (!reduce || !isContraction(r.op) || !takesTiles(r))
    return 0;
  Contraction c = describeContraction(r);
  if (!keepsColumns(c, reduce))
    return 0;
  int64_t parts;
  if (std::optional<HopperPlan> plan = planHopper(c, target, keys)) {
    bool isPlain = plan->chunks == 1 && plan->stream.isEmpty() && c.n % 2 == 0 && !plan->exchanged;
    parts = isPlain ? plan->tilesM * plan->batches : 0;
  } else {
    ContractPlan tiles = planContraction(c, target, keys);
    bool fits = columnBytes(c, tiles, mostColumnSums) <= target.sharedBytes;
    bool isWhole = tiles.chunks == 1 && tiles.stream.isEmpty();
    parts = isWhole && fits ? tiles.tilesM * std::max<int64_t>(1, c.batches) : 0;
  }
  return parts <= mostParts ? parts : 0;
}

int64_t fluxion::codegen::columnBytes(const Contraction &c, const ContractPlan &plan,
                                      int64_t count) {
  return count * (termBytes(c, plan) + std::max(plan.tileN(), plan.threads()) *
                                           c.accumulator.getIntOrFloatBitWidth() / 8);
}

ContractEmitter::Values ContractEmitter::columnTerms(const Index &kept) {
  Values terms;
  for (const Reduction &sum : phase.columns)
    terms.push_back(puller.pull(sum.op->getOperand(0), kept));
  return terms;
}

// The sum of a block's rows for column `n` of the result.
void ContractEmitter::storeColumn(size_t which, Value part, Value n, Value sum) {
  const Reduction &column = phase.columns[which];
  Value all = plus(part, times(access.scalar(access.linear(sizesOf(c.batchDims), batch)),
                               column.chunks / std::max<int64_t>(1, c.batches)));
  access.store(addressOf(phase.partials[which]), c.accumulator,
               access.linear({column.chunks, c.n}, {access.dimension(all), access.dimension(n)}),
               sum);
}

// Terms lie as the sums did: of each, rows of a tile; what lies beyond the results is zero.
void ContractEmitter::leaveTerms(const SumTile &tile, Value place, ValueRange terms) {
  for (auto [i, term] : llvm::enumerate(terms))
    storeShared(tile.memory, c.accumulator,
                narrow(plus(place, number((int64_t)i * tile.tileM * tile.pitch))), term);
}

// Threads take a column's rows in turns of equal length, whose sums are added in order.
void ContractEmitter::sumColumns(const SumTile &tile, Value firstM, Value firstN) {
  int64_t threads = launch.block[0], columns = std::min(tile.tileN, threads),
          groups = threads / columns, rows = ceilDiv(tile.tileM, groups),
          count = (int64_t)phase.columns.size(), terms = tile.tileM * tile.pitch;
  auto add = [&](Value x, Value y) {
    return access.emit.apply(ir::Atom::Add, {x, y}, c.accumulator);
  };
  auto forColumns = [&](int64_t active, llvm::function_ref<void(Value, Value)> body) {
    for (int64_t first = 0; first < tile.tileN; first += columns) {
      Value group = over(thread(), columns),
            column = plus(modulo(thread(), columns), number(first));
      Value exists = isBelow(thread(), active);
      if (first + columns > tile.tileN)
        exists = arith::AndIOp::create(b, loc, exists, isBelow(column, tile.tileN));
      branch(exists, [&] { body(group, column); });
    }
  };
  auto partAt = [&](int64_t which, Value group, Value column) {
    return narrow(plus(plus(times(group, columns), column),
                       number(count * terms + which * std::max(tile.tileN, threads))));
  };
  barrier();
  forColumns(columns * groups, [&](Value group, Value column) {
    Value from = times(group, rows);
    Value to = arith::MinUIOp::create(b, loc, plus(from, number(rows)), number(tile.tileM));
    Values sums = foldBetween(from, to, 1, zeroColumns(), [&](Value row, ValueRange carried) {
      Values next;
      for (int64_t i = 0; i < count; ++i)
        next.push_back(add(carried[i], loadShared(tile.memory, c.accumulator,
                                                  narrow(plus(plus(times(row, tile.pitch), column),
                                                              number(i * terms))))));
      return next;
    });
    for (int64_t i = 0; i < count; ++i)
      storeShared(tile.memory, c.accumulator, partAt(i, group, column), sums[i]);
  });
  barrier();
  forColumns(columns, [&](Value, Value column) {
    Value n = plus(firstN, column), part = over(firstM, tile.tileM);
    auto store = [&] {
      for (int64_t i = 0; i < count; ++i) {
        Value sum;
        for (int64_t group = 0; group < groups; ++group) {
          Value next = loadShared(tile.memory, c.accumulator, partAt(i, number(group), column));
          sum = sum ? add(sum, next) : next;
        }
        storeColumn(i, part, n, sum);
      }
    };
    if (isRagged(c.n, tile.tileN))
      branch(isBelow(n, c.n), store);
    else
      store();
  });
}

ContractEmitter::Values ContractEmitter::zeroColumns() {
  Values zeros;
  for (const Reduction &sum : phase.columns)
    zeros.push_back(identity(sum));
  return zeros;
}
