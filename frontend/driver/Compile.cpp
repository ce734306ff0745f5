// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/driver/Compile.h"

#include "codegen/common/Backend.h"
#include "codegen/common/Libraries.h"
#include "codegen/common/ObjectCache.h"
#include "codegen/common/Target.h"
#include "codegen/llvm/Aot.h"
#include "codegen/nvptx/Image.h"
#include "fluxion/simt.h"
#include "frontend/driver/Targets.h"
#include "frontend/dsl/Trace.h"
#include "ir/Dialect.h"
#include "ir/ops/Update.h"
#include "passes/report/Reproducer.h"
#include "runtime/core/HalideHooks.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <chrono>
#include <stdexcept>

using namespace mlir;

namespace fluxion::driver {
namespace {

class Stopwatch {
public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

private:
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

template <typename T> T orThrow(llvm::Expected<T> value) {
  if (!value)
    throw std::runtime_error(llvm::toString(value.takeError()));
  return std::move(*value);
}

void orThrow(llvm::Error error) {
  if (error)
    throw std::runtime_error(llvm::toString(std::move(error)));
}

// Text that decides the object: the planned module without locations, with the target in its
// attributes.
std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream out(text);
  module.print(out, OpPrintingFlags().elideLargeElementsAttrs(int64_t(1) << 40).useLocalScope());
  return text;
}

void countKernels(ModuleOp module, CompileInfo &info) {
  llvm::StringMap<int> distinct;
  module.walk([&](ir::KernelOp kernel) {
    ++info.kernels;
    distinct[passes::kernelFingerprint(kernel)]++;
  });
  info.distinct_kernels = (int64_t)distinct.size();
  for (auto entry : module.getOps<func::FuncOp>())
    if (auto bytes = entry->getAttrOfType<IntegerAttr>("fluxion.arena_bytes"))
      info.arena_bytes = std::max(info.arena_bytes, bytes.getInt());
  if (auto bytes = module->getAttrOfType<IntegerAttr>("fluxion.state_bytes"))
    info.state_bytes = bytes.getInt();
}

// A backend that does not exist would read as one that takes no kernel.
void checkSchedule(const std::string &text, const ir::TargetInfo &target, MLIRContext *context) {
  std::string error;
  DictionaryAttr schedule = passes::parseScheduleText(text, context, error);
  if (!schedule)
    throw std::runtime_error("--schedule: " + error);
  for (NamedAttribute entry : schedule) {
    if (entry.getName() != "backend") // the schedule pass knows the rest, kernel by kernel
      continue;
    std::vector<std::string> names;
    for (const auto &backend : codegen::backendsFor(target))
      names.push_back(backend->name().str());
    auto value = dyn_cast<StringAttr>(entry.getValue());
    std::string given = value ? value.getValue().str() : "";
    if (llvm::is_contained(names, given))
      continue;
    std::string close = dsl::nearest(given, names);
    throw std::runtime_error("unknown backend \"" + given + "\"; " +
                             (close.empty() ? "it is one of " + llvm::join(names, ", ")
                                            : "did you mean " + close + "?"));
  }
}

// Names that the pipeline would also refuse, in the words of the command line.
void checkPasses(const std::vector<std::string> &skip) {
  std::vector<std::string> names;
  for (passes::PassName pass : passes::pipelinePasses())
    names.push_back(pass.pass.str());
  for (const std::string &name : skip)
    if (!llvm::is_contained(names, name))
      throw std::runtime_error(dsl::unknownName("pass", name, names));
}

// The program as it was before the pass pipeline, and the command that meets the error again.
std::string replayNote(ModuleOp traced, const CompileOptions &options) {
  if (options.reproducer.empty())
    return "";
  return "\n  note: " +
         passes::writeReproducer(traced, options.reproducer, [&](const std::string &file) {
           std::string command = "fluxion run " + file + " --target=" + options.target;
           if (!options.schedule.empty())
             command += " --schedule=" + options.schedule;
           if (options.precision != "f32")
             command += " --precision=" + options.precision;
           if (!options.skip.empty())
             command += " --skip=" + llvm::join(options.skip, ",");
           return command;
         });
}

// Runs a stage after the passes; what fails in it is the compiler's own mistake, a crash included.
void guarded(ModuleOp traced, const Request &request, const std::string &stage,
             llvm::function_ref<llvm::Error()> run) {
  std::string problem = "it crashed";
  std::exception_ptr thrown;
  llvm::CrashRecoveryContext guard;
  bool finished = guard.RunSafely([&] {
    try {
      llvm::Error error = run();
      problem = error ? llvm::toString(std::move(error)) : "";
    } catch (...) {
      thrown = std::current_exception();
    }
  });
  if (thrown)
    std::rethrow_exception(thrown);
  if (!finished || !problem.empty())
    throw InternalError("internal error in stage '" + stage + "': " + problem +
                        replayNote(traced, request.options));
}

void runPasses(ModuleOp module, const Request &request, Product &product) {
  std::string messages;
  ScopedDiagnosticHandler handler(module.getContext(), [&](Diagnostic &diagnostic) {
    llvm::raw_string_ostream out(messages);
    if (auto at = dyn_cast<FileLineColLoc>(diagnostic.getLocation()))
      out << at.getFilename().getValue() << ":" << at.getLine() << ":" << at.getColumn() << ": ";
    out << diagnostic.str() << "\n";
    for (Diagnostic &note : diagnostic.getNotes())
      out << "  note: " << note.str() << "\n";
    return success();
  });
  std::unique_ptr<ir::KernelModel> model = codegen::makeKernelModel();
  passes::PipelineOptions options;
  options.model = request.model ? request.model : model.get();
  options.schedules = request.schedules;
  if (!request.options.tuning.empty()) {
    product.tuning = orThrow(passes::TuningDatabase::load(request.options.tuning));
    options.schedules = &*product.tuning;
  }
  options.schedule = request.options.schedule;
  options.precision = request.options.precision;
  options.skip = request.options.skip;
  options.stopAfter = request.stopAfter;
  options.memory = request.apart ? passes::MemoryMode::Apart : passes::MemoryMode::Planned;
  options.reproducer = request.options.reproducer;
  options.fusion = request.fusion;
  options.timing = [&](llvm::StringRef, llvm::StringRef pass, double seconds) {
    product.info.seconds.push_back({pass.str(), seconds});
  };
  if (!request.options.dump.empty()) {
    if (auto error = llvm::sys::fs::create_directories(request.options.dump))
      throw std::runtime_error("cannot create " + request.options.dump + ": " + error.message());
    options.dump = [&](llvm::StringRef pass, ModuleOp after) {
      std::string text;
      llvm::raw_string_ostream(text) << after;
      orThrow(codegen::writeFile(request.options.dump + "/" + passes::dumpFileName(pass), text));
    };
  }
  if (succeeded(passes::runPipeline(module, options)))
    return;
  std::string text = llvm::StringRef(messages).trim().str();
  if (text.find("internal error") != std::string::npos)
    throw InternalError(text);
  throw std::runtime_error(text);
}

// From the planned program to objects, or to the text that the request asks for.
void lowerAndEmit(ModuleOp traced, ModuleOp planned, const Request &request,
                  const codegen::LowerOptions &options, Product &product) {
  Stopwatch lowering;
  llvm::LLVMContext context;
  codegen::LoweredProgram lowered;
  guarded(traced, request, "lower", [&]() -> llvm::Error {
    llvm::Expected<codegen::LoweredProgram> result =
        codegen::lowerProgram(planned, context, options);
    if (!result)
      return result.takeError();
    lowered = std::move(*result);
    return llvm::Error::success();
  });
  if (!request.mainFor.empty())
    codegen::emitMain(*lowered.module, lowered.descriptor, request.mainFor);
  product.info.seconds.push_back({"lower", lowering.seconds()});
  if (request.llvmIr) {
    std::string ir;
    llvm::raw_string_ostream out(ir);
    lowered.module->print(out, nullptr);
    product.objects = {ir};
    return;
  }
  Stopwatch emission;
  guarded(traced, request, "emit", [&]() -> llvm::Error {
    ir::TargetInfo target = ir::TargetInfo::of(planned);
    llvm::Expected<std::string> text = request.assembly
                                           ? codegen::emitAssembly(lowered, target)
                                           : codegen::emitObject(lowered, target, options);
    if (!text)
      return text.takeError();
    product.objects = {std::move(*text)};
    if (request.assembly)
      product.findings = codegen::lintCode(lowered, product.objects[0]);
    return llvm::Error::success();
  });
  if (!request.assembly)
    product.objects.insert(product.objects.end(), lowered.extraObjects.begin(),
                           lowered.extraObjects.end());
  product.info.seconds.push_back({"emit", emission.seconds()});
}

// What decides the machine code of a GPU beside the program: the assembler, if there is one.
std::string assemblerOf(ModuleOp planned) {
  return ir::TargetInfo::of(planned).kind == "cuda" ? codegen::findPtxas() : "";
}

// The program for the one target of the request; `options` name it among those of other targets.
Product compileForTarget(ModuleOp module, const Request &request, codegen::LowerOptions options) {
  Product product;
  product.planned = module.clone();
  ModuleOp planned = *product.planned;
  planned->setAttr(
      ir::targetAttrName,
      orThrow(codegen::parseTarget(request.options.target)).toAttr(module.getContext()));
  runPasses(planned, request, product);
  countKernels(planned, product.info);
  if (!request.stopAfter.empty())
    return product;

  std::string text = textOf(planned);
  options.hash = codegen::ObjectCache::hash({text});
  product.descriptor = options.descriptor;
  if (!request.options.dump.empty())
    options.dump = [&](llvm::StringRef stage, llvm::StringRef form) {
      orThrow(codegen::writeFile(
          (request.options.dump + "/90-" + stage + (stage == "llvm" ? ".ll" : ".mlir")).str(),
          form));
    };
  codegen::CacheOptions cacheOptions;
  cacheOptions.enabled =
      request.options.cache && !request.assembly && !request.llvmIr && request.options.dump.empty();
  codegen::ObjectCache cache(cacheOptions);
  std::string key =
      codegen::ObjectCache::hash({text, request.name, request.mainFor, codegen::compilerIdentity(),
                                  options.descriptor, options.next, assemblerOf(planned)});
  if (auto objects = cache.load(key)) {
    product.objects = std::move(*objects);
    product.info.from_cache = true;
    return product;
  }
  lowerAndEmit(module, planned, request, options, product);
  if (!request.assembly && !request.llvmIr)
    cache.store(key, product.objects);
  return product;
}

} // namespace

std::string newReproducer() {
  SmallString<128> path;
  llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, path);
  llvm::sys::path::append(path, "fluxion-reproducer-%%%%%%.mlir");
  return path.str().str();
}

