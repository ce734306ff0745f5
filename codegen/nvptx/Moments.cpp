// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mean and variance in one sweep. A thread sums the distances from its first element and their
// squares: as that is one of the elements, squares lose no more than the count of them in units of
// the last place. Parts are a count, a mean and the sum of squared distances from it, combined
// after Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
// variances" (1979).
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
  // A count to divide by.
  Value atLeastOne(Value count) { return emit.apply(ir::Atom::Max, {count, constant(1)}, element); }
};

} // namespace

BlockEmitter::Values BlockEmitter::combineMoments(const Reduction &mean, ValueRange x,
                                                  ValueRange y) {
  Numbers n{access.emit, accumulatorElement(mean)};
  Value count = n.add(x[0], y[0]), share = n.div(y[0], n.atLeastOne(count)),
        apart = n.sub(y[1], x[1]);
  return {count, n.add(x[1], n.mul(apart, share)),
          n.add(n.add(x[2], y[2]), n.mul(n.mul(apart, apart), n.mul(x[0], share)))};
}

BlockEmitter::Values BlockEmitter::addToMoments(const Reduction &mean, ValueRange sums, Value pivot,
                                                const Index &kept, const Index &reduced) {
  Numbers n{access.emit, accumulatorElement(mean)};
  Value x = access.emit.convert(term(mean, kept, reduced),
                                typeOf(mean.op->getOperand(0)).getElementType(), n.element);
  Value apart = n.sub(x, pivot);
  return {n.add(sums[0], apart), n.add(sums[1], n.mul(apart, apart))};
}

// Of `count` (i64) elements a lane.
BlockEmitter::Values BlockEmitter::momentsOf(const Reduction &mean, ValueRange sums, Value pivot,
                                             Value count) {
  Numbers n{access.emit, accumulatorElement(mean)};
  Value wide = access.emit.splat(arith::SIToFPOp::create(b, loc, n.element, count));
  Value apart = n.div(sums[0], n.atLeastOne(wide)), spread = n.sub(sums[1], n.mul(sums[0], apart)),
        zero = n.constant(0);
  using D = ir::CompareDirection;
  Value isNone = access.emit.compare(D::EQ, wide, zero, n.element),
        isBelow = access.emit.compare(D::LT, spread, zero, n.element);
  return {wide, access.emit.select(isNone, zero, n.add(pivot, apart)),
          access.emit.select(isBelow, zero, spread)};
}

// What a chunk left, with the count of its elements.
BlockEmitter::Values BlockEmitter::partMoments(const Reduction &mean, const Reduction &spread,
                                               const Index &kept, AffineExpr chunk) {
  Numbers n{access.emit, accumulatorElement(mean)};
  ReduceGrid grid = reduceGrid(mean);
  Value start = times(access.scalar(chunk), grid.chunkLength);
  Value length = arith::MinUIOp::create(b, loc, number(grid.chunkLength),
                                        arith::SubIOp::create(b, loc, number(grid.summed), start));
  length = times(length, grid.columns == 1 ? grid.lanes : 1);
  Value count = access.emit.splat(arith::SIToFPOp::create(b, loc, n.element, length));
  return {count, n.div(partialOf(mean, kept, chunk), count), partialOf(spread, kept, chunk)};
}
