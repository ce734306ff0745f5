// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/contract/ContractPlan.h"

#include "codegen/common/Shapes.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

constexpr int64_t most = 16; // of the stages, and of the tiles along a side of a warp

int64_t bytesOf(Type element) { return std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8); }

struct Shape {
  int64_t warpsM, warpsN, warpsK, perWarpM, perWarpN;
};
// Larger first: of equals the first is taken.
const Shape productShapes[] = {{2, 4, 1, 4, 8}, {4, 2, 1, 4, 8}, {2, 2, 1, 4, 8}, {2, 2, 1, 4, 4},
                               {2, 2, 1, 2, 8}, {4, 1, 1, 2, 4}, {2, 2, 1, 2, 4}, {4, 1, 1, 2, 2},
                               {2, 1, 2, 2, 4}, {1, 2, 2, 2, 4}, {2, 1, 2, 2, 2}, {1, 1, 4, 2, 4},
                               {1, 1, 4, 1, 8}, {1, 1, 4, 2, 2}, {1, 1, 4, 1, 4}, {1, 1, 8, 2, 4},
                               {1, 1, 8, 2, 2}, {1, 1, 8, 1, 4}, {1, 1, 8, 1, 2}};
const Shape fmaShapes[] = {{2, 2, 1, 8, 8}, {4, 1, 1, 8, 8}, {4, 2, 1, 8, 8}, {4, 2, 1, 4, 4},
                           {4, 1, 1, 8, 4}, {4, 1, 1, 8, 2}, {2, 1, 2, 4, 4}, {4, 1, 2, 4, 2},
                           {2, 1, 4, 4, 4}, {2, 1, 4, 4, 2}, {1, 1, 8, 4, 4}, {1, 1, 8, 4, 2}};

// Multiply-adds of a multiprocessor in a cycle.
double rateOf(const Contraction &c, bool tensorCores) {
  int64_t bits = c.element.getIntOrFloatBitWidth();
  if (tensorCores)
    return bits == 32 ? 480 : 960;
  return bits > 32 ? 50 : 105;
}

// Cycles in which shared memory takes and gives what a step needs, 128 bytes each: matrices once
// for every warp; without tensor cores a thread's factors, of which half a warp reads 16 bytes at
// once.
double sharedCycles(const ContractPlan &plan, double bytes) {
  double k = plan.tileK, warps = plan.warpsM * plan.warpsN;
  if (plan.tensorCores)
    return (plan.warpM() + plan.warpN()) * k * bytes * warps / 100;
  return (plan.perWarpM + plan.perWarpN) * k * bytes * warps / 8 +
         (plan.tileM() + plan.tileN()) * k * bytes / 128;
}

// Blocks that a multiprocessor has shared memory for: the system keeps 1 KiB for each, beside which
// one may have all.
int64_t blocksInMemory(const Contraction &c, const ContractPlan &plan,
                       const ir::TargetInfo &target) {
  return std::max<int64_t>(1, (target.sharedBytes + 1024) / (sharedBytes(c, plan) + 1024));
}

int64_t blocksTogether(const Contraction &c, const ContractPlan &plan,
                       const ir::TargetInfo &target) {
  return std::clamp<int64_t>(
      std::min(target.sharedBytes / sharedBytes(c, plan), 1024 / plan.threads()), 1, 8);
}

// Blocks that certainly run at once: those of a stream are no more. Sums and factors of a thread
// take its registers.
int64_t blocksOfStream(const Contraction &c, const ContractPlan &plan,
                       const ir::TargetInfo &target) {
  constexpr int64_t registers = 65536, others = 100;
  int64_t words = c.accumulator.getIntOrFloatBitWidth() > 32 ? 2 : 1,
          ofThread = std::min<int64_t>(255, words * plan.sumsOfThread() + others);
  int64_t together = std::min({blocksTogether(c, plan, target), blocksInMemory(c, plan, target),
                               registers / (ofThread * plan.threads())});
  return target.cores * std::max<int64_t>(1, together);
}

