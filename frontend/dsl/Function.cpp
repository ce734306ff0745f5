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

// What a region leaves for the program around it, besides results: new values of buffers, and
// metrics.
struct Effects {
  decltype(Trace::params) params;
  decltype(Trace::updates) updates;
  decltype(Trace::metrics) metrics;
  explicit Effects(Trace &trace)
      : params(trace.params), updates(trace.updates), metrics(trace.metrics) {}
  void restore(Trace &trace) const {
    trace.params = params, trace.updates = updates, trace.metrics = metrics;
  }
};

// A region that yields its own results and then its effects.
struct Traced {
  std::unique_ptr<Region> region;
  size_t results = 0;
  std::vector<size_t> updates, metrics; // those that changed, in yielded order

  TypeRange types() const { return region->front().getTerminator()->getOperandTypes(); }
  TypeRange ownTypes() const { return types().take_front(results); }
  // Effects become results of the op that has taken the region; the caller sees the others.
  Tensors adopt(Trace &trace, ValueRange all) const {
    size_t next = results;
    for (size_t i : updates) {
      trace.updates[i].second = all[next++];
      trace.params[trace.updates[i].first] = trace.updates[i].second;
    }
    for (size_t i : metrics)
      trace.metrics[i].second = all[next++];
    Tensors own = tensorsOf(trace, all.take_front(results)),
            rest = tensorsOf(trace, all.drop_front(next));
    own.insert(own.end(), rest.begin(), rest.end());
    return own;
  }
};

void checkArguments(const char *what, const Function &f, const Tensors &inputs, Loc loc) {
  if (inputs.size() != f.inputs.size())
    throw Error("wrong-arity",
                std::string(what) + " of a function of " + std::to_string(f.inputs.size()) +
                    " inputs with " + std::to_string(inputs.size()) + " tensors",
                loc, {}, "give one tensor an input");
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].type(loc) != f.inputs[i])
      throw Error("shape-mismatch",
                  std::string(what) + " of a function with " + inputs[i].type(loc).str() +
                      " for input " + std::to_string(i),
                  loc, {"the argument is " + describe(inputs[i])},
                  "the function takes " + f.inputs[i].str());
}

// Traces `body` into a detached region with the given argument types.
Traced traceRegion(Trace &trace, TypeRange types, Loc loc,
                   const std::function<Tensors(const Tensors &)> &body) {
  Traced traced;
  traced.region = std::make_unique<Region>();
  Location at = trace.location(loc);
  Block *block = new Block;
  traced.region->push_back(block);
  for (mlir::Type type : types)
    block->addArgument(type, at);
  Effects before(trace);
  try {
    Scope scope(trace, *traced.region);
    SmallVector<Value> yielded =
        valuesOf(trace, body(tensorsOf(trace, block->getArguments())), loc);
    traced.results = yielded.size();
    for (size_t i = 0; i < trace.updates.size(); ++i)
      if (i >= before.updates.size() || before.updates[i] != trace.updates[i]) {
        traced.updates.push_back(i);
        yielded.push_back(trace.updates[i].second);
      }
    for (size_t i = 0; i < trace.metrics.size(); ++i)
      if (i >= before.metrics.size() || before.metrics[i] != trace.metrics[i]) {
        traced.metrics.push_back(i);
        yielded.push_back(trace.metrics[i].second);
      }
    ir::YieldOp::create(trace.builder, at, yielded);
  } catch (...) {
    before.restore(trace);
    trace.discarded.push_back(std::move(traced.region));
    throw;
  }
  return traced;
}

// The type of the first result, which is differentiated.
Type differentiated(const char *what, TypeRange results, bool scalar, Loc loc) {
  std::string found = "nothing";
  if (!results.empty()) {
    Type first = fromMlir(results[0]);
    if (isFloat(first.dtype) && (!scalar || first.shape.empty()))
      return first;
    found = first.str();
  }
  throw Error("not-a-scalar", std::string(what) + " of a function that gives " + found, loc, {},
              scalar ? "the function's first result must be a float scalar; reduce it with sum() "
                       "or mean(), or use jacobian()"
                     : "the function's first result must be a float tensor");
}

void checkFloatInputs(const char *what, const Function &f, Loc loc) {
  if (floatInputs(f).empty())
    throw Error("nothing-to-differentiate",
                std::string(what) + " of a function without float inputs", loc, {},
                "pass what to differentiate by as a float input; a captured tensor is a constant");
}

