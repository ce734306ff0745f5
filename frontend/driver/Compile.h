// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The whole way from a traced module to objects: the one place that sees passes, codegen and the
// cache.
#pragma once

#include "codegen/llvm/CodeLint.h"
#include "codegen/llvm/Jit.h"
#include "codegen/llvm/LowerProgram.h"
#include "fluxion/compile.h"
#include "passes/Pipeline.h"
#include "passes/schedule/TuningDatabase.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>
#include <stdexcept>

namespace fluxion::driver {

struct Request {
  std::string name = "program";
  CompileOptions options;
  std::string stopAfter;                 // a stage: the module is left there and no object made
  bool apart = false;                    // every buffer at an address of its own
  bool fusion = true;                    // off: one kernel an op, for comparison
  std::string mainFor;                   // executable: also emit `main` for this kind of data
  bool assembly = false, llvmIr = false; // text in place of objects
  const passes::ScheduleSource *schedules = nullptr;
  const ir::KernelModel *model = nullptr; // in place of the backends'
};

struct Product {
  mlir::OwningOpRef<mlir::ModuleOp> planned;
  std::vector<std::string> objects;             // or one text
  std::string descriptor;                       // symbol of the fx_program
  std::vector<codegen::CodeFinding> findings;   // of the lint, where the request is for assembly
  std::optional<passes::TuningDatabase> tuning; // the one that the request names
  CompileInfo info;
};

// A mistake of the compiler's own: exit status 70. `what()` says where it happened and which file
// replays it.
struct InternalError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A reproducer in the temporary folder, a new file each time one is written.
std::string newReproducer();

// Throws std::runtime_error where an option has a value it cannot have.
void checkOptions(const CompileOptions &options, mlir::MLIRContext *context);

// The program's module is left as it was. User mistakes and broken modules throw
// std::runtime_error.
Product compileModule(mlir::ModuleOp module, const Request &request);

std::unique_ptr<codegen::LinkedProgram> link(const Product &product);

} // namespace fluxion::driver
