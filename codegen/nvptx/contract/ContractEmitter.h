// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The function of a contraction's launch: where a block stands among the results, and what becomes
// of finished sums. Main loops are of derived pipelines.
#pragma once

#include "codegen/nvptx/BlockEmitter.h"
#include "codegen/nvptx/contract/ContractPlan.h"

namespace fluxion::codegen {

class ContractEmitter : public BlockEmitter {
public:
  using BlockEmitter::BlockEmitter;

protected:
  const Reduction &r = phase.reductions[0];
  Contraction c = describeContraction(r);
  Index batch; // of the block

  // Positions of all the result's dimensions; `m` and `n` are of c.mDims and c.nDims.
  Index keptAt(const Index &m, const Index &n);
  // Positions among the extents of the reduction, from those of c.kDims.
  Index reducedAt(const Index &k);
  // Index 0 of a group.
  Index origin(const ContractDims &dims);
  // Stores what follows from a finished sum at (m, n), flattened, where both are inside.
  void finishAt(Value m, Value n, int64_t tileM, int64_t tileN, Value sum);
};

// Fused multiply-adds of registers, from tiles in shared memory.
class FmaContractEmitter final : public ContractEmitter {
public:
  using ContractEmitter::ContractEmitter;

private:
  ContractPlan plan = planContraction(c, target);
  struct Staged { // an element of a side's tile that a thread copies each step
    Index position;
    Value exists, local; // within the product; place in the tile
    Value summed;        // position along the step, 0 to tileK
  };
  struct Side { // staged through shared memory
    Value memory;
    int64_t tile = 0, pitch = 0; // positions of a tile, and from one summed position to the next
    llvm::SmallVector<Staged> staged;
    int64_t count(int64_t tileK) const { return tile * tileK; }
  };
  // Results of a thread are `vector` neighbours, again and again, so that the threads of a warp
  // read shared memory in order.
  struct Fragment {
    int64_t count, vector, apart; // results, neighbours, from one group of neighbours to the next
    Fragment(int64_t count, int64_t threads, int64_t most)
        : count(count), vector(std::min(count, most)), apart(threads * vector) {}
    int64_t groups() const { return count / vector; }
    int64_t offset(int64_t i) const { return i / vector * apart + i % vector; }
  };
  Side sides[2];
  Value firstK, lastK; // of the block's chunk

  void emitBody() override;
  int64_t most() const; // elements of 16 bytes
  Side stageSide(int s, Value tile);
  Values pullStaged(int s, Value k);
  void storeStaged(int s, Values values);
  Values loadFragment(const Side &side, const Fragment &part, Value at, int64_t k);
  Values mainLoop(const Fragment &rows, const Fragment &columns, Value rowAt, Value columnAt);
  Value multiplyAdd(Value x, Value y, Value sum);
  Value factorUnder(const Guard &guard, int side, const Index &kept, const Index &reduced);
};

} // namespace fluxion::codegen
