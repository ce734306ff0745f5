// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sides of 32-bit products that lie across k, which the tensor cores do not take: the warpgroups
// that multiply a stage turn it in place, while their products of the stage before are in flight.
#include "codegen/nvptx/hopper/HopperContract.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {
constexpr int64_t chunkBytes = 16, chunkWords = 4;
} // namespace

// Within lines of `span` bytes, as copies and products have it.
Value HopperContractEmitter::swizzled(Value offset, int64_t span) {
  Value line = modulo(over(offset, 128), span / chunkBytes);
  return arith::XOrIOp::create(b, loc, offset, times(line, chunkBytes));
}

// A box is `depth` lines of k, neighbours along the side beside each other; turned it is as many
// rows as a line has neighbours, in the same place. Lanes of a warp read neighbours, so that they
// meet no bank twice, and write chunks of as many rows.
void HopperContractEmitter::readAcross(int side, Value start,
                                       SmallVectorImpl<TurnedChunk> &chunks) {
  int64_t line = plan.boxLine(side), boxBytes = line * plan.sliceBytes,
          chunksOfRow = plan.sliceBytes / chunkBytes, warps = 4 * plan.rowGroups(),
          lanesChunks = 32 / line, units = chunksOfRow / lanesChunks;
  Value lane = modulo(tid, 32), warp = modulo(over(tid, 32), warps);
  Value row = modulo(lane, line);
  for (int64_t i = 0; i < plan.sideBytes(side) / (32 * chunkBytes * warps); ++i) {
    Value unit = plus(word(i * warps), warp);
    Value box = plus(start, times(over(unit, units), boxBytes));
    Value chunk = plus(times(modulo(unit, units), lanesChunks), over(lane, line));
    TurnedChunk turned;
    for (int64_t k = 0; k < chunkWords; ++k) {
      Value number = plus(times(chunk, chunkWords), word(k));
      Value offset = plus(times(number, line * plan.elementBytes), times(row, plan.elementBytes));
      Value place = plus(box, swizzled(offset, line * plan.elementBytes));
      turned.words.push_back(LLVM::LoadOp::create(b, loc, b.getI32Type(), inMemory(place), 4));
    }
    Value offset = plus(times(row, plan.sliceBytes), times(chunk, chunkBytes));
    turned.place = plus(box, swizzled(offset, plan.sliceBytes));
    chunks.push_back(turned);
  }
}

void HopperContractEmitter::turnSides(const Ring &ring) {
  if (!plan.turns(0) && !plan.turns(1))
    return;
  Value stage = times(ring.stage, plan.stageBytes());
  SmallVector<TurnedChunk> chunks;
  for (int side : {0, 1})
    if (plan.turns(side))
      readAcross(side, side ? plus(stage, word(plan.sideBytes(0))) : stage, chunks);
  Value team = plus(share, word(4)); // barriers before are of the block, shares and row groups
  int64_t threads = 128 * plan.rowGroups();
  meet(team, threads);
  auto type = VectorType::get({chunkWords}, b.getI32Type());
  for (const TurnedChunk &chunk : chunks) {
    Value words = LLVM::PoisonOp::create(b, loc, type);
    for (auto [i, value] : llvm::enumerate(chunk.words))
      words = LLVM::InsertElementOp::create(b, loc, words, value, word((int64_t)i));
    LLVM::StoreOp::create(b, loc, words, inMemory(chunk.place), chunkBytes);
  }
  NVVM::FenceProxyOp::create(
      b, loc, NVVM::ProxyKindAttr::get(b.getContext(), NVVM::ProxyKind::async_shared),
      NVVM::SharedSpaceAttr::get(b.getContext(), NVVM::SharedSpace::shared_cta));
  meet(team, threads);
}
