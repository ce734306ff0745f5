// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Passes.h"

#include "ir/Dialect.h"

using namespace mlir;

namespace fluxion::passes {
#define GEN_PASS_DEF_DECOMPOSEPASS
#include "passes/Passes.h.inc"

namespace {

// The composite's name stays in the location of what it becomes.
Location namedAfter(Operation *composite) {
  StringRef name = composite->getName().stripDialect();
  return NameLoc::get(StringAttr::get(composite->getContext(), name), composite->getLoc());
}

LogicalResult decompose(ir::CompositeOpInterface composite) {
  Operation *op = composite;
  OpBuilder builder(op);
  ir::Emitter emit(builder, namedAfter(op));
  SmallVector<Value> results = composite.decompose(emit);
  if (results.size() != op->getNumResults())
    return op->emitOpError() << "decomposes into " << results.size() << " values, expected "
                             << op->getNumResults();
  for (auto [result, value] : llvm::zip_equal(op->getResults(), results))
    if (result.getType() != value.getType())
      return op->emitOpError() << "decomposes into " << value.getType() << ", expected "
                               << result.getType();
  op->replaceAllUsesWith(results);
  op->erase();
  return success();
}

struct DecomposePass : impl::DecomposePassBase<DecomposePass> {
  using DecomposePassBase::DecomposePassBase;

  void runOnOperation() override {
    // A definition may use composites; definitions are not recursive, so this ends.
    while (true) {
      SmallVector<ir::CompositeOpInterface> composites;
      getOperation().walk([&](ir::CompositeOpInterface op) { composites.push_back(op); });
      if (composites.empty())
        return;
      for (ir::CompositeOpInterface op : composites)
        if (failed(decompose(op)))
          return signalPassFailure();
    }
  }
};

} // namespace
} // namespace fluxion::passes
