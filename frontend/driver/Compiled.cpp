// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The public face of compilation: fluxion/compile.h.
#include "frontend/driver/Compiled.h"
#include "codegen/common/Libraries.h"
#include "codegen/llvm/Aot.h"
#include "fluxion/runtime.h"
#include "frontend/driver/Compile.h"
#include "frontend/dsl/Trace.h"
#include "ir/Target.h"

#include <stdexcept>

namespace fluxion {

namespace {

void orThrow(const rt::Status &status) {
  if (!status)
    throw std::runtime_error(status.message());
}
void orThrow(llvm::Error error) {
  if (error)
    throw std::runtime_error(llvm::toString(std::move(error)));
}

Type typeOf(const fx_tensor &tensor) {
  return {DType(tensor.dtype), Shape(tensor.dims, tensor.dims + tensor.rank)};
}

CompileInfo withTrace(const Program &program, CompileInfo info) {
  info.seconds.insert(info.seconds.begin(), {"trace", program.impl->traceSeconds});
  return info;
}

} // namespace

Compiled compile(const Program &program, CompileOptions options) {
  driver::Request request;
  request.name = program.impl->name;
  request.options = options;
  auto impl = std::make_shared<Compiled::Impl>();
  driver::Product product = driver::compileModule(*program.impl->module, request);
  double start = rt::secondsNow();
  impl->linked = driver::link(product);
  orThrow(rt::Instance::create(impl->linked->program(),
                               std::make_shared<rt::ThreadPool>(options.threads), impl->instance));
  impl->info = withTrace(program, product.info);
  impl->info.seconds.push_back({"link", rt::secondsNow() - start});
  return Compiled(impl);
}

void Compiled::init(int64_t seed) { orThrow(impl->instance->initialise(seed)); }
void Compiled::save(const std::string &path) const {
  orThrow(rt::saveState(*impl->instance, path));
}
void Compiled::load(const std::string &path) { orThrow(rt::loadState(*impl->instance, path)); }
void Compiled::loadWeights(const std::string &path,
                           const std::function<std::string(const std::string &)> &rename) {
  orThrow(rt::loadWeights(*impl->instance, path, rename));
}
const CompileInfo &Compiled::info() const { return impl->info; }

Array Compiled::state(const std::string &name) const {
  const fx_tensor *item = impl->instance->stateItem(name.c_str());
  if (!item)
    throw std::runtime_error("no state item named " + name);
  Array array(typeOf(*item));
  orThrow(impl->instance->readItem(*item, array.data<char>()));
  return array;
}

std::vector<Array> Compiled::run(const std::string &name, std::span<const Array> inputs) {
  const fx_entry *entry = impl->instance->entry(name.c_str());
  if (!entry)
    throw std::runtime_error("the program has no entry point named " + name);
  if (inputs.size() != entry->num_inputs)
    throw std::runtime_error(name + " takes " + std::to_string(entry->num_inputs) +
                             " inputs, called with " + std::to_string(inputs.size()));
  std::vector<const void *> in;
  for (uint32_t i = 0; i < entry->num_inputs; ++i) {
    if (inputs[i].type() != typeOf(entry->inputs[i]))
      throw std::runtime_error(name + " expects " + entry->inputs[i].name + " " +
                               typeOf(entry->inputs[i]).str() + ", but got " +
                               inputs[i].type().str());
    in.push_back(inputs[i].data<char>());
  }
  std::vector<Array> results;
  std::vector<void *> out;
  for (uint32_t i = 0; i < entry->num_outputs; ++i)
    results.emplace_back(typeOf(entry->outputs[i]));
  for (Array &result : results)
    out.push_back(result.data<char>());
  orThrow(impl->instance->run(*entry, in, out));
  return results;
}

Program program(const Function &function, Loc loc) {
  auto impl = std::make_shared<Program::Impl>();
  impl->context = dsl::makeContext();
  mlir::MLIRContext *context = impl->context.get();
  mlir::Location at = mlir::FileLineColLoc::get(context, loc.file_name(), loc.line(), loc.column());
  impl->module = mlir::ModuleOp::create(at);
  impl->name = function.name;
  mlir::OpBuilder b = mlir::OpBuilder::atBlockEnd(impl->module->getBody());
  llvm::SmallVector<mlir::Type> types;
  for (const Type &type : function.inputs)
    types.push_back(dsl::toMlir(context, type));
  auto entry = mlir::func::FuncOp::create(b, at, "main", b.getFunctionType(types, {}));
  entry->setAttr(ir::entryAttrName, b.getUnitAttr());
  mlir::Block *block = entry.addEntryBlock();
  b.setInsertionPointToStart(block);
  dsl::Trace trace(b, *impl->module);
  Tensors arguments;
  for (mlir::Value argument : block->getArguments())
    arguments.push_back(trace.tensor(argument));
  llvm::SmallVector<mlir::Value> results;
  for (Tensor result : function(arguments))
    results.push_back(trace.value(result, loc));
  mlir::func::ReturnOp::create(trace.builder, at, results);
  entry.setType(b.getFunctionType(types, mlir::ValueRange(results).getTypes()));
  return {impl};
}

CompiledFunction compile(const Function &function, CompileOptions options, Loc loc) {
  return CompiledFunction(compile(program(function, loc), options));
}
CompiledValueAndGrad compile(const ValueAndGrad &function, CompileOptions options, Loc loc) {
  return CompiledValueAndGrad(compile(function.function, options, loc));
}

CompileInfo emit(const Program &program, const EmitOptions &options) {
  driver::Request request;
  request.name = program.impl->name;
  request.options = options.compile;
  request.llvmIr = options.kind == Emit::Llvm;
  request.assembly = options.kind == Emit::Assembly;
  driver::checkOptions(options.compile, program.impl->context.get());
  if (options.kind == Emit::Ir) {
    orThrow(codegen::writeFile(options.path, program.str()));
    return withTrace(program, {});
  }
  if (options.kind == Emit::Executable)
    request.mainFor = options.data.empty() ? "none" : options.data;
  driver::Product product = driver::compileModule(*program.impl->module, request);
  double start = rt::secondsNow();
  if (options.kind == Emit::Object) {
    // The header describes what the object holds: read it off the linked program.
    auto linked = driver::link(product);
    size_t dot = options.path.rfind('.');
    std::string stem = dot == std::string::npos || options.path.find('/', dot) != std::string::npos
                           ? options.path
                           : options.path.substr(0, dot);
    orThrow(codegen::writeObject(options.path, product.objects));
    orThrow(codegen::writeFile(stem + ".h",
                               codegen::headerText(*linked->program(), product.descriptor)));
  } else if (options.kind == Emit::Executable) {
    orThrow(codegen::linkExecutable(
        options.path, product.objects,
        {codegen::libraryDirectory(), {"libfluxion_train.a", "libfluxion_rt.a"}}));
  } else {
    orThrow(codegen::writeFile(options.path, product.objects.at(0)));
  }
  product.info.seconds.push_back({"link", rt::secondsNow() - start});
  return withTrace(program, product.info);
}

} // namespace fluxion
