// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/driver/RunFile.h"

#include "frontend/driver/commands/FileProgram.h"
#include "frontend/driver/commands/Measure.h"
#include "ir/Target.h"
#include "ir/autodiff/Differentiate.h"
#include "ir/ops/Update.h"
#include "ir/reference/Eval.h"

#include "llvm/Support/Format.h"

#include <CLI/CLI.hpp>

#include <cmath>
#include <cstdio>
#include <functional>
#include <stdexcept>

namespace fluxion::driver {
namespace {

using Value = ir::reference::Tensor;

std::string nameOf(mlir::DictionaryAttr attributes, const char *kind, unsigned position) {
  auto name =
      attributes ? attributes.getAs<mlir::StringAttr>(ir::nameAttrName) : mlir::StringAttr();
  return name ? name.str() : kind + std::to_string(position);
}

Value toValue(const Array &array, mlir::MLIRContext *context) {
  return Value::fromBytes(dsl::toMlir(context, array.type()),
                          llvm::ArrayRef(array.data<char>(), array.size()));
}

Array toArray(const Value &value) {
  std::vector<char> bytes = value.toBytes();
  return Array(dsl::fromMlir(value.type), std::span<const char>(bytes));
}

// By the definition of every op. The state begins as `init` leaves it.
class Reference {
public:
  Reference(mlir::ModuleOp source, int64_t seed) : module(source.clone()) {
    if (mlir::failed(ir::differentiate(*module)))
      throw std::runtime_error("the module does not differentiate");
    for (auto item : module->getOps<ir::StateOp>())
      state[item.getSymName().str()] = Value(item.getType());
    auto init = module->lookupSymbol<mlir::func::FuncOp>("init");
    if (!state.empty() && init && init.getNumArguments() == 1) {
      Value number(init.getArgumentTypes()[0]);
      number.setInteger(0, seed);
      evaluate("init", number);
    }
  }
  std::vector<Array> run(const std::string &name, const std::vector<Array> &inputs) {
    llvm::SmallVector<Value> values;
    for (const Array &input : inputs)
      values.push_back(toValue(input, module->getContext()));
    std::vector<Array> arrays;
    for (const Value &result : evaluate(name, values))
      arrays.push_back(toArray(result));
    return arrays;
  }

private:
  llvm::SmallVector<Value> evaluate(const std::string &name, llvm::ArrayRef<Value> inputs) {
    std::string complaint;
    mlir::ScopedDiagnosticHandler handler(module->getContext(), [&](mlir::Diagnostic &diagnostic) {
      complaint = complaint.empty() ? diagnostic.str() : complaint;
    });
    auto results =
        ir::reference::evaluate(module->lookupSymbol<mlir::func::FuncOp>(name), inputs, &state);
    if (mlir::failed(results))
      throw std::runtime_error("@" + name + ": " + complaint);
    return *results;
  }
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ir::reference::State state;
};

// NumPy has no bf16; its values travel as f32.
Array withoutBf16(const Array &array, mlir::MLIRContext *context) {
  if (array.type().dtype != DType::bf16)
    return array;
  Value value = toValue(array, context);
  value.type = dsl::toMlir(context, {DType::f32, array.type().shape});
  return toArray(value);
}

const Array *find(const NamedArrays &arrays, const std::string &name) {
  auto at =
      std::find_if(arrays.begin(), arrays.end(), [&](auto &named) { return named.first == name; });
  return at == arrays.end() ? nullptr : &at->second;
}

// The archive's array where it has the argument's shape and, but for bf16, its element type.
Array inputFrom(const Array &found, const std::string &label, mlir::RankedTensorType wanted) {
  Type type = dsl::fromMlir(wanted), stored = type;
  stored.dtype = type.dtype == DType::bf16 ? DType::f32 : type.dtype;
  if (found.type() != stored)
    throw std::runtime_error(label + " is " + found.type().str() + ", expected " + stored.str());
  Value value = toValue(found, wanted.getContext());
  value.type = wanted;
  return toArray(value);
}

std::vector<mlir::func::FuncOp> chosen(const Program &program, const RunRequest &request) {
  mlir::ModuleOp module = *program.impl->module;
  if (!request.function.empty() || !(request.inputs + request.outputs + request.expect).empty())
    return {findFunction(program, request.function)};
  bool hasState = !module.getOps<ir::StateOp>().empty();
  std::vector<mlir::func::FuncOp> functions;
  for (auto function : module.getOps<mlir::func::FuncOp>())
    if (!hasState || function.getSymName() != "init")
      functions.push_back(function);
  return functions.empty() ? std::vector{findFunction(program, "")} : functions;
}

} // namespace

std::vector<FunctionResults> runFunctions(const RunRequest &request) {
  Program program = subjectProgram(request.subject, request.batch);
  mlir::MLIRContext *context = program.impl->context.get();
  std::vector<mlir::func::FuncOp> functions = chosen(program, request);

  std::function<std::vector<Array>(const std::string &, const std::vector<Array> &)> run;
  if (request.compile.target == "reference") {
    if (!request.weights.empty())
      throw std::runtime_error("--weights is for compiled programs; choose another --target");
    auto reference = std::make_shared<Reference>(*program.impl->module, request.seed);
    run = [reference](auto &name, auto &inputs) { return reference->run(name, inputs); };
  } else {
    Compiled compiled = compile(program, request.compile);
    if (!program.impl->module->getOps<ir::StateOp>().empty())
      compiled.init(request.seed);
    if (!request.weights.empty())
      compiled.loadWeights(request.weights);
    run = [compiled](auto &name, auto &inputs) mutable { return compiled.run(name, inputs); };
  }
  std::vector<FunctionResults> all;
  for (mlir::func::FuncOp function : functions) {
    FunctionResults results{function.getSymName().str(), {}};
    for (auto [i, array] : llvm::enumerate(run(results.function, argumentsOf(function, request))))
      results.results.emplace_back(nameOf(function.getResultAttrDict(i), "result", i),
                                   withoutBf16(array, context));
    all.push_back(std::move(results));
  }
  return all;
}

std::vector<Array> argumentsOf(mlir::func::FuncOp function, const RunRequest &request) {
  std::vector<Array> arguments;
  if (request.inputs.empty()) {
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
      arguments.push_back(
          randomArray(dsl::fromMlir(type), (uint64_t)request.seed + ((uint64_t)i << 32)));
    return arguments;
  }
  NamedArrays given = readNpz(request.inputs);
  std::vector<std::string> names;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    names.push_back(nameOf(function.getArgAttrDict(i), "arg", i));
  if (given.size() != names.size())
    throw std::runtime_error(request.inputs + " holds " + std::to_string(given.size()) +
                             " arrays, but @" + function.getSymName().str() + " takes " +
                             std::to_string(names.size()) + ": " + llvm::join(names, ", "));
  bool byName = llvm::all_of(names, [&](auto &name) { return find(given, name) != nullptr; });
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    const Array &array = byName ? *find(given, names[i]) : given[i].second;
    std::string member = byName ? names[i] : given[i].first;
    arguments.push_back(inputFrom(array,
                                  request.inputs + ": \"" + member + "\"" +
                                      (member == names[i] ? "" : ", argument " + names[i] + ","),
                                  llvm::cast<mlir::RankedTensorType>(type)));
  }
  return arguments;
}

