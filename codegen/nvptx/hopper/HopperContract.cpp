// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/hopper/HopperContract.h"

#include "codegen/common/Shapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {
// Neighbouring blocks take as many tiles along m before the next along n: their sides stay in the
// second-level cache.
constexpr int64_t rasterRows = 16;
} // namespace

void HopperContractEmitter::prepare() {
  Type i32 = b.getI32Type();
  LLVM::GlobalOp global;
  {
    OpBuilder::InsertionGuard restore(b);
    b.setInsertionPoint(function);
    global = LLVM::GlobalOp::create(b, loc, LLVM::LLVMArrayType::get(b.getI8Type(), 0),
                                    /*isConstant=*/false, LLVM::Linkage::External,
                                    launch.symbol + "_memory", Attribute(), /*alignment=*/1024,
                                    /*addrSpace=*/3);
  }
  memory = LLVM::AddressOfOp::create(b, loc, global);
  memoryWord = narrow(LLVM::PtrToIntOp::create(b, loc, b.getI64Type(), memory));
  tid = NVVM::ThreadIdXOp::create(b, loc, i32);
  warpgroup = uniform(over(tid, 128));
  rowGroup = modulo(warpgroup, plan.rowGroups());
  share = over(warpgroup, plan.rowGroups());
}

// A stage is full when the one thread that fetches has announced its bytes and they are there,
// empty when every warpgroup that reads it has.
void HopperContractEmitter::initialiseBarriers() {
  branch(isEqual(tid, plan.consumers() * 128), [&] {
    for (size_t map = 0; map < launch.maps.size(); ++map)
      NVVM::PrefetchOp::create(b, loc, NVVM::PrefetchCacheLevelAttr(),
                               NVVM::CacheEvictionPriorityAttr(), mapArgument(map), Value(),
                               /*tensormap=*/true);
    for (int64_t s = 0; s < plan.stages; ++s) {
      NVVM::MBarrierInitOp::create(b, loc, fullBarrier(word(s)), word(1), Value());
      NVVM::MBarrierInitOp::create(b, loc, emptyBarrier(word(s)), word(plan.rowGroups()), Value());
    }
    NVVM::FenceMbarrierInitOp::create(b, loc);
    NVVM::FenceProxyOp::create(
        b, loc, NVVM::ProxyKindAttr::get(b.getContext(), NVVM::ProxyKind::async_shared),
        NVVM::SharedSpaceAttr::get(b.getContext(), NVVM::SharedSpace::shared_cta));
  });
  barrier();
}

void HopperContractEmitter::emitBody() {
  if (phase.kind == Phase::Combine)
    return emitFinish();
  launch.block[0] = plan.threads();
  leastBlocks = plan.movesRegisters() ? 1 : 0; // all registers are one block's
  launch.grid = {plan.blocks, r.chunks, 1};
  launch.sharedBytes = plan.sharedBytes();
  prepare();
  initialiseBarriers();
  Value consumes = isLess(warpgroup, word(plan.consumers()));
  constexpr int64_t ofConsumers = 232, ofOthers = 40; // 64512 of 65536 registers
  auto setRegisters = [&](int64_t count, NVVM::SetMaxRegisterAction action) {
    if (plan.movesRegisters())
      NVVM::SetMaxRegisterOp::create(b, loc, count, action);
  };
  branch(
      consumes,
      [&] {
        setRegisters(ofConsumers, NVVM::SetMaxRegisterAction::increase);
        consume();
      },
      [&] {
        setRegisters(ofOthers, NVVM::SetMaxRegisterAction::decrease);
        branch(isEqual(tid, plan.consumers() * 128), [&] { produce(); });
      });
}

// The second launch of a stream: a strip of a tile for a block, so that blocks are many.
void HopperContractEmitter::emitFinish() {
  columns = plan.stripColumns();
  resultsAt = 0;
  launch.block[0] = plan.consumers() * 128;
  launch.grid = {plan.tileN / columns, plan.stream.tiles, 1};
  launch.sharedBytes = storesByCopies() ? plan.resultBytes() : 0;
  prepare();
  Value strip = narrow(blockIndex(0)), number = narrow(blockIndex(1));
  Tile tile = tileAt(plus(number, word(plan.stream.firstStreamed())));
  tile.n = plus(tile.n, times(strip, columns));
  ThreadSums place = threadSums();
  place.count = columns / 2;
  place.first = times(strip, place.count);
  auto finishStrip = [&] {
    withParts(plan.stream, number, place, [&](Values sums) { finishResults(tile, sums); });
  };
  if (c.n % plan.tileN)
    branch(isLess(tile.n, word(c.n)), finishStrip);
  else
    finishStrip();
  waitForCopies();
}

