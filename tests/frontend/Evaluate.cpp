// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/Evaluate.h"

#include "frontend/dsl/Trace.h"
#include "ir/Target.h"
#include "ir/autodiff/Differentiate.h"

#include <stdexcept>

using namespace fluxion;
using namespace mlir;
namespace reference = fluxion::ir::reference;

namespace fluxion_testing {

namespace {

reference::Tensor toTensor(mlir::Type type, const Numbers &numbers) {
  reference::Tensor tensor(type);
  if ((int64_t)numbers.size() != tensor.size())
    throw std::runtime_error("a test gives the wrong number of values");
  for (int64_t i = 0; i < tensor.size(); ++i)
    if (tensor.isFloat())
      tensor.floats[i] = numbers[i];
    else
      tensor.setInteger(i, (int64_t)numbers[i]);
  return tensor;
}

Numbers toNumbers(const reference::Tensor &tensor) {
  Numbers numbers;
  for (int64_t i = 0; i < tensor.size(); ++i)
    numbers.push_back(tensor.number(i));
  return numbers;
}

std::vector<Numbers> call(func::FuncOp function, const std::vector<Numbers> &inputs,
                          reference::State *state) {
  std::string complaint;
  ScopedDiagnosticHandler handler(function.getContext(), [&](Diagnostic &diagnostic) {
    complaint += diagnostic.str() + "\n";
    return success();
  });
  if (inputs.size() != function.getNumArguments())
    throw std::runtime_error("a test gives the wrong number of inputs");
  SmallVector<reference::Tensor> tensors;
  for (auto [type, numbers] : llvm::zip_equal(function.getArgumentTypes(), inputs))
    tensors.push_back(toTensor(type, numbers));
  auto results = reference::evaluate(function, tensors, state);
  if (failed(results))
    throw std::runtime_error(complaint);
  std::vector<Numbers> numbers;
  for (const reference::Tensor &result : *results)
    numbers.push_back(toNumbers(result));
  return numbers;
}

void prepare(ModuleOp module) {
  if (failed(verify(module)) || failed(ir::differentiate(module)) || failed(verify(module)))
    throw std::runtime_error("the traced program does not verify or differentiate");
}

} // namespace

std::vector<Numbers> evaluate(const Function &function, const std::vector<Numbers> &inputs) {
  auto context = dsl::makeContext();
  Location at = UnknownLoc::get(context.get());
  OwningOpRef<ModuleOp> module = ModuleOp::create(at);
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  SmallVector<mlir::Type> types;
  for (const fluxion::Type &type : function.inputs)
    types.push_back(dsl::toMlir(context.get(), type));
  auto main = func::FuncOp::create(b, at, "main", b.getFunctionType(types, {}));
  Block *block = main.addEntryBlock();
  b.setInsertionPointToStart(block);
  {
    dsl::Trace trace(b, *module);
    Tensors arguments;
    for (Value argument : block->getArguments())
      arguments.push_back(trace.tensor(argument));
    SmallVector<Value> results;
    for (Tensor result : function(arguments))
      results.push_back(trace.value(result, Loc::current()));
    func::ReturnOp::create(trace.builder, at, results);
    main.setType(b.getFunctionType(types, ValueRange(results).getTypes()));
  }
  prepare(*module);
  return call(main, inputs, nullptr);
}

Running::Running(const Program &program)
    : context(program.impl->context), module(program.impl->module->clone()) {
  prepare(*module);
  for (auto item : module->getOps<ir::StateOp>())
    state[item.getSymName().str()] = reference::Tensor(item.tensorType());
}

std::map<std::string, Numbers> Running::run(const std::string &entry,
                                            const std::vector<Numbers> &inputs) {
  auto function = module->lookupSymbol<func::FuncOp>(entry);
  if (!function)
    throw std::runtime_error("no entry point " + entry);
  std::vector<Numbers> results = call(function, inputs, &state);
  std::map<std::string, Numbers> named;
  for (size_t i = 0; i < results.size(); ++i)
    named[function.getResultAttrOfType<StringAttr>(i, ir::nameAttrName).str()] = results[i];
  return named;
}

Numbers Running::get(const std::string &item) const { return toNumbers(state.at(item)); }
void Running::set(const std::string &item, const Numbers &values) {
  state.at(item) = toTensor(state.at(item).type, values);
}
std::vector<std::string> Running::items() const {
  std::vector<std::string> names;
  for (auto item : const_cast<Running *>(this)->module->getOps<ir::StateOp>())
    names.push_back(item.getSymName().str());
  return names;
}

} // namespace fluxion_testing
