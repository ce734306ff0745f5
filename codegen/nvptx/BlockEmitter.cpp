// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/BlockEmitter.h"

#include "codegen/common/Shapes.h"
#include "codegen/nvptx/hopper/Instructions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

Value BlockEmitter::thread() {
  Value id = NVVM::ThreadIdXOp::create(b, loc, b.getI32Type());
  return widened(id);
}

Value BlockEmitter::blockIndex(int dimension) {
  Type i32 = b.getI32Type();
  Value id = dimension == 0   ? NVVM::BlockIdXOp::create(b, loc, i32).getResult()
             : dimension == 1 ? NVVM::BlockIdYOp::create(b, loc, i32).getResult()
                              : NVVM::BlockIdZOp::create(b, loc, i32).getResult();
  return widened(id);
}

Value BlockEmitter::narrow(Value value) {
  return arith::TruncIOp::create(b, loc, b.getI32Type(), value);
}

Value BlockEmitter::widened(Value value) {
  return arith::ExtUIOp::create(b, loc, b.getI64Type(), value);
}

void BlockEmitter::branch(Value condition, Body then, Body otherwise) {
  auto region = [&](Body body) {
    return [this, body](OpBuilder &, Location) {
      KeptScope scope(puller);
      body();
      scf::YieldOp::create(b, loc);
    };
  };
  if (otherwise)
    scf::IfOp::create(b, loc, condition, region(then), region(otherwise));
  else
    scf::IfOp::create(b, loc, condition, region(then));
}

BlockEmitter::Values BlockEmitter::choose(Value condition, llvm::function_ref<Values()> then,
                                          ValueRange otherwise) {
  auto made = scf::IfOp::create(
      b, loc, condition,
      [&](OpBuilder &, Location) {
        KeptScope scope(puller);
        scf::YieldOp::create(b, loc, then());
      },
      [&](OpBuilder &, Location) { scf::YieldOp::create(b, loc, otherwise); });
  return Values(made.getResults());
}

Value BlockEmitter::isBelow(Value value, int64_t bound) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, value, number(bound));
}

Value BlockEmitter::like(Value x, int64_t y) {
  return arith::ConstantOp::create(b, loc, b.getIntegerAttr(x.getType(), y));
}
Value BlockEmitter::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(b, loc, condition, x, y);
}
Value BlockEmitter::subtract(Value x, Value y) { return arith::SubIOp::create(b, loc, x, y); }
Value BlockEmitter::plus(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
Value BlockEmitter::times(Value x, int64_t y) {
  return y == 1 ? x : arith::MulIOp::create(b, loc, x, like(x, y)).getResult();
}
Value BlockEmitter::over(Value x, int64_t y) {
  return y == 1 ? x : arith::DivUIOp::create(b, loc, x, like(x, y)).getResult();
}
Value BlockEmitter::modulo(Value x, int64_t y) {
  return y == 1 ? like(x, 0) : arith::RemUIOp::create(b, loc, x, like(x, y)).getResult();
}

Index BlockEmitter::positions(Value flat, ArrayRef<int64_t> sizes) {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  // 32-bit division is several times cheaper.
  bool isNarrow = count < (int64_t(1) << 31);
  auto constant = [&](int64_t value) -> Value {
    return isNarrow ? arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(value)).getResult()
                    : number(value);
  };
  Index index(sizes.size());
  Value rest = isNarrow ? narrow(flat) : flat;
  for (int64_t d = (int64_t)sizes.size() - 1; d >= 0; --d) {
    if (sizes[d] <= 1) {
      index[d] = access.constant(0);
      continue;
    }
    bool isLast = llvm::all_of(sizes.take_front(d), [](int64_t size) { return size == 1; });
    Value at = isLast ? rest : arith::RemUIOp::create(b, loc, rest, constant(sizes[d])).getResult();
    if (!isLast)
      rest = arith::DivUIOp::create(b, loc, rest, constant(sizes[d]));
    index[d] = access.dimension(
        isNarrow ? arith::ExtUIOp::create(b, loc, b.getI64Type(), at).getResult() : at);
  }
  return index;
}

Index BlockEmitter::lanePositions(Value flat, ArrayRef<int64_t> sizes, int64_t lanes) {
  if (lanes == 1)
    return positions(flat, sizes);
  SmallVector<int64_t> blocks(sizes);
  blocks.back() /= lanes;
  Index index = positions(flat, blocks);
  index.back() = access.dimension(times(access.scalar(index.back()), lanes));
  access.setLanes(lanes, index.back(), lanes);
  return index;
}

Index BlockEmitter::runPositions(Value flat, ArrayRef<SmallVector<int64_t>> runs, int64_t lanes) {
  SmallVector<int64_t> sizes;
  for (const SmallVector<int64_t> &run : runs)
    sizes.push_back(product(run));
  Index index;
  for (auto [position, run] : llvm::zip_equal(lanePositions(flat, sizes, lanes), runs))
    index.append(split(position, run));
  return index;
}

