// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What becomes of the sums of a tile: all that the kernel fused behind the contraction, on two
// neighbouring results at a time, and their way to memory.
#include "codegen/nvptx/hopper/HopperContract.h"

#include "codegen/common/Shapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {
constexpr uint32_t mapFloat16 = 6, mapBfloat16 = 9; // CUtensorMapDataType
// A box of results: 64 rows of 128 bytes, swizzled.
constexpr int64_t boxBytes = 64 * HopperPlan::lineBytes, boxColumns = 64;

// The one dimension of a group that has several positions; -1: there are more, or none.
int64_t onlyDimension(const ContractDims &dims) {
  int64_t only = -1;
  for (auto [i, dim] : llvm::enumerate(dims))
    if (dim.size > 1) {
      if (only >= 0)
        return -1;
      only = (int64_t)i;
    }
  return only;
}
} // namespace

// Results of 16 bits that lie in memory as the product does leave through shared memory: a thread's
// own are too short for a store of their own.
bool HopperContractEmitter::storesByCopies() {
  if (r.chunks > 1 || phase.stores.size() != 1 || plan.tileN % boxColumns)
    return false;
  const StoredValue &stored = phase.stores[0];
  RankedTensorType type = typeOf(stored.value);
  bool isHalf = type.getElementType().isBF16() || type.getElementType().isF16();
  return isHalf && stored.result >= 0 && type.getShape() == ArrayRef<int64_t>(r.kept) &&
         c.n * 2 % 16 == 0 && onlyDimension(c.nDims) >= 0 && liesInOrder();
}

// Batch, m and n positions are the result's own, outermost first.
bool HopperContractEmitter::liesInOrder() {
  int64_t next = 0;
  for (const ContractDims *dims : {&c.batchDims, &c.mDims, &c.nDims})
    for (const ContractDim &dim : *dims)
      if (dim.dim != next++ || dim.step != 1)
        return false;
  return next == (int64_t)r.kept.size();
}

std::vector<TensorMap> HopperContractEmitter::tensorMaps() {
  std::vector<TensorMap> maps{plan.mapOf(0, c), plan.mapOf(1, c)};
  if (!storesByCopies())
    return maps;
  const StoredValue &stored = phase.stores[0];
  TensorMap map;
  map.buffer = kernel.getInputs().size() + stored.result;
  map.dataType = typeOf(stored.value).getElementType().isBF16() ? mapBfloat16 : mapFloat16;
  map.dims[0] = c.n, map.box[0] = boxColumns;
  SmallVector<int64_t> sizes{c.m}, box{64};
  if (plan.rowsAreBoxes())
    sizes = plan.windows[0]->result, box = rowGroupBox();
  else if (c.batches > 1)
    sizes.push_back(c.batches), box.push_back(1);
  map.rank = 1 + sizes.size();
  uint64_t stride = 2 * c.n;
  for (auto [d, size] : llvm::enumerate(sizes)) {
    map.dims[1 + d] = size, map.box[1 + d] = box[d];
    map.strides[d] = stride, stride *= size;
  }
  map.swizzle = 3; // 128 bytes
  maps.push_back(map);
  return maps;
}

// The part of a tile's box that 64 rows of it are.
SmallVector<int64_t> HopperContractEmitter::rowGroupBox() const {
  int64_t rows = 64;
  SmallVector<int64_t> box;
  for (int64_t size : plan.windows[0]->boxOf(plan.tileM)) {
    box.push_back(std::min(size, rows));
    rows /= box.back();
  }
  return box;
}

void HopperContractEmitter::finishResults(const Tile &tile, Values sums) {
  batch = positions(widened(tile.batch), sizesOf(c.batchDims));
  if (!phase.columns.empty())
    sumColumns(tile, sums);
  if (storesByCopies())
    storeByCopies(tile, sums);
  else
    storeDirectly(tile, sums);
}

