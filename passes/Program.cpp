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

static LogicalResult checkStatic(Operation *at, Type type, const Twine &what) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (tensor && tensor.hasStaticShape())
    return success();
  return at->emitError() << what << " is " << type << ", expected a tensor of static shape";
}

static LogicalResult checkEntry(func::FuncOp entry) {
  std::string name = ("entry point @" + entry.getSymName()).str();
  if (entry.isExternal() || !entry.getBody().hasOneBlock())
    return entry.emitError() << name << " has "
                             << (entry.isExternal() ? "no body" : "several blocks")
                             << ", expected a body of one block";
  for (auto [i, type] : llvm::enumerate(entry.getArgumentTypes()))
    if (failed(checkStatic(entry, type, "argument " + Twine(i) + " of " + name)))
      return failure();
  WalkResult walk = entry.walk([&](Operation *op) {
    if (!isa<func::FuncOp, func::ReturnOp>(op) && !isa<ir::FluxionDialect>(op->getDialect())) {
      op->emitError() << op->getName().getStringRef() << " cannot be part of " << name
                      << ", expected ops of the fluxion dialect";
      return WalkResult::interrupt();
    }
    for (Type type : op->getResultTypes())
      if (failed(checkStatic(op, type, "a result of " + op->getName().getStringRef())))
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
    if (failed(checkStatic(item, item.getType(), "state @" + item.getSymName())))
      return failure();
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(ir::entryAttrName) && failed(checkEntry(function)))
      return failure();
  return success();
}
