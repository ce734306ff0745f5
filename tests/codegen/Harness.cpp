// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/codegen/Harness.h"

#include "fluxion/runtime.h"
#include "frontend/dsl/Trace.h"
#include "ir/autodiff/Differentiate.h"
#include "ir/ops/Update.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Support/DebugStringHelper.h"
#include "llvm/TargetParser/Host.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <stdexcept>

using namespace mlir;

namespace fluxion_testing {
namespace {

double roundTo(Type element, double value) {
  if (element.isF64())
    return value;
  APFloat number(value);
  bool lost;
  number.convert(cast<FloatType>(element).getFloatSemantics(), APFloat::rmNearestTiesToEven, &lost);
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return number.convertToDouble();
}

template <typename T> void put(std::vector<std::byte> &bytes, int64_t i, T value) {
  std::memcpy(&bytes[i * sizeof(T)], &value, sizeof(T));
}
template <typename T> T get(const std::vector<std::byte> &bytes, int64_t i) {
  T value;
  std::memcpy(&value, &bytes[i * sizeof(T)], sizeof(T));
  return value;
}
size_t widthOf(Type element) { return std::max<size_t>(1, element.getIntOrFloatBitWidth() / 8); }

} // namespace

Tensor randomTensor(Type type, const Inputs &inputs, uint64_t salt) {
  Tensor tensor(type);
  std::mt19937_64 random(inputs.seed * 1000003 + salt);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (tensor.isFloat())
      tensor.floats[i] = inputs.low + (inputs.high - inputs.low) * double(random() >> 11) * 0x1p-53;
    else
      tensor.setInteger(
          i, inputs.lowest + (int64_t)(random() % (uint64_t)(inputs.highest - inputs.lowest + 1)));
  }
  return rounded(tensor);
}

Tensor rounded(const Tensor &tensor) {
  Tensor result = tensor;
  for (double &value : result.floats)
    value = roundTo(tensor.type.getElementType(), value);
  return result;
}

std::vector<std::byte> toBytes(const Tensor &tensor) {
  Type element = tensor.type.getElementType();
  size_t width = widthOf(element);
  std::vector<std::byte> bytes(tensor.size() * width);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (element.isF64())
      put(bytes, i, tensor.floats[i]);
    else if (element.isF32())
      put(bytes, i, (float)tensor.floats[i]);
    else if (tensor.isFloat()) {
      APFloat number(tensor.floats[i]);
      bool lost;
      number.convert(cast<FloatType>(element).getFloatSemantics(), APFloat::rmNearestTiesToEven,
                     &lost);
      put(bytes, i, (uint16_t)number.bitcastToAPInt().getZExtValue());
    } else if (width == 8)
      put(bytes, i, tensor.integers[i]);
    else if (width == 4)
      put(bytes, i, (int32_t)tensor.integers[i]);
    else if (width == 2)
      put(bytes, i, (int16_t)tensor.integers[i]);
    else
      put(bytes, i, (int8_t)tensor.integers[i]);
  }
  return bytes;
}

Tensor fromBytes(Type type, const std::vector<std::byte> &bytes) {
  Tensor tensor(type);
  Type element = tensor.type.getElementType();
  size_t width = widthOf(element);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (element.isF64())
      tensor.floats[i] = get<double>(bytes, i);
    else if (element.isF32())
      tensor.floats[i] = get<float>(bytes, i);
    else if (tensor.isFloat()) {
      APFloat number(cast<FloatType>(element).getFloatSemantics(),
                     APInt(16, get<uint16_t>(bytes, i)));
      bool lost;
      number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
      tensor.floats[i] = number.convertToDouble();
    } else
      tensor.setInteger(i, width == 8   ? get<int64_t>(bytes, i)
                           : width == 4 ? get<int32_t>(bytes, i)
                           : width == 2 ? get<int16_t>(bytes, i)
                                        : get<int8_t>(bytes, i));
  }
  return tensor;
}

struct Case::Running {
  std::unique_ptr<rt::Instance> instance;
};

Case::Case(const std::string &text) : context(fluxion::dsl::makeContext()) {
  module = parseSourceString<ModuleOp>(text, context.get());
  if (!module)
    throw std::runtime_error("the module does not parse");
  differentiated = module->clone();
  if (failed(ir::differentiate(*differentiated)))
    throw std::runtime_error("the module does not differentiate");
}

Case::Case(const Program &program) : context(program.impl->context) {
  module = program.impl->module->clone();
  differentiated = module->clone();
  if (failed(ir::differentiate(*differentiated)))
    throw std::runtime_error("the program does not differentiate");
}

func::FuncOp Case::function(const std::string &entry) {
  return differentiated->lookupSymbol<func::FuncOp>(entry);
}

std::vector<Tensor> Case::inputsOf(const std::string &entry, const Inputs &inputs) {
  std::vector<Tensor> tensors;
  for (Type type : function(entry).getArgumentTypes())
    tensors.push_back(randomTensor(type, inputs, tensors.size()));
  return tensors;
}

std::vector<Tensor> Case::reference(const std::string &entry, const std::vector<Tensor> &inputs) {
  auto results = ir::reference::evaluate(function(entry), inputs, &referenceState);
  if (failed(results))
    throw std::runtime_error("the reference evaluation failed");
  return {results->begin(), results->end()};
}

