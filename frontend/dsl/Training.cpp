// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Training programs: init, step, evaluate and predict over one state.
#include "frontend/dsl/Trace.h"
#include "frontend/nn/Optim.h"
#include "ir/Target.h"

#include "mlir/IR/Verifier.h"

#include <chrono>

using namespace mlir;

namespace fluxion {
using namespace dsl;

namespace {

struct StateItem {
  std::string name;
  Type type;
  ir::StateRole role;
  const Param::Info *param = nullptr;
};

class TrainingTracer {
public:
  TrainingTracer(detail::TrainingSpec spec, Loc loc) : spec(std::move(spec)), loc(loc) {}
  Program trace();

private:
  detail::TrainingSpec spec;
  Loc loc;
  std::shared_ptr<Program::Impl> program = std::make_shared<Program::Impl>();
  std::vector<Param> params; // in visiting order; keeps the infos alive
  std::vector<const Param::Info *> trained, held;

  void collectParams();
  void declareState();
  void declare(const std::string &name, const Type &type, ir::StateRole role);
  bool isFrozen(const std::string &name) const;
  std::string slotName(const std::string &slot, const Param::Info *param) const {
    return "optimizer." + slot + "." + param->name;
  }

  Location at() {
    return FileLineColLoc::get(program->context.get(), loc.file_name(), loc.line(), loc.column());
  }
  void
  entry(const std::string &name, const std::vector<Type> &inputs,
        const std::vector<std::string> &names,
        const std::function<std::vector<std::pair<std::string, Tensor>>(Trace &, const Tensors &)>
            &body);
  Tensor read(Trace &trace, const std::string &name, const Type &type);
  void write(Trace &trace, const std::string &name, Tensor value);
  void bindParams(Trace &trace);

