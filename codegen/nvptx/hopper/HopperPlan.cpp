// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/hopper/HopperPlan.h"

#include "codegen/common/Shapes.h"
#include "codegen/llvm/loops/Puller.h"
#include "codegen/nvptx/contract/ContractPlan.h"
#include "ir/ops/Contraction.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Shape.h"

#include "mlir/IR/AffineExprVisitor.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// CUtensorMapDataType.
enum : uint32_t { mapFloat16 = 6, mapBfloat16 = 9, mapTfloat32 = 11 };

// A side's memory: the kernel's operand, and elements from one position of each kept and reduced
// dimension to the next.
struct Strides {
  BlockArgument operand;
  SmallVector<int64_t> kept, reduced;
};

// The kernel of a convolution, as if it were not reversed.
std::optional<Strides> kernelStrides(ir::ConvolutionOp conv, const Reduction &r) {
  auto operand = dyn_cast<BlockArgument>(conv.getKernel());
  if (!operand)
    return std::nullopt;
  SmallVector<int64_t> strides(typeOf(operand).getRank(), 1);
  for (int64_t d = (int64_t)strides.size() - 2; d >= 0; --d)
    strides[d] = strides[d + 1] * typeOf(operand).getDimSize(d + 1);
  auto dims = conv.getKernelDims();
  Strides result{operand, SmallVector<int64_t>(r.kept.size(), 0), {}};
  result.kept[conv.getOutputDims()[1]] = strides[dims[0]];
  for (int64_t extent = 0, window = 2; extent < (int64_t)r.extents.size(); ++extent)
    result.reduced.push_back(strides[extent == r.featureExtent ? dims[1] : dims[window++]]);
  return result;
}

// Nothing where the side of a product is no strided view of an operand from its start.
std::optional<Strides> stridesOf(const Reduction &r, int side) {
  auto dot = cast<ir::DotGeneralOp>(r.op);
  MLIRContext *context = r.op->getContext();
  int64_t kept = r.kept.size(), reduced = r.extents.size();
  auto dim = [&](int64_t d) { return getAffineDimExpr(d, context); };
  auto contracting = side == 0 ? dot.getLhsContracting() : dot.getRhsContracting(),
       batching = side == 0 ? dot.getLhsBatching() : dot.getRhsBatching();
  Value value = dot->getOperand(side);
  Index index(typeOf(value).getRank());
  for (auto [i, d] : llvm::enumerate(batching))
    index[d] = dim(i);
  for (auto [i, d] : llvm::enumerate(contracting))
    index[d] = dim(kept + i);
  int64_t next = side == 0 ? batching.size() : typeOf(dot.getLhs()).getRank() - contracting.size();
  for (AffineExpr &e : index)
    if (!e)
      e = dim(next++);
  OpBuilder b(context);
  Access access(b, r.op->getLoc(), 1);
  Value memory = value;
  while (Operation *op = value.getDefiningOp()) {
    memory = op->getNumOperands() == 1 ? op->getOperand(0) : value;
    if (isa<ir::ReshapeOp>(op) && isa<BlockArgument>(memory))
      break; // memory under another shape
    std::optional<Index> at = operandIndex(access, op, index);
    if (!at || op->getNumOperands() != 1)
      return std::nullopt;
    index = *at, value = memory;
  }
  AffineExpr place = getAffineConstantExpr(0, context);
  for (auto [size, e] : llvm::zip_equal(typeOf(value).getShape(), index))
    place = place * size + e;
  SimpleAffineExprFlattener flattener(kept + reduced, 0);
  if (failed(flattener.walkPostOrder(place)) || flattener.operandExprStack.size() != 1)
    return std::nullopt;
  ArrayRef<int64_t> terms(flattener.operandExprStack.back());
  if ((int64_t)terms.size() != kept + reduced + 1 || terms.back() != 0)
    return std::nullopt; // remainders or quotients, or an offset
  Strides strides{cast<BlockArgument>(memory), {}, {}};
  strides.kept.assign(terms.begin(), terms.begin() + kept);
  strides.reduced.assign(terms.begin() + kept, terms.end() - 1);
  return strides;
}