HopperContractEmitter::ThreadSums HopperContractEmitter::threadSums() {
  int64_t sums = plan.sumsOfThread();
  return {plan.consumers() * 128, sums, tid, {}, sums};
}

HopperContractEmitter::Tile HopperContractEmitter::tileAt(Value number) {
  int64_t inBatch = plan.tilesM * plan.tilesN;
  Value batch = over(number, inBatch), rest = modulo(number, inBatch), m, n;
  if (plan.tilesM <= rasterRows) {
    m = modulo(rest, plan.tilesM), n = over(rest, plan.tilesM);
  } else {
    int64_t group = rasterRows * plan.tilesN;
    Value firstRow = times(over(rest, group), rasterRows), inGroup = modulo(rest, group);
    Value left = subtract(word(plan.tilesM), firstRow);
    Value rows = select(isLess(left, word(rasterRows)), left, word(rasterRows));
    n = arith::DivUIOp::create(b, loc, inGroup, rows);
    m = plus(firstRow, arith::RemUIOp::create(b, loc, inGroup, rows));
  }
  Tile tile{times(m, plan.tileM), times(n, plan.tileN), batch, {}};
  if (plan.rowsAreBoxes())
    tile.box = firstOfBox(*plan.windows[0], m, plan.tileM);
  return tile;
}

// The first position of a box, by its number.
HopperContractEmitter::Values HopperContractEmitter::firstOfBox(const WindowSide &image,
                                                                Value number, int64_t positions) {
  Values at = splitRow(number, image.boxesOf(positions));
  for (auto [index, box] : llvm::zip_equal(at, image.boxOf(positions)))
    index = times(index, box);
  return at;
}

// Of a row of a box: its place along each dimension, innermost first.
HopperContractEmitter::Values HopperContractEmitter::splitRow(Value row,
                                                              llvm::ArrayRef<int64_t> box) {
  Values place;
  for (int64_t size : box.drop_back()) {
    place.push_back(modulo(row, size));
    row = over(row, size);
  }
  place.push_back(row);
  return place;
}

void HopperContractEmitter::forTiles(Ring ring, TileBody body) {
  if (!plan.stream.isEmpty()) {
    forPieces(plan.stream, {ring.stage, ring.parity}, [&](const Piece &piece, ValueRange carried) {
      Ring next = body(tileAt(piece.tile), piece, {carried[0], carried[1]});
      return Values{next.stage, next.parity};
    });
    return;
  }
  Value block = NVVM::BlockIdXOp::create(b, loc, b.getI32Type());
  if (plan.blocks == plan.tiles()) {
    body(tileAt(block), chunkOf(block), ring);
    return;
  }
  scf::ForOp::create(b, loc, block, word(plan.tiles()), word(plan.blocks),
                     ValueRange{ring.stage, ring.parity},
                     [&](OpBuilder &, Location, Value number, ValueRange carried) {
                       puller.newScope();
                       Ring next = body(tileAt(number), chunkOf(number), {carried[0], carried[1]});
                       scf::YieldOp::create(b, loc, ValueRange{next.stage, next.parity});
                     });
  puller.newScope();
}

HopperContractEmitter::Ring HopperContractEmitter::after(const Ring &ring, int64_t stages) {
  Value next = plus(ring.stage, word(stages));
  Value wraps = isLess(word(plan.stages - 1), next);
  return {select(wraps, subtract(next, word(plan.stages)), next),
          select(wraps, subtract(word(1), ring.parity), ring.parity)};
}

ContractEmitter::Piece HopperContractEmitter::chunkOf(Value tile) {
  if (plan.chunks == 1)
    return {tile, word(0), word(plan.steps), {}, {}};
  Value first = times(narrow(blockIndex(1)), plan.chunkSteps);
  Value last = plus(first, word(plan.chunkSteps));
  return {tile, first, select(isLess(word(plan.steps), last), word(plan.steps), last), {}, {}};
}

