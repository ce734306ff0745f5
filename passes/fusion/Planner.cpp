// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/fusion/Planner.h"

#include "passes/fusion/Loops.h"

#include "ir/ops/Ops.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

// Constants up to this size stay outside as data; larger splats are filled in by a kernel.
constexpr int64_t dataBytes = 4096;
// Updates of parameters are merged while their gradients, alive together, stay below this.
constexpr int64_t mergedUpdateBytes = 256 << 10;
// Operands and results a kernel may have in all.
constexpr size_t maxBuffers = 48;

Planner::Planner(func::FuncOp function, const PlannerOptions &options)
    : groups(function), options(options),
      target(ir::TargetInfo::of(function->getParentOfType<ModuleOp>())) {
  groups.columns = options.model && options.model->reducesColumnsOfRows(target);
}

// Values nobody wants make no kernel.
static void eraseDeadOps(func::FuncOp function) {
  SmallVector<Operation *> ops;
  for (Operation &op : function.front().without_terminator())
    ops.push_back(&op);
  for (Operation *op : llvm::reverse(ops))
    if (isOpTriviallyDead(op))
      op->erase();
}

void Planner::plan() {
  eraseDeadOps(groups.function);
  freeCheapOps();
  startGroups();
  if (!options.fuse)
    return;
  growEpilogues();
  fuseLoops();
  if (options.recompute) {
    recomputeElements();
    placeMasks();
  }
  settleWithModel();
  splitStoredInputs();
  joinColumnSums();
  mergeUpdates();
  mergeConversions();
}

// ---- What is computed where it is used ----------------------------------------------------------

void Planner::freeCheapOps() {
  SmallVector<Operation *> cheap;
  for (Operation &op : groups.function.front().without_terminator())
    if (isCheapToRecompute(&op) && (options.fuse || classify(&op) == OpClass::Constant))
      cheap.push_back(&op);
  for (Operation *op : cheap) {
    if (classify(op) == OpClass::Source && !options.recompute)
      continue;
    groups.setFree(op);
    materialise(op);
  }
  if (options.recompute && options.fuse)
    freeReplayedOps();
}

// Elementwise work on random bits, iotas and scalars alone (a dropout mask) is replayed, never
// stored.
void Planner::freeReplayedOps() {
  DenseSet<Operation *> replayed;
  for (Operation &op : llvm::make_early_inc_range(groups.function.front().without_terminator())) {
    if (classify(&op) == OpClass::Source && groups.isFree(&op))
      replayed.insert(&op);
    if (classify(&op) != OpClass::Pointwise || elementsOf(&op) < 2)
      continue;
    bool fromSource = false;
    bool free = llvm::all_of(op.getOperands(), [&](Value operand) {
      Operation *def = operand.getDefiningOp();
      fromSource |= def && replayed.contains(def);
      if (!def || !groups.isFree(def))
        return false;
      return replayed.contains(def) || llvm::all_of(groups.inputsOf({def}), [](Value input) {
               return cast<RankedTensorType>(input.getType()).getNumElements() == 1;
             });
    });
    if (!free || !fromSource)
      continue;
    replayed.insert(&op);
    groups.setFree(&op);
    materialise(&op);
  }
}

// Users that read memory get a copy of the op that is computed into it.
void Planner::materialise(Operation *op) {
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : op->getUses())
    if (readsMemory(use))
      uses.push_back(&use);
  if (uses.empty())
    return;
  OpBuilder builder(op);
  builder.setInsertionPointAfter(op);
  Operation *copy = builder.clone(*op);
  for (OpOperand *use : uses)
    use->set(copy->getResult(0));
  if (classify(op) != OpClass::Constant || ir::byteSize(op->getResult(0).getType()) > dataBytes)
    groups.add(copy);
}

void Planner::startGroups() {
  for (Operation &op : groups.function.front().without_terminator()) {
    if (groups.isFree(&op) || groups.groupOf(&op) >= 0)
      continue;
    OpClass kind = classify(&op);
    if (kind != OpClass::Boundary && kind != OpClass::View && kind != OpClass::Constant &&
        kind != OpClass::Kernel)
      groups.add(&op);
  }
}

// ---- Maps and rows ------------------------------------------------------------------------------