// Sums lie in registers as 8-column blocks; of each a thread has two neighbours in two rows.
HopperContractEmitter::Position HopperContractEmitter::positionOf(const Tile &tile, int64_t block,
                                                                  int64_t half) {
  Value lane = modulo(tid, 32), warp = modulo(over(tid, 32), 4);
  Value row = plus(plus(times(rowGroup, 64), times(warp, 16)), over(lane, 4));
  Value column = times(modulo(lane, 4), 2);
  Position at{{}, plus(widened(plus(tile.n, column)), number(8 * block))};
  if (!plan.rowsAreBoxes()) {
    at.m.push_back(plus(widened(plus(tile.m, row)), number(8 * half)));
    return at;
  }
  Values place = splitRow(plus(row, word(8 * half)), plan.windows[0]->boxOf(plan.tileM));
  for (auto [first, along] : llvm::zip_equal(tile.box, place))
    at.m.push_back(widened(plus(first, along)));
  return at;
}

SmallVector<int64_t> HopperContractEmitter::rowSizes() const {
  return plan.rowsAreBoxes() ? plan.windows[0]->result : SmallVector<int64_t>{c.m};
}

Value HopperContractEmitter::rowExists(const Position &at) {
  SmallVector<int64_t> box{plan.tileM};
  if (plan.rowsAreBoxes())
    box = plan.windows[0]->boxOf(plan.tileM);
  Value exists;
  for (auto [position, size, tile] : llvm::zip_equal(at.m, rowSizes(), box)) {
    if (size % tile == 0)
      continue;
    Value below = isBelow(position, size);
    exists = exists ? arith::AndIOp::create(b, loc, exists, below).getResult() : below;
  }
  return exists;
}

Value HopperContractEmitter::pair(ArrayRef<Value> sums, int64_t block, int64_t half) {
  return vector::FromElementsOp::create(
      b, loc, VectorType::get({2}, b.getF32Type()),
      ValueRange{sums[4 * block + 2 * half], sums[4 * block + 2 * half + 1]});
}

Index HopperContractEmitter::resultIndex(const Position &at, bool lanes) {
  Index m;
  if (plan.rowsAreBoxes()) {
    for (Value along : llvm::reverse(at.m))
      m.push_back(access.dimension(along));
  } else {
    m = positions(at.m[0], sizesOf(c.mDims));
  }
  if (!lanes)
    return keptAt(m, positions(at.n, sizesOf(c.nDims)));
  Index n(c.nDims.size(), access.constant(0));
  AffineExpr along = access.dimension(at.n);
  n[onlyDimension(c.nDims)] = along;
  access.setLanes(2, along, 2);
  access.alignedLanes = true;
  return keptAt(m, n);
}

void HopperContractEmitter::storeDirectly(const Tile &tile, Values sums) {
  bool lanes = c.n % 2 == 0 && onlyDimension(c.nDims) >= 0 && c.resultAlongN();
  auto where = [&](Value exists, llvm::function_ref<void()> body) {
    if (exists)
      branch(exists, body);
    else
      body();
  };
  auto columnExists = [&](Value n) { return c.n % columns ? isBelow(n, c.n) : Value(); };
  auto store = [&](const Position &at, Value value) {
    Index index = resultIndex(at, lanes);
    finish(index, {value});
    access.alignedLanes = false;
    access.setScalar();
    puller.newScope();
  };
  for (int64_t half : {0, 1})
    where(rowExists(positionOf(tile, 0, half)), [&] {
      for (int64_t block = 0; block < columns / 8; ++block) {
        Position at = positionOf(tile, block, half);
        if (lanes) {
          where(columnExists(at.n), [&] { store(at, pair(sums, block, half)); });
          continue;
        }
        for (int64_t i : {0, 1}) {
          Position one{at.m, plus(at.n, number(i))};
          where(columnExists(one.n), [&] { store(one, sums[4 * block + 2 * half + i]); });
        }
      }
    });
}

Index HopperContractEmitter::resultIndexWithin(Position at) {
  auto clamp = [&](Value position, int64_t last) {
    return arith::MinUIOp::create(b, loc, position, number(last)).getResult();
  };
  if (rowExists(at))
    for (auto [position, size] : llvm::zip_equal(at.m, rowSizes()))
      position = clamp(position, size - 1);
  if (c.n % columns)
    at.n = clamp(at.n, c.n - 2);
  return resultIndex(at, true);
}