void HopperContractEmitter::fetch(const Tile &tile, Value step, const Ring &ring) {
  Value full = fullBarrier(ring.stage), at = times(ring.stage, plan.stageBytes());
  arrive(full, plan.stageBytes(), Value());
  for (int64_t i = 0; i < plan.slices(); ++i) {
    Value slice = plus(times(step, plan.slices()), word(i));
    for (int side : {0, 1}) {
      int64_t offset = i * plan.tileOf(side) * plan.sliceBytes;
      fetchSide(side, tile, slice, plus(at, word((side ? plan.sideBytes(0) : 0) + offset)), full);
    }
  }
}

void HopperContractEmitter::fetchSide(int side, const Tile &tile, Value slice, Value offset,
                                      Value full) {
  int64_t line = plan.boxLine(side),
          boxes = plan.sides[side].alongSummed ? 1 : plan.tileOf(side) / line;
  for (int64_t box = 0; box < boxes; ++box) {
    Values position = plan.windows[side] ? imagePosition(side, tile, slice, box * line)
                                         : matrixPosition(side, tile, slice, box * line);
    int64_t bytes = box * line * plan.elementBytes * plan.depth();
    NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
        b, loc, inMemory(plus(offset, word(bytes))), mapArgument(side), position, full,
        ValueRange(), Value(), Value(), NVVM::TMALoadMode::TILE, /*isCTAOnly=*/true,
        NVVM::CTAGroupKindAttr(), Value());
  }
}

HopperContractEmitter::Values HopperContractEmitter::matrixPosition(int side, const Tile &tile,
                                                                    Value slice, int64_t offset) {
  const TensorSide &matrix = plan.sides[side];
  Value along = plus(side == 0 ? tile.m : tile.n, word(offset)), summed;
  Values outer;
  if (matrix.tapPitch) {
    // A kernel that runs backwards is read from its end.
    const WindowSide &image = *plan.windows[0];
    Tap tap = tapOf(tile, slice);
    Value flat = tap.at.back();
    for (int64_t d = image.spatialRank() - 2; d >= 0; --d)
      flat = plus(times(flat, image.taps[d]), tap.at[d]);
    outer.push_back(image.reversed ? subtract(word(image.tapCount() - 1), flat) : flat);
    summed = tap.channel;
  } else {
    summed = times(slice, plan.depth());
    if (matrix.batchPitch)
      outer.push_back(tile.batch);
  }
  Values position{matrix.alongSummed ? summed : along, matrix.alongSummed ? along : summed};
  position.append(outer);
  return position;
}

HopperContractEmitter::Values HopperContractEmitter::imagePosition(int side, const Tile &tile,
                                                                   Value slice, int64_t offset) {
  const WindowSide &image = *plan.windows[side];
  if (!plan.sumsBoxes())
    return boxPosition(image, tile.box, tapOf(tile, slice), phasesOf(tile));
  Value first = plus(side == 0 ? tile.m : tile.n, word(offset));
  Tap tap = side == 0 ? tapAt(first, image.channels, image.taps)
                      : Tap{Values(image.spatialRank(), word(0)), first};
  return boxPosition(image, firstOfBox(image, slice, plan.depth()), tap,
                     Values(image.spatialRank()));
}

HopperContractEmitter::Tap HopperContractEmitter::tapAt(Value flat, int64_t channels,
                                                        llvm::ArrayRef<int64_t> taps) {
  return {splitRow(over(flat, channels), taps), modulo(flat, channels)};
}

// Of a tile's results, along each dimension; null where the image has no zeros between elements.
HopperContractEmitter::Values HopperContractEmitter::phasesOf(const Tile &tile) {
  const WindowSide &image = *plan.windows[0];
  Values places(c.batchDims.size()), phases;
  Value rest = tile.batch;
  for (int64_t i = (int64_t)places.size() - 1; i >= 0; --i) {
    places[i] = modulo(rest, c.batchDims[i].size);
    rest = over(rest, c.batchDims[i].size);
  }
  for (int64_t batch : image.batch)
    phases.push_back(batch < 0 ? Value() : places[batch]);
  return phases;
}

