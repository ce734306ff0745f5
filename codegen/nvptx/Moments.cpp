// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mean and variance in one sweep. A thread sums the distances from its first element and their
// squares: as that is one of the elements, squares lose no more than the count of them in units of
// the last place. It leaves a part: a count, a mean and the sum of squared distances from it. Parts
// are joined as in the two sweeps that they stand for: first the sums, then, with the mean of all,
// the squares. Both are plain sums, short where one part after another would be divided.
#include "codegen/nvptx/BlockEmitter.h"

#include "codegen/common/Shapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// Arithmetic on blocks of one element type.
struct Numbers {
  VectorEmitter &emit;
  Type element;
  Value add(Value x, Value y) { return emit.apply(ir::Atom::Add, {x, y}, element); }
  Value sub(Value x, Value y) { return emit.apply(ir::Atom::Sub, {x, y}, element); }
  Value mul(Value x, Value y) { return emit.apply(ir::Atom::Mul, {x, y}, element); }
  Value div(Value x, Value y) { return emit.apply(ir::Atom::Div, {x, y}, element); }
  Value constant(double value) { return emit.constant(value, element); }
};

} // namespace

BlockEmitter::Values BlockEmitter::addToMoments(const Reduction &mean, ValueRange sums, Value pivot,
                                                const Index &kept, const Index &reduced) {
  Numbers n{access.emit, accumulatorElement(mean)};
  Value apart = n.sub(momentTerm(mean, kept, reduced), pivot);
  return {n.add(sums[0], apart), n.add(sums[1], n.mul(apart, apart))};
}

Value BlockEmitter::momentTerm(const Reduction &mean, const Index &kept, const Index &reduced) {
  return access.emit.convert(term(mean, kept, reduced),
                             typeOf(mean.op->getOperand(0)).getElementType(),
                             accumulatorElement(mean));
}

// The same of a part, whose count is summed too.
BlockEmitter::Values BlockEmitter::addPartToMoments(const Reduction &mean, ValueRange sums,
                                                    Value pivot, ValueRange part) {
  Numbers n{access.emit, accumulatorElement(mean)};
  Value apart = n.sub(part[1], pivot), weighted = n.mul(part[0], apart);
  return {n.add(sums[0], weighted), n.add(sums[1], n.add(n.mul(weighted, apart), part[2])),
          n.add(sums[2], part[0])};
}

// Of `count` elements, a scalar of the accumulators' type.
BlockEmitter::Values BlockEmitter::momentsOf(const Reduction &mean, ValueRange sums, Value pivot,
                                             Value count) {
  Numbers n{access.emit, accumulatorElement(mean)};
  int64_t lanes = access.emit.lanes;
  access.emit.lanes = 1;
  using D = ir::CompareDirection;
  Value zero = n.constant(0), isNone = access.emit.compare(D::EQ, count, zero, n.element),
        share = n.div(n.constant(1), access.emit.select(isNone, n.constant(1), count));
  access.emit.lanes = lanes;
  Value apart = n.mul(sums[0], access.emit.splat(share)),
        spread = n.sub(sums[1], n.mul(sums[0], apart)), none = n.constant(0),
        isBelow = access.emit.compare(D::LT, spread, none, n.element);
  return {access.emit.splat(count), n.add(pivot, apart), access.emit.select(isBelow, none, spread)};
}

namespace {

// Elements of a result in every chunk but the last, and in that.
std::pair<int64_t, int64_t> chunkCounts(const Reduction &r) {
  ReduceGrid grid = reduceGrid(r);
  int64_t lanes = grid.along ? grid.lanes : 1;
  return {grid.chunkLength * lanes, (grid.summed - (r.chunks - 1) * grid.chunkLength) * lanes};
}

} // namespace

// `ofCount` of the count of elements in the chunk.
Value BlockEmitter::ofChunk(const Reduction &r, Value chunk,
                            llvm::function_ref<double(double)> ofCount) {
  auto [whole, last] = chunkCounts(r);
  Type element = accumulatorElement(r);
  Value value = access.emit.constant(ofCount((double)whole), element);
  if (whole == last)
    return value;
  return arith::SelectOp::create(b, loc, isBelow(chunk, r.chunks - 1), value,
                                 access.emit.constant(ofCount((double)last), element));
}

// What a chunk left.
BlockEmitter::Values BlockEmitter::partMoments(const Reduction &mean, const Reduction &spread,
                                               const Index &kept, AffineExpr chunk) {
  Numbers n{access.emit, accumulatorElement(mean)};
  Value at = access.scalar(chunk), count = ofChunk(mean, at, [](double count) { return count; }),
        share = ofChunk(mean, at, [](double count) { return 1 / count; });
  return {count, n.mul(partialOf(mean, kept, chunk), share), partialOf(spread, kept, chunk)};
}

// 1 / the count of elements that a result of this launch combines.
Value BlockEmitter::shareOfAll(const Reduction &mean) {
  if (phase.kind == Phase::Combine)
    return access.emit.constant(1 / (double)product(mean.extents), accumulatorElement(mean));
  return ofChunk(mean, blockIndex(1), [](double count) { return 1 / count; });
}

// `parts` are what threads, and lanes, hold of each result.
BlockEmitter::Values BlockEmitter::joinParts(ArrayRef<const Reduction *> group, ValueRange parts,
                                             Across across) {
  SmallVector<const Reduction *> sums, spreads;
  SmallVector<ValueRange> moments;
  Values first;
  for (const Reduction *r : group) {
    if (r->moment == Reduction::Spread) {
      spreads.push_back(r);
      continue;
    }
    sums.push_back(r);
    if (r->moment == Reduction::Mean) {
      moments.push_back(parts.take_front(3));
      first.push_back(Numbers{access.emit, accumulatorElement(*r)}.mul(parts[0], parts[1]));
    } else {
      first.append(parts.begin(), parts.begin() + r->width());
    }
    parts = parts.drop_front(r->moment == Reduction::Mean ? 3 : r->width());
  }
  first = across(sums, first, !spreads.empty());
  Values second;
  size_t at = 0;
  for (const Reduction *r : sums) {
    if (r->moment == Reduction::Mean) {
      Numbers n{access.emit, accumulatorElement(*r)};
      ValueRange part = moments[second.size()];
      Value apart = n.sub(part[1], n.mul(access.emit.splat(first[at]), shareOfAll(*r)));
      second.push_back(n.add(part[2], n.mul(part[0], n.mul(apart, apart))));
    }
    at += r->width();
  }
  if (!spreads.empty())
    second = across(spreads, second, false);
  Values all;
  at = 0;
  size_t spread = 0;
  for (const Reduction *r : group) {
    if (r->moment == Reduction::Spread) {
      all.push_back(second[spread++]);
      continue;
    }
    all.append(first.begin() + at, first.begin() + at + r->width());
    at += r->width();
  }
  return all;
}