// The stride of a flattened group; nothing where its indices are not equally far apart. 0 where
// there is one index only.
std::optional<int64_t> strideOf(ArrayRef<ContractDim> group, ArrayRef<int64_t> strides) {
  int64_t stride = 0, count = 1;
  for (const ContractDim &dim : llvm::reverse(group)) {
    if (dim.size == 1)
      continue;
    int64_t step = strides[dim.dim] * dim.step;
    if (count == 1)
      stride = step;
    else if (step != stride * count)
      return std::nullopt;
    count *= dim.size;
  }
  return stride;
}

bool isAligned(int64_t elements, int64_t elementBytes) {
  return elements >= 0 && elements * elementBytes % 16 == 0;
}

// The kernel of a convolution: the channels of a window position, and how far apart positions are.
std::optional<TensorSide> describeKernel(const Contraction &c, const WindowSide &window,
                                         int64_t elementBytes) {
  std::optional<Strides> memory =
      kernelStrides(cast<ir::ConvolutionOp>(c.reduction->op), *c.reduction);
  if (!memory)
    return std::nullopt;
  TensorSide side;
  side.buffer = memory->operand.getArgNumber();
  side.channels = window.channels;
  int64_t channel = memory->reduced[c.reduction->featureExtent],
          feature = memory->kept[c.nDims[0].dim];
  side.alongSummed = channel == 1;
  side.pitch = side.alongSummed ? feature : channel;
  SmallVector<int64_t> taps(memory->reduced);
  taps.erase(taps.begin() + c.reduction->featureExtent);
  side.tapPitch = taps.back();
  for (int64_t i = (int64_t)taps.size() - 1, pitch = side.tapPitch; i >= 0; --i) {
    if (taps[i] != pitch)
      return std::nullopt;
    pitch *= window.taps[taps.size() - 1 - i];
  }
  bool isCopied = std::min(channel, feature) == 1 && isAligned(side.pitch, elementBytes) &&
                  isAligned(side.tapPitch, elementBytes);
  return isCopied ? std::optional(side) : std::nullopt;
}

std::optional<TensorSide> describeSide(const Contraction &c, int side, int64_t elementBytes) {
  std::optional<Strides> memory = stridesOf(*c.reduction, side);
  if (!memory)
    return std::nullopt;
  auto along = strideOf(c.dimsOf(side), memory->kept), summed = strideOf(c.kDims, memory->reduced),
       batch = strideOf(c.batchDims, memory->kept);
  if (!along || !summed || !batch)
    return std::nullopt;
  TensorSide result;
  result.buffer = memory->operand.getArgNumber();
  result.alongSummed = *summed == 1 || (c.k == 1 && *along != 1);
  result.pitch = result.alongSummed ? *along : *summed;
  result.batchPitch = *batch;
  int64_t inLine = result.alongSummed ? *summed : *along;
  int64_t lines = result.alongSummed ? c.sizeOfSide(side) : c.k,
          length = result.alongSummed ? c.k : c.sizeOfSide(side);
  if (inLine != 1 && length > 1)
    return std::nullopt;
  if (lines == 1)
    result.pitch = ceilDiv(length * elementBytes, 16) * 16 / elementBytes;
  bool isCopied = result.pitch > 0 && isAligned(result.pitch, elementBytes) &&
                  isAligned(result.batchPitch, elementBytes);
  return isCopied ? std::optional(result) : std::nullopt;
}

