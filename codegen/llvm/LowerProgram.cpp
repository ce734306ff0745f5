// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/LowerProgram.h"

#include "codegen/common/Backend.h"
#include "codegen/common/Target.h"
#include "codegen/llvm/Descriptor.h"
#include "codegen/llvm/EmulatedEntry.h"
#include "codegen/llvm/EntryPoints.h"
#include "codegen/llvm/LaunchTable.h"
#include "codegen/nvptx/Emulate.h"
#include "ir/ops/Update.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

std::string fluxion::codegen::identifier(StringRef name) {
  std::string text;
  for (char c : name)
    text += isalnum((unsigned char)c) ? c : '_';
  return text.empty() || isdigit((unsigned char)text[0]) ? "_" + text : text;
}

namespace {

// Equal kernels compile once: the key is the kernel without its name and addresses.
std::string kernelKey(ir::KernelOp kernel) {
  ir::KernelOp copy = kernel.clone();
  copy.setName("");
  copy.removePlacesAttr();
  copy->removeAttr(ir::scratchPlaceAttrName);
  std::string text;
  llvm::raw_string_ostream out(text);
  // Free operands of a detached op print as <<UNKNOWN SSA VALUE>>: their types and number still
  // count.
  copy->print(
      out, OpPrintingFlags().printGenericOpForm().useLocalScope().elideLargeElementsAttrs(1 << 20));
  copy->erase();
  return text;
}

class ProgramLowering {
public:
  ProgramLowering(ModuleOp planned, const LowerOptions &options)
      : planned(planned), options(options), target(ir::TargetInfo::of(planned)) {}

  LogicalResult run(LoweredProgram &out);
  OwningOpRef<ModuleOp> lowered, deviceKernels; // the latter where kernels become images
  std::vector<std::pair<func::FuncOp, EntryPoint>> entries;
  ConstantBlock constants;

private:
  ModuleOp planned;
  const LowerOptions &options;
  ir::TargetInfo target;
  std::map<std::string, EmittedKernel> kernels; // by key
  DenseMap<Operation *, const EmittedKernel *> emittedOf;

