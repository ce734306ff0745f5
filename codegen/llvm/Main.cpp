// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/LowerProgram.h"

#include "llvm/IR/IRBuilder.h"

using namespace llvm;

// int main(int argc, char **argv) { return fx_train_main(&program, data, argc, argv); }
void fluxion::codegen::emitMain(Module &module, StringRef descriptor, StringRef data) {
  LLVMContext &c = module.getContext();
  Type *i32 = Type::getInt32Ty(c);
  PointerType *pointer = PointerType::getUnqual(c);
  FunctionCallee train =
      module.getOrInsertFunction("fx_train_main", i32, pointer, pointer, i32, pointer);
  Function *main = Function::Create(FunctionType::get(i32, {i32, pointer}, false),
                                    GlobalValue::ExternalLinkage, "main", module);
  IRBuilder<> b(BasicBlock::Create(c, "entry", main));
  Value *kind = b.CreateGlobalString(data, "fx_data_kind");
  b.CreateRet(b.CreateCall(
      train, {module.getNamedValue(descriptor), kind, main->getArg(0), main->getArg(1)}));
}
