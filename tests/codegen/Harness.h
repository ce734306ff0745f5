// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiled programs beside the reference evaluator, on the same random inputs.
#pragma once

#include "fluxion/runtime.h"
#include "frontend/driver/Compile.h"
#include "ir/reference/Eval.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fluxion_testing {

namespace driver = fluxion::driver;
namespace codegen = fluxion::codegen;
namespace ir = fluxion::ir;
namespace rt = fluxion::rt;
using fluxion::CompileInfo;
using fluxion::Program;

using State = ir::reference::State;
using Tensor = ir::reference::Tensor;

struct Inputs {
  double low = -2, high = 2;       // of floats
  int64_t lowest = 0, highest = 9; // of integers
  uint64_t seed = 1;
};
Tensor randomTensor(mlir::Type type, const Inputs &inputs, uint64_t salt);
std::vector<std::byte> toBytes(const Tensor &tensor);
Tensor fromBytes(mlir::Type type, const std::vector<std::byte> &bytes);
// The value an input has after rounding to its element type, so that both sides start from the same
// numbers.
Tensor rounded(const Tensor &tensor);

// A module and the program compiled from it.
class Case {
public:
  explicit Case(const std::string &text); // throws std::runtime_error where it does not parse
  explicit Case(const Program &program);

  // Results of the entry point; the state is carried along on each side.
  std::vector<Tensor> reference(const std::string &entry, const std::vector<Tensor> &inputs);
  std::vector<Tensor> compiled(const std::string &entry, const std::vector<Tensor> &inputs);
  void compile(const driver::Request &request, int threads = 2);
  void start(int threads); // what was compiled, once more
  // What the compiler writes in place of objects: assembly, PTX.
  std::string text(const driver::Request &request);
  std::vector<Tensor> inputsOf(const std::string &entry, const Inputs &inputs);
  mlir::func::FuncOp function(const std::string &entry);
  const CompileInfo &info() const { return product.info; }
  std::vector<std::byte> stateBytes() const;
  State referenceState;
  void copyStateToReference(); // after the compiled init

private:
  std::shared_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module, differentiated;
  driver::Product product;
  std::unique_ptr<codegen::LinkedProgram> linked;
  struct Running;
  std::shared_ptr<Running> running;
};

// Empty if all elements agree to within `tolerance` of the larger of 1 and their size; else the
// first difference.
std::string difference(const std::vector<Tensor> &expected, const std::vector<Tensor> &found,
                       double tolerance);

// For every target: results of @main within a tolerance of the definition, which may depend on
// their type, and the same bits on any number of threads.
using Tolerance = std::function<double(mlir::Type)>;
void expectReference(Case &program, const std::vector<Tensor> &inputs, const Tolerance &tolerance);
void expectReference(Case &program, const std::vector<Tensor> &inputs, double tolerance);

// Kernels that a text of PTX holds, one a launch.
int launchesIn(const std::string &ptx);

// Targets this machine can run: "cpu", the levels of its architecture, and GPU kernels emulated.
std::vector<std::string> runnableTargets();
bool hasDevice(); // a GPU; says once why not

} // namespace fluxion_testing
