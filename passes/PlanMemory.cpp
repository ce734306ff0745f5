// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Passes.h"
#include "passes/Program.h"
#include "passes/fusion/OpClass.h"
#include "passes/memory/Copies.h"
#include "passes/memory/DeviceChecks.h"
#include "passes/memory/Intervals.h"
#include "passes/memory/Values.h"
#include "passes/memory/VerifyPlan.h"

#include "ir/KernelModel.h"
#include "ir/ops/Ops.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace fluxion::passes {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/Passes.h.inc"

namespace {

// ---- State --------------------------------------------------------------------------------------

// Items of one role lie together: parameters, slots, buffers, counters. Large ones start at
// different places modulo 4 KiB, so that a parameter and its slots do not fight for the same cache
// sets.
void placeState(ModuleOp module) {
  Builder b(module.getContext());
  int64_t offset = 0;
  for (ir::StateRole role : {ir::StateRole::Param, ir::StateRole::Slot, ir::StateRole::Buffer,
                             ir::StateRole::Step, ir::StateRole::Seed}) {
    int64_t large = 0;
    for (auto item : module.getOps<ir::StateOp>()) {
      if (item.getRole() != role)
        continue;
      int64_t bytes = ir::byteSize(item.getType());
      offset = (int64_t)llvm::alignTo(offset, bufferAlignment);
      if (bytes >= 64 << 10) {
        int64_t residue = role == ir::StateRole::Slot ? 1024 * (1 + large++ % 3) : 0;
        offset =
            offset <= residue ? residue : (int64_t)llvm::alignTo(offset - residue, 4096) + residue;
      }
      item.setOffsetAttr(b.getI64IntegerAttr(offset));
      offset += bytes;
    }
  }
  module->setAttr("fluxion.state_bytes",
                  b.getI64IntegerAttr((int64_t)llvm::alignTo(offset, bufferAlignment)));
}

// A copy of so much is worth a kernel: one thread's would take longer than a few forks.
constexpr int64_t kernelCopyBytes = 256 << 10;
// Values that one kernel of a GPU copies: a launch has room for some 500 addresses.
constexpr size_t mostCopies = 200;

// ---- One entry point ----------------------------------------------------------------------------

class EntryPlan {
public:
  EntryPlan(func::FuncOp entry, bool apart)
      : entry(entry), module(entry->getParentOfType<ModuleOp>()), apart(apart), b(entry) {}

  LogicalResult run();

private:
  struct Storage {
    BufferInterval interval;
    SmallVector<Value> values; // roots that share it
    ir::KernelOp scratchOf;    // or a kernel's scratch
  };

  func::FuncOp entry;
  ModuleOp module;
  bool apart;
  OpBuilder b;
  DenseMap<Operation *, int64_t> position;
  DenseMap<Value, int64_t> lastUse; // of roots
  DenseMap<Value, ir::PlaceAttr> places;
  std::vector<Storage> storages;
  DenseMap<Value, size_t> storageOf;
  int64_t end = 0, lastCheck = -1;
  bool onGpu = ir::TargetInfo::of(module).isGpu();