SmallVector<int> Planner::neighbours(int group) {
  SmallVector<int> found;
  auto note = [&](Operation *op) {
    int other = op ? groups.groupOf(op) : -1;
    if (other >= 0 && other != group && !groups.groups[other].anchor &&
        !llvm::is_contained(found, other))
      found.push_back(other);
  };
  SmallVector<Value> outputs = groups.outputsOf(groups.groups[group].ops),
                     inputs = groups.inputsOf(groups.groups[group].ops);
  auto noteUsers = [&](auto &&self, Value value) -> void {
    for (Operation *user : value.getUsers())
      if (groups.isFree(user))
        self(self, user->getResult(0));
      else
        note(user);
  };
  for (Value output : outputs)
    noteUsers(noteUsers, output);
  for (Value input : inputs) {
    note(input.getDefiningOp());
    // Kernels that read the same large tensor read it once.
    if (ir::byteSize(input.getType()) >= 1024)
      noteUsers(noteUsers, input);
  }
  llvm::sort(found); // groups are numbered in block order, uses are listed in none
  return found;
}

bool Planner::fitsKernel(ArrayRef<Operation *> ops) {
  return (int64_t)ops.size() <= options.maxOps &&
         groups.inputsOf(ops).size() + groups.outputsOf(ops).size() <= maxBuffers;
}

bool Planner::tryMerge(int a, int b) {
  SmallVector<Operation *> together = groups.opsOf(a, b);
  if (!fitsKernel(together) || !sharedLoops(groups, together))
    return false;
  double apart = groups.trafficOf(groups.groups[a].ops) + groups.trafficOf(groups.groups[b].ops);
  if (groups.trafficOf(together) >= apart || groups.mergeMakesCycle(a, b))
    return false;
  groups.merge(std::min(a, b), std::max(a, b));
  return true;
}

void Planner::fuseLoops() {
  for (bool merged = true; merged;) {
    merged = false;
    for (int group = 0; group < (int)groups.groups.size(); ++group) {
      bool again = true;
      while (again && !groups.groups[group].ops.empty() && !groups.groups[group].anchor) {
        again = false;
        for (int other : neighbours(group))
          if (tryMerge(group, other)) {
            merged = true;
            again = groups.groups[group].ops.size() > 0;
            break;
          }
      }
    }
  }
}

// ---- Values that several sweeps read ------------------------------------------------------------

// Reductions over other than the last dimensions sweep over the whole data, once each. A value they
// all read that is stored besides, made of several large operands, is made first in a kernel of its
// own: each sweep then reads the one value in place of its operands.
void Planner::splitStoredInputs() {
  for (int group = 0, count = (int)groups.groups.size(); group < count; ++group) {
    if (groups.groups[group].anchor)
      continue;
    std::optional<Loops> loops = sharedLoops(groups, groups.groups[group].ops);
    if (!loops || !loops->reduces ||
        llvm::equal(loops->kept, llvm::seq<int64_t>(0, loops->kept.size())))
      continue;
    for (Value stored : groups.outputsOf(groups.groups[group].ops)) {
      SmallVector<Operation *> slice = storedSlice(stored, group, loops->shape);
      if (slice.empty())
        continue;
      for (Operation *op : slice)
        groups.moveTo(op, -1);
      int made = groups.add(slice.front());
      for (Operation *op : ArrayRef<Operation *>(slice).drop_front())
        groups.moveTo(op, made);
    }
  }
}

// The ops of the group that make `stored` and nothing else, if at least one sweep more reads it
// than its store costs; else none.
SmallVector<Operation *> Planner::storedSlice(Value stored, int group, ArrayRef<int64_t> shape) {
  if (cast<RankedTensorType>(stored.getType()).getShape() != shape)
    return {};
  SmallVector<Operation *> slice{stored.getDefiningOp()};
  for (size_t i = 0; i < slice.size(); ++i) {
    if (classify(slice[i]) != OpClass::Pointwise)
      return {};
    for (Value operand : slice[i]->getOperands()) {
      Operation *def = operand.getDefiningOp();
      if (def && groups.groupOf(def) == group && !llvm::is_contained(slice, def))
        slice.push_back(def);
    }
  }
  auto insideSlice = [&](Operation *user) { return llvm::is_contained(slice, user); };
  for (Operation *op : slice)
    if (op != stored.getDefiningOp() && !llvm::all_of(op->getUsers(), insideSlice))
      return {};
  int64_t large = 0, sweeps = 0;
  for (Value input : groups.inputsOf(slice))
    large += ir::byteSize(input.getType()) * 2 > ir::byteSize(stored.getType());
  bool otherResult = false;
  SmallVector<Operation *> readers{stored.getDefiningOp()};
  DenseSet<Operation *> seen;
  while (!readers.empty())
    for (Operation *user : readers.pop_back_val()->getUsers()) {
      if (groups.groupOf(user) != group || !seen.insert(user).second)
        continue;
      if (classify(user) == OpClass::Reduce)
        ++sweeps;
      else
        otherResult = true, readers.push_back(user);
    }
  inBlockOrder(slice);
  return sweeps * (large - 1) > (int64_t)otherResult ? slice : SmallVector<Operation *>();
}