// Results of f, then cotangents of its float inputs; the cotangent of the first result is `seed`,
// or 1.
Tensors traceVjp(const char *what, const Function &f, const Tensors &inputs, const Tensor *seed,
                 Loc loc) {
  Trace &trace = Trace::current(loc);
  checkArguments(what, f, inputs, loc);
  checkFloatInputs(what, f, loc);
  SmallVector<Value> values = valuesOf(trace, inputs, loc);
  Traced traced = traceRegion(trace, ValueRange(values).getTypes(), loc, f.body);
  Type first = differentiated(what, traced.ownTypes(), !seed, loc);
  std::vector<int64_t> wrt = floatInputs(f);
  SmallVector<mlir::Type> types(traced.types());
  Tensor cotangent = seed ? *seed : ones(first, loc);
  if (cotangent.type(loc) != first)
    throw Error("shape-mismatch", "vjp with a cotangent " + cotangent.type(loc).str(), loc,
                {"it is " + describe(cotangent)},
                "the cotangent has the type of the first result, " + first.str());
  for (int64_t i : wrt)
    types.push_back(values[i].getType());
  auto op = ir::VjpOp::create(trace.builder, trace.location(loc), types, values,
                              trace.value(cotangent, loc), wrt);
  op.getBody().takeBody(*traced.region);
  return traced.adopt(trace, op.getResults());
}

} // namespace

Tensors Function::operator()(const Tensors &arguments, Loc loc) const {
  checkArguments("call", *this, arguments, loc);
  return body(arguments);
}

void detail::wrongLossArity(size_t takes, size_t inputs, Loc loc) {
  throw Error("wrong-arity",
              "a loss of " + std::to_string(takes) + " inputs in a program with " +
                  std::to_string(inputs),
              loc, {},
              "list one type in .inputs for each tensor after the model; beyond 3, take a Tensors");
}

void detail::checkSizes(const std::vector<Type> &inputs, Loc loc) {
  for (const Type &input : inputs) {
    if (llvm::any_of(input.shape, [](int64_t size) { return size < 1; }))
      throw Error("bad-size", "an input " + input.str(), loc, {},
                  "sizes are fixed when a program is traced, and at least 1");
    double bytes = (double)bytesOf(input.dtype);
    for (int64_t size : input.shape)
      bytes *= (double)size;
    if (bytes > 1e14)
      throw Error("bad-size", "an input " + input.str(), loc, {},
                  "it is larger than any memory; use a smaller batch");
  }
}

void detail::wrongArity(size_t inputs, Loc loc) {
  throw Error("wrong-arity",
              "function with " + std::to_string(inputs) +
                  " input types and a body that does not take as many tensors",
              loc, {},
              "list one type for each parameter of the lambda (up to 7; beyond, take a Tensors)");
}

Function grad(Function f, Loc loc) {
  Function g{f.inputs, nullptr, f.name};
  g.body = [f, loc](const Tensors &inputs) {
    Tensors all = traceVjp("grad", f, inputs, nullptr, loc);
    return Tensors(all.end() - floatInputs(f).size(), all.end());
  };
  return g;
}

ValueAndGrad value_and_grad(Function f, Loc loc) {
  Function g{f.inputs, nullptr, f.name};
  g.body = [f, loc](const Tensors &inputs) {
    Tensors all = traceVjp("value_and_grad", f, inputs, nullptr, loc);
    Tensors results{all.front()};
    results.insert(results.end(), all.end() - floatInputs(f).size(), all.end());
    return results;
  };
  return {g};
}

// The type of f's first result, found by tracing it once for that alone.
static Type firstResult(const char *what, const Function &f, Loc loc) {
  std::shared_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
  std::optional<Trace> scratch;
  if (!Trace::active()) {
    context = makeContext();
    module = ModuleOp::create(UnknownLoc::get(context.get()));
    scratch.emplace(OpBuilder::atBlockEnd(module->getBody()), *module);
  }
  Trace &trace = Trace::current(loc);
  Effects before(trace);
  int64_t stream = trace.nextStream;
  size_t layers = trace.layers.size();
  SmallVector<mlir::Type> types;
  for (const Type &type : f.inputs)
    types.push_back(toMlir(trace.builder.getContext(), type));
  Traced traced = traceRegion(trace, types, loc, f.body);
  before.restore(trace);
  trace.nextStream = stream;
  trace.layers.resize(layers);
  // Kept before it is looked at: the user's tensors outlive an Error.
  Region *region = traced.region.get();
  trace.discarded.push_back(std::move(traced.region));
  return differentiated(
      what,
      TypeRange(region->front().getTerminator()->getOperandTypes()).take_front(traced.results),
      false, loc);
}

