// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/contract/ContractEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

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

Index ContractEmitter::reducedAt(const Index &k) {
  Index reduced(r.extents.size());
  for (auto [dim, e] : llvm::zip_equal(c.kDims, k))
    reduced[dim.dim] = e;
  return reduced;
}

Index ContractEmitter::origin(const ContractDims &dims) {
  return Index(dims.size(), access.constant(0));
}

void ContractEmitter::finishAt(Value m, Value n, int64_t tileM, int64_t tileN, Value sum) {
  auto store = [&] {
    finish(keptAt(positions(m, sizesOf(c.mDims)), positions(n, sizesOf(c.nDims))), {sum});
  };
  Value exists;
  if (c.m % tileM)
    exists = isBelow(m, c.m);
  if (c.n % tileN) {
    Value below = isBelow(n, c.n);
    exists = exists ? arith::AndIOp::create(b, loc, exists, below).getResult() : below;
  }
  if (exists)
    branch(exists, store);
  else
    store();
  puller.newScope();
}
