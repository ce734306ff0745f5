// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/LaunchTable.h"

#include "codegen/llvm/EntryPoints.h"
#include "ir/Work.h"
#include "ir/ops/Shape.h"
#include "ir/ops/Update.h"

#include "llvm/ADT/BitVector.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

int64_t ConstantBlock::add(DenseElementsAttr elements) {
  auto [known, isNew] = offsets.try_emplace(elements, (int64_t)block.size());
  if (!isNew)
    return known->second;
  if (elements.getElementType().isInteger(1)) // storage of i1 is one byte
    elements = elements.mapValues(IntegerType::get(elements.getContext(), 8),
                                  [](const APInt &bit) { return bit.zext(8); });
  ArrayRef<char> raw = elements.getRawData();
  int64_t count = elements.isSplat() ? elements.getNumElements() : 1;
  for (int64_t i = 0; i < count; ++i)
    block.append(raw.data(), raw.size());
  block.resize((block.size() + 63) / 64 * 64);
  return known->second;
}

namespace {

constexpr fx_place nowhere{FX_SPACE_NONE, 0, 0};

bool operator==(const fx_place &a, const fx_place &b) {
  return a.space == b.space && a.slot == b.slot && a.offset == b.offset;
}

// The nearest line of a model: fused locations are searched, the first file wins.
std::string lineOf(Location location) {
  std::string text;
  location->walk([&](Location part) {
    auto line = dyn_cast<FileLineColLoc>(part);
    if (!line)
      return WalkResult::advance();
    text = line.getFilename().str() + ":" + std::to_string(line.getLine()) + ":" +
           std::to_string(line.getColumn());
    return WalkResult::interrupt();
  });
  return text;
}

struct Range {
  fx_place place;
  int64_t bytes = 0;
  bool written = false;
  bool conflicts(const Range &other) const {
    return (written || other.written) && place.space == other.place.space &&
           place.slot == other.place.slot &&
           place.offset < other.place.offset + (uint64_t)other.bytes &&
           other.place.offset < place.offset + (uint64_t)bytes;
  }
};

SmallVector<Range> rangesOf(const TableLaunch &launch) {
  SmallVector<Range> ranges;
  int64_t guard = (int64_t)launch.args.size() - 1;
  for (auto [i, place] : llvm::enumerate(launch.args))
    if (launch.bytes[i])
      ranges.push_back({place, launch.bytes[i], (int64_t)i >= launch.reads && (int64_t)i != guard});
  return ranges;
}

// Whatever touches the same memory, unless both only read it, stays in order. What remains is split
// over a few branches, each in order too: more cost the host time and the device little.
void orderLaunches(std::vector<TableLaunch> &launches) {
  constexpr size_t mostBranches = 4;
  std::vector<SmallVector<Range>> ranges;
  std::vector<llvm::BitVector> before; // all that must have ended
  std::vector<int64_t> branches;       // their last launches
  for (auto [i, launch] : llvm::enumerate(launches)) {
    SmallVector<Range> own = rangesOf(launch);
    llvm::BitVector implied(launches.size());
    for (size_t j = i; j-- > 0;) {
      bool conflict = !implied[j] && llvm::any_of(own, [&](const Range &range) {
        return llvm::any_of(ranges[j], [&](const Range &other) { return range.conflicts(other); });
      });
      if (!conflict)
        continue;
      launch.after.push_back((uint32_t)j);
      implied |= before[j];
      implied.set(j);
    }
    // Behind the latest launch that this one follows anyway; else a branch of its own, or the one
    // that was left alone longest.
    int64_t *best = nullptr;
    for (int64_t &last : branches)
      if (implied[last] && (!best || last > *best))
        best = &last;
    if (!best && branches.size() < mostBranches)
      best = &branches.emplace_back();
    else if (!best) {
      best = &*llvm::min_element(branches);
      llvm::erase_if(launch.after, [&](uint32_t j) { return before[*best][j]; });
      launch.after.push_back((uint32_t)*best);
      implied |= before[*best];
      implied.set(*best);
    }
    *best = (int64_t)i;
    ranges.push_back(own);
    before.push_back(implied);
  }
}

class TableMaker {
public:
  TableMaker(func::FuncOp entry, ConstantBlock &constants)
      : entry(entry), module(entry->getParentOfType<ModuleOp>()), constants(constants) {}
  FailureOr<LaunchTable> run(llvm::function_ref<const EmittedKernel &(ir::KernelOp)> emitted);

private:
  func::FuncOp entry;
  ModuleOp module;
  ConstantBlock &constants;
  LaunchTable table;
  int64_t checksLeft = 0;
  DenseMap<Value, fx_place> places;