int writeAndCompare(const RunRequest &request, const std::vector<FunctionResults> &functions) {
  if (!request.outputs.empty())
    writeNpz(request.outputs, functions.front().results);
  if (request.expect.empty())
    return 0;
  std::string difference = firstDifference(readNpz(request.expect), functions.front().results,
                                           request.rtol, request.atol);
  if (!difference.empty())
    std::fprintf(stderr, "error: %s\n", difference.c_str());
  return difference.empty() ? 0 : 1;
}

void RunRequest::add(CLI::App &command) {
  command.add_option("subject", subject, "a name of fluxion list, or a .mlir file")->required();
  command.add_option("--func", function, "one function; all by default");
  command.add_option("--inputs", inputs,
                     ".npz with a tensor for every argument, in order or under its name");
  command.add_option("--outputs", outputs,
                     "write results here, under their fluxion.name or result0, result1, ...");
  command.add_option("--expect", expect,
                     ".npz to compare results with; exit status 1 where they differ");
  command.add_option("--rtol", rtol, "of |found - expected| <= atol + rtol * |expected|")
      ->capture_default_str();
  command.add_option("--atol", atol, "see --rtol")->capture_default_str();
  command.add_option("--seed", seed, "of random inputs and of the state")->capture_default_str();
}

std::string firstDifference(const NamedArrays &expected, const NamedArrays &found, double rtol,
                            double atol) {
  auto context = dsl::makeContext();
  bool byName = llvm::all_of(expected, [&](auto &named) { return find(found, named.first); });
  if (!byName && expected.size() != found.size())
    return std::to_string(found.size()) + " results, expected " + std::to_string(expected.size());
  for (auto [i, named] : llvm::enumerate(expected)) {
    const Array &wanted = named.second, *result = &found[i].second;
    std::string name = found[i].first;
    if (byName)
      result = find(found, name = named.first);
    if (wanted.type() != result->type())
      return "\"" + name + "\" is " + result->type().str() + ", expected " + wanted.type().str();
    Value want = toValue(wanted, context.get()), have = toValue(*result, context.get());
    std::string first;
    int64_t count = 0;
    ir::reference::forEachIndex(want.shape(), [&](llvm::ArrayRef<int64_t> index, int64_t i) {
      double a = want.number(i), b = have.number(i);
      bool equal = want.isFloat() ? a == b || (std::isnan(a) && std::isnan(b))
                                  : want.integers[i] == have.integers[i];
      bool close =
          want.isFloat() && std::isfinite(a) && std::fabs(a - b) <= atol + rtol * std::fabs(a);
      if (!equal && !close && count++ == 0) {
        llvm::raw_string_ostream out(first);
        out << "\"" << name << "\"[";
        llvm::interleaveComma(index, out);
        out << llvm::format("] is %.9g, expected %.9g", b, a);
      }
    });
    if (count > 0)
      return first + "; " + std::to_string(count) + " of " + std::to_string(want.size()) +
             " elements differ";
  }
  return "";
}

std::string describe(const Array &array) {
  auto context = dsl::makeContext();
  Value value = toValue(array, context.get());
  std::string text = array.type().str() + " ";
  llvm::raw_string_ostream out(text);
  int64_t rank = (int64_t)array.type().shape.size(), next = 0, most = 64;
  std::function<void(int64_t)> print = [&](int64_t dim) {
    if (dim == rank) {
      if (value.isFloat())
        out << llvm::format("%.6g", value.floats[next++]);
      else
        out << value.integers[next++];
      return;
    }
    out << "[";
    for (int64_t i = 0; i < array.type().shape[dim]; ++i) {
      out << (i ? ", " : "");
      if (next >= most) {
        out << "...";
        break;
      }
      print(dim + 1);
    }
    out << "]";
  };
  print(0);
  return text;
}

} // namespace fluxion::driver