// Cycles in which shared memory takes a stage, has its right side turned and gives it to the
// products, 128 bytes each, the right side once for every 64 rows; or what a warpgroup waits for on
// the way, of which there are two where tiles have 64 rows. Where both sides lie along k products
// take as long.
double acrossCycles(const HopperPlan &plan) {
  constexpr double turning = 200, reading = 100;
  double rowGroups = plan.rowGroups(), turned = plan.turnsRight() ? 2.0 * plan.sideBytes(1) : 0;
  double multiplied = plan.sideBytes(0) + rowGroups * plan.sideBytes(1);
  double memory = (plan.stageBytes() + turned + multiplied) / 128;
  // A warpgroup's products are over before it reads what the next ones take from registers: others'
  // go on meanwhile, unless it waited for them to turn the right side.
  double own = 2.0 * plan.tileN, products = own * rowGroups;
  if (plan.turnsRight() && plan.leftInRegisters())
    return std::max({memory, products, turning * rowGroups / 2}) + reading;
  if (plan.turnsRight())
    return std::max(memory, turning * rowGroups / 2);
  return plan.leftInRegisters() ? std::max(memory, (own + reading) * rowGroups / 2) : 0;
}

// What a block's work costs in cycles, roughly: a product of n columns takes n / 2 of them, the
// second-level cache brings so many bytes a cycle.
double cyclesOf(const HopperPlan &plan, int64_t cores, int64_t resultBytes) {
  constexpr double bytesPerCycle = 48, storedPerCycle = 40, start = 1200, combination = 3500,
                   cyclesOfLine = 4.5; // of an image, however short
  double products = plan.rowGroups() * 4 * plan.tileN / 2.0,
         copies = std::max(plan.stageBytes() / bytesPerCycle, plan.imageLines() * cyclesOfLine),
         elements = (double)plan.tileM * plan.tileN,
         results = elements * resultBytes / storedPerCycle,
         step = std::max({products, copies, acrossCycles(plan)});
  if (const StreamPlan &stream = plan.stream; !stream.isEmpty()) {
    // Strips of tiles; a part is fetched before the next is asked for.
    constexpr double trip = 700;
    double part = elements * 4 / storedPerCycle; // to leave one, or to fetch it
    int64_t strips = plan.tileN / plan.stripColumns();
    return start + stream.stepsOfBlock() * step + (stream.whole + stream.wholeInRun()) * results +
           2 * part + combination +
           ceilDiv(stream.tiles * strips, cores) *
               (stream.mostRuns() * std::max(part / strips, trip) + results / strips);
  }
  double waves = ceilDiv(plan.tiles() * plan.chunks, cores);
  double cycles = start + waves * (plan.chunkSteps * step + results);
  return plan.chunks == 1 ? cycles : cycles + combination + waves * results;
}

using TileShape = std::pair<int64_t, int64_t>;
constexpr TileShape tileShapes[] = {{128, 256}, {128, 192}, {128, 128}, {128, 64}, {128, 32},
                                    {128, 16},  {64, 128},  {64, 64},   {64, 32},  {64, 16}};

// Each warp turns as much as the others.
bool fits(const HopperPlan &plan, TileShape shape) {
  return !plan.turnsRight() || shape.second * 4 >= shape.first;
}

void setTile(HopperPlan &plan, const Contraction &c, TileShape shape) {
  std::tie(plan.tileM, plan.tileN) = shape;
  plan.tilesM = plan.rowsAreBoxes() ? product(plan.windows[0]->boxesOf(plan.tileM))
                                    : ceilDiv(c.m, plan.tileM);
  plan.tilesN = ceilDiv(c.n, plan.tileN);
}

int64_t resultBytesOf(const Contraction &c) {
  return typeOf(c.reduction->result).getElementTypeBitWidth() / 8;
}

HopperPlan streamed(HopperPlan plan, const StreamPlan &stream, const Contraction &c,
                    const ir::TargetInfo &target) {
  plan.chunks = 1, plan.chunkSteps = plan.steps;
  plan.stream = stream;
  plan.cycles = cyclesOf(plan, target.cores, resultBytesOf(c));
  return plan;
}

