// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/contract/ContractEmitter.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

Index ContractEmitter::keptAt(const Index &m, const Index &n) {
  Index kept(r.kept.size(), access.constant(0));
  auto add = [&](const ContractDims &dims, const Index &index) {
    for (auto [dim, e] : llvm::zip_equal(dims, index))
      kept[dim.dim] = kept[dim.dim] + e * dim.step;
  };
  add(c.batchDims, batch);
  add(c.mDims, m);
  add(c.nDims, n);
  return kept;
}

Index ContractEmitter::keptOf(int side, const Index &own) {
  Index first(c.dimsOf(1 - side).size(), access.constant(0));
  return side == 0 ? keptAt(own, first) : keptAt(first, own);
}

Index ContractEmitter::reducedAt(const Index &k) {
  Index reduced(r.extents.size());
  for (auto [dim, e] : llvm::zip_equal(c.kDims, k)) {
    reduced[dim.dim] = e * dim.step;
    // (first - phase) modulo the step; nothing in it is negative, for no remainder here is
    // Euclid's.
    if (int64_t first = (dim.first % dim.step + dim.step) % dim.step; dim.phase >= 0)
      reduced[dim.dim] = reduced[dim.dim] + (batch[dim.phase] * (dim.step - 1) + first) % dim.step;
  }
  return reduced;
}

Guard ContractEmitter::isTap(const Index &reduced) {
  Guard exists;
  for (const ContractDim &dim : c.kDims)
    if (dim.phase >= 0)
      exists = access.both(
          exists, access.within(reduced[dim.dim], r.extents[dim.dim], 0, dim.size * dim.step - 1));
  return exists;
}

Index ContractEmitter::positionsOf(Value flat, const ContractDims &dims, int64_t vector) {
  SmallVector<int64_t> sizes = sizesOf(dims);
  if (vector == 1 || dims.empty())
    return positions(flat, sizes);
  sizes.back() /= vector;
  Index index = positions(over(flat, vector), sizes);
  index.back() = index.back() * vector;
  return index;
}

ContractEmitter::FactorPlace ContractEmitter::placeOf(int side, const Index &kept,
                                                      const Index &reduced) {
  Factors at = factorsAt(r, kept, reduced);
  auto place = puller.placeOf(r.op->getOperand(side), side == 0 ? at.lhs : at.rhs);
  if (!place)
    return {};
  Guard exists = isTap(reduced);
  return {place->buffer, place->position, side == 0 ? access.both(exists, at.inside) : exists};
}

int64_t ContractEmitter::togetherIn(int side) {
  auto fresh = [&](const ContractDims &dims) {
    Index index;
    for (size_t i = 0; i < dims.size(); ++i)
      index.push_back(access.dimension(number(0)));
    return index;
  };
  Index own = fresh(c.dimsOf(side)), k = fresh(c.kDims), &inner = c.alongSummed[side] ? k : own;
  Index others = batch;
  batch = fresh(c.batchDims);
  auto position = [&] { return placeOf(side, keptOf(side, own), reducedAt(k)).position; };
  AffineExpr along = position();
  int64_t together = along ? 1 : 0;
  const ContractDims &dims = c.innerDims(side);
  int64_t bytes = c.element.getIntOrFloatBitWidth() / 8;
  if (along && !dims.empty() && c.wholeLast[side] && access.stride(along, inner.back()) == 1)
    for (together = 16 / bytes; together > 1; together /= 2) {
      AffineExpr one = inner.back();
      inner.back() = one * together;
      bool fits = dims.back().size % together == 0 && position().isMultipleOf(together);
      inner.back() = one;
      if (fits)
        break;
    }
  batch = others;
  return together;
}
