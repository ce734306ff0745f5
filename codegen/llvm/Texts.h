// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Zero-terminated texts that a host function names.
#pragma once

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace fluxion::codegen {

// Each text is one constant in front of the function.
class Texts {
public:
  Texts(mlir::OpBuilder &builder, mlir::LLVM::LLVMFuncOp function)
      : b(builder), function(function) {}

  mlir::Value operator()(llvm::StringRef value) {
    mlir::LLVM::GlobalOp &global = known[value];
    if (!global) {
      mlir::OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(function);
      std::string zeroed = value.str() + '\0';
      global = mlir::LLVM::GlobalOp::create(
          b, function.getLoc(), mlir::LLVM::LLVMArrayType::get(b.getI8Type(), zeroed.size()),
          /*isConstant=*/true, mlir::LLVM::Linkage::Private,
          (function.getSymName() + "_text" + llvm::Twine(known.size())).str(),
          b.getStringAttr(zeroed));
    }
    return mlir::LLVM::AddressOfOp::create(b, function.getLoc(), global);
  }

private:
  mlir::OpBuilder &b;
  mlir::LLVM::LLVMFuncOp function;
  llvm::StringMap<mlir::LLVM::GlobalOp> known;
};

} // namespace fluxion::codegen