// Two results of 16 bits, as one word; those beyond the product never leave.
Value HopperContractEmitter::packed(const Tile &tile, Values sums, int64_t block, int64_t half) {
  Index index = resultIndexWithin(positionOf(tile, block, half));
  const StoredValue &stored = phase.stores[0];
  holdResult(index, pair(sums, block, half));
  Value value = puller.pull(stored.value, index);
  puller.release(r.result);
  Type element = typeOf(stored.value).getElementType(), i16 = b.getI16Type();
  value = access.emit.bitcast(value, element, i16);
  access.alignedLanes = false;
  access.setScalar();
  puller.newScope();
  Value wordVector = vector::BitCastOp::create(b, loc, VectorType::get({1}, b.getI32Type()), value);
  return vector::ExtractOp::create(b, loc, wordVector, 0);
}

// What left last by copies has been read.
void HopperContractEmitter::waitForCopies() {
  if (storesByCopies())
    branch(isEqual(modulo(tid, 128), 0),
           [&] { NVVM::CpAsyncBulkWaitGroupOp::create(b, loc, 0, b.getUnitAttr()); });
}

void HopperContractEmitter::storeByCopies(const Tile &tile, Values sums) {
  Value lane = modulo(tid, 32), warp = modulo(over(tid, 32), 4),
        leads = isEqual(modulo(tid, 128), 0);
  int64_t boxes = columns % (2 * boxColumns) ? 1 : 2; // at a time
  Value base = plus(word(resultsAt), times(rowGroup, 2 * boxBytes));
  Value group = plus(rowGroup, word(2)); // barrier 0 is of the block, 1 of warpgroups that share
  // Lane i holds the address of a row: of matrices (rows 0-7, 8-15) x (columns 0-7, 8-15).
  Value matrix = over(lane, 8), rowIn8 = modulo(lane, 8);
  Value row = plus(plus(times(warp, 16), times(modulo(matrix, 2), 8)), rowIn8);
  Value chunk = arith::XOrIOp::create(b, loc, over(matrix, 2), rowIn8);
  Value line = plus(base, times(row, HopperPlan::lineBytes)), inLine = times(chunk, 16);
  auto layout = NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8);
  for (int64_t round = 0; round < columns / (boxes * boxColumns); ++round) {
    waitForCopies();
    meet(group, 128);
    for (int64_t part = 0; part < boxes * boxColumns / 16; ++part) {
      int64_t block = round * boxes * 8 + 2 * part;
      Values words{packed(tile, sums, block, 0), packed(tile, sums, block, 1),
                   packed(tile, sums, block + 1, 0), packed(tile, sums, block + 1, 1)};
      Value swizzled = arith::XOrIOp::create(b, loc, inLine, word(part % 4 * 32));
      Value place = inMemory(plus(plus(line, swizzled), word(part / 4 * boxBytes)));
      NVVM::StMatrixOp::create(b, loc, place, words, NVVM::MMALayout::row, layout,
                               NVVM::LdStMatrixEltType::B16);
    }
    NVVM::FenceProxyOp::create(
        b, loc, NVVM::ProxyKindAttr::get(b.getContext(), NVVM::ProxyKind::async_shared),
        NVVM::SharedSpaceAttr::get(b.getContext(), NVVM::SharedSpace::shared_cta));
    meet(group, 128);
    branch(leads, [&] {
      for (int64_t box = 0; box < boxes; ++box) {
        Values position{plus(tile.n, word((round * boxes + box) * boxColumns))};
        if (plan.rowsAreBoxes()) {
          Values place = splitRow(times(rowGroup, 64), plan.windows[0]->boxOf(plan.tileM));
          for (auto [first, along] : llvm::zip_equal(tile.box, place))
            position.push_back(plus(first, along));
        } else {
          position.push_back(plus(tile.m, times(rowGroup, 64)));
          if (c.batches > 1)
            position.push_back(tile.batch);
        }
        NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp::create(
            b, loc, mapArgument(2), inMemory(plus(base, word(box * boxBytes))), position, Value(),
            NVVM::TMAStoreMode::TILE, Value());
      }
      NVVM::CpAsyncBulkCommitGroupOp::create(b, loc);
    });
  }
}