Function vjp(Function f, Loc loc) {
  Function g{f.inputs, nullptr, f.name};
  checkFloatInputs("vjp", f, loc);
  g.inputs.push_back(firstResult("vjp", f, loc));
  g.body = [f, g = Function{g.inputs, nullptr, f.name}, loc](const Tensors &inputs) {
    checkArguments("vjp", g, inputs, loc);
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
  checkFloatInputs("jvp", f, loc);
  g.body = [f, g = Function{g.inputs, nullptr, f.name}, wrt, loc](const Tensors &inputs) {
    checkArguments("jvp", g, inputs, loc);
    Trace &trace = Trace::current(loc);
    SmallVector<Value> values =
        valuesOf(trace, Tensors(inputs.begin(), inputs.begin() + f.inputs.size()), loc);
    SmallVector<Value> tangents =
        valuesOf(trace, Tensors(inputs.begin() + f.inputs.size(), inputs.end()), loc);
    Traced traced = traceRegion(trace, ValueRange(values).getTypes(), loc, f.body);
    differentiated("jvp", traced.ownTypes(), false, loc);
    SmallVector<mlir::Type> types(traced.types());
    types.push_back(types[0]);
    auto op = ir::JvpOp::create(trace.builder, trace.location(loc), types, values, tangents, wrt,
                                int64_t(1));
    op.getBody().takeBody(*traced.region);
    return traced.adopt(trace, op.getResults());
  };
  return g;
}

// One reverse sweep for each element of the result.
Function jacobian(Function f, Loc loc) {
  Function g{f.inputs, nullptr, f.name};
  g.body = [f, loc](const Tensors &inputs) -> Tensors {
    checkFloatInputs("jacobian", f, loc);
    Type result = firstResult("jacobian", f, loc);
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

Function hessian(Function f, Loc loc) {
  if (f.inputs.size() != 1)
    throw Error("wrong-arity",
                "hessian of a function of " + std::to_string(f.inputs.size()) + " inputs", loc, {},
                "join the inputs into one, and slice it inside the function");
  return jacobian(grad(std::move(f), loc), loc);
}

Function checkpoint(Function f, Loc loc) {
  Function g{f.inputs, nullptr, f.name};
  g.body = [f, loc](const Tensors &inputs) {
    checkArguments("checkpoint", f, inputs, loc);
    Trace &trace = Trace::current(loc);
    SmallVector<Value> values = valuesOf(trace, inputs, loc);
    Traced traced = traceRegion(trace, ValueRange(values).getTypes(), loc, f.body);
    auto op = ir::CheckpointOp::create(trace.builder, trace.location(loc), traced.types(), values);
    op.getBody().takeBody(*traced.region);
    return traced.adopt(trace, op.getResults());
  };
  return g;
}

Function custom_vjp(Function f, Function backward, Loc loc) {
  Function g{f.inputs, nullptr, f.name};
  g.body = [f, backward, loc](const Tensors &inputs) {
    checkArguments("custom_vjp", f, inputs, loc);
    Trace &trace = Trace::current(loc);
    SmallVector<Value> values = valuesOf(trace, inputs, loc);
    Traced primal = traceRegion(trace, ValueRange(values).getTypes(), loc, f.body);
    SmallVector<mlir::Type> results(primal.types()), arguments(ValueRange(values).getTypes());
    arguments.append(results);
    arguments.append(results);
    // The region also gets the effects and their cotangents, which are not the user's.
    Traced reverse = traceRegion(trace, arguments, loc, [&](const Tensors &all) {
      Tensors own(all.begin(), all.begin() + values.size() + primal.results);
      auto cotangents = all.begin() + values.size() + results.size();
      own.insert(own.end(), cotangents, cotangents + primal.results);
      return backward(own, loc);
    });
    if (!llvm::equal(reverse.types(), ValueRange(values).getTypes()))
      throw Error("shape-mismatch",
                  "custom_vjp: backward does not give one cotangent for each input, with its type",
                  loc, {}, "return a tensor like each input; zeros for integer inputs");
    auto op = ir::CustomVjpOp::create(trace.builder, trace.location(loc), results, values);
    op.getPrimal().takeBody(*primal.region);
    op.getBackward().takeBody(*reverse.region);
    return primal.adopt(trace, op.getResults());
  };
  return g;
}

// Programs.

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