  void traceInit();
  void traceStep();
  void traceEvaluate();
  void tracePredict();
  std::string summary(Trace &trace);
};

bool TrainingTracer::isFrozen(const std::string &name) const {
  return llvm::any_of(spec.frozen, [&](const std::string &prefix) {
    return name == prefix || StringRef(name).starts_with(prefix + ".");
  });
}

void TrainingTracer::collectParams() {
  llvm::StringMap<const Param::Info *> names;
  spec.visit([&](const std::string &name, const Param &param) {
    if (!param.info->name.empty() &&
        llvm::any_of(params, [&](const Param &p) { return p.info == param.info; }))
      return; // a shared parameter keeps its first name
    if (!names.try_emplace(name, param.info.get()).second)
      throw Error("duplicate-parameter", "two parameters are named " + name, loc, {},
                  "give the members different names");
    param.info->name = name;
    params.push_back(param);
    (param.info->trainable && !isFrozen(name) ? trained : held).push_back(param.info.get());
    if (param.info->trainable)
      program->parameters += param.info->type.elements();
  });
  for (const std::string &prefix : spec.frozen)
    if (llvm::none_of(params, [&](const Param &p) {
          return p.info->name == prefix || StringRef(p.info->name).starts_with(prefix + ".");
        })) {
      std::vector<std::string> candidates;
      for (const Param &p : params)
        candidates.push_back(p.info->name);
      std::string close = nearest(prefix, candidates);
      throw Error("unknown-parameter", "frozen prefix \"" + prefix + "\" names no parameter", loc,
                  {}, close.empty() ? "see Program::summary()" : "did you mean " + close);
    }
}

void TrainingTracer::declare(const std::string &name, const Type &type, ir::StateRole role) {
  OpBuilder b = OpBuilder::atBlockEnd(program->module->getBody());
  ir::StateOp::create(b, at(), name, toMlir(program->context.get(), type), role, IntegerAttr());
}

void TrainingTracer::declareState() {
  for (const Param &param : params)
    declare(param.info->name, param.info->type,
            param.info->trainable ? ir::StateRole::Param : ir::StateRole::Buffer);
  for (const std::string &slot : slotNames(spec.optimizer))
    for (const Param::Info *param : trained)
      declare(slotName(slot, param), param->type, ir::StateRole::Slot);
  declare("training.step", i64(), ir::StateRole::Step);
  declare("training.seed", i64(), ir::StateRole::Seed);
}

Tensor TrainingTracer::read(Trace &trace, const std::string &name, const Type &type) {
  return trace.tensor(ir::ReadOp::create(trace.builder, at(), toMlir(program->context.get(), type),
                                         FlatSymbolRefAttr::get(program->context.get(), name)));
}

void TrainingTracer::write(Trace &trace, const std::string &name, Tensor value) {
  ir::WriteOp::create(trace.builder, at(), FlatSymbolRefAttr::get(program->context.get(), name),
                      trace.value(value, loc));
}

void TrainingTracer::bindParams(Trace &trace) {
  for (const Param &param : params)
    trace.params[param.info.get()] =
        trace.value(read(trace, param.info->name, param.info->type), loc);
  trace.seed = trace.value(read(trace, "training.seed", i64()), loc);
  trace.step = trace.value(read(trace, "training.step", i64()), loc);
}

void TrainingTracer::entry(
    const std::string &name, const std::vector<Type> &inputs, const std::vector<std::string> &names,
    const std::function<std::vector<std::pair<std::string, Tensor>>(Trace &, const Tensors &)>
        &body) {
  MLIRContext *context = program->context.get();
  OpBuilder b = OpBuilder::atBlockEnd(program->module->getBody());
  SmallVector<mlir::Type> types;
  for (const Type &type : inputs)
    types.push_back(toMlir(context, type));
  auto function = func::FuncOp::create(b, at(), name, b.getFunctionType(types, {}));
  function->setAttr(ir::entryAttrName, b.getUnitAttr());
  Block *block = function.addEntryBlock();
  b.setInsertionPointToStart(block);
  std::vector<std::pair<std::string, Tensor>> results;
  Trace trace(b, *program->module);
  Tensors arguments;
  for (auto [i, argument] : llvm::enumerate(block->getArguments())) {
    arguments.push_back(trace.tensor(argument));
    function.setArgAttr(i, ir::nameAttrName,
                        b.getStringAttr(i < names.size() ? names[i] : "input" + std::to_string(i)));
  }
  results = body(trace, arguments);
  SmallVector<Value> values;
  for (auto &[resultName, tensor] : results)
    values.push_back(trace.value(tensor, loc));
  func::ReturnOp::create(trace.builder, at(), values);
  function.setType(b.getFunctionType(types, ValueRange(values).getTypes()));
  for (auto [i, result] : llvm::enumerate(results))
    function.setResultAttr(i, ir::nameAttrName, b.getStringAttr(result.first));
}

void TrainingTracer::traceInit() {
  entry("init", {i64()}, {"seed"},
        [&](Trace &trace, const Tensors &in) -> std::vector<std::pair<std::string, Tensor>> {
          Tensor zero = zeros(i64(), loc);
          trace.seed = trace.value(in[0], loc);
          trace.step = trace.value(zero, loc);
          for (const Param &param : params)
            write(trace, param.info->name, initialValue(param.info->init, param.info->type, loc));
          for (const std::string &slot : slotNames(spec.optimizer))
            for (const Param::Info *param : trained)
              write(trace, slotName(slot, param), zeros(param->type, loc));
          write(trace, "training.step", zero);
          write(trace, "training.seed", in[0]);
          return {};
        });
}

// The loss runs in a vjp region over the trained parameters; metrics and new running statistics
// leave it as auxiliary results.
void TrainingTracer::traceStep() {
  entry("step", spec.inputs, spec.input_names,
        [&](Trace &trace, const Tensors &in) -> std::vector<std::pair<std::string, Tensor>> {
          bindParams(trace);
          trace.training = true;
          // The initial values drew the streams of step 0 under other numbers.
          trace.nextStream = int64_t(1) << 20;
          Location where = at();
          SmallVector<Value> values;
          SmallVector<int64_t> wrt;
          for (const Param::Info *param : trained) {
            wrt.push_back((int64_t)values.size());
            values.push_back(trace.params[param]);
          }
          auto region = std::make_unique<Region>();
          Block *block = new Block;
          region->push_back(block);
          auto outside = trace.params;
          for (auto [param, value] : llvm::zip_equal(trained, values))
            trace.params[param] = block->addArgument(value.getType(), where);
          {
            Scope scope(trace, *region);
            Tensor loss = spec.loss(in);
            if (!isFloat(loss.dtype(loc)) || loss.rank(loc) != 0)
              throw Error("not-a-scalar", "the loss is " + loss.type(loc).str(), loc,
                          {"it is " + describe(loss)}, "reduce it with mean() or sum()");
            SmallVector<Value> yielded{trace.value(loss, loc)};
            for (auto &[name, value] : trace.metrics)
              yielded.push_back(value);
            for (auto &[info, value] : trace.updates)
              yielded.push_back(value);
            ir::YieldOp::create(trace.builder, where, yielded);
          }
          SmallVector<mlir::Type> types(block->getTerminator()->getOperandTypes());
          types.append(ValueRange(values).getTypes().begin(), ValueRange(values).getTypes().end());
          Tensor one = ones(fromMlir(types[0]), loc);
          auto vjp =
              ir::VjpOp::create(trace.builder, where, types, values, trace.value(one, loc), wrt);
          vjp.getBody().takeBody(*region);
          trace.params = outside; // the region's are out of scope

          size_t next = 1;
          Tensor loss = trace.tensor(vjp.getResult(0));
          check(is_finite(loss, loc), "the loss is not finite", loc);
          std::vector<std::pair<std::string, Tensor>> results{{"loss", loss}};
          for (auto &[name, value] : trace.metrics)
            results.push_back({name, trace.tensor(vjp.getResult(next++))});
          for (auto &[info, value] : trace.updates)
            write(trace, info->name, trace.tensor(vjp.getResult(next++)));
          std::vector<Tensor> gradients;
          for (size_t i = 0; i < trained.size(); ++i)
            gradients.push_back(trace.tensor(vjp.getResult(next++)));
          clipGradients(spec.optimizer, gradients, loc);

          Tensor step = trace.tensor(trace.step), done = convert(step, DType::f32, loc),
                 count = done + 1.0;
          Tensor rate = learningRate(spec.optimizer, done, loc);
          std::vector<std::string> slots = slotNames(spec.optimizer);
          for (auto [i, param] : llvm::enumerate(trained)) {
            std::vector<Tensor> old;
            for (const std::string &slot : slots)
              old.push_back(read(trace, slotName(slot, param), param->type));
            Updated updated = applyOptimizer(spec.optimizer, trace.tensor(trace.params[param]),
                                             gradients[i], old, rate, count, loc);
            write(trace, param->name, updated.param);
            for (auto [slot, value] : llvm::zip_equal(slots, updated.slots))
              write(trace, slotName(slot, param), value);
          }
          write(trace, "training.step", step + 1);
          return results;
        });
}

void TrainingTracer::traceEvaluate() {
  entry("evaluate", spec.inputs, spec.input_names, [&](Trace &trace, const Tensors &in) {
    bindParams(trace);
    std::vector<std::pair<std::string, Tensor>> results{{"loss", spec.loss(in)}};
    for (auto &[name, value] : trace.metrics)
      results.push_back({name, trace.tensor(value)});
    Tensor last = in.back();
    Tensor count = last.rank() == 1 && !isFloat(last.dtype())
                       ? sum(convert(ge({last, loc}, {0, loc}), DType::f32, loc), {}, {}, loc)
                       : full(f32(), in[0].rank() ? double(in[0].dim(0)) : 1, loc);
    results.push_back({"count", count});
    return results;
  });
}

void TrainingTracer::tracePredict() {
  entry("predict", {spec.inputs.at(0)}, spec.input_names,
        [&](Trace &trace, const Tensors &in) -> std::vector<std::pair<std::string, Tensor>> {
          bindParams(trace);
          Tensor y = spec.predict(in[0]);
          program->layers = trace.layers;
          program->summary = summary(trace) + "\n" + in[0].type().str() + " -> " +
                             (y.value ? y.type().str() : "none");
          return y.value ? std::vector<std::pair<std::string, Tensor>>{{"output", y}}
                         : std::vector<std::pair<std::string, Tensor>>{};
        });
}

namespace {
std::string padded(std::string text, size_t width) {
  text.resize(std::max(text.size() + 2, width), ' ');
  return text;
}
} // namespace

std::string TrainingTracer::summary(Trace &trace) {
  std::string text = spec.description + "\n\n";
  if (!trace.layers.empty())
    text += padded("  layer", 40) + padded("output", 24) + "parameters\n";
  for (const LayerNote &layer : trace.layers)
    text += padded("  " + (layer.name.empty() ? "" : layer.name + ": ") + layer.text, 40) +
            padded(layer.output, 24) + (layer.parameters ? std::to_string(layer.parameters) : "-") +
            "\n";
  text += trace.layers.empty() ? "" : "\n";
  for (const Param &param : params) {
    text += padded("  " + param.info->name, 40) + param.info->type.str() +
            (param.info->trainable ? isFrozen(param.info->name) ? "  frozen" : "" : "  buffer") +
            "\n";
  }
  return text + "\n" + std::to_string(program->parameters) + " parameters";
}

Program TrainingTracer::trace() {
  if (spec.inputs.empty())
    throw Error("no-inputs", "a training program without inputs", loc, {},
                "list them: .inputs = {f32(batch, 28, 28), i32(batch)}");
  detail::checkSizes(spec.inputs, loc);
  program->context = makeContext();
  program->module = ModuleOp::create(at());
  program->name = spec.name;
  program->description = spec.description;
  (*program->module)
      ->setAttr(ir::programAttrName, StringAttr::get(program->context.get(), spec.name));
  collectParams();
  declareState();
  traceInit();
  traceStep();
  traceEvaluate();
  tracePredict();
  if (failed(mlir::verify(*program->module)))
    throw std::logic_error("internal error: the traced program " + spec.name + " does not verify");
  return {program};
}

} // namespace

Program detail::training(TrainingSpec spec, Loc loc) {
  auto start = std::chrono::steady_clock::now();
  Program program = TrainingTracer(std::move(spec), loc).trace();
  program.impl->traceSeconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return program;
}

} // namespace fluxion