  static fx_place at(ir::PlaceAttr place);
  FailureOr<fx_place> statePlace(Operation *user, StringRef name);
  LogicalResult visit(Operation &op,
                      llvm::function_ref<const EmittedKernel &(ir::KernelOp)> emitted);
  LogicalResult launch(ir::KernelOp kernel, const EmittedKernel &emitted);
  LogicalResult finish();
  int32_t writerOf(fx_place place) const;
  void copy(Value value, fx_place to);
};

fx_place TableMaker::at(ir::PlaceAttr place) {
  auto slot = (uint64_t)place.getSlot();
  switch (place.getSpace()) {
  case ir::PlaceSpace::Arena:
    return {FX_SPACE_ARENA, 0, slot};
  case ir::PlaceSpace::State:
    return {FX_SPACE_STATE, 0, slot};
  case ir::PlaceSpace::Constant:
    return {FX_SPACE_CONSTANT, 0, slot};
  case ir::PlaceSpace::Input:
    return {FX_SPACE_INPUT, (uint32_t)slot, 0};
  case ir::PlaceSpace::Output:
    return {FX_SPACE_OUTPUT, (uint32_t)slot, 0};
  }
  return nowhere;
}

FailureOr<fx_place> TableMaker::statePlace(Operation *user, StringRef name) {
  auto item = module.lookupSymbol<ir::StateOp>(name);
  if (!item || !item.getOffset())
    return user->emitOpError("state @") << name << " has no planned offset";
  return fx_place{FX_SPACE_STATE, 0, (uint64_t)*item.getOffset()};
}

LogicalResult TableMaker::launch(ir::KernelOp kernel, const EmittedKernel &emitted) {
  TableLaunch launch;
  launch.where = lineOf(kernel.getLoc());
  auto pass = [&](fx_place place, int64_t bytes) {
    launch.args.push_back(place);
    launch.bytes.push_back(place.space == FX_SPACE_NONE ? 0 : bytes);
  };
  for (Value input : kernel.getInputs()) {
    auto known = places.find(input);
    if (known == places.end())
      return kernel.emitOpError("an operand has no planned place");
    pass(known->second, ir::byteSize(input.getType()));
  }
  launch.reads = (int64_t)launch.args.size();
  if (!kernel.getPlaces())
    return kernel.emitOpError("has no planned places");
  for (auto [result, place] : llvm::zip_equal(kernel.getResults(), *kernel.getPlaces())) {
    places[result] = at(cast<ir::PlaceAttr>(place));
    pass(places[result], ir::byteSize(result.getType()));
  }
  auto scratch = kernel->getAttrOfType<ir::PlaceAttr>(ir::scratchPlaceAttrName);
  auto bytes = kernel->getAttrOfType<IntegerAttr>(ir::scratchAttrName);
  pass(scratch ? at(scratch) : nowhere, bytes ? bytes.getInt() : 0);
  // State is written after the last check alone; what it depends on must run in any case.
  bool guarded = checksLeft == 0 && !table.checks.empty();
  launch.guard = guarded ? (int32_t)table.checks.size() - 1 : -1;
  pass(guarded ? table.checks.back() : nowhere, 1);
  for (const KernelLaunch &shape : emitted.launches) {
    launch.shape = shape;
    if (guarded) // a library asks no check
      launch.shape.call.reset();
    table.launches.push_back(launch);
  }
  if (emitted.launches.empty())
    return success();
  TableLaunch &last = table.launches.back();
  for (const ProbedValue &value : probedResults(entry, kernel)) {
    last.probed.push_back(value);
    last.probedPlaces.push_back(places[value.value]);
  }
  return success();
}

LogicalResult TableMaker::visit(Operation &op,
                                llvm::function_ref<const EmittedKernel &(ir::KernelOp)> emitted) {
  if (auto kernel = dyn_cast<ir::KernelOp>(op))
    return launch(kernel, emitted(kernel));
  if (auto read = dyn_cast<ir::ReadOp>(op)) {
    FailureOr<fx_place> place = statePlace(read, read.getState());
    if (succeeded(place))
      places[read.getValue()] = *place;
    return place;
  }
  if (auto view = dyn_cast<ir::ReshapeOp>(op)) {
    auto known = places.find(view.getX());
    if (known == places.end())
      return view.emitOpError("views a value without a place");
    fx_place place = known->second;
    places[view.getY()] = place;
    return success();
  }
  if (auto constant = dyn_cast<ir::ConstantOp>(op)) {
    int64_t offset = constants.add(cast<DenseElementsAttr>(constant.getValue()));
    places[constant.getY()] = {FX_SPACE_CONSTANT, 0, (uint64_t)offset};
    return success();
  }
  if (auto check = dyn_cast<ir::CheckOp>(op)) {
    table.checks.push_back(places.lookup(check.getPred()));
    table.checkLaunches.push_back(writerOf(table.checks.back()));
    --checksLeft;
    return success();
  }
  if (isa<ir::WriteOp, func::ReturnOp>(op)) // after all kernels
    return success();
  return op.emitOpError("cannot be part of a planned entry point");
}

void TableMaker::copy(Value value, fx_place to) {
  fx_place from = places.lookup(value);
  if (!(from == to))
    table.copies.push_back({from, to, (uint64_t)ir::byteSize(value.getType())});
}

int32_t TableMaker::writerOf(fx_place place) const {
  for (size_t l = table.launches.size(); l-- > 0;) {
    const TableLaunch &launch = table.launches[l];
    for (size_t i = launch.reads; i + 1 < launch.args.size(); ++i)
      if (launch.args[i] == place && launch.bytes[i])
        return (int32_t)l;
  }
  return -1;
}

LogicalResult TableMaker::finish() {
  for (auto [i, value] : llvm::enumerate(entry.front().getTerminator()->getOperands()))
    copy(value, {FX_SPACE_OUTPUT, (uint32_t)i, 0});
  for (auto write : entry.getOps<ir::WriteOp>()) {
    FailureOr<fx_place> place = statePlace(write, write.getState());
    if (failed(place))
      return failure();
    bool copies = !(places.lookup(write.getValue()) == *place);
    if (copies && !table.checks.empty())
      return write.emitOpError("after a check must be done by a kernel on this target");
    copy(write.getValue(), *place);
  }
  return success();
}

FailureOr<LaunchTable>
TableMaker::run(llvm::function_ref<const EmittedKernel &(ir::KernelOp)> emitted) {
  checksLeft = llvm::range_size(entry.getOps<ir::CheckOp>());
  for (auto [i, argument] : llvm::enumerate(entry.getArguments()))
    places[argument] = {FX_SPACE_INPUT, (uint32_t)i, 0};
  for (Operation &op : entry.front())
    if (failed(visit(op, emitted)))
      return failure();
  if (failed(finish()))
    return failure();
  orderLaunches(table.launches);
  return std::move(table);
}

} // namespace

FailureOr<LaunchTable>
fluxion::codegen::makeLaunchTable(func::FuncOp entry, ConstantBlock &constants,
                                  llvm::function_ref<const EmittedKernel &(ir::KernelOp)> emitted) {
  return TableMaker(entry, constants).run(emitted);
}

FailureOr<EntryPoint> fluxion::codegen::tabulateEntryPoint(
    func::FuncOp entry, ConstantBlock &constants, StringRef symbol,
    llvm::function_ref<const EmittedKernel &(ir::KernelOp)> emitted) {
  FailureOr<LaunchTable> table = makeLaunchTable(entry, constants, emitted);
  if (failed(table))
    return failure();
  EntryPoint point;
  point.symbol = symbol.str();
  for (auto check : entry.getOps<ir::CheckOp>())
    point.checks.push_back(check.getMessage().str());
  point.kernels = (int64_t)table->launches.size();
  point.table = std::move(*table);
  return point;
}