  void dropBarriers();
  void mergeReads();
  void guardSwaps();
  void measure();
  void placeState();
  ir::PlaceAttr statePlace(ir::WriteOp write);
  void copyWritten(ArrayRef<ir::WriteOp> writes);
  void copyLarge();
  bool mayWriteInPlace(ir::WriteOp write, OpResult result);
  void placeOutputs();
  void collectStorages();
  bool takeOver(ir::KernelOp kernel, unsigned output);
  void attach();
};

// The order is fixed: what kept recomputation late has done its work.
void EntryPlan::dropBarriers() {
  for (auto barrier : llvm::make_early_inc_range(entry.getOps<ir::BarrierOp>())) {
    barrier.replaceAllUsesWith(barrier.getXs());
    barrier.erase();
  }
}

void EntryPlan::mergeReads() {
  llvm::StringMap<ir::ReadOp> first;
  for (auto read : llvm::make_early_inc_range(entry.getOps<ir::ReadOp>())) {
    auto [known, isNew] = first.try_emplace(read.getState(), read);
    if (isNew) {
      read->moveBefore(&entry.front(), entry.front().begin());
      continue;
    }
    read.replaceAllUsesWith(known->second.getResult());
    read.erase();
  }
}

// An item written with the old value of another item that changes too: the value is saved first.
void EntryPlan::guardSwaps() {
  llvm::StringSet<> written;
  for (auto write : entry.getOps<ir::WriteOp>())
    written.insert(write.getState());
  for (auto write : llvm::make_early_inc_range(entry.getOps<ir::WriteOp>())) {
    auto read = rootOf(write.getValue()).getDefiningOp<ir::ReadOp>();
    if (!read)
      continue;
    if (read.getState() == write.getState()) {
      write.erase();
      continue;
    }
    if (!written.contains(read.getState()))
      continue;
    b.setInsertionPointAfter(read);
    Value value = copyKernel(b, write.getLoc(), "copy_state", read.getValue()).getResult(0);
    b.setInsertionPoint(write);
    if (value.getType() != write.getValue().getType())
      value = ir::ReshapeOp::create(b, write.getLoc(), write.getValue().getType(), value);
    write.getValueMutable().assign(value);
  }
}

void EntryPlan::measure() {
  int64_t now = 0;
  for (Operation &op : entry.front()) {
    position[&op] = now++;
    if (isa<ir::CheckOp>(op))
      lastCheck = position[&op];
  }
  end = position[entry.front().getTerminator()];
  for (Operation &op : entry.front())
    for (Value operand : op.getOperands()) {
      // Writes and results are copied, where they are not in place, when all kernels are done. On
      // a GPU that is also when checks are looked at, and launches until then look at them.
      bool late = isa<ir::WriteOp>(op) || (onGpu && isa<ir::CheckOp>(op));
      int64_t use = late ? end : position[&op];
      Value root = rootOf(operand);
      lastUse[root] = std::max(lastUse.lookup(root), use);
    }
}

// The new value may be built where the old one lies when nobody reads the old one afterwards, and
// the kernel itself reads it element by element.
bool EntryPlan::mayWriteInPlace(ir::WriteOp write, OpResult result) {
  auto kernel = cast<ir::KernelOp>(result.getOwner());
  if (apart || position[kernel] < lastCheck)
    return false;
  for (auto read : entry.getOps<ir::ReadOp>()) {
    if (read.getState() != write.getState())
      continue;
    if (lastUse.contains(read.getValue()) && lastUse[read.getValue()] > position[kernel])
      return false;
    for (auto [i, input] : llvm::enumerate(kernel.getInputs()))
      if (rootOf(input) == read.getValue() && !mayOverwrite(kernel, i, result.getResultNumber()))
        return false;
  }
  return true;
}

void EntryPlan::placeState() {
  for (auto write : entry.getOps<ir::WriteOp>()) {
    auto result = dyn_cast<OpResult>(rootOf(write.getValue()));
    if (!result || !isa<ir::KernelOp>(result.getOwner()) || places.count(result) ||
        !mayWriteInPlace(write, result))
      continue;
    places[result] = statePlace(write);
  }
  if (!onGpu || lastCheck < 0)
    return;
  SmallVector<ir::WriteOp> waiting;
  for (auto write : entry.getOps<ir::WriteOp>()) {
    auto result = dyn_cast<OpResult>(rootOf(write.getValue()));
    if (!result || places.lookup(result) != statePlace(write))
      waiting.push_back(write);
  }
  for (size_t i = 0; i < waiting.size(); i += mostCopies)
    copyWritten(ArrayRef(waiting).slice(i, std::min(mostCopies, waiting.size() - i)));
}

// Behind all other kernels, by one.
void EntryPlan::copyWritten(ArrayRef<ir::WriteOp> writes) {
  b.setInsertionPoint(entry.front().getTerminator());
  SmallVector<Value> values;
  SmallVector<Location> locations;
  for (ir::WriteOp write : writes) {
    values.push_back(write.getValue());
    locations.push_back(write.getLoc());
  }
  auto copies = copyKernel(b, b.getFusedLoc(locations), "copy_state", values);
  for (auto [one, copy] : llvm::zip_equal(writes, copies.getResults())) {
    ir::WriteOp write = one;
    places[copy] = statePlace(write);
    write->moveBefore(entry.front().getTerminator());
    write.getValueMutable().assign(copy);
  }
}

ir::PlaceAttr EntryPlan::statePlace(ir::WriteOp write) {
  auto item = module.lookupSymbol<ir::StateOp>(write.getState());
  return ir::PlaceAttr::get(b.getContext(), ir::PlaceSpace::State, *item.getOffset());
}

void EntryPlan::placeOutputs() {
  for (auto [i, value] : llvm::enumerate(entry.front().getTerminator()->getOperands())) {
    auto result = dyn_cast<OpResult>(rootOf(value));
    if (result && isa<ir::KernelOp>(result.getOwner()) && !places.count(result))
      places[result] = ir::PlaceAttr::get(b.getContext(), ir::PlaceSpace::Output, (int64_t)i);
  }
}

// What no kernel has built where the caller or the state wants it: small values are copied as the
// function returns, large ones on every thread. Results first: they may be old values of the state.
void EntryPlan::copyLarge() {
  Operation *terminator = entry.front().getTerminator();
  auto isMissing = [&](Value value, ir::PlaceAttr place) {
    return places.lookup(rootOf(value)) != place &&
           ir::byteSize(value.getType()) >= kernelCopyBytes;
  };
  for (OpOperand &result : terminator->getOpOperands()) {
    auto place = ir::PlaceAttr::get(b.getContext(), ir::PlaceSpace::Output,
                                    (int64_t)result.getOperandNumber());
    if (!isMissing(result.get(), place))
      continue;
    b.setInsertionPoint(terminator);
    Value copy = copyKernel(b, terminator->getLoc(), "copy_result", result.get()).getResult(0);
    places[copy] = place;
    result.set(copy);
  }
  for (auto write : llvm::make_early_inc_range(entry.getOps<ir::WriteOp>()))
    if (isMissing(write.getValue(), statePlace(write)))
      copyWritten(write);
}

// A result may take the memory of an operand that dies here.
bool EntryPlan::takeOver(ir::KernelOp kernel, unsigned output) {
  if (apart)
    return false;
  for (auto [i, input] : llvm::enumerate(kernel.getInputs())) {
    auto known = storageOf.find(rootOf(input));
    if (known == storageOf.end() || lastUse[rootOf(input)] != position[kernel] ||
        storages[known->second].interval.last != position[kernel] ||
        !mayOverwrite(kernel, i, output))
      continue;
    OpResult result = kernel->getResult(output);
    Storage &storage = storages[known->second];
    if (storage.values.back().getDefiningOp() == kernel)
      continue; // another result has it
    storage.interval.last = std::max(position[kernel], lastUse.lookup(result));
    storage.values.push_back(result);
    storageOf[result] = known->second;
    return true;
  }
  return false;
}

void EntryPlan::collectStorages() {
  for (auto kernel : entry.getOps<ir::KernelOp>()) {
    int64_t now = position[kernel];
    for (OpResult result : kernel->getResults()) {
      if (places.count(result) || takeOver(kernel, result.getResultNumber()))
        continue;
      storageOf[result] = storages.size();
      storages.push_back(
          {{ir::byteSize(result.getType()), now, std::max(now, lastUse.lookup(result))},
           {result},
           {}});
    }
    if (auto scratch = kernel->getAttrOfType<IntegerAttr>(ir::scratchAttrName))
      storages.push_back({{scratch.getInt(), now, now}, {}, kernel});
  }
}

void EntryPlan::attach() {
  std::vector<BufferInterval> intervals;
  for (const Storage &storage : storages)
    intervals.push_back(storage.interval);
  int64_t arena = assignOffsets(intervals, apart);
  for (auto [storage, interval] : llvm::zip_equal(storages, intervals)) {
    auto place = ir::PlaceAttr::get(b.getContext(), ir::PlaceSpace::Arena, interval.offset);
    for (Value value : storage.values)
      places[value] = place;
    if (storage.scratchOf)
      storage.scratchOf->setAttr(ir::scratchPlaceAttrName, place);
  }
  for (auto kernel : entry.getOps<ir::KernelOp>()) {
    SmallVector<Attribute> list;
    for (Value result : kernel.getResults())
      list.push_back(places[result]);
    kernel.setPlacesAttr(b.getArrayAttr(list));
  }
  entry->setAttr("fluxion.arena_bytes", b.getI64IntegerAttr(arena));
}

LogicalResult EntryPlan::run() {
  dropBarriers();
  for (Operation &op : entry.front().without_terminator())
    if (!isa<ir::KernelOp, ir::ReadOp, ir::WriteOp, ir::CheckOp, ir::ReshapeOp, ir::ConstantOp>(op))
      return op.emitOpError("must be inside a kernel before memory is planned");
  mergeReads();
  guardSwaps();
  if (onGpu)
    chainChecks(entry);
  measure();
  placeState();
  placeOutputs();
  if (!onGpu) // whose copies are all parallel
    copyLarge();
  collectStorages();
  attach();
  return verifyPlan(entry);
}

struct PlanMemoryPass : impl::PlanMemoryPassBase<PlanMemoryPass> {
  using PlanMemoryPassBase::PlanMemoryPassBase;

  void runOnOperation() override {
    placeState(getOperation());
    for (func::FuncOp entry : entryPoints(getOperation()))
      if (failed(EntryPlan(entry, apart).run()))
        return signalPassFailure();
  }
};

} // namespace
} // namespace fluxion::passes
