// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/autodiff/Derivatives.h"

#include "ir/autodiff/Differentiate.h"
#include "ir/ops/Control.h"

#include "mlir/IR/Verifier.h"

#include <numeric>
#include <random>
#include <stdexcept>

using namespace mlir;
using namespace fluxion::ir;

namespace fluxion_testing {
namespace {

bool isFloat(Type type) { return isa<FloatType>(getElementTypeOrSelf(type)); }

SmallVector<Type> floatsOf(TypeRange types) {
  return llvm::to_vector(llvm::make_filter_range(types, [](Type type) { return isFloat(type); }));
}

SmallVector<int64_t> floatPositions(TypeRange types) {
  SmallVector<int64_t> positions;
  for (auto [i, type] : llvm::enumerate(types))
    if (isFloat(type))
      positions.push_back((int64_t)i);
  return positions;
}

// The function's body as a region, its return as the region's yield.
void copyBody(func::FuncOp f, Region &region) {
  IRMapping mapping;
  f.getBody().cloneInto(&region, mapping);
  auto returned = cast<func::ReturnOp>(region.front().getTerminator());
  OpBuilder b(returned);
  YieldOp::create(b, f.getLoc(), returned.getOperands());
  returned.erase();
}

} // namespace

SmallVector<Type> fillRegion(Emitter &emit, Region &region, TypeRange arguments,
                             const RegionBody &body) {
  OpBuilder::InsertionGuard guard(emit.builder);
  Block *block = emit.builder.createBlock(&region, {}, arguments,
                                          SmallVector<Location>(arguments.size(), emit.loc));
  Values results = body(emit, block->getArguments());
  YieldOp::create(emit.builder, emit.loc, results);
  return SmallVector<Type>(ValueRange(results).getTypes());
}

std::vector<Tensor> floatsOf(const std::vector<Tensor> &tensors) {
  std::vector<Tensor> floats;
  llvm::copy_if(tensors, std::back_inserter(floats), [](const Tensor &t) { return t.isFloat(); });
  return floats;
}

Derivatives::Derivatives(const GradientCase &given, bool decomposed) : given(given) {
  context.loadDialect<FluxionDialect, func::FuncDialect>();
  module = ModuleOp::create(UnknownLoc::get(&context));
  Builder b(&context);
  SmallVector<Type> types;
  for (const Input &input : given.inputs)
    types.push_back(RankedTensorType::get(input.shape, input.positions ? (Type)b.getI32Type()
                                                                       : (Type)b.getF64Type()));
  auto value = create("value", types, [&](Emitter &emit, ValueRange arguments) {
    SmallVector<Expr> x;
    for (Value argument : arguments)
      x.push_back(emit(argument));
    return given.build(emit, x);
  });
  value.walk([&](Operation *op) {
    mnemonics.insert(op->getName().stripDialect().str());
    composite |= isa<CompositeOpInterface>(op);
  });
  if (decomposed && failed(decomposeComposites(*module)))
    throw std::runtime_error("composites do not decompose");
  func::FuncOp pull = pullOf(value, "pull");
  pushOf(value, "push");
  if (given.order > 1) {
    pullOf(pull, "pull_pull");
    pushOf(pull, "push_pull");
  }
  llvm::raw_string_ostream text(undifferentiated);
  module->print(text);
  if (failed(verify(*module)) || failed(differentiate(*module)) || failed(verify(*module)))
    throw std::runtime_error("not a valid module\n" + undifferentiated);
}

func::FuncOp Derivatives::create(const std::string &name, ArrayRef<Type> arguments,
                                 const std::function<Values(Emitter &, ValueRange)> &buildBody) {
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  Location loc = b.getUnknownLoc();
  auto made = func::FuncOp::create(b, loc, name, b.getFunctionType(arguments, {}));
  made->setAttr("fluxion.entry", b.getUnitAttr());
  Block *block = made.addEntryBlock();
  b.setInsertionPointToStart(block);
  Emitter emit(b, loc);
  Values results = buildBody(emit, block->getArguments());
  func::ReturnOp::create(b, loc, results);
  made.setType(b.getFunctionType(arguments, ValueRange(results).getTypes()));
  return made;
}

func::FuncOp Derivatives::pullOf(func::FuncOp f, const std::string &name) {
  SmallVector<int64_t> wrt = floatPositions(f.getArgumentTypes());
  SmallVector<Type> arguments(f.getArgumentTypes()), results(f.getResultTypes());
  llvm::append_range(arguments, f.getResultTypes());
  llvm::append_range(results, floatsOf(f.getArgumentTypes()));
  return create(name, arguments, [&](Emitter &emit, ValueRange all) -> Values {
    unsigned inputs = f.getNumArguments();
    auto vjp = VjpOp::create(emit.builder, emit.loc, results, all.take_front(inputs),
                             all.drop_front(inputs), wrt);
    copyBody(f, vjp.getBody());
    return Values(vjp.getResults().drop_front(f.getNumResults()));
  });
}

func::FuncOp Derivatives::pushOf(func::FuncOp f, const std::string &name) {
  SmallVector<int64_t> wrt = floatPositions(f.getArgumentTypes());
  SmallVector<Type> arguments(f.getArgumentTypes()), results(f.getResultTypes());
  llvm::append_range(arguments, floatsOf(f.getArgumentTypes()));
  llvm::append_range(results, f.getResultTypes());
  return create(name, arguments, [&](Emitter &emit, ValueRange all) -> Values {
    unsigned inputs = f.getNumArguments();
    auto jvp = JvpOp::create(emit.builder, emit.loc, results, all.take_front(inputs),
                             all.drop_front(inputs), wrt, f.getNumResults());
    copyBody(f, jvp.getBody());
    return Values(jvp.getResults().drop_front(f.getNumResults()));
  });
}

func::FuncOp Derivatives::function(const std::string &name) {
  return module->lookupSymbol<func::FuncOp>(name);
}

std::vector<Tensor> Derivatives::call(const std::string &name, const std::vector<Tensor> &inputs) {
  auto results = reference::evaluate(function(name), inputs);
  if (failed(results))
    throw std::runtime_error("no evaluation of " + name + " in\n" + undifferentiated);
  return {results->begin(), results->end()};
}

std::vector<Tensor> Derivatives::inputsOf(const std::string &name) {
  TypeRange types = function(name).getArgumentTypes();
  int64_t count = 0;
  for (Type type : types)
    count += cast<RankedTensorType>(type).getNumElements();
  std::vector<int64_t> slots(count);
  std::iota(slots.begin(), slots.end(), 0);
  std::mt19937_64 random(2024);
  for (int64_t i = count; i > 1; --i) // std::shuffle differs between libraries
    std::swap(slots[i - 1], slots[random() % i]);
  std::vector<Tensor> inputs;
  for (auto [position, type] : llvm::enumerate(types)) {
    Input range = position < given.inputs.size() ? given.inputs[position] : Input();
    Tensor &tensor = inputs.emplace_back(type);
    for (int64_t i = 0; i < tensor.size(); ++i) {
      double unit = (double(slots[--count]) + 0.6234) / (double(slots.size()) + 1);
      if (tensor.isFloat())
        tensor.floats[i] = range.low + (range.high - range.low) * unit;
      else
        tensor.setInteger(i, (int64_t)(unit * double(range.positions + 2)) - 1);
    }
  }
  return inputs;
}

std::vector<Tensor> Derivatives::directionsOf(const std::string &name) {
  std::vector<Tensor> directions;
  std::mt19937_64 random(7);
  for (Type type : function(name).getArgumentTypes()) {
    Tensor &tensor = directions.emplace_back(type);
    for (double &number : tensor.floats)
      number = double(random() >> 11) * 0x1p-52 - 1;
  }
  return directions;
}

double dot(const std::vector<Tensor> &a, const std::vector<Tensor> &b) {
  double sum = 0;
  for (size_t r = 0; r < a.size(); ++r)
    for (size_t i = 0; i < a[r].floats.size(); ++i)
      sum += a[r].floats[i] * b[r].floats[i];
  return sum;
}

double largest(const std::vector<Tensor> &tensors) {
  double most = 0;
  for (const Tensor &tensor : tensors)
    for (double number : tensor.floats)
      most = std::max(most, std::fabs(number));
  return most;
}

} // namespace fluxion_testing
