// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Addresses in emitted code.
#pragma once

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace fluxion::codegen {

// So many bytes behind a pointer. Arenas have sizes that constant indices of mlir::LLVM::GEPArg, of
// 29 bits, do not hold.
inline mlir::Value byteOffset(mlir::OpBuilder &b, mlir::Location loc, mlir::Value base,
                              int64_t bytes) {
  namespace LLVM = mlir::LLVM;
  if (bytes == 0)
    return base;
  mlir::Value offset = LLVM::ConstantOp::create(b, loc, b.getI64IntegerAttr(bytes));
  return LLVM::GEPOp::create(b, loc, base.getType(), b.getI8Type(), base,
                             llvm::ArrayRef<LLVM::GEPArg>{offset});
}

} // namespace fluxion::codegen
