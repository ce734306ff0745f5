// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementary functions as compiled for every kind of vector, against libm one precision up. By
// default one f32 in a thousand is tried; FLUXION_ULP_STRIDE=1 tries all of them.
#include "codegen/common/Target.h"
#include "codegen/llvm/Jit.h"
#include "codegen/llvm/LowerProgram.h"
#include "ir/Dialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/TargetParser/Host.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace mlir;
using namespace fluxion;

namespace {

constexpr int64_t blockSize = 4096 + 3; // not a multiple of any vector

extern "C" void runAtOnce(fx_context *, fx_task_fn body, void *args, int64_t tasks) {
  body(args, 0, tasks);
}

// One op on a block of numbers, compiled for a target.
class BlockFunction {
public:
  BlockFunction(const std::string &op, int arity, bool isF32, const std::string &target) {
    std::string t = "tensor<" + std::to_string(blockSize) + (isF32 ? "xf32>" : "xf64>"),
                types = arity == 2 ? t + ", " + t : t;
    std::string text = "func.func @f(%x: " + t + (arity == 2 ? ", %y: " + t : "") + ") -> " + t +
                       " attributes {fluxion.entry} {\n" + "%r = fluxion.kernel map \"k\"(%x" +
                       (arity == 2 ? ", %y" : "") +
                       ") at [#fluxion.place<output, 0>] {\n^bb0(%a: " + t +
                       (arity == 2 ? ", %b: " + t : "") + "):\n%0 = fluxion." + op + " %a" +
                       (arity == 2 ? ", %b" : "") + " : " + t + "\nfluxion.yield %0 : " + t +
                       "\n} : (" + types + ") -> " + t + "\nreturn %r : " + t + "\n}";
    MLIRContext context;
    context.loadDialect<ir::FluxionDialect, func::FuncDialect>();
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    ir::TargetInfo info = llvm::cantFail(codegen::parseTarget(target));
    (*module)->setAttr(ir::targetAttrName, info.toAttr(&context));
    llvm::LLVMContext llvmContext;
    codegen::LoweredProgram lowered =
        llvm::cantFail(codegen::lowerProgram(*module, llvmContext, {}));
    std::string object = llvm::cantFail(codegen::emitObject(lowered, info, {}));
    linked = llvm::cantFail(codegen::linkInProcess({object}, lowered.descriptor,
                                                   {{"fx_parallel_for", (void *)&runAtOnce}}));
  }
  void operator()(const void *x, const void *y, void *result) const {
    const void *inputs[] = {x, y};
    void *outputs[] = {result};
    linked->program()->entries[0].run(nullptr, nullptr, nullptr, inputs, outputs);
  }

private:
  std::unique_ptr<codegen::LinkedProgram> linked;
};

std::vector<std::string> targets() {
  std::vector<std::string> names = {"cpu"};
#if defined(__x86_64__)
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  if (features.lookup("avx2") && features.lookup("fma"))
    names.push_back("cpu:x86-64-v3");
  names.push_back("cpu:x86-64");
#endif
  return names;
}

// Distance from the exact value in units of the last place of T there.
template <typename T, typename Wide> double ulps(T found, Wide exact) {
  if (std::isnan(exact) || std::isnan(found))
    return std::isnan(exact) && std::isnan(found) ? 0 : INFINITY;
  constexpr int digits = std::numeric_limits<T>::digits,
                lowest = std::numeric_limits<T>::min_exponent;
  Wide limit = std::ldexp(Wide(1), std::numeric_limits<T>::max_exponent), value = found;
  value = std::isinf(found) ? std::copysign(limit, value) : value;
  exact = std::fabs(exact) > limit ? std::copysign(limit, exact) : exact;
  int exponent;
  std::frexp(exact, &exponent);
  return (double)std::fabs((value - exact) /
                           std::ldexp(Wide(1), std::max(exponent, lowest) - digits));
}

template <typename T, typename Wide> struct Function {
  const char *name;
  Wide (*exact)(Wide, Wide);
  int arity;
  double bound;
};

#define ONE(name, Wide, f, bound) {#name, [](Wide x, Wide) -> Wide { return f(x); }, 1, bound}
#define TWO(name, Wide, f, bound) {#name, [](Wide x, Wide y) -> Wide { return f(x, y); }, 2, bound}
const Function<float, double> floatFunctions[] = {
    ONE(exp, double, std::exp, 2),       ONE(expm1, double, std::expm1, 2),
    ONE(log, double, std::log, 2),       ONE(log1p, double, std::log1p, 2),
    ONE(tanh, double, std::tanh, 2),     ONE(sin, double, std::sin, 2),
    ONE(cos, double, std::cos, 2),       ONE(erf, double, std::erf, 2),
    TWO(pow, double, std::pow, 2),       TWO(atan2, double, std::atan2, 2),
    TWO(remainder, double, std::fmod, 0)};
using Long = long double;
const Function<double, Long> doubleFunctions[] = {
    ONE(exp, Long, std::exp, 4),     ONE(expm1, Long, std::expm1, 4),   ONE(log, Long, std::log, 4),
    ONE(log1p, Long, std::log1p, 4), ONE(tanh, Long, std::tanh, 4),     ONE(sin, Long, std::sin, 4),
    ONE(cos, Long, std::cos, 4),     ONE(erf, Long, std::erf, 4),       TWO(pow, Long, std::pow, 4),
    TWO(atan2, Long, std::atan2, 4), TWO(remainder, Long, std::fmod, 0)};
#undef ONE
#undef TWO

// Tries f on blocks of arguments until `next` has no more.
template <typename T, typename Wide> class Sweep {
public:
  explicit Sweep(const Function<T, Wide> &f)
      : f(f), x(blockSize), y(blockSize), found(blockSize), exact(blockSize) {
    for (const std::string &target : targets()) {
      compiled.emplace_back(f.name, f.arity, sizeof(T) == 4, target);
      names.push_back(target);
    }
    worst.resize(names.size());
  }
  void argument(T first, T second = 0) {
    x[count] = first, y[count] = second;
    if (++count == blockSize)
      flush();
  }
  void finish() {
    while (count)
      argument(1, 1);
    for (size_t i = 0; i < names.size(); ++i) {
      ::testing::Test::RecordProperty(std::string(f.name) + " " + names[i],
                                      std::to_string(worst[i].error));
      EXPECT_LE(worst[i].error, f.bound)
          << f.name << "(" << worst[i].x << ", " << worst[i].y << ") for " << names[i];
    }
  }

private:
  void flush() {
    count = 0;
    for (int64_t i = 0; i < blockSize; ++i)
      exact[i] = f.exact(x[i], y[i]);
    for (size_t t = 0; t < names.size(); ++t) {
      compiled[t](x.data(), y.data(), found.data());
      for (int64_t i = 0; i < blockSize; ++i) {
        double error = ulps<T, Wide>(found[i], exact[i]);
        if (error > worst[t].error)
          worst[t] = {error, x[i], y[i]};
        if (found[i] == 0 && exact[i] == 0)
          EXPECT_EQ(std::signbit(found[i]), std::signbit(exact[i]))
              << f.name << "(" << x[i] << ", " << y[i] << ") for " << names[t];
      }
    }
  }
  struct Worst {
    double error = 0;
    T x = 0, y = 0;
  };
  const Function<T, Wide> &f;
  std::vector<BlockFunction> compiled;
  std::vector<std::string> names;
  std::vector<Worst> worst;
  std::vector<T> x, y, found;
  std::vector<Wide> exact;
  int64_t count = 0;
};

template <typename T> std::vector<T> specialNumbers() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> numbers;
  for (T x : {T(0),
              Limits::denorm_min(),
              T(3) * Limits::denorm_min(),
              Limits::min(),
              T(1e-30),
              T(1e-5),
              T(0.3),
              T(0.5),
              std::nextafter(T(1), T(0)),
              T(1),
              std::nextafter(T(1), T(2)),
              T(1.5),
              T(2),
              T(2.5),
              T(3),
              T(17),
              T(100),
              T(1e5),
              T(1e9),
              T(1 + 0x1p23),
              T(0x1p24),
              T(1e30),
              Limits::max(),
              Limits::infinity(),
              Limits::quiet_NaN()}) {
    numbers.push_back(x);
    numbers.push_back(-x);
  }
  return numbers;
}