// What a slice of k stands for; results a phase apart take every so many'th tap, of which the last
// may be none.
HopperContractEmitter::Tap HopperContractEmitter::tapOf(const Tile &tile, Value slice) {
  const WindowSide &image = *plan.windows[0];
  SmallVector<int64_t> taps = image.phaseTaps();
  int64_t blocks = image.channels / plan.depth(), count = product(taps) * blocks;
  Tap tap = tapAt(times(slice, plan.depth()), image.channels, taps);
  Value none = word(image.channels);
  if (count % plan.slices())
    tap.channel = select(isLess(slice, word(count)), tap.channel, none);
  for (auto [d, phase] : llvm::enumerate(phasesOf(tile))) {
    if (!phase)
      continue;
    int64_t apart = image.phases[d];
    Value zeros = subtract(word(image.low[d] + apart), phase);
    tap.at[d] = plus(times(tap.at[d], apart), modulo(zeros, apart));
    if (image.taps[d] % apart)
      tap.channel = select(isLess(tap.at[d], word(image.taps[d])), tap.channel, none);
  }
  return tap;
}

// Channels, then what the image has for a box of results at a tap.
HopperContractEmitter::Values HopperContractEmitter::boxPosition(const WindowSide &image,
                                                                 const Values &box, const Tap &tap,
                                                                 const Values &phases) {
  Values position{tap.channel};
  for (int64_t d = 0; d < image.spatialRank(); ++d) {
    Value first = times(box[d], image.step[d]);
    Value read = plus(first, times(tap.at[d], image.dilation[d]));
    if (phases[d]) { // zeros between elements are none of the image's positions
      Value dilated = subtract(plus(phases[d], tap.at[d]), word(image.low[d]));
      read = plus(first, arith::DivSIOp::create(b, loc, dilated, word(image.phases[d])));
    } else {
      read = subtract(read, word(image.low[d]));
    }
    position.push_back(read);
  }
  position.push_back(box.back());
  return position;
}

void HopperContractEmitter::produce() {
  forTiles({word(0), word(1)}, [&](const Tile &tile, const Piece &piece, Ring ring) {
    auto loop = scf::ForOp::create(
        b, loc, piece.first, piece.last, word(1), ValueRange{ring.stage, ring.parity},
        [&](OpBuilder &, Location, Value step, ValueRange carried) {
          Ring now{carried[0], carried[1]};
          waitFor(emptyBarrier(now.stage), now.parity);
          fetch(tile, step, now);
          Ring next = after(now, 1);
          scf::YieldOp::create(b, loc, ValueRange{next.stage, next.parity});
        });
    return Ring{loop.getResult(0), loop.getResult(1)};
  });
}

// A warpgroup's products of a stage are in flight while it waits for the next one, and the stage
// before is released once they are all that is.
void HopperContractEmitter::consume() {
  Value leads = isEqual(modulo(tid, 128), 0), never = isEqual(word(1), 0);
  Ring start{word(0), word(0)};
  if (plan.sharing > 1)
    start.stage = share;
  forTiles(start, [&](const Tile &tile, const Piece &piece, Ring ring) {
    Value first = plan.sharing > 1 ? plus(piece.first, share) : piece.first;
    // In registers before the first product: a first step that LLVM peels off would set them beside
    // it, and ptxas then serialises the products.
    Value zero = LLVM::ZeroOp::create(b, loc, sumsType());
    for (auto [i, sum] : llvm::enumerate(waitForSums(zero)))
      zero = LLVM::InsertValueOp::create(b, loc, zero, sum, (int64_t)i);
    auto loop = scf::ForOp::create(
        b, loc, first, piece.last, word(plan.sharing),
        ValueRange{ring.stage, ring.parity, ring.stage, never, zero},
        [&](OpBuilder &, Location, Value, ValueRange carried) {
          Ring now{carried[0], carried[1]};
          waitFor(fullBarrier(now.stage), now.parity);
          turnRight(now);
          auto releaseLast = [&](uint32_t inFlight) {
            NVVM::WgmmaWaitGroupSyncOp::create(b, loc, inFlight);
            release(carried[2], arith::AndIOp::create(b, loc, leads, carried[3]));
          };
          // Products read registers until they are over; those of other warpgroups go on.
          Values left;
          if (plan.leftInRegisters()) {
            releaseLast(0);
            left = readLeft(now);
          }
          Value sums = multiplyStage(carried[4], now, left);
          if (!plan.leftInRegisters())
            releaseLast(1);
          Ring next = after(now, plan.sharing);
          Value always = isEqual(word(0), 0);
          scf::YieldOp::create(b, loc,
                               ValueRange{next.stage, next.parity, now.stage, always, sums});
        });
    Values sums = waitForSums(loop.getResult(4));
    release(loop.getResult(2), arith::AndIOp::create(b, loc, leads, loop.getResult(3)));
    if (plan.sharing > 1)
      sums = addShares(sums);
    auto finish = [&] { finishResults(tile, sums); };
    if (plan.sharing > 1)
      branch(isEqual(share, 0), finish);
    else if (piece.isWhole)
      branch(piece.isWhole, finish, [&] { leavePart(piece.slot, threadSums(), sums); });
    else
      finish();
    return Ring{loop.getResult(0), loop.getResult(1)};
  });
  waitForCopies();
}

