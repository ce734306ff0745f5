// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Transformations of functions: each traces its function into a region op that autodiff expands.
#include "frontend/dsl/Trace.h"

using namespace mlir;

namespace fluxion {
using namespace dsl;

namespace {

std::vector<int64_t> floatInputs(const Function &f) {
  std::vector<int64_t> wrt;
  for (size_t i = 0; i < f.inputs.size(); ++i)
    if (isFloat(f.inputs[i].dtype))
      wrt.push_back((int64_t)i);
  return wrt;
}

SmallVector<Value> valuesOf(Trace &trace, const Tensors &tensors, Loc loc) {
  SmallVector<Value> values;
  for (Tensor t : tensors)
    values.push_back(trace.value(t, loc));
  return values;
}

Tensors tensorsOf(Trace &trace, ValueRange values) {
  Tensors tensors;
  for (Value value : values)
    tensors.push_back(trace.tensor(value));
  return tensors;
}

// Traces `body` into a detached region with the given argument types.
std::unique_ptr<Region> traceRegion(Trace &trace, TypeRange types, Loc loc, const std::function<Tensors(const Tensors &)> &body) {
  auto region = std::make_unique<Region>();
  Location at = trace.location(loc);
  Block *block = new Block;
  region->push_back(block);
  for (mlir::Type type : types)
    block->addArgument(type, at);
  OpBuilder::InsertionGuard guard(trace.builder);
  trace.builder.setInsertionPointToStart(block);
  Tensors results = body(tensorsOf(trace, block->getArguments()));
  ir::YieldOp::create(trace.builder, at, valuesOf(trace, results, loc));
  return region;
}

TypeRange yieldTypes(Region &region) { return region.front().getTerminator()->getOperandTypes(); }

void checkScalar(const char *what, Region &region, Loc loc) {
  TypeRange types = yieldTypes(region);
  Type first = types.empty() ? Type{} : fromMlir(types[0]);
  if (types.empty() || !isFloat(first.dtype) || !first.shape.empty())
    throw Error("not-a-scalar", std::string(what) + " of a function that gives " + (types.empty() ? "nothing" : first.str()), loc, {},
                "the function's first result must be a float scalar; reduce it with sum() or mean(), or use jacobian()");
}

// Results of f, then cotangents of its float inputs; the cotangent of the first result is `seed`, or 1.
Tensors traceVjp(const char *what, const Function &f, const Tensors &inputs, const Tensor *seed, Loc loc) {
  Trace &trace = Trace::current(loc);
  SmallVector<Value> values = valuesOf(trace, inputs, loc);
  std::unique_ptr<Region> region = traceRegion(trace, ValueRange(values).getTypes(), loc, f.body);
  if (!seed)
    checkScalar(what, *region, loc);
  std::vector<int64_t> wrt = floatInputs(f);
  SmallVector<mlir::Type> types(yieldTypes(*region));
  Tensor cotangent = seed ? *seed : ones(fromMlir(types[0]), loc);
  if (cotangent.type() != fromMlir(types[0]))
    throw Error("shape-mismatch", "vjp with a cotangent " + cotangent.type().str(), loc, {"it is " + describe(cotangent)},
                "the cotangent has the type of the first result, " + fromMlir(types[0]).str());
  for (int64_t i : wrt)
    types.push_back(values[i].getType());
  auto op = ir::VjpOp::create(trace.builder, trace.location(loc), types, values, trace.value(cotangent, loc), wrt);
  op.getBody().takeBody(*region);
  return tensorsOf(trace, op.getResults());
}

void checkArguments(const char *what, const Function &f, const Tensors &inputs, Loc loc) {
  if (inputs.size() != f.inputs.size())
    throw Error("wrong-arity", std::string(what) + " of a function of " + std::to_string(f.inputs.size()) + " inputs called with " + std::to_string(inputs.size()),
                loc, {}, "give one tensor an input");
}

} // namespace

void detail::wrongArity(size_t inputs, Loc loc) {
  throw Error("wrong-arity", "function with " + std::to_string(inputs) + " input types and a body that does not take as many tensors", loc, {},
              "list one type for each parameter of the lambda (up to 7; beyond, take a Tensors)");
}

Function grad(Function f, Loc loc) {
  Function g{f.inputs, nullptr, f.name};
  g.body = [f, loc](const Tensors &inputs) {
    checkArguments("grad", f, inputs, loc);
    Tensors all = traceVjp("grad", f, inputs, nullptr, loc);
    return Tensors(all.end() - floatInputs(f).size(), all.end());
  };
  return g;
}

ValueAndGrad value_and_grad(Function f, Loc loc) {
  Function g{f.inputs, nullptr, f.name};
  g.body = [f, loc](const Tensors &inputs) {
    checkArguments("value_and_grad", f, inputs, loc);
    Tensors all = traceVjp("value_and_grad", f, inputs, nullptr, loc);
    Tensors results{all.front()};
    results.insert(results.end(), all.end() - floatInputs(f).size(), all.end());
    return results;
  };
  return {g};
}

// The type of the cotangent is that of f's first result, found by tracing it once into a scratch module.
static std::vector<Type> resultTypes(const Function &f, Loc loc) {
  auto context = makeContext();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(context.get()));
  Trace trace(OpBuilder::atBlockEnd(module->getBody()), *module);
  SmallVector<mlir::Type> types;
  for (const Type &type : f.inputs)
    types.push_back(toMlir(context.get(), type));
  std::unique_ptr<Region> region = traceRegion(trace, types, loc, f.body);
  std::vector<Type> results;
  for (mlir::Type type : yieldTypes(*region))
    results.push_back(fromMlir(type));
  return results;
}

