// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every pass by flag, on text.
#include "codegen/common/Backend.h"
#include "ir/Dialect.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<fluxion::ir::FluxionDialect, mlir::func::FuncDialect>();
  mlir::registerTransformsPasses();
  std::unique_ptr<fluxion::ir::KernelModel> model = fluxion::codegen::makeKernelModel();
  fluxion::passes::registerPasses(model.get());
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "fluxion-opt: passes of Fluxion by flag\n", registry));
}