template <typename T, typename Wide> void sweepPairs(Sweep<T, Wide> &sweep, int64_t count) {
  std::mt19937_64 random(42);
  std::normal_distribution<double> normal(0, 10);
  for (int64_t i = 0; i < count; ++i) { // all magnitudes, then everyday ones
    T pair[2];
    uint64_t bits[2] = {random(), random()};
    for (int k = 0; k < 2; ++k)
      std::memcpy(&pair[k], &bits[k], sizeof(T));
    sweep.argument(pair[0], pair[1]);
    sweep.argument(std::fabs((T)normal(random)), (T)normal(random));
  }
}

template <typename T, typename Wide> void sweepFunction(const Function<T, Wide> &f) {
  Sweep<T, Wide> sweep(f);
  for (T x : specialNumbers<T>())
    for (T y : specialNumbers<T>())
      sweep.argument(x, y);
  if (f.arity == 2) {
    sweepPairs(sweep, 400000);
  } else if (sizeof(T) == 4) {
    const char *given = std::getenv("FLUXION_ULP_STRIDE");
    uint64_t stride = given ? std::strtoull(given, nullptr, 10) : 1021;
    for (uint64_t at = 0; at < (uint64_t(1) << 32); at += std::max<uint64_t>(1, stride)) {
      uint32_t bits = (uint32_t)at;
      T x;
      std::memcpy(&x, &bits, 4);
      sweep.argument(x);
    }
  } else {
    sweepPairs(sweep, 500000);
  }
  sweep.finish();
}

class FloatMath : public ::testing::TestWithParam<int> {};
TEST_P(FloatMath, IsWithinTwoUlp) { sweepFunction(floatFunctions[GetParam()]); }
INSTANTIATE_TEST_SUITE_P(All, FloatMath, ::testing::Range(0, (int)std::size(floatFunctions)),
                         [](const auto &info) {
                           return std::string(floatFunctions[info.param].name);
                         });

class DoubleMath : public ::testing::TestWithParam<int> {};
TEST_P(DoubleMath, IsWithinFourUlp) { sweepFunction(doubleFunctions[GetParam()]); }
INSTANTIATE_TEST_SUITE_P(All, DoubleMath, ::testing::Range(0, (int)std::size(doubleFunctions)),
                         [](const auto &info) {
                           return std::string(doubleFunctions[info.param].name);
                         });

} // namespace