// Cycles of all blocks. A step takes as long as its products, what it brings through the second
// cache (28 bytes a cycle and multiprocessor), or what warps read of shared memory; a block begins
// with an empty ring and ends with its results.
double cyclesOf(const Contraction &c, const ContractPlan &plan, const ir::TargetInfo &target) {
  double bytes = bytesOf(c.element), m = plan.tileM(), n = plan.tileN(), k = plan.tileK;
  const StreamPlan &stream = plan.stream;
  int64_t blocks = stream.isEmpty() ? plan.tiles(c) * plan.chunks : stream.blocks;
  int64_t together = blocksTogether(c, plan, target);
  double products = m * n * k / rateOf(c, plan.tensorCores), brought = (m + n) * k * bytes / 28,
         read = sharedCycles(plan, bytes);
  // What one warp waits for: its loads of shared memory, then its products one after another.
  double depth = plan.tensorCores ? 32 / bytes : 4, perWarp = plan.perWarpM * plan.perWarpN,
         waits =
             plan.warpK() / depth * (plan.tensorCores ? 45 + 2 * perWarp : 40 + depth * perWarp) +
             40;
  double step = std::max({products, brought, read});
  double busy = std::min<double>(together, ceilDiv(blocks, target.cores)),
         steps = ceilDiv(plan.chunkLength, plan.tileK);
  double waves = ceilDiv(blocks, target.cores);
  // What a thread finishes takes a trip to memory for every few.
  double results = m * n * plan.warpsK * 4 / 64 +
                   std::max(m * n * 4 / 28, m * n / 4 / plan.threads() / 4 * 900 / busy);
  if (!stream.isEmpty()) {
    // A part is fetched before the next is asked for.
    constexpr double rate = 28, trip = 700, secondLaunch = 2500;
    double part = m * n * plan.warpsK * bytesOf(c.accumulator) / rate;
    return waves * (stream.stepsOfBlock() * std::max(step, waits / busy) +
                    (stream.whole + stream.wholeInRun()) * results + 2 * part) +
           1500 + secondLaunch +
           ceilDiv(stream.tiles, target.cores) *
               (stream.mostRuns() * std::max(part, trip) + results);
  }
  return waves * (steps * std::max(step, waits / busy) + results) +
         ceilDiv(blocks, target.cores * together) * 1500.0 +
         (plan.chunks > 1 ? 2500 + 60 * plan.chunks : 0);
}

// As many as fit where every block has a multiprocessor to itself; else a few, in half of its
// memory where two blocks may share it.
void setStages(const Contraction &c, ContractPlan &plan, const ir::TargetInfo &target) {
  int64_t steps = ceilDiv(plan.chunkLength, plan.tileK), bytes = 0;
  for (int side : {0, 1})
    bytes += stageShape(c, plan, side).bytes;
  bool isAlone = plan.tiles(c) * plan.chunks <= target.cores,
       halves = !isAlone && (plan.threads() <= 128 || bytes * 4 <= target.sharedBytes / 2);
  int64_t room = halves ? target.sharedBytes / 2 : target.sharedBytes;
  plan.stages = std::clamp<int64_t>(std::min(steps + 1, room / bytes), 2, isAlone ? 12 : 4);
}

// Chunks are whole steps; narrow results would be rounded chunk by chunk.
void setChunks(const Contraction &c, ContractPlan &plan, int64_t chunks) {
  plan.chunkLength = chunks == 1 ? std::max<int64_t>(1, c.k)
                                 : ceilDiv(ceilDiv(c.k, chunks), plan.tileK) * plan.tileK;
  plan.chunks = std::max<int64_t>(1, ceilDiv(c.k, plan.chunkLength));
}
int64_t mostChunks(const Contraction &c, const ContractPlan &plan) {
  bool splits =
      cast<RankedTensorType>(c.reduction->result.getType()).getElementType() == c.accumulator;
  return splits ? std::clamp<int64_t>(c.k / (2 * plan.tileK), 1, 256) : 1;
}