// A stream of some shape's tiles, where one is predicted to beat the best plan without one clearly.
void tryStreams(HopperPlan &best, const Contraction &c, const ir::TargetInfo &target,
                ArrayRef<TileShape> shapes) {
  HopperPlan plan = best;
  double limit = best.cycles;
  for (TileShape shape : shapes) {
    if (!fits(plan, shape))
      continue;
    setTile(plan, c, shape);
    auto cycles = [&](const StreamPlan &stream) {
      return streamed(plan, stream, c, target).cycles;
    };
    StreamPlan stream = chooseStream(plan.tiles(), plan.steps, target.cores, limit, cycles);
    if (!stream.isEmpty() && cycles(stream) < best.cycles)
      best = streamed(plan, stream, c, target);
  }
}

// The best of some shapes, and into how many chunks k is split with it.
void chooseShape(HopperPlan &plan, const Contraction &c, const ir::TargetInfo &target,
                 ArrayRef<TileShape> shapes) {
  constexpr int64_t fewestSteps = 4;
  int64_t mostChunks = plan.sumsBoxes() ? 64 : 16;
  int64_t resultBytes = resultBytesOf(c);
  plan.stream = {};
  double least = INFINITY;
  HopperPlan best = plan;
  for (TileShape shape : shapes) {
    if (!fits(plan, shape))
      continue;
    setTile(plan, c, shape);
    int64_t room = std::min(mostChunks, target.cores / std::max<int64_t>(1, plan.tiles()));
    for (int64_t chunks = 1; chunks <= std::max<int64_t>(1, room); ++chunks) {
      plan.chunkSteps = ceilDiv(plan.steps, chunks);
      plan.chunks = ceilDiv(plan.steps, plan.chunkSteps);
      if (plan.chunks != chunks || (chunks > 1 && plan.chunkSteps < fewestSteps))
        continue;
      plan.cycles = cyclesOf(plan, target.cores, resultBytes);
      if (plan.cycles < least)
        least = plan.cycles, best = plan;
    }
  }
  plan = best;
}

// Of a plan without a stream.
void obeyStreamKeys(HopperPlan &plan, const Contraction &c, const ir::TargetInfo &target,
                    ScheduleKeys &keys) {
  HopperPlan chosen = plan;
  tryStreams(chosen, c, target, TileShape(plan.tileM, plan.tileN));
  auto cycles = [&](const StreamPlan &stream) { return streamed(plan, stream, c, target).cycles; };
  StreamPlan stream =
      obeyStream(chosen.stream, plan.tiles(), plan.steps, target.cores, keys, cycles);
  if (!stream.isEmpty())
    plan = streamed(plan, stream, c, target);
}

void obeyTileAndStream(HopperPlan &plan, const Contraction &c, const ir::TargetInfo &target,
                       ScheduleKeys &keys) {
  TileShape shape{keys.integer("tile_m", plan.tileM, 64, 128),
                  keys.integer("tile_n", plan.tileN, 16, 256)};
  bool isKnown = llvm::is_contained(tileShapes, shape);
  if (isKnown && fits(plan, shape)) {
    chooseShape(plan, c, target, shape);
    return obeyStreamKeys(plan, c, target, keys);
  }
  if (isKnown)
    return keys.refuse("tiles of " + Twine(shape.first) + "x" + Twine(shape.second) +
                       " have fewer columns than warps could turn of a side that lies across k");
  keys.refuse("no warpgroups take tiles of " + Twine(shape.first) + "x" + Twine(shape.second) +
              "; 128x256, 128x192, and 64 or 128 rows of 16, 32, 64 or 128 columns they do");
}

} // namespace

int64_t HopperPlan::boxLine(int side) const {
  if (sides[side].alongSummed)
    return depth();
  int64_t line = std::min(lineBytes / elementBytes, tileOf(side));
  while (side == 0 && sumsBoxes() && windows[0]->channels % line)
    line /= 2; // of one window position
  return line;
}

int64_t HopperPlan::imageLines() const {
  if (rowsAreBoxes())
    return tileM * slices();
  return sumsBoxes() ? depth() * (tileM / boxLine(0) + tileN / boxLine(1)) : 0;
}

