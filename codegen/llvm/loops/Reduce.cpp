// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions: what is combined, step by step. Every result is combined in one fixed order.
#include "codegen/llvm/loops/PhaseEmitter.h"

#include "codegen/common/Shapes.h"
#include "ir/ops/Contraction.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Reduction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

// Sums of narrow floats run in f32.
Type PhaseEmitter::accumulatorElement(const Reduction &r) {
  Type element = typeOf(r.op->getOperand(0)).getElementType();
  return element.isBF16() || element.isF16() ? b.getF32Type() : element;
}

Value PhaseEmitter::identity(const Reduction &r) {
  Type element = accumulatorElement(r);
  bool isFloat = isa<FloatType>(element),
       isMax = r.kind() == ir::ReduceKind::Max || isa<ir::ArgmaxOp>(r.op);
  if (r.kind() == ir::ReduceKind::Sum && !r.isArg()) {
    // -0 + x is x whatever x is, which saves an addition; but a sum over nothing is +0.
    bool neutral = isa<ir::ReduceOp>(r.op) && !llvm::is_contained(r.extents, 0);
    return isFloat ? access.emit.constant(neutral ? -0.0 : 0.0, element)
                   : access.emit.integer(0, element);
  }
  if (r.kind() == ir::ReduceKind::Prod)
    return access.emit.integer(1, element);
  if (r.kind() == ir::ReduceKind::And)
    return access.emit.integer(-1, element);
  if (r.kind() == ir::ReduceKind::Or)
    return access.emit.integer(0, element);
  return access.emit.bound(!isMax, element);
}

// One accumulator, or for argmax the best element and its position.
PhaseEmitter::Values PhaseEmitter::identities(const Reduction &r) {
  Values initial{identity(r)};
  if (r.isArg())
    initial.push_back(access.emit.integer(-1, b.getI32Type())); // nothing seen yet
  return initial;
}

Value PhaseEmitter::combine(const Reduction &r, Value x, Value y) {
  static const std::map<ir::ReduceKind, ir::Atom> atoms = {
      {ir::ReduceKind::Sum, ir::Atom::Add}, {ir::ReduceKind::Prod, ir::Atom::Mul},
      {ir::ReduceKind::Max, ir::Atom::Max}, {ir::ReduceKind::Min, ir::Atom::Min},
      {ir::ReduceKind::And, ir::Atom::And}, {ir::ReduceKind::Or, ir::Atom::Or}};
  return access.emit.apply(atoms.at(r.kind()), {x, y}, accumulatorElement(r));
}

