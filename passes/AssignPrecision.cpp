// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Passes.h"

#include "ir/Shapes.h"
#include "ir/ops/Contraction.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Elementwise.h"

using namespace mlir;

namespace fluxion::passes {
#define GEN_PASS_DEF_ASSIGNPRECISIONPASS
#include "passes/Passes.h.inc"

namespace {

using ir::typeOf;

struct AssignPrecisionPass : impl::AssignPrecisionPassBase<AssignPrecisionPass> {
  using AssignPrecisionPassBase::AssignPrecisionPassBase;

  void runOnOperation() override {
    if (!llvm::is_contained({"f32", "tf32", "bf16"}, precision)) {
      getOperation().emitError() << "unknown precision '" << precision
                                 << "'; it is f32, tf32 or bf16";
      return signalPassFailure();
    }
    if (precision == "f32")
      return;
    getOperation().walk([&](Operation *op) {
      if (!isa<ir::DotGeneralOp, ir::ConvolutionOp>(op) ||
          !typeOf(op->getResult(0)).getElementType().isF32() ||
          !typeOf(op->getOperand(0)).getElementType().isF32())
        return;
      if (precision == "bf16")
        makeNarrow(op);
      else
        op->setAttr("precision", ir::PrecisionAttr::get(&getContext(), ir::Precision::Tf32));
    });
  }

private:
  DenseMap<Value, Value> narrowed;

  // Converted where it is made, so that what computes it may store it narrow.
  Value narrow(Value value) {
    Value &known = narrowed[value];
    if (known)
      return known;
    OpBuilder b(&getContext());
    b.setInsertionPointAfterValue(value);
    auto type = RankedTensorType::get(typeOf(value).getShape(), b.getBF16Type());
    return known = ir::ConvertOp::create(b, value.getLoc(), type, value);
  }

  void makeNarrow(Operation *op) {
    for (OpOperand &operand : op->getOpOperands())
      operand.set(narrow(operand.get()));
    op->setAttr("wide_result", UnitAttr::get(&getContext()));
  }
};

} // namespace
} // namespace fluxion::passes
