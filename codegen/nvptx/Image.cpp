// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/nvptx/Image.h"

#include "codegen/llvm/LowerProgram.h"
#include "fluxion/abi.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machineFor(const ir::TargetInfo &target) {
  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
  std::string error;
  llvm::Triple triple(target.triple);
  const llvm::Target *description = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!description)
    return llvm::createStringError("this LLVM makes no code for NVIDIA GPUs: " + error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict; // fused where the generators ask for it
  return std::unique_ptr<llvm::TargetMachine>(
      description->createTargetMachine(triple, target.cpu, target.features, options, std::nullopt,
                                       std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

LogicalResult toLLVMDialect(ModuleOp kernels) {
  PassManager pm(kernels.getContext(), ModuleOp::getOperationName());
  pm.enableVerifier(false);
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createConvertNVVMToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  return pm.run(kernels);
}

// Loops over elements are unrolled and addresses strengthened here; nothing may become a call.
void optimise(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = false;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::TargetLibraryInfoImpl library(module.getTargetTriple());
  library.disableAllFunctions();
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

} // namespace

llvm::Expected<std::string> fluxion::codegen::emitPtx(ModuleOp kernels,
                                                      const ir::TargetInfo &target,
                                                      const LowerOptions &options) {
  auto machine = machineFor(target);
  if (!machine)
    return machine.takeError();
  std::string messages;
  ScopedDiagnosticHandler handler(kernels.getContext(), [&](Diagnostic &diagnostic) {
    messages += diagnostic.str() + "\n";
    return success();
  });
  if (failed(toLLVMDialect(kernels)))
    return llvm::createStringError("lowering of GPU kernels failed: " + messages);
  registerBuiltinDialectTranslation(*kernels.getContext());
  registerLLVMDialectTranslation(*kernels.getContext());
  registerNVVMDialectTranslation(*kernels.getContext());
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = translateModuleToLLVMIR(kernels, context, "kernels");
  if (!module)
    return llvm::createStringError("translation of GPU kernels failed: " + messages);
  module->setTargetTriple(llvm::Triple(target.triple));
  module->setDataLayout((*machine)->createDataLayout());
  std::string broken;
  llvm::raw_string_ostream out(broken);
  if (llvm::verifyModule(*module, &out))
    return llvm::createStringError("generated LLVM IR of GPU kernels is not valid: " + broken);
  optimise(*module, **machine);
  if (options.dump) {
    std::string text;
    llvm::raw_string_ostream(text) << *module;
    options.dump("llvm", text);
  }
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream ptx(bytes);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, ptx, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return llvm::createStringError("this LLVM cannot write PTX");
  passes.run(*module);
  std::string text(bytes.begin(), bytes.end());
  if (options.dump)
    options.dump("ptx", text);
  return text;
}

std::string fluxion::codegen::findPtxas() {
  if (const char *given = std::getenv("FLUXION_PTXAS"))
    return given; // empty: none
  if (auto found = llvm::sys::findProgramByName("ptxas"))
    return *found;
  auto usual = llvm::sys::findProgramByName("ptxas", {"/usr/local/cuda/bin", "/opt/cuda/bin"});
  return usual ? *usual : "";
}

llvm::Expected<std::string>
fluxion::codegen::assemblePtx(StringRef ptx, const ir::TargetInfo &target, std::string *log) {
  std::string ptxas = findPtxas();
  if (ptxas.empty())
    return llvm::createStringError("ptxas was not found; it is part of the CUDA toolkit");
  SmallString<128> input, output, messages;
  if (auto error = llvm::sys::fs::createTemporaryFile("fluxion", "ptx", input))
    return llvm::createStringError("cannot write a temporary file: " + error.message());
  llvm::FileRemover removeInput(input);
  if (auto error = llvm::sys::fs::createTemporaryFile("fluxion", "cubin", output))
    return llvm::createStringError("cannot write a temporary file: " + error.message());
  llvm::FileRemover removeOutput(output);
  if (auto error = llvm::sys::fs::createTemporaryFile("fluxion", "log", messages))
    return llvm::createStringError("cannot write a temporary file: " + error.message());
  llvm::FileRemover removeMessages(messages);
  {
    std::error_code error;
    llvm::raw_fd_ostream file(input, error);
    file << ptx;
  }
  std::string arch = "--gpu-name=" + target.cpu;
  std::vector<StringRef> arguments{ptxas, arch, "-O3", "-v", input, "-o", output};
  std::string problem;
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(messages), StringRef(messages)};
  int code = llvm::sys::ExecuteAndWait(ptxas, arguments, std::nullopt, redirects, 0, 0, &problem);
  auto said = llvm::MemoryBuffer::getFile(messages);
  std::string text = said ? (*said)->getBuffer().str() : "";
  if (log)
    *log = text;
  if (code != 0)
    return llvm::createStringError("ptxas refused the kernels: " + problem + text);
  auto cubin = llvm::MemoryBuffer::getFile(output);
  if (!cubin)
    return llvm::createStringError("ptxas wrote no cubin");
  return (*cubin)->getBuffer().str();
}

llvm::Expected<std::vector<Image>> fluxion::codegen::emitImages(ModuleOp kernels,
                                                                const ir::TargetInfo &target,
                                                                const LowerOptions &options) {
  auto ptx = emitPtx(kernels, target, options);
  if (!ptx)
    return ptx.takeError();
  std::vector<Image> images{{target.cpu, FX_IMAGE_PTX, *ptx}};
  if (findPtxas().empty())
    return images;
  auto cubin = assemblePtx(*ptx, target);
  if (!cubin)
    return cubin.takeError();
  images.push_back({target.cpu, FX_IMAGE_CUBIN, std::move(*cubin)});
  return images;
}