void Case::compile(const driver::Request &request, int threads) {
  driver::Request uncached = request;
  uncached.options.cache = false;
  product = driver::compileModule(*module, uncached);
  linked = driver::link(product);
  start(threads);
}

void Case::start(int threads) {
  running = std::make_shared<Running>();
  if (rt::Status status = rt::Instance::create(
          linked->program(), std::make_shared<rt::ThreadPool>(threads), running->instance);
      !status)
    throw std::runtime_error(status.message());
}

std::string Case::text(const driver::Request &request) {
  return driver::compileModule(*module, request).objects.at(0);
}

std::vector<Tensor> Case::compiled(const std::string &entry, const std::vector<Tensor> &inputs) {
  std::vector<std::vector<std::byte>> in, out;
  std::vector<const void *> inPointers;
  std::vector<void *> outPointers;
  for (const Tensor &input : inputs)
    in.push_back(toBytes(input));
  auto types = function(entry).getResultTypes();
  for (Type type : types)
    out.emplace_back(Tensor(type).size() * widthOf(cast<RankedTensorType>(type).getElementType()),
                     std::byte(0xff));
  for (auto &bytes : in)
    inPointers.push_back(bytes.data());
  for (auto &bytes : out)
    outPointers.push_back(bytes.data());
  rt::Status status =
      running->instance->run(*running->instance->entry(entry.c_str()), inPointers, outPointers);
  if (!status)
    throw std::runtime_error(status.message());
  std::vector<Tensor> results;
  for (auto [type, bytes] : llvm::zip_equal(types, out))
    results.push_back(fromBytes(type, bytes));
  return results;
}

std::vector<std::byte> Case::stateBytes() const {
  std::vector<std::byte> state(running->instance->program().state_bytes);
  if (rt::Status status = running->instance->readState(state.data()); !status)
    throw std::runtime_error(status.message());
  return state;
}

void Case::copyStateToReference() {
  for (auto item : differentiated->getOps<ir::StateOp>()) {
    const fx_tensor *stored = running->instance->stateItem(item.getSymName().str().c_str());
    std::vector<std::byte> dense(stored->bytes);
    if (rt::Status status = running->instance->readItem(*stored, dense.data()); !status)
      throw std::runtime_error(status.message());
    referenceState[item.getSymName().str()] = fromBytes(item.getType(), dense);
  }
}

std::string difference(const std::vector<Tensor> &expected, const std::vector<Tensor> &found,
                       double tolerance) {
  if (expected.size() != found.size())
    return std::to_string(found.size()) + " results, expected " + std::to_string(expected.size());
  for (size_t r = 0; r < expected.size(); ++r)
    for (int64_t i = 0; i < expected[r].size(); ++i) {
      double a = expected[r].number(i), b = found[r].number(i);
      bool same = a == b || (std::isnan(a) && std::isnan(b)) ||
                  (std::isfinite(a) && std::fabs(a - b) <= tolerance * std::max(1.0, std::fabs(a)));
      if (!same)
        return "result " + std::to_string(r) + "[" + std::to_string(i) + "] is " +
               std::to_string(b) + ", expected " + std::to_string(a);
    }
  return "";
}

bool hasDevice() {
  static const bool found = [] {
    std::string arch;
    rt::Status status = rt::deviceArch(arch);
    if (!status)
      std::fprintf(stderr, "note: GPU kernels run emulated alone: %s\n", status.message().c_str());
    return bool(status);
  }();
  return found;
}

std::vector<std::string> runnableTargets() {
  std::vector<std::string> targets = {"cpu"};
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
#if defined(__x86_64__)
  targets.push_back("cpu:x86-64");
  if (features.lookup("avx2") && features.lookup("fma"))
    targets.push_back("cpu:x86-64-v3");
#endif
  targets.push_back("cuda-emulated");
  if (hasDevice())
    targets.push_back("cuda");
  return targets;
}

int launchesIn(const std::string &ptx) {
  int count = 0;
  for (size_t at = 0; (at = ptx.find(".visible .entry", at)) != std::string::npos; ++at)
    ++count;
  return count;
}

void expectReference(Case &program, const std::vector<Tensor> &inputs, const Tolerance &tolerance) {
  std::vector<Tensor> expected = program.reference("main", inputs), first;
  for (Tensor &tensor : expected)
    tensor = rounded(tensor);
  for (const std::string &target : runnableTargets()) {
    driver::Request request;
    request.options.target = target;
    program.compile(request);
    for (int threads : {1, 3}) {
      program.start(threads);
      std::vector<Tensor> found = program.compiled("main", inputs);
      ASSERT_EQ(found.size(), expected.size());
      if (threads == 1)
        first = found;
      for (size_t i = 0; i < found.size(); ++i) {
        mlir::Type type = expected[i].type;
        EXPECT_EQ(difference({expected[i]}, {found[i]}, tolerance(type)), "")
            << target << ", result " << i << ", " << mlir::debugString(type);
        EXPECT_EQ(toBytes(first[i]), toBytes(found[i]))
            << target << ", result " << i << " depends on the threads";
      }
    }
  }
}

void expectReference(Case &program, const std::vector<Tensor> &inputs, double tolerance) {
  expectReference(program, inputs, [=](mlir::Type) { return tolerance; });
}

} // namespace fluxion_testing