// Quotients of quotients: where memory is in order the parts cancel each other again.
Index BlockEmitter::split(AffineExpr flat, ArrayRef<int64_t> sizes) {
  Index index(sizes.size(), access.constant(0));
  for (int64_t d = (int64_t)sizes.size() - 1; d >= 0; --d) {
    bool isFirst = llvm::all_of(sizes.take_front(d), [](int64_t size) { return size == 1; });
    if (sizes[d] == 1)
      continue;
    index[d] = isFirst ? flat : flat % sizes[d];
    flat = flat.floorDiv(sizes[d]);
  }
  return index;
}

void BlockEmitter::emitBody() {
  switch (phase.kind) {
  case Phase::Map:
    return emitMaps(phase.stores);
  case Phase::Row:
    return emitRows();
  case Phase::Scatter:
    return emitScatter();
  case Phase::Combine:
    return emitCombine();
  case Phase::Reduce:
    return emitReductions();
  case Phase::Pack:
  case Phase::PadInput:
    llvm_unreachable("only planned for CPUs");
  }
}

// Tensor maps are parameters by value: their addresses are those of the parameters.
void BlockEmitter::describeMaps(size_t first) {
  if (launch.maps.empty())
    return;
  constexpr int64_t mapBytes = 128, mapAlignment = 64;
  SmallVector<int64_t> described;
  for (auto [i, map] : llvm::enumerate(launch.maps)) {
    described.push_back(map.buffer);
    function.setArgAttr(first + i, "llvm.byval",
                        TypeAttr::get(LLVM::LLVMArrayType::get(b.getI8Type(), mapBytes)));
    function.setArgAttr(first + i, "llvm.align", b.getI64IntegerAttr(mapAlignment));
    function.setArgAttr(first + i, "nvvm.grid_constant", b.getUnitAttr());
  }
  function->setAttr(mapBuffersAttrName, b.getDenseI64ArrayAttr(described));
}

// Blocks may be started while the launches ahead end, and touch no memory before.
void BlockEmitter::startEarly(Block *entry) {
  launch.dependent = target.computeCapability() >= 90;
  if (!launch.dependent)
    return;
  b.setInsertionPointToStart(entry);
  NVVM::GriddepcontrolOp::create(b, loc, NVVM::GridDepActionKind::wait);
}

KernelLaunch BlockEmitter::emitLaunch(StringRef symbol, ArrayRef<StoredValue> earlier,
                                      int64_t part) {
  this->part = part;
  OpBuilder::InsertionGuard restore(b);
  launch.symbol = symbol.str();
  launch.maps = tensorMaps();
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  size_t addresses = kernel.getInputs().size() + kernel.getNumResults() + 2;
  SmallVector<Type> types(addresses + launch.maps.size(), pointer);
  function = LLVM::LLVMFuncOp::create(
      b, loc, symbol, LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), types));
  access.emit.module = function->getParentOfType<ModuleOp>();
  Block *entry = function.addEntryBlock(b);
  arguments.assign(entry->getArguments().begin(), entry->getArguments().end());
  for (auto [i, argument] : llvm::enumerate(kernel.getBody().getArguments()))
    buffers[argument] = arguments[i];

  Value guard = arguments[addresses - 1];
  describeMaps(addresses);
  startEarly(entry);

  // A launch whose guard failed does nothing.
  Block *check = b.createBlock(&function.getBody()), *body = b.createBlock(&function.getBody()),
        *leave = b.createBlock(&function.getBody());
  b.setInsertionPointToEnd(entry);
  Value none = LLVM::ZeroOp::create(b, loc, pointer);
  LLVM::CondBrOp::create(b, loc, LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq, guard, none),
                         body, check);
  b.setInsertionPointToStart(check);
  Value byte = LLVM::LoadOp::create(b, loc, b.getI8Type(), guard);
  Value zero = LLVM::ConstantOp::create(b, loc, b.getI8Type(), b.getI8IntegerAttr(0));
  LLVM::CondBrOp::create(b, loc, LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq, byte, zero),
                         leave, body);
  b.setInsertionPointToStart(body);
  for (const StoredValue &stored : earlier)
    if (!buffers.count(stored.value))
      buffers[stored.value] = addressOf(stored);
  emitBody();
  // Not sooner: blocks that wait crowd some multiprocessors, and their own work is then uneven.
  if (launch.dependent)
    NVVM::GriddepcontrolOp::create(b, loc, NVVM::GridDepActionKind::launch_dependents);
  LLVM::BrOp::create(b, loc, ValueRange(), leave);
  b.setInsertionPointToStart(leave);
  LLVM::ReturnOp::create(b, loc, ValueRange());

  int64_t threads = launch.block[0] * launch.block[1] * launch.block[2];
  function->setAttr("nvvm.kernel", b.getUnitAttr());
  function->setAttr("nvvm.reqntid", b.getDenseI32ArrayAttr({(int32_t)threads, 1, 1}));
  if (leastBlocks)
    function->setAttr("nvvm.minctasm", b.getI32IntegerAttr((int32_t)leastBlocks));
  return launch;
}
