// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One kernel for the host: the calls of fluxion/simt.h in place of what only a GPU has.
#pragma once

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace fluxion::codegen {

inline constexpr int32_t unchecked = INT32_MIN; // a region: tables and stacks

class KernelLowering {
public:
  KernelLowering(mlir::ModuleOp module, mlir::LLVM::LLVMFuncOp kernel)
      : module(module), kernel(kernel), b(kernel.getContext()), loc(kernel.getLoc()) {}
  mlir::LogicalResult run();

private:
  using Value = mlir::Value;
  using Type = mlir::Type;
  mlir::ModuleOp module;
  mlir::LLVM::LLVMFuncOp kernel;
  mlir::OpBuilder b;
  mlir::Location loc;
  Value self, sharedBase;
  llvm::SmallVector<mlir::LLVM::GlobalOp> variables; // of shared memory
  llvm::SmallVector<int64_t> offsets;
  int64_t sharedBytes = 0, granule = 8;
  llvm::SmallVector<int64_t> written; // by argument: 0 or 1
  uint32_t sites = 0;
  Value wordArray, sumArray, fragmentWords; // see entryArray

  Type pointer() { return mlir::LLVM::LLVMPointerType::get(b.getContext()); }
  Value number(int32_t value) {
    return mlir::LLVM::ConstantOp::create(b, loc, b.getI32Type(), b.getI32IntegerAttr(value));
  }
  Value wide(int64_t value) {
    return mlir::LLVM::ConstantOp::create(b, loc, b.getI64Type(), b.getI64IntegerAttr(value));
  }
  void eraseUnused();
  void findSharedVariables();
  int32_t regionOf(Value address);
  Value call(llvm::StringRef symbol, Type result, mlir::ValueRange arguments);
  Value field(unsigned index);
  void check(bool writes, Value address, Value bytes, int64_t elementBytes, int64_t align,
             int32_t region);
  void checkLanes(bool writes, Value address, Value mask, Type element, int32_t region);
  mlir::LogicalResult lower(mlir::Operation *op);
  bool lowerRegister(mlir::Operation *op);
  bool lowerMemory(mlir::Operation *op);
  void lowerShuffle(mlir::NVVM::ShflOp op);
  void emitLayout();
  Value entryArray(Type element, int64_t count); // memory of a thread, for the whole kernel

  // EmulateWarps.cpp: asynchronous copies, matrices of a warp.
  bool lowerWarps(mlir::Operation *op);
  bool lowerAsyncCopies(mlir::Operation *op);
  void lowerLoadMatrix(mlir::NVVM::LdMatrixOp op);
  bool lowerProduct(mlir::NVVM::MmaOp op);
  Value fragmentArray(int64_t fragment);

  // EmulateEngines.cpp: what works beside the threads.
  mlir::LogicalResult checkProducts();
  bool lowerEngines(mlir::Operation *op);
  bool lowerBarriers(mlir::Operation *op);
  bool lowerCopies(mlir::Operation *op);
  bool lowerProducts(mlir::Operation *op);
  void lowerProduct(mlir::NVVM::WgmmaMmaAsyncOp op);
  void lowerProduct(mlir::LLVM::InlineAsmOp op); // its left side in registers
  Value sumPlace(int32_t i);
  void putSums(mlir::ValueRange sums);
  Value takeSums(Type type);
  Value productFacts(llvm::ArrayRef<int32_t> facts);
  Value words(mlir::ValueRange values); // their address
  Value guarded(Value predicate);       // i32
};

} // namespace fluxion::codegen