// ---- One kernel for many small parameters -------------------------------------------------------

void Planner::mergeUpdates() {
  mergeAlike(mergedUpdateBytes, [&](ArrayRef<Operation *> ops) {
    return kindOf(groups, ops) == ir::KernelKind::Update;
  });
}

// What a step converts of its inputs and state, before all else: one launch where launches cost.
void Planner::mergeConversions() {
  auto isAtStart = [](Operation *op) {
    if (!isa<ir::ConvertOp>(op))
      return false;
    Operation *def = op->getOperand(0).getDefiningOp();
    while (def && classify(def) == OpClass::View)
      def = def->getOperand(0).getDefiningOp();
    return !def || isa<ir::ReadOp>(def);
  };
  if (target.isGpu())
    mergeAlike(INT64_MAX, [&](ArrayRef<Operation *> ops) { return llvm::all_of(ops, isAtStart); });
}

// Joins groups that share no loops while the largest results of them, alive together, are below
// `most` bytes.
void Planner::mergeAlike(int64_t most, function_ref<bool(ArrayRef<Operation *>)> isOne) {
  if (!options.model)
    return;
  int open = -1;
  int64_t bytes = 0;
  for (int group = 0; group < (int)groups.groups.size(); ++group) {
    ArrayRef<Operation *> ops = groups.groups[group].ops;
    if (ops.empty() || groups.groups[group].anchor || !isOne(ops))
      continue;
    int64_t size = 0;
    for (Value output : groups.outputsOf(ops))
      size = std::max(size, ir::byteSize(output.getType()));
    SmallVector<Operation *> together(ops);
    if (open >= 0)
      llvm::append_range(together, groups.groups[open].ops);
    inBlockOrder(together);
    bool fits =
        open >= 0 && bytes + size <= most && (int64_t)together.size() <= 8 * options.maxOps &&
        groups.inputsOf(together).size() + groups.outputsOf(together).size() <= 4 * maxBuffers;
    if (fits && !groups.mergeMakesCycle(open, group) && accepted(together)) {
      groups.merge(open, group);
      bytes += size;
    } else if (size < most) {
      open = group;
      bytes = size;
    }
  }
}

// ---- The backends have the last word ------------------------------------------------------------

std::string Planner::backendFor(ArrayRef<Operation *> ops) {
  OpBuilder builder(groups.function.front().getTerminator());
  SmallVector<Value> outputs;
  ir::KernelOp kernel = buildKernel(groups, ops, builder, outputs);
  std::string backend = options.model->cost(kernel, target).backend;
  kernel.erase();
  return backend;
}

bool Planner::accepted(ArrayRef<Operation *> ops) {
  return !options.model || !backendFor(ops).empty();
}

void Planner::settleWithModel() {
  if (!options.model)
    return;
  for (int group = 0, count = (int)groups.groups.size(); group < count; ++group)
    if (groups.groups[group].anchor && groups.groups[group].ops.size() > 1)
      shrinkEpilogue(group);
  fuseLoops();
  for (int group = 0, count = (int)groups.groups.size(); group < count; ++group)
    if (!groups.groups[group].anchor && groups.groups[group].ops.size() > 1 &&
        !accepted(groups.groups[group].ops))
      rebuildLoops(group);
}

// Gives the last ops back until the backend of the bare contraction takes the rest; those given
// back fuse among themselves.
void Planner::shrinkEpilogue(int group) {
  std::string wanted = backendFor({groups.groups[group].anchor});
  while (groups.groups[group].ops.size() > 1 && backendFor(groups.groups[group].ops) != wanted) {
    Operation *last = groups.groups[group].ops.back();
    groups.moveTo(last, -1);
    groups.add(last);
  }
}

// Starts again from single ops and joins only what a backend takes.
void Planner::rebuildLoops(int group) {
  SmallVector<Operation *> ops(groups.groups[group].ops);
  SmallVector<int> parts{group};
  for (Operation *op : ArrayRef<Operation *>(ops).drop_front()) {
    groups.moveTo(op, -1);
    int single = groups.add(op), joined = -1;
    for (int part : llvm::reverse(parts)) {
      SmallVector<Operation *> together(groups.groups[part].ops);
      together.push_back(op);
      if (sharedLoops(groups, together) && !groups.mergeMakesCycle(part, single) &&
          accepted(together)) {
        joined = part;
        break;
      }
    }
    if (joined >= 0)
      groups.merge(joined, single);
    else
      parts.push_back(single);
  }
}
