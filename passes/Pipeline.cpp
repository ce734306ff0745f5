// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Pipeline.h"

#include "passes/Passes.h"
#include "passes/Program.h"
#include "passes/report/Reproducer.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

namespace {

constexpr PassName allPasses[] = {
    {"differentiate", "differentiate"},
    {"decompose", "decompose"},
    {"simplify", "simplify"},
    {"layout", "assign-layout"},
    {"precision", "assign-precision"},
    {"fuse", "fuse"},
    {"fuse", "outline"},
    {"schedule", "schedule"},
    {"order", "order"},
    {"plan-memory", "plan-memory"},
};
// Without these the program cannot be lowered at all.
constexpr StringLiteral requiredPasses[] = {"differentiate", "decompose", "outline", "schedule",
                                            "plan-memory"};

// The known names nearest to a misspelt one, for the error's last words.
std::string nearest(StringRef wanted, ArrayRef<StringRef> known) {
  SmallVector<StringRef> sorted(known);
  llvm::sort(sorted, [&](StringRef a, StringRef b) {
    return std::pair(wanted.edit_distance(a), a) < std::pair(wanted.edit_distance(b), b);
  });
  sorted.resize(std::min<size_t>(sorted.size(), 3));
  return llvm::join(sorted, ", ");
}

// Runs one pass after the other until one fails or the last wanted stage is done.
class Runner {
public:
  Runner(ModuleOp module, const PipelineOptions &options) : module(module), options(options) {}

  LogicalResult checkOptions();
  void pass(StringRef name, std::unique_ptr<Pass> pass);
  LogicalResult result() const { return failure(failed); }

private:
  ModuleOp module;
  const PipelineOptions &options;
  bool failed = false, done = false;

  void report(StringRef name, const std::string &pipeline, Operation *before, bool crashed);
};

LogicalResult Runner::checkOptions() {
  std::vector<StringRef> stages = stageNames();
  if (!options.stopAfter.empty() && !llvm::is_contained(stages, options.stopAfter))
    return module.emitError() << "unknown stage '" << options.stopAfter << "', did you mean one of "
                              << nearest(options.stopAfter, stages);
  SmallVector<StringRef> passes = llvm::map_to_vector(allPasses, [](PassName p) { return p.pass; });
  for (StringRef name : options.skip) {
    if (!llvm::is_contained(passes, name))
      return module.emitError() << "unknown pass '" << name << "', did you mean one of "
                                << nearest(name, passes);
    if (llvm::is_contained(requiredPasses, name))
      return module.emitError()
             << "pass '" << name
             << "' cannot be skipped, since later stages need what it establishes";
  }
  return success();
}

void Runner::pass(StringRef name, std::unique_ptr<Pass> pass) {
  const PassName *entry = llvm::find_if(allPasses, [&](PassName p) { return p.pass == name; });
  if (failed || done || llvm::is_contained(options.skip, name))
    return;
  if (!options.stopAfter.empty()) {
    const PassName *last =
        llvm::find_if(allPasses, [&](PassName p) { return p.stage == options.stopAfter; });
    if (entry->stage != last->stage && entry > last) {
      done = true;
      return;
    }
  }

  std::string pipeline;
  llvm::raw_string_ostream text(pipeline);
  pass->printAsTextualPipeline(text);
  Operation *before = options.reproducer.empty() ? nullptr : module->clone();
  PassManager manager(module.getContext(), ModuleOp::getOperationName());
  manager.enableVerifier(true);
  manager.addPass(std::move(pass));
  auto start = std::chrono::steady_clock::now();
  // Where the program asked for it, a crash is a failure of the pass like any other.
  bool finished =
      llvm::CrashRecoveryContext().RunSafely([&] { failed = mlir::failed(manager.run(module)); });
  failed |= !finished;
  std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  if (options.timing)
    options.timing(entry->stage, name, elapsed.count());
  if (failed && !module->removeAttr(inputErrorAttrName))
    report(name, pipeline, before, !finished);
  else if (!failed && options.dump)
    options.dump(name, module);
  if (before)
    before->erase();
}

void Runner::report(StringRef name, const std::string &pipeline, Operation *before, bool crashed) {
  InFlightDiagnostic error = module.emitError() << "internal error in pass '" << name << "'"
                                                << (crashed ? ": it crashed" : "");
  if (!before)
    return;
  error.attachNote() << writeReproducer(before, options.reproducer, [&](const std::string &file) {
    return "fluxion-opt --pass-pipeline='builtin.module(" + pipeline + ")' " + file;
  });
}

} // namespace

ArrayRef<PassName> fluxion::passes::pipelinePasses() { return allPasses; }

std::vector<StringRef> fluxion::passes::stageNames() {
  std::vector<StringRef> stages;
  for (PassName p : allPasses)
    if (stages.empty() || stages.back() != p.stage)
      stages.push_back(p.stage);
  return stages;
}

std::string fluxion::passes::dumpFileName(StringRef pass) {
  size_t index =
      llvm::find_if(allPasses, [&](PassName p) { return p.pass == pass; }) - std::begin(allPasses);
  return llvm::utostr((index + 1) / 10) + llvm::utostr((index + 1) % 10) + "-" + pass.str() +
         ".mlir";
}

LogicalResult fluxion::passes::runPipeline(ModuleOp module, const PipelineOptions &options) {
  Runner run(module, options);
  if (failed(run.checkOptions()) || failed(checkProgram(module)))
    return failure();

  // The program's gradients become ordinary ops, which every later pass optimises with the rest.
  run.pass("differentiate", createDifferentiatePass());

  // Composites give way to their definitions; from here on only primitives are met.
  run.pass("decompose", createDecomposePass());

  // Fewer and simpler ops: what forward and reverse pass share is computed once.
  run.pass("simplify", createSimplifyPass());

  // Convolutional nets run channels last, with transposes at the edges of the program only.
  if (options.layout)
    run.pass("assign-layout", createAssignLayoutPass());

  // Products and convolutions take the factors that the program asked for.
  run.pass("assign-precision", createAssignPrecisionPass({.precision = options.precision}));

  // Ops that share their loops become one kernel; whatever is left becomes one by itself.
  if (options.fusion)
    run.pass("fuse", createFusePass({.recompute = options.recompute}, options.model));
  run.pass("outline", createOutlinePass());

  // Each kernel gets its schedule from the database or the cost model, its backend and its cost.
  run.pass("schedule",
           createSchedulePass({.overrides = options.schedule}, options.model, options.schedules));

  // Kernels run in the order that lets buffers die early.
  run.pass("order", createOrderPass());

  // Every buffer gets its address; state is updated where it lies.
  run.pass("plan-memory", createPlanMemoryPass({.apart = options.memory == MemoryMode::Apart}));

  return run.result();
}