// 64-bit words that say where a side's slice lies and how: start, from one span of lines to the
// next, from 8 lines to the next 8, and the swizzle.
Value HopperContractEmitter::descriptor(int side, Value start) {
  bool along = plan.multipliesAlong(side);
  int64_t span = along ? plan.sliceBytes : plan.boxLine(side) * plan.elementBytes;
  int64_t leading = along ? 16 : span * plan.depth();
  uint64_t layout = 8 - llvm::Log2_64(span); // 1, 2, 3: 128, 64, 32 bytes
  uint64_t facts = uint64_t(leading >> 4) << 16 | uint64_t(8 * span >> 4) << 32 | layout << 62;
  Value low =
      arith::AndIOp::create(b, loc, arith::ShRUIOp::create(b, loc, start, word(4)), word(0x3fff));
  return arith::OrIOp::create(b, loc, widened(low), number((int64_t)facts));
}

Value HopperContractEmitter::multiplyStage(Value sums, const Ring &ring, const Values &left) {
  Value stage = plus(memoryWord, times(ring.stage, plan.stageBytes()));
  Value starts[2] = {plus(stage, times(rowGroup, 64 * plan.sliceBytes)),
                     plus(stage, word(plan.sideBytes(0)))};
  NVVM::WgmmaFenceAlignedOp::create(b, loc);
  constexpr int64_t stepBytes = 32; // of k in one product
  for (int64_t slice = 0; slice < plan.slices(); ++slice) {
    Value sides[2];
    for (int side : {0, 1})
      sides[side] =
          descriptor(side, plus(starts[side], word(slice * plan.tileOf(side) * plan.sliceBytes)));
    for (int64_t step = 0; step < plan.sliceBytes / stepBytes; ++step) {
      Value at[2];
      for (int side : {0, 1}) {
        int64_t bytes = plan.multipliesAlong(side) ? stepBytes : stepBytes * plan.boxLine(side);
        at[side] = step == 0 ? sides[side] : plus(sides[side], number(step * bytes >> 4));
      }
      sums = left.empty() ? multiply(sums, at[0], at[1])
                          : multiply(sums, ValueRange(left).slice(4 * step, 4), at[1]);
    }
  }
  NVVM::WgmmaGroupSyncAlignedOp::create(b, loc);
  return sums;
}

// Through shared memory, in the order of the stages that the warpgroups took.
HopperContractEmitter::Values HopperContractEmitter::addShares(Values sums) {
  Type f32 = b.getF32Type();
  int64_t count = sums.size(), base = plan.stages * plan.stageBytes() + plan.resultBytes();
  auto placeOf = [&](Value other, int64_t i) {
    Value group = plus(times(other, plan.rowGroups()), rowGroup);
    Value offset = plus(times(group, count * 512), times(modulo(tid, 128), 4));
    return inMemory(plus(offset, word(base + 512 * i)));
  };
  branch(isLess(word(0), share), [&] {
    for (auto [i, sum] : llvm::enumerate(sums))
      LLVM::StoreOp::create(b, loc, sum, placeOf(subtract(share, word(1)), i), 4);
  });
  meet(word(1), plan.consumers() * 128);
  auto made = scf::IfOp::create(
      b, loc, isEqual(share, 0),
      [&](OpBuilder &, Location) {
        Values total(sums);
        for (int64_t other = 0; other + 1 < plan.sharing; ++other)
          for (int64_t i = 0; i < count; ++i)
            total[i] = arith::AddFOp::create(
                b, loc, total[i], LLVM::LoadOp::create(b, loc, f32, placeOf(word(other), i), 4));
        scf::YieldOp::create(b, loc, total);
      },
      [&](OpBuilder &, Location) { scf::YieldOp::create(b, loc, sums); });
  return Values(made.getResults());
}