PhaseEmitter::Factors PhaseEmitter::factorsAt(const Reduction &r, const Index &kept,
                                              const Index &reduced) {
  if (auto dot = dyn_cast<ir::DotGeneralOp>(r.op)) {
    Index lhs(shapeOf(dot.getLhs()).size()), rhs(shapeOf(dot.getRhs()).size());
    size_t next = 0;
    for (auto [l, c] : llvm::zip_equal(dot.getLhsBatching(), dot.getRhsBatching()))
      lhs[l] = rhs[c] = kept[next++];
    for (auto [i, pair] :
         llvm::enumerate(llvm::zip_equal(dot.getLhsContracting(), dot.getRhsContracting())))
      lhs[std::get<0>(pair)] = rhs[std::get<1>(pair)] = reduced[i];
    for (Index *side : {&lhs, &rhs})
      for (AffineExpr &e : *side)
        if (!e)
          e = kept[next++];
    return {lhs, rhs, {}};
  }
  // The window positions run forward over the input; the kernel index is flipped where the op says
  // so.
  auto conv = cast<ir::ConvolutionOp>(r.op);
  int64_t spatial = conv.spatialRank();
  Factors at{Index(spatial + 2), Index(spatial + 2), {}};
  AffineExpr batch = kept[conv.getOutputDims()[0]], feature = kept[conv.getOutputDims()[1]],
             summed = reduced[r.featureExtent];
  AffineExpr channel = summed;
  Index window(reduced);
  window.erase(window.begin() + r.featureExtent);
  int64_t outFeatures = typeOf(conv.getResult()).getDimSize(conv.getOutputDims()[1]);
  int64_t inPerGroup = shapeOf(conv.getKernel())[conv.getKernelDims()[1]];
  if (int64_t groups = conv.getFeatureGroupCount(); groups > 1)
    channel = feature.floorDiv(outFeatures / groups) * inPerGroup + channel;
  if (int64_t groups = conv.getBatchGroupCount(); groups > 1)
    batch = feature.floorDiv(outFeatures / groups) *
                (shapeOf(conv.getInput())[conv.getInputDims()[0]] / groups) +
            batch;
  at.lhs[conv.getInputDims()[0]] = batch;
  at.lhs[conv.getInputDims()[1]] = channel;
  at.rhs[conv.getKernelDims()[0]] = feature;
  at.rhs[conv.getKernelDims()[1]] = summed;
  for (int64_t d = 0; d < spatial; ++d) {
    int64_t taps = shapeOf(conv.getKernel())[conv.getKernelDims()[d + 2]],
            size = shapeOf(conv.getInput())[conv.getInputDims()[d + 2]],
            dilation = conv.getLhsDilation()[d];
    int64_t outputs = typeOf(conv.getResult()).getDimSize(conv.getOutputDims()[d + 2]),
            low = conv.getPadding()[2 * d];
    AffineExpr position = kept[conv.getOutputDims()[d + 2]] * conv.getWindowStrides()[d] +
                          window[d] * conv.getRhsDilation()[d] - low;
    at.rhs[conv.getKernelDims()[d + 2]] =
        conv.getWindowReversal() ? access.constant(taps - 1) - window[d] : window[d];
    if (r.skipsBorder) {
      at.lhs[conv.getInputDims()[d + 2]] = r.phased() ? position.floorDiv(r.phases[d]) : position;
      continue;
    }
    if (r.paddedAt >= 0) {
      at.lhs[conv.getInputDims()[d + 2]] = r.phased() && r.phases[d] > 1
                                               ? position.floorDiv(dilation) + low / dilation
                                               : position + low;
      continue;
    }
    int64_t highest =
        (outputs - 1) * conv.getWindowStrides()[d] + (taps - 1) * conv.getRhsDilation()[d] - low;
    at.inside =
        access.both(at.inside, access.within(position, (size - 1) * dilation + 1, -low, highest));
    at.inside = access.both(at.inside, access.divides(position, dilation));
    at.lhs[conv.getInputDims()[d + 2]] = dilation == 1 ? position : position.floorDiv(dilation);
  }
  return at;
}

std::pair<Value, Value> PhaseEmitter::factors(const Reduction &r, const Index &kept,
                                              const Index &reduced) {
  Factors at = factorsAt(r, kept, reduced);
  Value left = r.op->getOperand(0), right = r.op->getOperand(1);
  auto pullSide = [&](const std::optional<Panels> &side, Value operand, const Index &index,
                      AffineExpr panel) {
    if (!side)
      return puller.pull(operand, index);
    return puller.loadOnce(panelMemory(r, *side), operand, inPanels(*side, index, panel));
  };
  if (isa<ir::DotGeneralOp>(r.op))
    return {pullSide(r.lhs, left, at.lhs, rowPanel), pullSide(r.rhs, right, at.rhs, lanePanel)};
  Value x;
  if (r.paddedAt < 0) {
    x = puller.pullUnder(at.inside, left, at.lhs);
  } else {
    PaddedShape padded = *paddedInputShape(r.op, target);
    Index inCopy = llvm::map_to_vector<4>(padded.order, [&](int64_t dim) { return at.lhs[dim]; });
    x = puller.loadOnce(addressOf({r.result, -1, r.paddedAt}), left,
                        access.linear(padded.copySizes(), inCopy));
  }
  if (!at.inside.always())
    x = access.emit.select(access.lanesOf(at.inside), x,
                           access.emit.constant(0, typeOf(left).getElementType()));
  return {x, pullSide(r.rhs, right, at.rhs, lanePanel)};
}