Function vjp(Function f, Loc loc) {
  Function g{f.inputs, nullptr, f.name};
  g.inputs.push_back(resultTypes(f, loc).at(0));
  g.body = [f, loc](const Tensors &inputs) {
    Tensor seed = inputs.back();
    return traceVjp("vjp", f, Tensors(inputs.begin(), inputs.end() - 1), &seed, loc);
  };
  return g;
}

Function jvp(Function f, Loc loc) {
  Function g{f.inputs, nullptr, f.name};
  std::vector<int64_t> wrt = floatInputs(f);
  for (int64_t i : wrt)
    g.inputs.push_back(f.inputs[i]);
  g.body = [f, wrt, loc](const Tensors &inputs) {
    Trace &trace = Trace::current(loc);
    SmallVector<Value> values = valuesOf(trace, Tensors(inputs.begin(), inputs.begin() + f.inputs.size()), loc);
    SmallVector<Value> tangents = valuesOf(trace, Tensors(inputs.begin() + f.inputs.size(), inputs.end()), loc);
    std::unique_ptr<Region> region = traceRegion(trace, ValueRange(values).getTypes(), loc, f.body);
    SmallVector<mlir::Type> types(yieldTypes(*region));
    types.push_back(types[0]);
    auto op = ir::JvpOp::create(trace.builder, trace.location(loc), types, values, tangents, wrt, int64_t(1));
    op.getBody().takeBody(*region);
    return tensorsOf(trace, op.getResults());
  };
  return g;
}

// One reverse sweep for each element of the result.
Function jacobian(Function f, Loc loc) {
  Function g{f.inputs, nullptr, f.name};
  g.body = [f, loc](const Tensors &inputs) -> Tensors {
    Type result = resultTypes(f, loc).at(0);
    std::vector<Tensor> rows;
    for (int64_t i = 0; i < result.elements(); ++i) {
      std::vector<double> basis(result.elements(), 0);
      basis[i] = 1;
      Tensor seed = constant(result, basis, loc);
      Tensors all = traceVjp("jacobian", f, inputs, &seed, loc);
      rows.push_back(reshape(*(all.end() - floatInputs(f).size()), {-1}, loc));
    }
    return {stack(rows, 0, loc)};
  };
  return g;
}

Function hessian(Function f, Loc loc) { return jacobian(grad(std::move(f), loc), loc); }

Function checkpoint(Function f) {
  Function g{f.inputs, nullptr, f.name};
  g.body = [f](const Tensors &inputs) {
    Loc loc = Loc::current();
    Trace &trace = Trace::current(loc);
    SmallVector<Value> values = valuesOf(trace, inputs, loc);
    std::unique_ptr<Region> region = traceRegion(trace, ValueRange(values).getTypes(), loc, f.body);
    auto op = ir::CheckpointOp::create(trace.builder, trace.location(loc), yieldTypes(*region), values);
    op.getBody().takeBody(*region);
    return tensorsOf(trace, op.getResults());
  };
  return g;
}

Function custom_vjp(Function f, Function backward) {
  Function g{f.inputs, nullptr, f.name};
  g.body = [f, backward](const Tensors &inputs) {
    Loc loc = Loc::current();
    Trace &trace = Trace::current(loc);
    SmallVector<Value> values = valuesOf(trace, inputs, loc);
    std::unique_ptr<Region> primal = traceRegion(trace, ValueRange(values).getTypes(), loc, f.body);
    SmallVector<mlir::Type> results(yieldTypes(*primal)), arguments(ValueRange(values).getTypes());
    arguments.append(results);
    arguments.append(results);
    std::unique_ptr<Region> reverse = traceRegion(trace, arguments, loc, backward.body);
    if (!llvm::equal(yieldTypes(*reverse), ValueRange(values).getTypes()))
      throw Error("shape-mismatch", "custom_vjp: backward does not give one cotangent for each input, with its type", loc, {},
                  "return a tensor like each input; zeros for integer inputs");
    auto op = ir::CustomVjpOp::create(trace.builder, trace.location(loc), results, values);
    op.getPrimal().takeBody(*primal);
    op.getBackward().takeBody(*reverse);
    return tensorsOf(trace, op.getResults());
  };
  return g;
}

// ---- Programs -------------------------------------------------------------------------------------------------------

std::string Program::str() const {
  std::string text;
  llvm::raw_string_ostream(text) << *impl->module;
  return text;
}
std::string Program::summary() const { return impl->summary; }
int64_t Program::parameterCount() const { return impl->parameters; }

static std::vector<Model> &registry() {
  static std::vector<Model> list;
  return list;
}
const std::vector<Model> &models() { return registry(); }
Registration::Registration(Model model) { registry().push_back(model); }

} // namespace fluxion