  LogicalResult emitKernels(OpBuilder &b, LoweredProgram &out);
  LogicalResult emitEntries(OpBuilder &b, LoweredProgram &out);
  void emitEmulatedEntries(OpBuilder &b);
  LogicalResult toLLVMDialect();
};

LogicalResult ProgramLowering::emitKernels(OpBuilder &b, LoweredProgram &out) {
  WalkResult walk = planned.walk([&](ir::KernelOp kernel) {
    auto [known, isNew] = kernels.try_emplace(kernelKey(kernel));
    if (isNew) {
      const Backend *backend = chooseBackend(kernel, target);
      if (!backend) {
        kernel.emitOpError("no backend of target ") << target.kind << " takes this kernel";
        return WalkResult::interrupt();
      }
      std::string symbol = identifier(kernel.getName()) + "_" + std::to_string(kernels.size());
      FailureOr<EmittedKernel> emitted = backend->emit(kernel, b, symbol, target);
      if (failed(emitted)) {
        kernel.emitOpError("backend ") << backend->name() << " failed to emit this kernel";
        return WalkResult::interrupt();
      }
      known->second = std::move(*emitted);
      if (!known->second.object.empty())
        out.extraObjects.push_back(known->second.object);
    }
    auto flops = kernel->getAttrOfType<IntegerAttr>("fluxion.flops");
    for (const KernelPhase &phase : known->second.phases) {
      ++out.kernels[phase.symbol];
      if (kernel.getKind() == ir::KernelKind::Contract && flops)
        out.contractions[phase.symbol] = (double)flops.getInt();
    }
    for (const KernelLaunch &launch : known->second.launches) {
      ++out.kernels[launch.symbol];
      if (launch.call)
        for (const auto *turn : {&launch.call->before, &launch.call->behind})
          if (*turn)
            ++out.kernels[(*turn)->launch.symbol];
    }
    emittedOf[kernel] = &known->second;
    return WalkResult::skip();
  });
  return failure(walk.wasInterrupted());
}

LogicalResult ProgramLowering::toLLVMDialect() {
  PassManager pm(planned.getContext(), ModuleOp::getOperationName());
  pm.enableVerifier(false);
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  return pm.run(*lowered);
}

LogicalResult ProgramLowering::emitEntries(OpBuilder &b, LoweredProgram &out) {
  std::string prefix = "fx_" + identifier(options.name) + "_";
  auto phasesOf = [&](ir::KernelOp kernel) -> const EmittedKernel & {
    return *emittedOf.lookup(kernel);
  };
  for (auto entry : planned.getOps<func::FuncOp>()) {
    if (!entry->hasAttr(ir::entryAttrName))
      continue;
    b.setInsertionPointToEnd(lowered->getBody());
    std::string symbol = prefix + identifier(entry.getSymName());
    FailureOr<EntryPoint> point = target.isGpu()
                                      ? tabulateEntryPoint(entry, constants, symbol, phasesOf)
                                      : emitEntryPoint(entry, b, symbol, phasesOf);
    if (failed(point))
      return failure();
    llvm::append_range(out.forks, point->forks);
    entries.emplace_back(entry, std::move(*point));
  }
  return success();
}

void ProgramLowering::emitEmulatedEntries(OpBuilder &b) {
  std::string block =
      constants.bytes().empty() ? "" : "fx_" + identifier(options.name) + "_constants";
  b.setInsertionPointToEnd(lowered->getBody());
  if (!block.empty())
    emitConstantBlock(b, planned.getLoc(), block, constants.bytes());
  for (auto &[function, point] : entries) {
    b.setInsertionPointToEnd(lowered->getBody());
    emitEmulatedEntry(b, function.getLoc(), point.symbol, *point.table, block);
  }
}

LogicalResult ProgramLowering::run(LoweredProgram &out) {
  MLIRContext *context = planned.getContext();
  context->loadDialect<LLVM::LLVMDialect, vector::VectorDialect, scf::SCFDialect,
                       arith::ArithDialect, func::FuncDialect>();
  lowered = ModuleOp::create(planned.getLoc());
  OpBuilder b = OpBuilder::atBlockEnd(lowered->getBody());
  if (target.kind == "cuda") {
    deviceKernels = ModuleOp::create(planned.getLoc());
    b.setInsertionPointToEnd(deviceKernels->getBody());
  } else if (target.kind == "cpu") {
    Type pointer = LLVM::LLVMPointerType::get(context);
    LLVM::LLVMFuncOp::create(
        b, planned.getLoc(), "fx_parallel_for",
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context),
                                    {pointer, pointer, pointer, b.getI64Type()}));
  }
  if (failed(emitKernels(b, out)) || failed(emitEntries(b, out)))
    return failure();
  if (target.kind == "cuda-emulated")
    emitEmulatedEntries(b);
  if (options.dump) {
    std::string text;
    llvm::raw_string_ostream(text) << *(deviceKernels ? deviceKernels : lowered);
    options.dump("lower", text);
  }
  if (target.kind == "cuda-emulated" && failed(lowerToHost(*lowered, target)))
    return failure();
  return toLLVMDialect();
}

} // namespace

llvm::Expected<LoweredProgram> fluxion::codegen::lowerProgram(ModuleOp planned,
                                                              llvm::LLVMContext &context,
                                                              const LowerOptions &options) {
  std::string messages;
  ScopedDiagnosticHandler handler(planned.getContext(), [&](Diagnostic &diagnostic) {
    messages += diagnostic.str() + "\n";
    return success();
  });
  LoweredProgram program;
  ProgramLowering lowering(planned, options);
  if (failed(lowering.run(program)))
    return llvm::createStringError("lowering failed: " + messages);

  registerBuiltinDialectTranslation(*planned.getContext());
  registerLLVMDialectTranslation(*planned.getContext());
  program.module = translateModuleToLLVMIR(*lowering.lowered, context, options.name);
  if (!program.module)
    return llvm::createStringError("translation to LLVM IR failed: " + messages);
  ir::TargetInfo target = ir::TargetInfo::of(planned);
  program.module->setTargetTriple(llvm::Triple(hostPart(target).triple));
  if (lowering.deviceKernels) {
    auto images = emitImages(*lowering.deviceKernels, target, options);
    if (!images)
      return llvm::createStringError("no GPU code: " + llvm::toString(images.takeError()));
    program.images = std::move(*images);
  }
  program.descriptor = emitDescriptor(*program.module, planned, lowering.entries,
                                      {program.images, lowering.constants.bytes()}, options);
  return program;
}