Value PhaseEmitter::term(const Reduction &r, const Index &kept, const Index &reduced) {
  Value x = r.op->getOperand(0);
  auto dims = isa<ir::ReduceOp>(r.op) ? SmallVector<int64_t>(cast<ir::ReduceOp>(r.op).getDims())
              : isa<ir::ArgmaxOp>(r.op)
                  ? SmallVector<int64_t>{(int64_t)cast<ir::ArgmaxOp>(r.op).getDim()}
                  : SmallVector<int64_t>{(int64_t)cast<ir::ArgminOp>(r.op).getDim()};
  Index index;
  size_t k = 0, e = 0;
  for (int64_t d = 0; d < (int64_t)shapeOf(x).size(); ++d)
    index.push_back(llvm::is_contained(dims, d) ? reduced[e++] : kept[k++]);
  return puller.pull(x, index);
}

// What a chunk left of a reduction.
Value PhaseEmitter::partialOf(const Reduction &r, const Index &kept, AffineExpr chunk) {
  size_t number =
      llvm::find_if(phase.reductions, [&](const Reduction &one) { return one.op == r.op; }) -
      phase.reductions.begin();
  SmallVector<int64_t> shape{r.chunks};
  shape.append(r.kept.begin(), r.kept.end());
  Index index{chunk};
  index.append(kept);
  Value partial = access.load(addressOf(phase.partials[number]), r.partialElement(),
                              access.linear(shape, index), {});
  return access.emit.convert(partial, r.partialElement(), accumulatorElement(r));
}

PhaseEmitter::Values PhaseEmitter::step(const Reduction &r, ValueRange accumulators,
                                        const Index &kept, const Index &inChunk) {
  Index reduced(inChunk);
  if (chunkStart)
    reduced[0] = chunkStart + reduced[0];
  Type element = typeOf(r.op->getOperand(0)).getElementType(), wide = accumulatorElement(r);
  if (phase.kind == Phase::Combine)
    return {combine(r, accumulators[0], partialOf(r, kept, reduced[0]))};
  if (isa<ir::DotGeneralOp, ir::ConvolutionOp>(r.op)) {
    auto [x, y] = factors(r, kept, reduced);
    x = access.emit.convert(x, element, wide), y = access.emit.convert(y, element, wide);
    if (isa<FloatType>(wide) && target.fma)
      return {LLVM::FMAOp::create(b, loc, x.getType(), x, y, accumulators[0])};
    return {access.emit.apply(
        ir::Atom::Add, {accumulators[0], access.emit.apply(ir::Atom::Mul, {x, y}, wide)}, wide)};
  }
  Value next = access.emit.convert(term(r, kept, reduced), element, wide);
  if (!r.isArg())
    return {combine(r, accumulators[0], next)};
  // The first of equals stays; NaN wins and then stays.
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  bool isMax = isa<ir::ArgmaxOp>(r.op);
  Value wins = access.emit.compare(isMax ? ir::CompareDirection::GT : ir::CompareDirection::LT,
                                   next, accumulators[0], wide);
  Value first = access.emit.compare(ir::CompareDirection::LT, accumulators[1],
                                    access.emit.integer(0, i32), i32);
  wins = arith::OrIOp::create(b, loc, wins, first);
  if (isa<FloatType>(wide)) {
    Value isNan = access.emit.compare(ir::CompareDirection::NE, next, next, wide);
    Value bestIs =
        access.emit.compare(ir::CompareDirection::EQ, accumulators[0], accumulators[0], wide);
    wins = arith::OrIOp::create(b, loc, wins, arith::AndIOp::create(b, loc, isNan, bestIs));
  }
  Value position = access.emit.convert(access.perLane(reduced[0]), i64, i32);
  return {access.emit.select(wins, next, accumulators[0]),
          access.emit.select(wins, position, accumulators[1])};
}

