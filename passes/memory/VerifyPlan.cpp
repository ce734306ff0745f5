// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/memory/VerifyPlan.h"

#include "passes/fusion/OpClass.h"
#include "passes/memory/Values.h"

#include "ir/KernelModel.h"
#include "ir/ops/Shape.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

namespace {

struct Region {
  ir::PlaceSpace space;
  int64_t begin, end; // bytes; outputs are numbered far apart
  bool overlaps(const Region &other) const {
    return space == other.space && begin < other.end && other.begin < end;
  }
};

class Replay {
public:
  explicit Replay(func::FuncOp entry) : entry(entry), module(entry->getParentOfType<ModuleOp>()) {}
  LogicalResult run();

private:
  func::FuncOp entry;
  ModuleOp module;
  DenseMap<Value, Region> home;                   // of values that lie in planned memory
  SmallVector<std::pair<Region, Value>> contents; // which value each region holds now

  FailureOr<Region> stateRegion(Operation *user, StringRef name);
  Region regionOf(ir::PlaceAttr place, int64_t bytes);
  LogicalResult checkHolds(Operation *user, Value value);
  void store(const Region &region, Value value);
  bool isWrittenItem(const Region &region, Value result);
  LogicalResult replay(ir::KernelOp kernel);
  LogicalResult finish();
};

Region Replay::regionOf(ir::PlaceAttr place, int64_t bytes) {
  bool slots =
      place.getSpace() == ir::PlaceSpace::Output || place.getSpace() == ir::PlaceSpace::Input;
  int64_t begin = slots ? place.getSlot() << 40 : place.getSlot();
  return {place.getSpace(), begin, begin + bytes};
}

FailureOr<Region> Replay::stateRegion(Operation *user, StringRef name) {
  auto item = module.lookupSymbol<ir::StateOp>(name);
  if (!item || !item.getOffset())
    return user->emitOpError() << "memory plan: state @" << name << " has no offset";
  int64_t offset = *item.getOffset();
  return Region{ir::PlaceSpace::State, offset, offset + ir::byteSize(item.getType())};
}

LogicalResult Replay::checkHolds(Operation *user, Value value) {
  Value root = rootOf(value);
  auto known = home.find(root);
  if (known == home.end())
    return success(); // an input or a constant: nobody writes there
  for (auto &[region, holder] : contents)
    if (region.overlaps(known->second) && holder != root)
      return user->emitOpError() << "memory plan: an operand of type " << value.getType()
                                 << " has been overwritten before this use";
  return success();
}

void Replay::store(const Region &region, Value value) {
  SmallVector<std::pair<Region, Value>> kept;
  for (auto &[old, holder] : contents) {
    if (!old.overlaps(region)) {
      kept.push_back({old, holder});
      continue;
    }
    // What is left of the old value keeps its owner, so that later reads of all of it fail.
    if (old.begin < region.begin)
      kept.push_back({{old.space, old.begin, region.begin}, holder});
    if (region.end < old.end)
      kept.push_back({{old.space, region.end, old.end}, holder});
  }
  kept.push_back({region, value});
  contents = std::move(kept);
}

bool Replay::isWrittenItem(const Region &region, Value result) {
  return llvm::any_of(entry.getOps<ir::WriteOp>(), [&](ir::WriteOp write) {
    auto item = module.lookupSymbol<ir::StateOp>(write.getState());
    return item && item.getOffset() == (uint64_t)region.begin && rootOf(write.getValue()) == result;
  });
}

LogicalResult Replay::replay(ir::KernelOp kernel) {
  if (!kernel.getPlaces())
    return kernel.emitOpError("memory plan: no places");
  for (Value input : kernel.getInputs())
    if (failed(checkHolds(kernel, input)))
      return failure();
  SmallVector<Region> written;
  for (auto [i, result] : llvm::enumerate(kernel.getResults())) {
    Region region =
        regionOf(cast<ir::PlaceAttr>((*kernel.getPlaces())[i]), ir::byteSize(result.getType()));
    if (region.space == ir::PlaceSpace::Input || region.space == ir::PlaceSpace::Constant)
      return kernel.emitOpError("memory plan: a result in read-only memory");
    for (auto [j, input] : llvm::enumerate(kernel.getInputs())) {
      auto known = home.find(rootOf(input));
      if (known == home.end() || !known->second.overlaps(region))
        continue;
      if (known->second.begin != region.begin || known->second.end != region.end ||
          !mayOverwrite(kernel, j, i))
        return kernel.emitOpError()
               << "memory plan: result " << i << " overwrites operand " << j << " while it is read";
    }
    for (const Region &other : written)
      if (other.overlaps(region))
        return kernel.emitOpError() << "memory plan: result " << i << " overlaps another result";
    written.push_back(region);
  }
  if (auto scratch = kernel->getAttrOfType<ir::PlaceAttr>(ir::scratchPlaceAttrName)) {
    Region region =
        regionOf(scratch, kernel->getAttrOfType<IntegerAttr>(ir::scratchAttrName).getInt());
    auto clashes = [&](const Region &other) { return other.overlaps(region); };
    bool bad = llvm::any_of(written, clashes) || llvm::any_of(kernel.getInputs(), [&](Value input) {
                 auto known = home.find(rootOf(input));
                 return known != home.end() && clashes(known->second);
               });
    if (bad)
      return kernel.emitOpError("memory plan: scratch overlaps an operand or a result");
    store(region, Value());
  } else if (kernel->hasAttr(ir::scratchAttrName)) {
    return kernel.emitOpError("memory plan: scratch without a place");
  }
  for (auto [region, result] : llvm::zip_equal(written, kernel.getResults())) {
    if (region.space == ir::PlaceSpace::State && !isWrittenItem(region, result))
      return kernel.emitOpError("memory plan: a result in state that no write of it names");
    home[result] = region;
    store(region, result);
  }
  return success();
}

// At the end outputs are copied where they are not in place, then state items, in program order.
LogicalResult Replay::finish() {
  Operation *end = entry.front().getTerminator();
  for (Value value : end->getOperands())
    if (failed(checkHolds(end, value)))
      return failure();
  for (auto write : entry.getOps<ir::WriteOp>()) {
    FailureOr<Region> region = stateRegion(write, write.getState());
    if (failed(region) || failed(checkHolds(write, write.getValue())))
      return failure();
    Value root = rootOf(write.getValue());
    auto known = home.find(root);
    bool inPlace = known != home.end() && known->second.space == ir::PlaceSpace::State &&
                   known->second.begin == region->begin;
    if (!inPlace)
      store(*region, root);
  }
  if (ir::TargetInfo::of(module).isGpu()) // looked at when all launches are made
    for (auto check : entry.getOps<ir::CheckOp>())
      if (failed(checkHolds(end, check.getPred())))
        return failure();
  // Items that are not written keep their value.
  DenseSet<StringRef> names;
  for (auto write : entry.getOps<ir::WriteOp>())
    names.insert(write.getState());
  for (auto read : entry.getOps<ir::ReadOp>())
    if (!names.contains(read.getState()) && failed(checkHolds(end, read.getValue())))
      return failure();
  return success();
}

LogicalResult Replay::run() {
  for (auto item : module.getOps<ir::StateOp>())
    for (auto other : module.getOps<ir::StateOp>()) {
      if (item == other)
        break;
      FailureOr<Region> a = stateRegion(item, item.getSymName()),
                        b = stateRegion(other, other.getSymName());
      if (failed(a) || failed(b))
        return failure();
      if (a->overlaps(*b))
        return item.emitOpError() << "memory plan: overlaps state @" << other.getSymName();
    }
  // Every reader of an item sees its bytes at entry; equal reads share one identity.
  llvm::StringMap<Value> firstRead;
  for (auto read : entry.getOps<ir::ReadOp>()) {
    FailureOr<Region> region = stateRegion(read, read.getState());
    if (failed(region))
      return failure();
    if (!firstRead.try_emplace(read.getState(), read.getValue()).second)
      return read.emitOpError("memory plan: an item is read once a function");
    home[read.getValue()] = *region;
    contents.push_back({*region, read.getValue()});
  }
  bool wrote = false;
  for (Operation &op : entry.front().without_terminator()) {
    if (auto kernel = dyn_cast<ir::KernelOp>(op)) {
      if (failed(replay(kernel)))
        return failure();
      for (Value result : kernel.getResults())
        wrote |= home[result].space == ir::PlaceSpace::State;
    } else if (auto check = dyn_cast<ir::CheckOp>(op)) {
      if (wrote)
        return check.emitOpError("memory plan: state is written before this check can fail");
      if (failed(checkHolds(check, check.getPred())))
        return failure();
    }
  }
  return finish();
}

} // namespace

LogicalResult fluxion::passes::verifyPlan(func::FuncOp entry) { return Replay(entry).run(); }