TensorMap HopperPlan::mapOf(int side, const Contraction &c) const {
  const TensorSide &memory = sides[side];
  TensorMap map;
  map.buffer = memory.buffer;
  map.dataType = c.element.isF32() ? mapTfloat32 : c.element.isF16() ? mapFloat16 : mapBfloat16;
  if (windows[side])
    return windows[side]->map(map.dataType, elementBytes, boxLine(side),
                              sumsBoxes() ? depth() : tileM);
  int64_t along = c.sizeOfSide(side), summed = memory.tapPitch ? memory.channels : c.k;
  int64_t outer = memory.tapPitch ? windows[0]->tapCount() : c.batches;
  map.rank = memory.batchPitch || memory.tapPitch ? 3 : 2;
  map.dims = {uint64_t(memory.alongSummed ? summed : along),
              uint64_t(memory.alongSummed ? along : summed), uint64_t(outer)};
  map.strides = {uint64_t(memory.pitch * elementBytes),
                 uint64_t((memory.batchPitch + memory.tapPitch) * elementBytes)};
  map.box = {uint32_t(boxLine(side)), uint32_t(memory.alongSummed ? tileOf(side) : depth()), 1};
  // CUtensorMapSwizzle: 1, 2, 3 are 32, 64, 128 bytes.
  map.swizzle = llvm::Log2_64(boxLine(side) * elementBytes) - 4;
  return map;
}

// The images of a convolution; false where copies cannot follow one, or would be slow: a line of
// few channels takes them as long as one of many (4 to 5 cycles on an H200).
static bool describeImages(HopperPlan &plan, const Contraction &c) {
  constexpr int64_t fewestBytes = 64, mostWaste = 2;
  std::optional<Windows> windows = describeWindows(c);
  if (!windows)
    return false;
  plan.windows[0] = windows->left, plan.windows[1] = windows->right;
  int64_t channelBytes = windows->left.channels * plan.elementBytes;
  if (channelBytes % fewestBytes)
    return false;
  if (!plan.sumsBoxes()) {
    plan.sliceBytes = channelBytes % HopperPlan::lineBytes ? fewestBytes : HopperPlan::lineBytes;
    std::optional<TensorSide> kernel = describeKernel(c, windows->left, plan.elementBytes);
    if (kernel)
      plan.sides[1] = *kernel;
    return kernel.has_value();
  }
  for (TensorSide &side : plan.sides)
    side.alongSummed = false;
  int64_t boxes = product(windows->left.boxesOf(plan.depth()));
  return isAligned(windows->right->channels, plan.elementBytes) &&
         boxes * plan.depth() <= mostWaste * c.k;
}

// False where no copies can follow the sides, or no products take them.
static bool describeSides(HopperPlan &plan, const Contraction &c) {
  if (isa<ir::ConvolutionOp>(c.reduction->op)) {
    if (!describeImages(plan, c))
      return false;
  } else {
    for (int side : {0, 1}) {
      std::optional<TensorSide> memory = describeSide(c, side, plan.elementBytes);
      if (!memory)
        return false;
      plan.sides[side] = *memory;
    }
  }
  return true;
}

// Stages that k takes: slices of channels, window position after window position, or boxes of
// positions.
static int64_t stepsOf(const HopperPlan &plan, const Contraction &c) {
  if (plan.sumsBoxes())
    return product(plan.windows[0]->boxesOf(plan.depth()));
  return ceilDiv(c.k, plan.depth() * plan.slices());
}

// Copies of images with few channels may take longer than threads that share what taps have in
// common; those of products never do, where nothing is turned. Tiles are predicted with less that
// was measured, hence the margin.
static bool beatsTiles(const HopperPlan &plan, const Contraction &c, const ir::TargetInfo &target) {
  constexpr double margin = 4 / 3.0;
  bool isCertain = !plan.windows[0] && !plan.turnsRight();
  return isCertain || plan.cycles <= margin * planContraction(c, target, nullptr).cycles;
}