std::pair<Value, Value> PhaseEmitter::halves(Value vector, int64_t width) {
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < width / 2; ++i) {
    low.push_back(i);
    high.push_back(width / 2 + i);
  }
  Value a = vector::ShuffleOp::create(b, loc, vector, vector, low),
        c = vector::ShuffleOp::create(b, loc, vector, vector, high);
  if (width > 2)
    return {a, c};
  // Vectors of one element are not scalars.
  return {vector::ExtractOp::create(b, loc, a, 0), vector::ExtractOp::create(b, loc, c, 0)};
}

// Halves combine until one lane is left: a fixed tree.
Value PhaseEmitter::acrossLanes(const Reduction &r, Value vector) {
  int64_t lanes = access.emit.lanes;
  for (int64_t width = lanes; width > 1; width /= 2) {
    auto [a, c] = halves(vector, width);
    access.emit.lanes = width / 2;
    vector = combine(r, a, c);
  }
  access.emit.lanes = lanes;
  return vector;
}

PhaseEmitter::Values PhaseEmitter::foldExtents(ArrayRef<int64_t> extents, Index &reduced,
                                               ValueRange initial,
                                               llvm::function_ref<Values(ValueRange)> innermost) {
  if (extents.empty())
    return innermost(initial);
  // A few steps of the innermost loop at once hide its bookkeeping.
  int64_t unroll = phase.kind == Phase::Reduce ? phase.reductions[0].unroll : 0;
  for (int64_t candidate : {4, 2, 1})
    if (!unroll && extents[0] % candidate == 0 && (int64_t)initial.size() * candidate <= 96)
      unroll = candidate;
  if (extents.size() == 1 && unroll > 1) {
    auto steps = [&](int64_t count) {
      return [&, count](Value iv, ValueRange carried) {
        AffineExpr position = access.position(iv);
        Values next(carried);
        if (together) {
          reduced.push_back(position);
          next = together(carried, reduced, count);
          reduced.pop_back();
          return next;
        }
        for (int64_t u = 0; u < count; ++u) {
          reduced.push_back(position + u);
          next = innermost(next);
          reduced.pop_back();
        }
        return next;
      };
    };
    // Steps whose taps may be outside stand at known places.
    auto [first, last] = together && phase.reductions[0].skipsBorder
                             ? insideSteps(phase.reductions[0])
                             : std::pair<int64_t, int64_t>(0, extents[0] / unroll * unroll);
    auto oneByOne = [&](int64_t from, int64_t to, Values sums) {
      for (int64_t at = from; at < to; at += unroll) {
        // Without it what one step read is kept for the next beside all sums: LLVM spills.
        LLVM::FenceOp::create(b, loc, LLVM::AtomicOrdering::seq_cst, "singlethread");
        int64_t count = std::min(unroll, to - at);
        sums = fold(at, at + count, count, sums, steps(count));
      }
      return sums;
    };
    Values sums = oneByOne(0, first, Values(initial));
    sums = fold(first, last, unroll, sums, steps(unroll));
    return oneByOne(last, extents[0], sums);
  }
  auto outer = [&](Value iv, ValueRange carried) {
    reduced.push_back(access.position(iv));
    Values next = foldExtents(extents.drop_front(), reduced, carried, innermost);
    reduced.pop_back();
    return next;
  };
  size_t extent = reduced.size();
  if (extent < windowBounds.size() && windowBounds[extent].first)
    return foldBetween(windowBounds[extent].first, windowBounds[extent].second, 1, initial, outer);
  return fold(0, extents[0], 1, initial, outer);
}