void checkOptions(const CompileOptions &options, MLIRContext *context) {
  if (options.threads < 0)
    throw std::runtime_error("--threads takes a positive number, not " +
                             std::to_string(options.threads));
  for (const std::string &target : splitTargets(options.target))
    checkSchedule(options.schedule, orThrow(codegen::parseTarget(target)), context);
  if (std::vector<std::string> names = {"f32", "tf32", "bf16"};
      !llvm::is_contained(names, options.precision))
    throw std::runtime_error(dsl::unknownName("precision", options.precision, names));
  checkPasses(options.skip);
  if (!options.tuning.empty())
    orThrow(passes::TuningDatabase::load(options.tuning));
}

Product compileModule(ModuleOp module, const Request &request) {
  checkOptions(request.options, module.getContext());
  std::vector<std::string> targets = splitTargets(request.options.target);
  bool oneText = request.assembly || request.llvmIr || !request.stopAfter.empty();
  if (oneText && targets.size() > 1)
    throw std::runtime_error("--target=" + request.options.target +
                             ": the program is shown for one target at a time");
  Product all;
  for (auto [i, target] : llvm::enumerate(targets)) {
    Request one = request;
    one.options.target = target;
    if (targets.size() > 1 && !one.options.dump.empty())
      one.options.dump += "/" + codegen::identifier(target);
    if (i > 0)
      one.mainFor.clear();
    codegen::LowerOptions options;
    options.name = request.name;
    options.descriptor = codegen::descriptorSymbol(request.name, i);
    if (i + 1 < targets.size())
      options.next = codegen::descriptorSymbol(request.name, i + 1);
    Product product = compileForTarget(module, one, options);
    if (i == 0) {
      all = std::move(product);
      continue;
    }
    all.objects.insert(all.objects.end(), product.objects.begin(), product.objects.end());
    for (auto &[stage, seconds] : product.info.seconds)
      all.info.seconds.push_back({target + " " + stage, seconds});
    all.info.from_cache &= product.info.from_cache;
  }
  return all;
}

std::unique_ptr<codegen::LinkedProgram> link(const Product &product) {
#define FX_ADDRESS(symbol) {#symbol, (void *)&symbol},
  std::vector<std::pair<std::string, void *>> runtime = {
      FX_SIMT_SYMBOLS(FX_ADDRESS){"fx_parallel_for", (void *)&fx_parallel_for},
      {"fx_cuda_runtime", (void *)&fx_cuda_runtime}};
#undef FX_ADDRESS
  for (auto [name, address] : rt::halideHooks())
    runtime.emplace_back(name, address);
  return orThrow(codegen::linkInProcess(product.objects, product.descriptor, runtime));
}

} // namespace fluxion::driver
