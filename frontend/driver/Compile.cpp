// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/driver/Compile.h"

#include "codegen/common/Backend.h"
#include "codegen/common/ObjectCache.h"
#include "codegen/common/Target.h"
#include "codegen/llvm/Aot.h"
#include "frontend/dsl/Trace.h"
#include "fluxion/simt.h"
#include "ir/Dialect.h"
#include "ir/ops/Update.h"
#include "passes/schedule/TuningDatabase.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"
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

// Keys and values that no backend reads would be ignored in silence.
void checkSchedule(const std::string &text, const ir::TargetInfo &target, MLIRContext *context) {
  std::string error;
  DictionaryAttr schedule = passes::parseScheduleText(text, context, error);
  if (!schedule)
    throw std::runtime_error("--schedule: " + error);
  for (NamedAttribute entry : schedule) {
    if (entry.getName() != "backend")
      throw std::runtime_error("unknown schedule key \"" + entry.getName().str() +
                               "\"; there is backend");
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

void runPasses(ModuleOp module, const Request &request, CompileInfo &info) {
  std::string messages;
  ScopedDiagnosticHandler handler(module.getContext(), [&](Diagnostic &diagnostic) {
    llvm::raw_string_ostream out(messages);
    if (auto at = dyn_cast<FileLineColLoc>(diagnostic.getLocation()))
      out << at.getFilename().getValue() << ":" << at.getLine() << ":" << at.getColumn() << ": ";
    out << diagnostic.str() << "\n";
    return success();
  });
  std::unique_ptr<ir::KernelModel> model = codegen::makeKernelModel();
  passes::PipelineOptions options;
  options.model = model.get();
  options.schedules = request.schedules;
  std::optional<passes::TuningDatabase> database;
  if (!request.options.tuning.empty()) {
    database = orThrow(passes::TuningDatabase::load(request.options.tuning));
    options.schedules = &*database;
  }
  options.schedule = request.options.schedule;
  options.skip = request.options.skip;
  options.stopAfter = request.stopAfter;
  options.memory = request.apart ? passes::MemoryMode::Apart : passes::MemoryMode::Planned;
  options.reproducer = request.reproducer;
  options.fusion = request.fusion;
  options.timing = [&](llvm::StringRef, llvm::StringRef pass, double seconds) {
    info.seconds.push_back({pass.str(), seconds});
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
  if (failed(passes::runPipeline(module, options)))
    throw std::runtime_error(llvm::StringRef(messages).trim().str());
}

} // namespace

Product compileModule(ModuleOp module, const Request &request) {
  Product product;
  ir::TargetInfo target = orThrow(codegen::parseTarget(request.options.target));
  checkSchedule(request.options.schedule, target, module.getContext());
  product.planned = module.clone();
  ModuleOp planned = *product.planned;
  planned->setAttr(ir::targetAttrName, target.toAttr(module.getContext()));
  runPasses(planned, request, product.info);
  countKernels(planned, product.info);
  if (!request.stopAfter.empty())
    return product;

  std::string text = textOf(planned);
  codegen::LowerOptions options;
  options.name = request.name;
  options.hash = codegen::ObjectCache::hash({text});
  product.descriptor = "fx_" + codegen::identifier(request.name) + "_program";
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
  std::string key = codegen::ObjectCache::hash(
      {text, request.name, request.mainFor, FLUXION_VERSION, std::to_string(FX_ABI_VERSION)});
  if (auto objects = cache.load(key)) {
    product.objects = std::move(*objects);
    product.info.from_cache = true;
    return product;
  }
  Stopwatch lowering;
  llvm::LLVMContext context;
  codegen::LoweredProgram lowered = orThrow(codegen::lowerProgram(planned, context, options));
  if (!request.mainFor.empty())
    codegen::emitMain(*lowered.module, lowered.descriptor, request.mainFor);
  product.info.seconds.push_back({"lower", lowering.seconds()});
  Stopwatch emission;
  if (request.llvmIr) {
    std::string ir;
    llvm::raw_string_ostream out(ir);
    lowered.module->print(out, nullptr);
    product.objects = {ir};
  } else if (request.assembly) {
    product.objects = {orThrow(codegen::emitAssembly(lowered, target))};
  } else {
    product.objects = {orThrow(codegen::emitObject(lowered, target, options))};
    product.objects.insert(product.objects.end(), lowered.extraObjects.begin(),
                           lowered.extraObjects.end());
    cache.store(key, product.objects);
  }
  product.info.seconds.push_back({"emit", emission.seconds()});
  return product;
}

std::unique_ptr<codegen::LinkedProgram> link(const Product &product) {
#define FX_ADDRESS(symbol) {#symbol, (void *)&symbol},
  return orThrow(codegen::linkInProcess(
      product.objects, product.descriptor,
      {FX_SIMT_SYMBOLS(FX_ADDRESS){"fx_parallel_for", (void *)&fx_parallel_for}}));
#undef FX_ADDRESS
}

} // namespace fluxion::driver
