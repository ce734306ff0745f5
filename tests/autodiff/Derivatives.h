// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A function of f64 tensors beside its derivatives, as functions of one module: `value` f(x),
// `pull` J(x)^T u, `push` J(x) t, and for the second order `pull_pull` and `push_pull`, those of
// `pull`. Arguments are those of the function differentiated, then the cotangents or tangents.
#pragma once

#include "ir/autodiff/Emitter.h"
#include "ir/reference/Eval.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace fluxion_testing {

namespace ir = fluxion::ir;
using Tensor = ir::reference::Tensor;
using Shape = llvm::SmallVector<int64_t>;
using Values = llvm::SmallVector<mlir::Value>;

struct Input {
  Shape shape;
  double low = -2, high = 2; // of the numbers a test draws
  int64_t positions = 0;     // not 0: i32 in [-1, positions], which is in range and one beyond
};

struct GradientCase {
  std::string name;
  std::vector<Input> inputs;
  std::function<Values(ir::Emitter &, llvm::ArrayRef<ir::Expr>)> build;
  int order = 2;        // 1: not smooth enough for the second
  bool compiled = true; // also compare compiled code
};

class Derivatives {
public:
  // `decomposed`: composites give way to their definitions before anything is differentiated.
  explicit Derivatives(const GradientCase &given, bool decomposed = false);

  // Throws std::runtime_error with the module where evaluation fails.
  std::vector<Tensor> call(const std::string &function, const std::vector<Tensor> &inputs);
  // Numbers far enough apart that no two swap order under small steps; the same on every machine.
  std::vector<Tensor> inputsOf(const std::string &function);
  // Directions for the float arguments of a function; for integers: zeros.
  std::vector<Tensor> directionsOf(const std::string &function);
  mlir::func::FuncOp function(const std::string &name);
  // The module as it was before differentiation.
  const std::string &text() const { return undifferentiated; }
  // Mnemonics of the ops that `value` is made of.
  const std::set<std::string> &ops() const { return mnemonics; }
  bool hasComposite() const { return composite; }

private:
  const GradientCase &given;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string undifferentiated;
  std::set<std::string> mnemonics;
  bool composite = false;

  mlir::func::FuncOp create(const std::string &name, llvm::ArrayRef<mlir::Type> arguments,
                            const std::function<Values(ir::Emitter &, mlir::ValueRange)> &build);
  mlir::func::FuncOp pullOf(mlir::func::FuncOp f, const std::string &name);
  mlir::func::FuncOp pushOf(mlir::func::FuncOp f, const std::string &name);
};

// Fills an empty region with a block that yields what `body` builds from its arguments; the types
// of that.
using RegionBody = std::function<Values(ir::Emitter &, mlir::ValueRange)>;
llvm::SmallVector<mlir::Type> fillRegion(ir::Emitter &emit, mlir::Region &region,
                                         mlir::TypeRange arguments, const RegionBody &body);

// Those of float elements.
std::vector<Tensor> floatsOf(const std::vector<Tensor> &tensors);
// Over all elements of all tensors: the inner product, and the largest magnitude.
double dot(const std::vector<Tensor> &a, const std::vector<Tensor> &b);
double largest(const std::vector<Tensor> &tensors);

// Every differentiable op has a case here; a family a file.
std::vector<GradientCase> elementwiseCases(), contractionCases(), convolutionCases(),
    reductionCases(), shapeCases(), indexingCases(), nnCases(), controlCases();
const std::vector<GradientCase> &allCases();
inline void PrintTo(const GradientCase &c, std::ostream *out) { *out << c.name; }

} // namespace fluxion_testing
