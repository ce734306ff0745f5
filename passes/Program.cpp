// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Program.h"

#include "ir/Target.h"
#include "ir/ops/Update.h"

using namespace mlir;
using namespace fluxion;

SmallVector<func::FuncOp> fluxion::passes::entryPoints(ModuleOp module) {
  SmallVector<func::FuncOp> entries;
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(ir::entryAttrName) && !function.isExternal())
      entries.push_back(function);
  return entries;
}

// No machine addresses more; sums of many tensors' sizes stay far from overflow.
static constexpr int64_t largestTensor = int64_t(1) << 47;

static bool isElement(Type type) {
  return type.isF64() || type.isF32() || type.isBF16() || type.isF16() ||
         type.isUnsignedInteger(8) ||
         llvm::any_of(ArrayRef<unsigned>{1, 8, 16, 32, 64},
                      [&](unsigned width) { return type.isSignlessInteger(width); });
}

static LogicalResult checkTensor(Operation *at, Type type, const Twine &what) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return at->emitError() << what << " is " << type << ", expected a tensor of static shape";
  if (!isElement(tensor.getElementType()))
    return at->emitError() << what << " is " << type
                           << ", expected elements f64, f32, bf16, f16, i64, i32, i16, i8, ui8 or "
                              "i1";
  int64_t bytes = (tensor.getElementTypeBitWidth() + 7) / 8;
  for (int64_t size : tensor.getShape()) {
    if (size == 0)
      return success();
    if (size > largestTensor / bytes)
      return at->emitError() << what << " is " << type << ", larger than any memory";
    bytes *= size;
  }
  return success();
}

static LogicalResult checkEntry(func::FuncOp entry) {
  std::string name = ("entry point @" + entry.getSymName()).str();
  if (entry.isExternal() || !entry.getBody().hasOneBlock())
    return entry.emitError() << name << " has "
                             << (entry.isExternal() ? "no body" : "several blocks")
                             << ", expected a body of one block";
  for (auto [i, type] : llvm::enumerate(entry.getArgumentTypes()))
    if (failed(checkTensor(entry, type, "argument " + Twine(i) + " of " + name)))
      return failure();
  WalkResult walk = entry.walk([&](Operation *op) {
    if (!isa<func::FuncOp, func::ReturnOp>(op) && !isa<ir::FluxionDialect>(op->getDialect())) {
      op->emitError() << op->getName().getStringRef() << " cannot be part of " << name
                      << ", expected ops of the fluxion dialect";
      return WalkResult::interrupt();
    }
    for (Type type : op->getResultTypes())
      if (failed(checkTensor(op, type, "a result of " + op->getName().getStringRef())))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return failure();
  llvm::StringMap<ir::WriteOp> written;
  for (auto write : entry.getOps<ir::WriteOp>())
    if (auto [known, isNew] = written.try_emplace(write.getState(), write); !isNew) {
      InFlightDiagnostic error = write.emitError()
                                 << "state @" << write.getState() << " is written twice in @"
                                 << entry.getSymName() << ", expected at most once";
      error.attachNote(known->second.getLoc()) << "first written here";
      return error;
    }
  return success();
}

LogicalResult fluxion::passes::checkProgram(ModuleOp module) {
  for (auto item : module.getOps<ir::StateOp>())
    if (failed(checkTensor(item, item.getType(), "state @" + item.getSymName())))
      return failure();
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(ir::entryAttrName) && failed(checkEntry(function)))
      return failure();
  return success();
}
