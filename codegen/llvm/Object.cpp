// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LLVM IR to object code: optimisation of kernels that are vectorised by construction.
#include "codegen/llvm/LowerProgram.h"

#include "codegen/common/Target.h"
#include "fluxion/abi.h"

#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

using namespace llvm;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

Expected<std::unique_ptr<TargetMachine>> machineFor(const ir::TargetInfo &target) {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  std::string error;
  const Target *description = TargetRegistry::lookupTarget(Triple(target.triple), error);
  if (!description)
    return createStringError("no code generator for " + target.triple + ": " + error);
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Standard; // fused where the generators ask for it
  return std::unique_ptr<TargetMachine>(
      description->createTargetMachine(Triple(target.triple), target.cpu, target.features, options,
                                       Reloc::PIC_, std::nullopt, CodeGenOptLevel::Default));
}

void setFunctionTargets(Module &module, const ir::TargetInfo &target) {
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.cpu);
    if (!target.features.empty())
      function.addFnAttr("target-features", target.features);
    if (target.vectorBytes >= 64) // LLVM prefers 256 bits on several AVX-512 machines
      function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr("min-legal-vector-width", std::to_string(target.vectorBytes * 8));
    function.addFnAttr(Attribute::NoUnwind);
  }
}

// Clean-up only: the loops are tiled and vectorised already, so LLVM's loop transformations would
// mostly cost compile time.
void optimise(Module &module, TargetMachine &machine) {
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager sccs;
  ModuleAnalysisManager modules;
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = tuning.LoopUnrolling =
      tuning.LoopInterleaving = false;
  PassBuilder builder(&machine, tuning);
  // No step may call libm or memset behind the planner's back.
  TargetLibraryInfoImpl library(module.getTargetTriple());
  library.disableAllFunctions();
  functions.registerPass([&] { return TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  ModulePassManager pipeline;
  cantFail(builder.parsePassPipeline(
      pipeline, "function(sroa,early-cse<memssa>,simplifycfg,instcombine<no-verify-fixpoint>,loop-"
                "mssa(loop-simplifycfg,licm),"
                "early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,adce),globaldce"));
  pipeline.run(module, modules);
}

Expected<std::string> emit(LoweredProgram &program, const ir::TargetInfo &target,
                           CodeGenFileType type) {
  auto machine = machineFor(target);
  if (!machine)
    return machine.takeError();
  Module &module = *program.module;
  std::string broken;
  raw_string_ostream messages(broken);
  if (verifyModule(module, &messages))
    return createStringError("generated LLVM IR is not valid: " + broken);
  SmallVector<char, 0> bytes;
  raw_svector_ostream out(bytes);
  (*machine)->Options.MCOptions.AsmVerbose = true; // loops and spills are named in comments
  legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, out, nullptr, type, /*DisableVerify=*/true))
    return createStringError(target.triple + " cannot emit this kind of file");
  passes.run(module);
  return std::string(bytes.begin(), bytes.end());
}

Error prepare(LoweredProgram &program, const ir::TargetInfo &target, const LowerOptions &options) {
  auto machine = machineFor(target);
  if (!machine)
    return machine.takeError();
  program.module->setDataLayout((*machine)->createDataLayout());
  setFunctionTargets(*program.module, target);
  optimise(*program.module, **machine);
  if (options.dump) {
    std::string text;
    raw_string_ostream out(text);
    program.module->print(out, nullptr);
    options.dump("llvm", text);
  }
  return Error::success();
}

} // namespace

Expected<std::string> fluxion::codegen::emitObject(LoweredProgram &program,
                                                   const ir::TargetInfo &target,
                                                   const LowerOptions &options) {
  ir::TargetInfo host = hostPart(target);
  if (Error error = prepare(program, host, options))
    return std::move(error);
  return emit(program, host, CodeGenFileType::ObjectFile);
}

Expected<std::string> fluxion::codegen::emitAssembly(LoweredProgram &program,
                                                     const ir::TargetInfo &target) {
  for (const Image &image : program.images)
    if (image.kind == FX_IMAGE_PTX)
      return image.bytes;
  ir::TargetInfo host = hostPart(target);
  if (Error error = prepare(program, host, {}))
    return std::move(error);
  return emit(program, host, CodeGenFileType::AssemblyFile);
}