ContractPlan withShape(const Contraction &c, const Shape &shape, bool tensorCores, int64_t deeper) {
  ContractPlan plan;
  plan.tensorCores = tensorCores;
  plan.warpsM = shape.warpsM, plan.warpsN = shape.warpsN, plan.warpsK = shape.warpsK;
  plan.perWarpM = shape.perWarpM, plan.perWarpN = shape.perWarpN;
  plan.tileK = shape.warpsK * (tensorCores ? 64 : 32) / bytesOf(c.element);
  // Fewer barriers where a step is all of a warp's own.
  if (shape.warpsK == 1 && (!tensorCores || shape.perWarpM * shape.perWarpN >= 16))
    plan.tileK *= 2;
  plan.tileK *= deeper;
  // ptxas spills many sums to fit more blocks, unless it is told how many are enough.
  constexpr int64_t registers = 65536;
  if (int64_t sums = shape.perWarpM * shape.perWarpN; !tensorCores && sums >= 32)
    plan.blocks = std::max<int64_t>(1, registers / (plan.threads() * (sums >= 64 ? 168 : 128)));
  return plan;
}

void setTiles(const Contraction &c, ContractPlan &plan) {
  plan.tilesM = std::max<int64_t>(1, ceilDiv(c.m, plan.tileM()));
  plan.tilesN = std::max<int64_t>(1, ceilDiv(c.n, plan.tileN()));
}

bool usesTensorCores(const Contraction &c) {
  return c.tf32 || c.element.isBF16() || c.element.isF16();
}
// Positions along k of a warp's products, the unit of the key `depth`.
int64_t stepDepth(const Contraction &c, bool tensorCores) {
  return tensorCores ? 32 / bytesOf(c.element) : 4;
}
ArrayRef<Shape> shapesFor(bool tensorCores) {
  return tensorCores ? ArrayRef<Shape>(productShapes) : ArrayRef<Shape>(fmaShapes);
}

// The number of chunks with the fewest predicted cycles; `best` where none has fewer.
void chooseChunks(const Contraction &c, const ir::TargetInfo &target, ContractPlan plan,
                  ContractPlan &best) {
  setTiles(c, plan);
  int64_t tiles = plan.tiles(c);
  for (int64_t chunks : {int64_t(1), 2 * target.cores / tiles, target.cores / tiles}) {
    setChunks(c, plan, std::clamp<int64_t>(chunks, 1, mostChunks(c, plan)));
    setStages(c, plan, target);
    if (sharedBytes(c, plan) > target.sharedBytes)
      continue;
    plan.cycles = cyclesOf(c, plan, target);
    if (plan.cycles < best.cycles)
      best = plan;
  }
}

double cyclesOf(const Contraction &c, ContractPlan plan, const ir::TargetInfo &target,
                const StreamPlan &stream) {
  setChunks(c, plan, 1);
  plan.stream = stream;
  return cyclesOf(c, plan, target);
}

// That can be streamed: none where there is nothing to sum.
int64_t tilesOfStream(const Contraction &c, const ContractPlan &plan) {
  return c.m * c.n * c.k == 0 ? 0 : plan.tiles(c);
}

// Takes a stream of the plan's tiles where that is predicted to beat `limit` cycles clearly.
bool tryStream(const Contraction &c, const ir::TargetInfo &target, ContractPlan &plan,
               double limit) {
  auto cycles = [&](const StreamPlan &stream) { return cyclesOf(c, plan, target, stream); };
  plan.stream = chooseStream(tilesOfStream(c, plan), plan.stepsOf(c),
                             blocksOfStream(c, plan, target), limit, cycles);
  if (plan.stream.isEmpty())
    return false;
  plan.cycles = cycles(plan.stream);
  return true;
}

