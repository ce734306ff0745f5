// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The function of a contraction's launch: where a block stands among the results, where factors lie
// in memory, and what becomes of finished sums. Main loops are of derived pipelines.
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
  // Of a side's own dimensions, the other side at its first.
  Index keptOf(int side, const Index &own);
  // Positions among the extents of the reduction, from those of c.kDims; those that phases leave
  // out are beyond the last.
  Index reducedAt(const Index &k);
  Guard isTap(const Index &reduced);
  // Positions of `flat`, a multiple of `vector`, in a group whose last size is one too: the last
  // position is such a multiple for all to see.
  Index positionsOf(Value flat, const ContractDims &dims, int64_t vector);

  static bool isRagged(int64_t size, int64_t tile) { return size == 0 || size % tile; }

  // A side's factor in memory, where `exists` holds; no buffer where it is computed.
  struct FactorPlace {
    Value buffer;
    mlir::AffineExpr position;
    Guard exists;
  };
  FactorPlace placeOf(int side, const Index &kept, const Index &reduced);
  // The most neighbours along the side's contiguous group, at most 16 bytes and a power of two,
  // that always lie together, aligned; 0 where the side is computed.
  int64_t togetherIn(int side);

  // Epilogue.cpp. Sums of a block's tile in shared memory: `parts` of each, added in order, in rows
  // along the result's contiguous group.
  struct SumTile {
    Value memory;
    int64_t tileM = 0, tileN = 0, parts = 1, pitch = 0;
  };
  // Everything that follows from the sums, by all threads; tileM and tileN are the tile's first
  // positions.
  void finishTile(const SumTile &tile, Value firstM, Value firstN);

  // Stream.cpp. What a block does of a tile.
  struct Piece {
    Value tile;        // its number, i32
    Value first, last; // steps along k, i32
    Value isWhole;     // all of them; null: they always are
    Value slot;        // of a part of the sums, i32
  };
  using PieceBody = llvm::function_ref<Values(const Piece &, mlir::ValueRange carried)>;
  // All pieces of the block, one after the other.
  Values forPieces(const StreamPlan &stream, mlir::ValueRange carried, PieceBody body);
  // The sums of one of so many threads: all, or in the second launch `count` of them from `first`
  // on.
  struct ThreadSums {
    int64_t threads = 1, sums = 1;
    Value thread; // i32
    Value first;  // i32; null: 0
    int64_t count = 1;
    int64_t lanes(mlir::Type type) const; // that lie together
  };
  void leavePart(Value slot, const ThreadSums &place, mlir::ValueRange sums);
  // Where streamed tile `tile` (i32) was cut, `body` finishes it with its parts added in order.
  void withParts(const StreamPlan &stream, Value tile, const ThreadSums &place,
                 llvm::function_ref<void(Values)> body);

  // The result's element, or neighbours, for what pulls it.
  void holdResult(const Index &kept, Value sum);

  // ColumnSums.cpp. What every sum of phase.columns adds at a result that the puller holds.
  Values columnTerms(const Index &kept);
  Values zeroColumns();
  void storeColumn(size_t which, Value part, Value n, Value sum); // part: a row of tiles

private:
  void leaveTerms(const SumTile &tile, Value place, mlir::ValueRange terms);
  void sumColumns(const SumTile &tile, Value firstM, Value firstN);
  Value partAddress(Value slot, const ThreadSums &place, int64_t i);
  unsigned alignment(int64_t lanes) const;
  Values loadPart(Value slot, const ThreadSums &place);

  struct Finished { // a sum, or neighbours in the result
    Value place;    // in the tile
    Index kept;
    mlir::AffineExpr lane;
    int64_t lanes = 1;
    Value exists, sum;
  };
  int64_t resultLanes();
  Finished sumOf(const SumTile &tile, Value firstM, Value firstN, Value at, int64_t lanes);
  void finishAll(const SumTile &tile, llvm::ArrayRef<Finished> all);
};

} // namespace fluxion::codegen
