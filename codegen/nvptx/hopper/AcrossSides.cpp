// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sides of 32-bit products that lie across k, which tensor cores do not take from shared memory.
// Of the left one a thread reads its words of the fragments, the right one is turned in place.
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

// A fragment is 8 of k: a lane has k and k + 4, both of two rows. Of the two one comes first in
// some lanes, the other in others, so that no two lanes of a load meet at a bank.
HopperContractEmitter::Values HopperContractEmitter::readLeft(const Ring &ring) {
  int64_t line = plan.boxLine(0), span = line * plan.elementBytes;
  Value lane = modulo(tid, 32), warp = modulo(over(tid, 32), 4), k = modulo(lane, 4);
  Value row = plus(plus(times(rowGroup, 64), times(warp, 16)), over(lane, 4));
  Value box =
      plus(times(ring.stage, plan.stageBytes()), times(over(row, line), line * plan.sliceBytes));
  Value later = span == 128 ? modulo(k, 2) : over(k, 2); // k + 4 is first
  Value isLater = isEqual(later, 1);
  Value numbers[2] = {plus(k, times(later, 4)), plus(k, times(subtract(word(1), later), 4))};
  Values fragments;
  for (int64_t step = 0; step < plan.depth() / 8; ++step) {
    Value words[2][2]; // as they come; row
    for (int64_t turn : {0, 1})
      for (int64_t half : {0, 1}) {
        Value along = plus(modulo(row, line), word(8 * half));
        Value offset = plus(times(numbers[turn], span), times(along, plan.elementBytes));
        Value place = plus(plus(box, swizzled(offset, span)), word(step * 8 * span));
        words[turn][half] = LLVM::LoadOp::create(b, loc, b.getI32Type(), inMemory(place), 4);
      }
    for (int64_t second : {0, 1})
      for (int64_t half : {0, 1})
        fragments.push_back(select(isLater, words[1 - second][half], words[second][half]));
  }
  return fragments;
}

// A box is `depth` lines of k, neighbours along the side beside each other; turned it is as many
// rows as a line has neighbours, in the same place. Lanes of a warp read neighbours, so that they
// meet no bank twice, and write chunks of as many rows. All warpgroups that multiply it do, while
// their products of the stage before are in flight.
void HopperContractEmitter::turnRight(const Ring &ring) {
  if (!plan.turnsRight())
    return;
  int64_t line = plan.boxLine(1), span = line * plan.elementBytes, warps = 4 * plan.rowGroups(),
          chunksOfLanes = 32 / line,
          units = plan.sliceBytes / chunkBytes / chunksOfLanes; // of a warp in a box
  Value lane = modulo(tid, 32), warp = modulo(over(tid, 32), warps), row = modulo(lane, line);
  Value start = plus(times(ring.stage, plan.stageBytes()), word(plan.sideBytes(0)));
  auto type = VectorType::get({chunkWords}, b.getI32Type());
  Values chunks, places;
  for (int64_t i = 0; i < plan.sideBytes(1) / (32 * chunkBytes * warps); ++i) {
    Value unit = plus(word(i * warps), warp);
    Value box = plus(start, times(over(unit, units), line * plan.sliceBytes));
    Value chunk = plus(times(modulo(unit, units), chunksOfLanes), over(lane, line));
    Value words = LLVM::PoisonOp::create(b, loc, type);
    for (int64_t k = 0; k < chunkWords; ++k) {
      Value offset =
          plus(times(plus(times(chunk, chunkWords), word(k)), span), times(row, plan.elementBytes));
      Value place = inMemory(plus(box, swizzled(offset, span)));
      Value read = LLVM::LoadOp::create(b, loc, b.getI32Type(), place, 4);
      words = LLVM::InsertElementOp::create(b, loc, words, read, word(k));
    }
    Value offset = plus(times(row, plan.sliceBytes), times(chunk, chunkBytes));
    places.push_back(inMemory(plus(box, swizzled(offset, plan.sliceBytes))));
    chunks.push_back(words);
  }
  Value team = plus(share, word(4)); // barriers before are of the block, shares and row groups
  int64_t threads = 128 * plan.rowGroups();
  meet(team, threads);
  for (auto [chunk, place] : llvm::zip_equal(chunks, places))
    LLVM::StoreOp::create(b, loc, chunk, place, chunkBytes);
  NVVM::FenceProxyOp::create(
      b, loc, NVVM::ProxyKindAttr::get(b.getContext(), NVVM::ProxyKind::async_shared),
      NVVM::SharedSpaceAttr::get(b.getContext(), NVVM::SharedSpace::shared_cta));
  meet(team, threads);
}
