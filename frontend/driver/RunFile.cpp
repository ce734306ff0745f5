// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/driver/RunFile.h"

#include "fluxion/runtime.h"
#include "frontend/driver/Compile.h"
#include "frontend/dsl/Trace.h"
#include "ir/autodiff/Differentiate.h"
#include "ir/ops/Update.h"
#include "ir/reference/Eval.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/SourceMgr.h"

#include <random>
#include <stdexcept>

using namespace mlir;
using fluxion::ir::reference::Tensor;

namespace fluxion::driver {
namespace {

using Tensors = SmallVector<Tensor>;

// What a program needs of a target to run here; the state begins as `init` leaves it.
class Machine {
public:
  virtual ~Machine() = default;
  virtual Tensors run(func::FuncOp function, const Tensors &inputs) = 0;
};

std::string nameOf(DictionaryAttr attributes, const char *kind, unsigned position) {
  auto name = attributes ? attributes.getAs<StringAttr>("fluxion.name") : StringAttr();
  return name ? name.str() : kind + std::to_string(position);
}

class Reference : public Machine {
public:
  Reference(ModuleOp source, int64_t seed) : module(source.clone()) {
    if (failed(ir::differentiate(*module)))
      throw std::runtime_error("the module does not differentiate");
    for (auto item : module->getOps<ir::StateOp>())
      state[item.getSymName().str()] = Tensor(item.getType());
    auto init = module->lookupSymbol<func::FuncOp>("init");
    if (state.empty() || !init || init.getNumArguments() != 1)
      return;
    Tensor number(init.getArgumentTypes()[0]);
    number.setInteger(0, seed);
    run(init, {number});
  }
  Tensors run(func::FuncOp function, const Tensors &inputs) override {
    auto results = ir::reference::evaluate(module->lookupSymbol<func::FuncOp>(function.getSymName()), inputs, &state);
    if (failed(results))
      throw std::runtime_error("@" + function.getSymName().str() + " cannot be evaluated");
    return *results;
  }

private:
  OwningOpRef<ModuleOp> module;
  ir::reference::State state;
};

class Native : public Machine {
public:
  Native(ModuleOp source, const RunRequest &request) {
    OwningOpRef<ModuleOp> module = source.clone();
    for (auto function : module->getOps<func::FuncOp>())
      function->setAttr("fluxion.entry", UnitAttr::get(source.getContext()));
    Product product = compileModule(*module, {.options = request.compile});
    linked = link(product);
    check(rt::Instance::create(linked->program(), std::make_shared<rt::ThreadPool>(request.compile.threads), instance));
    if (instance->program().num_state > 0 && instance->entry("init"))
      check(instance->initialise(request.seed));
  }
  Tensors run(func::FuncOp function, const Tensors &inputs) override {
    std::vector<std::vector<char>> in, out;
    std::vector<const void *> inPointers;
    std::vector<void *> outPointers;
    for (const Tensor &input : inputs)
      in.push_back(input.toBytes());
    for (Type type : function.getResultTypes())
      out.push_back(Tensor(type).toBytes());
    for (auto &bytes : in)
      inPointers.push_back(bytes.data());
    for (auto &bytes : out)
      outPointers.push_back(bytes.data());
    const fx_entry *entry = instance->entry(function.getSymName().str().c_str());
    if (!entry)
      throw std::runtime_error("@" + function.getSymName().str() + " was not compiled");
    check(instance->run(*entry, inPointers, outPointers));
    Tensors results;
    for (auto [type, bytes] : llvm::zip_equal(function.getResultTypes(), out))
      results.push_back(Tensor::fromBytes(type, bytes));
    return results;
  }

private:
  static void check(const rt::Status &status) {
    if (!status)
      throw std::runtime_error(status.message());
  }
  std::unique_ptr<codegen::LinkedProgram> linked;
  std::unique_ptr<rt::Instance> instance;
};

// Floats uniform on [-1, 1) to 16 bits, integers from 0 to 7: exact in every element type.
Tensor randomTensor(Type type, std::mt19937_64 &random) {
  Tensor tensor(type);
  unsigned precision = 0;
  if (auto element = dyn_cast<FloatType>(tensor.type.getElementType()))
    precision = std::min(16u, element.getFPMantissaWidth() - 1);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    uint64_t bits = random();
    if (tensor.isFloat())
      tensor.floats[i] = std::ldexp((double)(bits >> (64 - precision)), 1 - (int)precision) - 1;
    else
      tensor.setInteger(i, (int64_t)(bits >> 61));
  }
  return tensor;
}

const Tensor *find(const NamedTensors &tensors, const std::string &name) {
  auto at = llvm::find_if(tensors, [&](auto &named) { return named.first == name; });
  return at == tensors.end() ? nullptr : &at->second;
}

// The file's tensor where it has the argument's shape and, but for bf16, which NumPy lacks, its element type.
Tensor inputFrom(const NamedTensors &tensors, const std::string &path, const std::string &name, RankedTensorType wanted) {
  const Tensor *found = find(tensors, name);
  if (!found) {
    std::vector<std::string> names;
    for (auto &[known, tensor] : tensors)
      names.push_back(known);
    std::string close = dsl::nearest(name, names);
    throw std::runtime_error(path + " has no tensor named \"" + name + "\"" +
                             (close.empty() ? "; it holds " + llvm::join(names, ", ") : "; did you mean \"" + close + "\"?"));
  }
  Type element = wanted.getElementType();
  if (found->shape() != wanted.getShape() || (found->type.getElementType() != element && !(element.isBF16() && found->type.getElementType().isF32()))) {
    std::string types;
    llvm::raw_string_ostream(types) << "\"" << name << "\" is " << found->type << ", expected " << wanted;
    throw std::runtime_error(path + ": " + types);
  }
  Tensor input = *found;
  input.type = wanted;
  return Tensor::fromBytes(wanted, input.toBytes());
}

std::vector<func::FuncOp> chosen(ModuleOp module, const RunRequest &request) {
  std::vector<func::FuncOp> functions;
  std::vector<std::string> names;
  bool hasState = !module.getOps<ir::StateOp>().empty();
  for (auto function : module.getOps<func::FuncOp>()) {
    names.push_back(function.getSymName().str());
    bool setsUp = hasState && function.getSymName() == "init";
    if (request.function.empty() ? !setsUp : request.function == names.back())
      functions.push_back(function);
  }
  if (functions.empty() && names.empty())
    throw std::runtime_error(request.file + " has no functions");
  if (functions.empty()) {
    std::string close = dsl::nearest(request.function, names);
    throw std::runtime_error(request.file + " has no function @" + request.function +
                             (close.empty() ? "; it has @" + llvm::join(names, ", @") : "; did you mean @" + close + "?"));
  }
  if (functions.size() > 1 && !(request.inputs + request.outputs + request.expect).empty())
    throw std::runtime_error(request.file + " has the functions @" + llvm::join(names, ", @") + "; choose one with --func");
  return functions;
}

} // namespace