// Of a product with a side across k: the other one is the left.
static std::optional<HopperPlan> exchangedPlan(HopperPlan plan, const Contraction &c,
                                               const ir::TargetInfo &target) {
  if (plan.windows[0] || !(plan.isAcross(0) || plan.isAcross(1)))
    return std::nullopt;
  plan.exchanged = true;
  std::swap(plan.sides[0], plan.sides[1]);
  Contraction own = exchangedSides(c);
  chooseShape(plan, own, target, tileShapes);
  tryStreams(plan, own, target, tileShapes);
  return plan;
}

std::optional<HopperPlan> fluxion::codegen::planHopper(const Contraction &c,
                                                       const ir::TargetInfo &target,
                                                       ScheduleKeys *keys) {
  constexpr int64_t mostStages = 13, most = int64_t(1) << 31;
  bool isHalf = c.element.isBF16() || c.element.isF16();
  if (target.cpu != "sm_90a" || !(isHalf || (c.element.isF32() && c.tf32)))
    return std::nullopt;
  HopperPlan plan;
  plan.elementBytes = c.element.getIntOrFloatBitWidth() / 8;
  bool isEmpty = c.m * c.n * c.k * c.batches == 0;
  if (isEmpty || c.m >= most || c.n >= most || c.k >= most || c.batches >= most ||
      !describeSides(plan, c))
    return std::nullopt;
  plan.batches = c.batches;
  plan.steps = stepsOf(plan, c);
  chooseShape(plan, c, target, tileShapes);
  tryStreams(plan, c, target, tileShapes);
  std::optional<HopperPlan> other = exchangedPlan(plan, c, target);
  bool exchanges = other && other->cycles < plan.cycles;
  bool isBetter = beatsTiles(exchanges ? *other : plan, c, target);
  if (keys ? !keys->flag("engines", isBetter) : !isBetter)
    return std::nullopt;
  if (other && (keys ? keys->flag("exchange", exchanges) : exchanges))
    plan = *other;
  if (keys)
    obeyTileAndStream(plan, plan.exchanged ? exchangedSides(c) : c, target, *keys);
  bool streams = !plan.stream.isEmpty();
  plan.sharing = plan.tileM == 64 && plan.chunkSteps >= 4 && !streams ? 2 : 1;
  plan.blocks = streams                               ? plan.stream.blocks
                : plan.chunks > 1 || plan.sharing > 1 ? plan.tiles()
                                                      : std::min(plan.tiles(), target.cores);
  int64_t room =
      (target.sharedBytes - plan.resultBytes() - plan.sumBytes()) / (plan.stageBytes() + 16);
  int64_t wanted = plan.blocks == plan.tiles() && !streams ? plan.chunkSteps : mostStages;
  plan.stages =
      std::clamp(room, plan.sharing, std::max(plan.sharing, std::min(mostStages, wanted)));
  if (keys)
    plan.stages = keys->integer("stages", plan.stages, plan.sharing, room);
  return plan;
}

std::vector<ScheduleVariation> fluxion::codegen::hopperVariations(DictionaryAttr own) {
  std::vector<ScheduleVariation> list;
  Builder b(own.getContext());
  auto key = [&](StringRef name, int64_t value) {
    return b.getNamedAttr(name, b.getI64IntegerAttr(value));
  };
  for (auto [m, n] : tileShapes)
    list.push_back({key("tile_m", m), key("tile_n", n)});
  for (int64_t stages : {2, 3, 4, 6, 8, 12})
    list.push_back({key("stages", stages)});
  for (int64_t waves = 0; waves <= StreamPlan::mostWaves; ++waves)
    list.push_back({key("streamed", waves)});
  if (auto exchanges = own.getAs<BoolAttr>("exchange"))
    list.push_back({b.getNamedAttr("exchange", b.getBoolAttr(!exchanges.getValue()))});
  return list;
}