// Blocks of a row taken together, with sums of their own, so that one need not wait for another.
// Costly terms hide that wait themselves, and want the registers for their constants.
int64_t PhaseEmitter::blocksTogether(ArrayRef<const Reduction *> group, int64_t lanes) {
  int64_t extent = group[0]->extents.back(), most = extent >= 8 * lanes   ? 4
                                                    : extent >= 4 * lanes ? 2
                                                                          : 1;
  bool costly = llvm::any_of(
      group, [](const Reduction *r) { return !costlyValues(r->op->getOperand(0)).empty(); });
  int64_t sums = target.vectorRegisters / (costly ? 8 : 2);
  while (most > 1 && most * (int64_t)group.size() > sums)
    most /= 2;
  return most;
}

// Scalars of several reductions over the same extents in one pass, lanes along the last extent;
// `kept` is where each stands.
PhaseEmitter::Values PhaseEmitter::reduceOver(ArrayRef<const Reduction *> group,
                                              ArrayRef<Index> kept, bool alongLanes,
                                              int64_t lanes) {
  const Reduction &first = *group[0];
  if (!alongLanes || lanes == 1 || first.extents.empty()) {
    access.setScalar();
    Values initial;
    for (const Reduction *r : group)
      initial.append(identities(*r));
    Index reduced;
    return foldExtents(first.extents, reduced, initial, [&](ValueRange carried) {
      Values next;
      for (auto [i, r] : llvm::enumerate(group)) {
        size_t width = r->isArg() ? 2 : 1;
        next.append(step(*r, carried.slice(next.size(), width), kept[i], reduced));
      }
      return next;
    });
  }
  int64_t extent = first.extents.back(), unroll = blocksTogether(group, lanes),
          strip = lanes * unroll;
  access.setLanes(lanes, {}, lanes);
  Values initial;
  for (const Reduction *r : group)
    for (int64_t u = 0; u < unroll; ++u)
      initial.push_back(identity(*r));
  auto block = [&](Value at, int64_t active, int64_t u, Values &accumulators, Index &reduced) {
    AffineExpr position = access.dimension(at);
    access.setLanes(lanes, position, active);
    reduced.push_back(position);
    for (auto [i, r] : llvm::enumerate(group)) {
      Value &accumulator = accumulators[i * unroll + u];
      Value next = step(*r, accumulator, kept[i], reduced)[0];
      if (active < lanes) { // lanes that do not exist contribute nothing
        SmallVector<bool> bits;
        for (int64_t lane = 0; lane < lanes; ++lane)
          bits.push_back(lane < active);
        Value mask = arith::ConstantOp::create(
            b, loc,
            DenseElementsAttr::get(VectorType::get({lanes}, b.getI1Type()), ArrayRef<bool>(bits)));
        next = access.emit.select(mask, next, accumulator);
      }
      accumulator = next;
    }
    if (kept.size())
      keepStashed(first, kept[0], reduced);
    reduced.pop_back();
  };
  Index reduced;
  Values sums = foldExtents(
      ArrayRef<int64_t>(first.extents).drop_back(), reduced, initial, [&](ValueRange carried) {
        Values running =
            fold(0, extent / strip * strip, strip, carried, [&](Value iv, ValueRange inner) {
              Values next(inner);
              for (int64_t u = 0; u < unroll; ++u)
                block(arith::AddIOp::create(b, loc, iv, number(u * lanes)), lanes, u, next,
                      reduced);
              return next;
            });
        for (int64_t at = extent / strip * strip, u = 0; at < extent;
             at += lanes, u = (u + 1) % unroll) {
          puller.newScope();
          block(number(at), std::min(lanes, extent - at), u, running, reduced);
        }
        return running;
      });
  access.setLanes(lanes, {}, lanes);
  Values results;
  for (auto [i, r] : llvm::enumerate(group)) {
    Value sum = sums[i * unroll];
    for (int64_t u = 1; u < unroll; ++u)
      sum = combine(*r, sum, sums[i * unroll + u]);
    results.push_back(acrossLanes(*r, sum));
  }
  access.setScalar();
  return results;
}