std::vector<FunctionResults> runFile(const RunRequest &request, MLIRContext *context) {
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, context);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(request.file, sources, context);
  if (!module)
    throw std::runtime_error(request.file + " is not a module of the fluxion dialect");
  std::vector<func::FuncOp> functions = chosen(*module, request);
  NamedTensors given = request.inputs.empty() ? NamedTensors() : readNpz(request.inputs, context);

  std::unique_ptr<Machine> machine;
  if (request.compile.target == "reference")
    machine = std::make_unique<Reference>(*module, request.seed);
  else
    machine = std::make_unique<Native>(*module, request);
  std::vector<FunctionResults> all;
  for (func::FuncOp function : functions) {
    std::mt19937_64 random((uint64_t)request.seed);
    Tensors inputs;
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
      std::string name = nameOf(function.getArgAttrDict(i), "arg", i);
      inputs.push_back(request.inputs.empty() ? randomTensor(type, random) : inputFrom(given, request.inputs, name, cast<RankedTensorType>(type)));
    }
    FunctionResults results{function.getSymName().str(), {}};
    for (auto [i, tensor] : llvm::enumerate(machine->run(function, inputs)))
      results.results.emplace_back(nameOf(function.getResultAttrDict(i), "result", i), tensor);
    all.push_back(std::move(results));
  }
  return all;
}

std::string firstDifference(const NamedTensors &expected, const NamedTensors &found, double rtol, double atol) {
  for (auto &[name, want] : expected) {
    const Tensor *have = find(found, name);
    if (!have)
      return "no result is named \"" + name + "\"";
    if (want.shape() != have->shape() || want.isFloat() != have->isFloat()) {
      std::string text;
      llvm::raw_string_ostream(text) << name << " is " << have->type << ", expected " << want.type;
      return text;
    }
    std::string first;
    int64_t count = 0;
    forEachIndex(want.shape(), [&](ArrayRef<int64_t> index, int64_t i) {
      double a = want.number(i), b = have->number(i);
      bool exact = want.isFloat() ? a == b || (std::isnan(a) && std::isnan(b)) : want.integers[i] == have->integers[i];
      if (exact || (want.isFloat() && std::isfinite(a) && std::fabs(a - b) <= atol + rtol * std::fabs(a)))
        return;
      if (count++ == 0)
        llvm::raw_string_ostream(first) << name << "[" << llvm::make_range(index.begin(), index.end()) << "] is "
                                        << llvm::format("%.9g, expected %.9g", b, a);
    });
    if (count > 0)
      return first + "; " + std::to_string(count) + " of " + std::to_string(want.size()) + " elements differ";
  }
  return "";
}

std::string describe(const Tensor &tensor) {
  constexpr int64_t most = 64;
  std::string text;
  llvm::raw_string_ostream out(text);
  out << tensor.type << " ";
  int64_t rank = tensor.shape().size(), left = most;
  SmallVector<int64_t> inner(rank + 1, 1);
  for (int64_t d = rank - 1; d >= 0; --d)
    inner[d] = inner[d + 1] * tensor.shape()[d];
  std::function<void(int64_t, int64_t)> print = [&](int64_t dim, int64_t start) {
    if (dim == rank) {
      if (tensor.isFloat())
        out << llvm::format("%.6g", tensor.floats[start]);
      else
        out << tensor.integers[start];
      --left;
      return;
    }
    out << "[";
    for (int64_t i = 0; i < tensor.shape()[dim]; ++i) {
      if (left <= 0) {
        out << ", ...";
        break;
      }
      out << (i ? ", " : "");
      print(dim + 1, start + i * inner[dim + 1]);
    }
    out << "]";
  };
  print(0, 0);
  return text;
}

} // namespace fluxion::driver