void obeyChunksAndStream(const Contraction &c, const ir::TargetInfo &target, ContractPlan &plan,
                         ScheduleKeys &keys) {
  plan.stream = {};
  auto cycles = [&](const StreamPlan &stream) { return cyclesOf(c, plan, target, stream); };
  int64_t tiles = tilesOfStream(c, plan), blocks = blocksOfStream(c, plan, target);
  StreamPlan chosen =
      chooseStream(tiles, plan.stepsOf(c), blocks, plan.chunks == 1 ? cycles({}) : 0, cycles);
  plan.stream = obeyStream(chosen, tiles, plan.stepsOf(c), blocks, keys, cycles);
  int64_t most = plan.stream.isEmpty() ? mostChunks(c, plan) : 1;
  setChunks(c, plan, keys.integer("chunks", std::min(plan.chunks, most), 1, most));
  plan.cycles = cyclesOf(c, plan, target);
}

// The shape with the fewest predicted cycles, its steps twice as deep where barriers then cost
// less.
ContractPlan choose(const Contraction &c, const ir::TargetInfo &target, bool tensorCores) {
  bool isWide = c.accumulator.getIntOrFloatBitWidth() > 32;
  ContractPlan best;
  best.cycles = INFINITY;
  for (const Shape &shape : shapesFor(tensorCores)) {
    if (isWide && shape.perWarpM * shape.perWarpN > 16)
      continue;
    chooseChunks(c, target, withShape(c, shape, tensorCores, 1), best);
    if (!tensorCores && shape.warpsK > 1)
      chooseChunks(c, target, withShape(c, shape, tensorCores, 2), best);
  }
  double limit = best.cycles;
  for (const Shape &shape : shapesFor(tensorCores)) {
    ContractPlan plan = withShape(c, shape, tensorCores, 1);
    setTiles(c, plan);
    setChunks(c, plan, 1);
    setStages(c, plan, target);
    bool fits = sharedBytes(c, plan) <= target.sharedBytes && !(isWide && plan.sumsOfThread() > 16);
    if (fits && tryStream(c, target, plan, limit) && plan.cycles < best.cycles)
      best = plan;
  }
  // Registers for more blocks than memory has room for would be kept from those that run.
  best.blocks = std::min(best.blocks, blocksInMemory(c, best, target));
  return best;
}

} // namespace

StageShape fluxion::codegen::stageShape(const Contraction &c, const ContractPlan &plan, int side) {
  StageShape shape;
  int64_t tile = plan.tileOf(side), bytes = bytesOf(c.element), vector = 16 / bytes;
  shape.rows = c.alongSummed[side] ? tile : plan.tileK;
  shape.columns = c.alongSummed[side] ? plan.tileK : tile;
  // Rows of an odd number of 16 bytes: eight of them one after another meet all banks. tf32 factors
  // that lie across are read word by word, from four rows at once.
  bool isAcross = plan.tensorCores && bytes == 4 && !c.alongSummed[side];
  shape.pitch = (shape.columns + vector - 1) / vector * vector;
  shape.pitch += isAcross ? 2 * vector : shape.pitch / vector % 2 ? 0 : vector;
  shape.bytes = (shape.rows * shape.pitch * bytes + 15) / 16 * 16;
  return shape;
}

StageShape fluxion::codegen::sumShape(const Contraction &c, const ContractPlan &plan) {
  StageShape shape;
  bool alongN = c.resultAlongN();
  shape.rows = alongN ? plan.tileM() : plan.tileN();
  shape.columns = alongN ? plan.tileN() : plan.tileM();
  shape.pitch = shape.columns + (alongN ? 8 : 4);
  shape.bytes = plan.warpsK * shape.rows * shape.pitch * bytesOf(c.accumulator);
  return shape;
}

