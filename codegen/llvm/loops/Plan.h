// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a kernel becomes phases: which reductions run where, what is stored, how many tasks there
// are. A plan is made from the kernel and the target alone, never from the number of threads.
#pragma once

#include "codegen/common/ScheduleKeys.h"
#include "codegen/llvm/loops/Puller.h"
#include "ir/Target.h"
#include "ir/ops/Elementwise.h"
#include "ir/ops/Reduction.h"
#include "ir/ops/Update.h"

namespace fluxion::codegen {

// A side of a contraction copied into scratch as [batch][panel][depth][width], width being a
// register tile's rows or lanes: a tile then reads memory in order, whatever the operand's own
// order and pitch.
struct Panels {
  int64_t operand = 0;                    // 0: the left side, 1: the right side
  llvm::SmallVector<int64_t> batch;       // dimensions of the operand
  int64_t free = 0, summed = 0;           // dimensions of the operand
  llvm::SmallVector<int64_t> outerSummed; // that are walked around `summed`, outermost first
  int64_t columns = 0, depth = 0, width = 0, batches = 1; // depth: of all summed dimensions
  int64_t slices = 1; // tasks of the copy along the outermost of several summed dimensions
  int64_t at = -1;    // scratch offset
  // 0: a phase copies them all. Else tasks of so many panels copy a panel and read it from all
  // rows before the next.
  int64_t perTask = 0;
  int64_t panels() const { return (columns + width - 1) / width; }
  int64_t panelTasks() const { return (batches * panels() + perTask - 1) / perTask; }
  // Elements of a task's memory: while a panel is read the next is copied, but not transposed.
  int64_t taskElements() const { return (transposes() ? 1 : 2) * depth * width; }
  // Positions along `free` that a task of the copy takes.
  bool transposes() const { return summed > free; }
  int64_t taskColumns(int64_t lanes) const;
  int64_t tasks(int64_t lanes) const;
};

// A reduction as loops: result[kept] = combination over `extents` of a term.
struct Reduction {
  mlir::Operation *op = nullptr;
  mlir::Value result;
  llvm::SmallVector<int64_t> kept, extents; // outermost first
  int64_t paddedAt = -1;          // scratch offset of a convolution's padded input; -1: none
  bool skipsBorder = false;       // none is needed: what is outside is left out
  std::optional<Panels> lhs, rhs; // copies of a contraction's sides that its tiles read instead
  // A convolution: which extent the summed features are, and phases of each spatial dimension (1:
  // one). Results a phase apart take window positions a phase apart, those that meet no zero of the
  // dilated input; `kept` then counts positions of a phase.
  int64_t featureExtent = 0;
  llvm::SmallVector<int64_t> phases;
  bool phased() const {
    return llvm::any_of(phases, [](int64_t count) { return count > 1; });
  }
  int64_t unroll = 0; // steps of the innermost extent taken together; 0: as many as fit
  int64_t chunks = 1; // > 1: extents[0] is split, partial results are combined by a second phase
  // On a GPU, of a contraction some of whose results are combined from parts by a second phase:
  // bytes of the parts. The first phase stores all others. See nvptx/contract/StreamPlan.h.
  int64_t streamedBytes = 0;
  // On a GPU the sum of all elements and that of their squared distances from the mean, which
  // stands right behind it, are found in one sweep: see nvptx/Moments.cpp.
  enum { Alone, Mean, Spread } moment = Alone;
  bool isArg() const;
  // Values that a GPU's thread keeps of it: an argmax has a position too.
  int64_t width() const { return isArg() ? 2 : 1; }
  ir::ReduceKind kind() const;
  mlir::Type partialElement() const; // of what chunks leave behind: no rounding between them
};

// Register tile of a reduction: `vectors` x lanes along one dimension, `rows` along another, and in
// a weight gradient all `taps` along the width: neighbouring taps read the same elements. Where
// lanes run along the summed dimension of a product, the taps are its columns.
struct Tile {
  int64_t laneDim = -1; // a kept dimension, or -1: lanes run along the last reduced dimension
  int64_t lanes = 1, vectors = 1;
  int64_t rowDim = -1, rows = 1;
  int64_t tapDim = -1, taps = 1;
  // Tasks take all other positions for one block of lanes before the next: what the lanes read is
  // more than a cache holds.
  bool lanesOutermost = false;
  int64_t accumulators() const { return rows * taps * vectors; }
};

// Tiles that take the summed positions a block at a time, many tiles to a block, so that what they
// read of both sides stays in cache. Sums wait in scratch, tile after tile, between blocks.
struct Blocking {
  int64_t outer = 0;     // leading extents that are walked one position a block
  int64_t depth = 0;     // positions of the next extent in a block; 0: not blocked
  int64_t laneTiles = 0; // tiles of a task along the lanes
  int64_t rowTiles = 0;  // and along the rows and the other kept dimensions, flattened
  // The right side passes by but once, in runs that the machine fetches ahead by itself.
  bool streams = false;
  int64_t sumsAt = -1; // scratch offset
};

struct StoredValue {
  mlir::Value value;
  int64_t result = -1;        // position among the kernel's results, or
  int64_t scratchOffset = -1; // bytes into its scratch
};

struct Phase {
  enum Kind { Pack, PadInput, Reduce, Combine, Row, Map, Scatter } kind = Map;
  // Pack, PadInput: one; Reduce, Combine: those of a sweep; Row: all, in order.
  std::vector<Reduction> reductions;
  Tile tile;
  Blocking blocking;
  llvm::SmallVector<StoredValue> stores;
  int64_t tasks = 1;
  // Row: reductions over the rows. A task then takes `rowsPerTask` rows and leaves its part of
  // each in `partials`; a Combine phase adds the parts in order. Reduce, of a contraction on a GPU:
  // sums over all its results but those along the last dimension, of which a row of tiles leaves
  // its part.
  std::vector<Reduction> columns;
  llvm::SmallVector<StoredValue> partials; // Combine: of each reduction; Reduce: where streamed
  int64_t rowsPerTask = 1;
  const Panels &panels() const {
    return *(reductions[0].lhs ? reductions[0].lhs : reductions[0].rhs);
  }
};

struct KernelPlan {
  std::vector<Phase> phases;
  int64_t scratchBytes = 0;
  std::string refusal;           // why the kernel cannot be planned; empty if it can
  mlir::DictionaryAttr schedule; // what was decided
  std::string scheduleRefusal;   // which given key cannot be obeyed; empty: all can
};

// The copy of a convolution's input with its zeros in place: sizes, and the operand's dimensions in
// the copy's order, outermost first; nothing where the operand itself is read.
struct PaddedShape {
  llvm::SmallVector<int64_t> sizes, order;  // sizes in the operand's order
  llvm::SmallVector<int64_t> low, dilation; // zeros before the first element, steps to the next
  llvm::SmallVector<int64_t> copySizes() const;
};
std::optional<PaddedShape> paddedInputShape(mlir::Operation *op, const ir::TargetInfo &target);
// Border.cpp: can these tiles leave out what a convolution would read outside its input? Needs the
// reduction's unrolled steps.
bool skipsBorder(const Reduction &r, const Tile &tile, const Blocking &blocking);
std::pair<int64_t, int64_t> insideSteps(const Reduction &r);
bool rowsAtBorder(const Reduction &r, const Tile &tile); // those of the first or the last tile
// Phases of every spatial dimension of a convolution over a dilated input: results a dilation
// apart.
llvm::SmallVector<int64_t> phasesOf(mlir::Operation *op, const ir::TargetInfo &target);
// The first window position that meets an element of the input in a phase.
int64_t firstTap(mlir::Operation *op, int64_t dim, int64_t phase);
// Window positions along the image's last dimension that a step takes together, because they read
// the same elements; 1: one.
int64_t sharedTaps(mlir::Operation *op, const ir::TargetInfo &target);
// A weight gradient: its summed features are the outermost dimension of both operands, and so of
// its loops.
bool featuresOutermost(mlir::Operation *op);
// A convolution with few features and a wide image: lanes run along the image's last dimension.
bool lanesAlongWidth(mlir::Operation *op, const ir::TargetInfo &target);

// The operand (0 or 1) of a dot_general with one free and one summed dimension, not yet given a
// width.
std::optional<Panels> panelsOf(mlir::Operation *op, int64_t operand);
// The kernel of a convolution whose features are its last dimension, in the order of the loops.
std::optional<Panels> kernelPanelsOf(const Reduction &r);
// Would the right side of this contraction be read through panels because it is summed along its
// last dimension?
bool packsTransposed(mlir::Operation *op);
// A product with few columns that sums along the last dimension of both sides: lanes run along it
// too, and a tile holds the sums of all columns.
bool lanesAlongSum(mlir::Operation *op, const ir::TargetInfo &target);
// The reduction as the sizes of its operands have it: nothing is decided.
Reduction describeReduction(mlir::Operation *op, const ir::TargetInfo &target);
// PlanTile.cpp: decisions about one reduction, from sizes and the target alone, or from the keys of
// the kernel's schedule where it has that one contraction (null elsewhere).
Tile chooseTile(const Reduction &r, mlir::Type element, const ir::TargetInfo &target, bool packed,
                ScheduleKeys *keys);
int64_t tileTasks(const Reduction &r, const Tile &tile);
int64_t chooseChunks(const Reduction &r, const Tile &tile, const ir::TargetInfo &target,
                     ScheduleKeys *keys);
int64_t chooseUnroll(const Reduction &r, const Tile &tile, ScheduleKeys *keys);
bool packsRight(const Reduction &r, const ir::TargetInfo &target, ScheduleKeys *keys);
bool walksLanesOutermost(const Reduction &r, const ir::TargetInfo &target);
// All but their scratch.
void choosePanels(Reduction &r, const Tile &tile, bool packsRight, bool isBlocked,
                  const ir::TargetInfo &target, ScheduleKeys *keys);
Blocking chooseBlocking(const Reduction &r, const Tile &tile, bool packsRight,
                        const ir::TargetInfo &target, ScheduleKeys *keys);
bool isContraction(mlir::Operation *op);
// PlanMoments.cpp: does `spread` sum the squares of what `sum` sums, less its mean?
bool isSpreadAround(const Reduction &spread, const Reduction &sum);

KernelPlan planKernel(ir::KernelOp kernel, const ir::TargetInfo &target);

// Values of one map loop nest: all of equal shape, in the order of `stores`. They share a loop even
// where only some could be flattened, as one may be stored over an operand that another needs.
llvm::SmallVector<llvm::SmallVector<StoredValue>> groupByShape(llvm::ArrayRef<StoredValue> stores);
// Does `value` depend on `target` inside the kernel, other than through `notThrough`?
bool dependsOn(mlir::Value value, mlir::Value target, mlir::ValueRange notThrough = {});
// The rows of a kernel whose reductions all run along them or, into results alone, over them;
// nothing for other kernels. `partials` has no place yet.
std::optional<Phase> rowPhase(ir::KernelOp kernel, llvm::ArrayRef<Reduction> reductions,
                              const ir::TargetInfo &target);

// True where every element depends on the operands' elements at its own position alone, so that the
// dimensions may be flattened.
bool isFlat(mlir::Value value);
// One map loop nest: equal shapes.
struct MapGroup {
  llvm::SmallVector<StoredValue> stores;
  bool flat = false; // over the flattened shape
  int64_t lanes = 1; // a block of the widest type fills one register
  Squares squares;
  llvm::SmallVector<int64_t> outer, outerSizes; // dimensions whose positions are tasks
  int64_t tasks = 1;
  bool turns() const { return squares.laneDim >= 0; }
  int64_t lines() const; // of squares in all
  // Lines of a task: neighbouring cache lines are then used soon after.
  int64_t lineStep() const { return 4 * lanes; }
};
std::vector<MapGroup> mapGroups(llvm::ArrayRef<StoredValue> stores, const ir::TargetInfo &target);
inline constexpr int64_t flatTaskElements = 8192;
int64_t lanesFor(mlir::Type element, const ir::TargetInfo &target);

} // namespace fluxion::codegen
