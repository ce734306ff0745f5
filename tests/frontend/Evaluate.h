// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions and training programs in the reference evaluator.
#pragma once

#include "fluxion/fluxion.h"
#include "ir/reference/Eval.h"

namespace fluxion_testing {

using Numbers = std::vector<double>;

// All results of a function, traced, verified and differentiated.
std::vector<Numbers> evaluate(const fluxion::Function &function,
                              const std::vector<Numbers> &inputs);

// A training program with a state of its own.
class Running {
public:
  explicit Running(const fluxion::Program &program);
  // Results by name; throws std::runtime_error with the diagnostic where the entry point fails.
  std::map<std::string, Numbers> run(const std::string &entry, const std::vector<Numbers> &inputs);
  void init(int64_t seed) { run("init", {{double(seed)}}); }
  Numbers get(const std::string &item) const;
  void set(const std::string &item, const Numbers &values);
  std::vector<std::string> items() const;

private:
  std::shared_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  fluxion::ir::reference::State state;
};

} // namespace fluxion_testing
