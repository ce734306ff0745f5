// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs a kernel written in MLIR's `llvm` and `nvvm` dialects through the emulator.
#pragma once

#include "codegen/common/Target.h"
#include "codegen/llvm/Jit.h"
#include "codegen/llvm/LowerProgram.h"
#include "codegen/nvptx/Emulate.h"
#include "fluxion/simt.h"
#include "frontend/dsl/Trace.h"

#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

#include <gtest/gtest.h>

#include <cstring>

namespace fluxion_testing {

// A buffer of a kernel, or a tensor map, as bytes.
template <typename T> std::vector<std::byte> bytesOf(const std::vector<T> &values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}
template <typename T> std::vector<T> valuesOf(const std::vector<std::byte> &bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// What the kernel's host form refuses, or what the emulator reports; empty: nothing.
struct Emulation {
  std::vector<std::vector<std::byte>> buffers;
  std::string fault;
};

// `text` holds @kernel, a parameter a buffer, for `threads` threads of `blocks` blocks.
inline Emulation emulate(const std::string &text, std::vector<std::vector<std::byte>> buffers,
                         int threads, int blocks = 1, int dynamicShared = 0) {
  using namespace mlir;
  namespace codegen = fluxion::codegen;
  Emulation result{std::move(buffers), ""};
  std::string body = "\nllvm.func @body(%args: !llvm.ptr) {\n", passed, types;
  for (size_t i = 0; i < result.buffers.size(); ++i) {
    std::string n = std::to_string(i);
    body += "%s" + n + " = llvm.getelementptr %args[" + n +
            "] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr\n%a" + n + " = llvm.load %s" + n +
            " : !llvm.ptr -> !llvm.ptr\n";
    passed += (i ? ", %a" : "%a") + n;
    types += i ? ", !llvm.ptr" : "!llvm.ptr";
  }
  body += "llvm.call @kernel(" + passed + ") : (" + types + ") -> ()\nllvm.return\n}\n";
  auto context = fluxion::dsl::makeContext();
  context->loadDialect<LLVM::LLVMDialect, NVVM::NVVMDialect>();
  auto module = parseSourceString<ModuleOp>(text + body, context.get());
  EXPECT_TRUE(module);
  if (!module)
    return result;
  fluxion::ir::TargetInfo target = llvm::cantFail(codegen::parseTarget("cuda-emulated:sm_90a"));
  ScopedDiagnosticHandler refused(context.get(), [&](Diagnostic &diagnostic) {
    result.fault += diagnostic.str();
    return success();
  });
  if (failed(codegen::lowerToHost(*module, target)))
    return result;
  registerBuiltinDialectTranslation(*context);
  registerLLVMDialectTranslation(*context);
  llvm::LLVMContext llvmContext;
  codegen::LoweredProgram program;
  program.module = translateModuleToLLVMIR(*module, llvmContext);
  EXPECT_TRUE(program.module) << result.fault;
  fluxion::ir::TargetInfo host = codegen::hostPart(target);
  program.module->setTargetTriple(llvm::Triple(host.triple));
  std::string object = llvm::cantFail(codegen::emitObject(program, target, {}));
#define FX_ADDRESS(symbol) {#symbol, (void *)&symbol},
  auto linked =
      llvm::cantFail(codegen::linkInProcess({object}, "body", {FX_SIMT_SYMBOLS(FX_ADDRESS)}));
#undef FX_ADDRESS
  std::vector<void *> args;
  std::vector<int64_t> bytes;
  for (auto &buffer : result.buffers)
    args.push_back(buffer.data()), bytes.push_back((int64_t)buffer.size());
  fx_simt_on_fault([](const char *message, void *data) { *(std::string *)data = message; },
                   &result.fault);
  auto entry = (void (*)(void *const *))(void *)linked->program();
  fx_simt_launch(nullptr, entry, args.data(), bytes.data(), (int64_t)args.size(), blocks, 1, 1,
                 threads, 1, 1, dynamicShared, "mirror", "model.mlir:3:7");
  fx_simt_on_fault(nullptr, nullptr);
  return result;
}

} // namespace fluxion_testing