int64_t ContractPlan::streamedBytes(const Contraction &c) const {
  return stream.isEmpty() ? 0
                          : stream.slots() * threads() * sumsOfThread() * bytesOf(c.accumulator);
}

int64_t fluxion::codegen::sharedBytes(const Contraction &c, const ContractPlan &plan) {
  int64_t ring = plan.stages * (stageShape(c, plan, 0).bytes + stageShape(c, plan, 1).bytes);
  return std::max(ring, sumShape(c, plan).bytes);
}

ContractPlan fluxion::codegen::planContraction(const Contraction &c, const ir::TargetInfo &target,
                                               ScheduleKeys *keys) {
  bool tensorCores = usesTensorCores(c);
  ContractPlan plan = choose(c, target, tensorCores);
  if (!keys)
    return plan;
  plan.warpsM = keys->integer("warps_m", plan.warpsM, 1, 8);
  plan.warpsN = keys->integer("warps_n", plan.warpsN, 1, 8);
  plan.warpsK = keys->integer("warps_k", plan.warpsK, 1, 32);
  plan.perWarpM = keys->integer("per_warp_m", plan.perWarpM, 1, most);
  plan.perWarpN = keys->integer("per_warp_n", plan.perWarpN, 1, most);
  if (plan.threads() > 1024)
    keys->refuse("warps_m * warps_n * warps_k is " + Twine(plan.threads() / 32) +
                 "; a block has at most 32 warps");
  int64_t unit = plan.warpsK * stepDepth(c, tensorCores);
  plan.tileK = unit * keys->integer("depth", std::max<int64_t>(1, plan.tileK / unit), 1, most);
  setTiles(c, plan);
  plan.stages = keys->integer("stages", plan.stages, 2, most);
  obeyChunksAndStream(c, target, plan, *keys);
  if (int64_t bytes = sharedBytes(c, plan); bytes > target.sharedBytes)
    keys->refuse("its tiles need " + Twine(bytes) + " bytes of shared memory; a block of " +
                 target.cpu + " has " + Twine(target.sharedBytes));
  plan.blocks =
      keys->integer("blocks", std::min(plan.blocks, blocksInMemory(c, plan, target)), 1, 8);
  return plan;
}

std::vector<ScheduleVariation> fluxion::codegen::contractVariations(const Contraction &c,
                                                                    const ir::TargetInfo &target,
                                                                    MLIRContext *context) {
  std::vector<ScheduleVariation> list;
  Builder b(context);
  auto key = [&](StringRef name, int64_t value) {
    return b.getNamedAttr(name, b.getI64IntegerAttr(value));
  };
  bool tensorCores = usesTensorCores(c);
  for (const Shape &shape : shapesFor(tensorCores)) {
    ContractPlan plan = withShape(c, shape, tensorCores, 1);
    setTiles(c, plan);
    for (int64_t chunks : {int64_t(1), target.cores / plan.tiles(c)}) {
      setChunks(c, plan, std::clamp<int64_t>(chunks, 1, mostChunks(c, plan)));
      setStages(c, plan, target);
      list.push_back({key("warps_m", plan.warpsM), key("warps_n", plan.warpsN),
                      key("warps_k", plan.warpsK), key("per_warp_m", plan.perWarpM),
                      key("per_warp_n", plan.perWarpN),
                      key("depth", plan.warpK() / stepDepth(c, tensorCores)),
                      key("stages", plan.stages), key("chunks", plan.chunks)});
    }
  }
  for (int64_t depth : {1, 2, 4})
    list.push_back({key("depth", depth)});
  for (int64_t stages : {2, 3, 4, 6, 8})
    list.push_back({key("stages", stages)});
  for (int64_t chunks : {1, 2, 4, 8, 16, 32})
    list.push_back({key("chunks", chunks)});
  list.push_back({key("blocks", 2)});
  for (int64_t waves = 0; waves <= StreamPlan::mostWaves; ++waves)
    list.push_back({key("streamed", waves)});
  return list;
}