// Of two neighbouring results of a thread, what each adds to every sum over the rows; zeros beyond
// the product.
HopperContractEmitter::Values HopperContractEmitter::columnTermsAt(const Tile &tile,
                                                                   ArrayRef<Value> sums,
                                                                   int64_t block, int64_t half) {
  Position at = positionOf(tile, block, half);
  Value exists = rowExists(at);
  Index index = resultIndexWithin(at);
  holdResult(index, pair(sums, block, half));
  Values terms = columnTerms(index);
  if (exists)
    for (auto [term, zero] : llvm::zip_equal(terms, zeroColumns()))
      term = arith::SelectOp::create(b, loc, exists, term, zero);
  puller.release(r.result);
  access.alignedLanes = false;
  access.setScalar();
  puller.newScope();
  return terms;
}

// A warp adds its 16 rows, then the warpgroups' threads those of all warps, in order. Sums on their
// way lie where results do later.
void HopperContractEmitter::sumColumns(const Tile &tile, ArrayRef<Value> sums) {
  constexpr int64_t warps = 4;
  int64_t threads = plan.rowGroups() * 128, parts = plan.rowGroups() * warps,
          count = (int64_t)phase.columns.size();
  Type pairType = VectorType::get({2}, c.accumulator);
  Value lane = modulo(tid, 32), warp = plus(times(rowGroup, warps), modulo(over(tid, 32), warps));
  Value base = word(resultsAt);
  auto placeOf = [&](int64_t which, Value part, Value column) {
    Value row = plus(times(part, columns), column);
    return inMemory(plus(base, times(plus(row, word(which * parts * columns)), 4)));
  };
  waitForCopies();
  meet(word(1), threads);
  for (int64_t block = 0; block < columns / 8; ++block) {
    Values pairs = columnTermsAt(tile, sums, block, 0);
    for (auto [pair, second] : llvm::zip_equal(pairs, columnTermsAt(tile, sums, block, 1))) {
      pair = arith::AddFOp::create(b, loc, pair, second);
      Values both;
      for (int64_t i : {0, 1}) {
        Value sum = vector::ExtractOp::create(b, loc, pair, i);
        for (int64_t by : {16, 8, 4})
          sum = arith::AddFOp::create(b, loc, sum, shuffleDown(sum, by));
        both.push_back(sum);
      }
      pair = vector::FromElementsOp::create(b, loc, pairType, both);
    }
    branch(isLess(lane, word(4)), [&] {
      Value column = plus(times(lane, 2), word(8 * block));
      for (int64_t i = 0; i < count; ++i)
        LLVM::StoreOp::create(b, loc, pairs[i], placeOf(i, warp, column), 8);
    });
  }
  meet(word(1), threads);
  Value part = widened(over(tile.m, plan.tileM)),
        own = plus(times(rowGroup, 128), modulo(tid, 128));
  for (int64_t first = 0; first < columns; first += threads) {
    Value column = plus(own, word(first)), n = widened(plus(tile.n, column));
    Value exists = isLess(column, word(columns));
    if (c.n % columns)
      exists = arith::AndIOp::create(b, loc, exists, isBelow(n, c.n));
    branch(exists, [&] {
      for (int64_t i = 0; i < count; ++i) {
        Value sum;
        for (int64_t row = 0; row < parts; ++row) {
          Value next =
              LLVM::LoadOp::create(b, loc, c.accumulator, placeOf(i, word(row), column), 4);
          sum = sum ? arith::AddFOp::create(b, loc, sum, next).getResult() : next;
        }
        storeColumn(i, part, n, sum);
      }
    });
  }
  meet(word(1), threads);
}
