// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Programs as native code: in this process, or as files. What is wrong with a traced program is an
// Error; what goes wrong in compiling or running it is a std::runtime_error of one sentence.
#pragma once

#include "fluxion/Program.h"

#include <algorithm>
#include <span>

namespace fluxion {

// A dense row-major tensor in the caller's memory.
class Array {
public:
  Array() = default;
  explicit Array(Type type)
      : kind(std::move(type)), bytes(size_t(kind.elements() * bytesOf(kind.dtype))) {}
  Array(std::initializer_list<float> values) : Array(Type{DType::f32, {(int64_t)values.size()}}) {
    std::copy(values.begin(), values.end(), data<float>());
  }
  Array(float scalar) : Array(Type{DType::f32, {}}) { *data<float>() = scalar; }
  template <typename T>
  Array(Type type, std::span<const T> values, Loc loc = Loc::current()) : Array(std::move(type)) {
    if (values.size_bytes() != bytes.size())
      throw Error("shape-mismatch",
                  "an array " + kind.str() + " from " + std::to_string(values.size_bytes()) +
                      " bytes",
                  loc, {}, "it takes " + std::to_string(bytes.size()) + " bytes");
    std::ranges::copy(std::as_bytes(values), bytes.begin());
  }
  const Type &type() const { return kind; }
  template <typename T> T *data() { return reinterpret_cast<T *>(bytes.data()); }
  template <typename T> const T *data() const { return reinterpret_cast<const T *>(bytes.data()); }
  template <typename T = float> T item() const { return *data<T>(); }
  size_t size() const { return bytes.size(); }

private:
  Type kind;
  std::vector<std::byte> bytes;
};

struct CompileOptions {
  std::string target = "cpu"; // this machine; "cpu:x86-64-v3", "cuda:sm_90a", "cuda-emulated";
                              // or several, "cpu,cuda:sm_80": picked where the program starts
  // Factors of f32 products and convolutions, forward and reverse. "f32": as they are. "tf32": a
  // GPU rounds them to 10 bits of mantissa and multiplies on tensor cores; CPUs compute in f32.
  // "bf16": rounded to bf16 on every target. Products are summed in f32, and state, optimiser and
  // all else stay f32.
  std::string precision = "f32";
  int threads = 0;                    // 0: $FLUXION_THREADS, else all
  bool cache = true;                  // compiled objects in the user's cache directory
  std::vector<std::string> skip = {}; // passes to leave out
  std::string schedule = {};          // "key=value,...", over every kernel's schedule
  std::string dump = {};              // folder for the module after every pass
  std::string tuning = {};            // file of measured schedules, see `fluxion tune`
  std::string reproducer = {};        // file an internal error leaves its program in; %: any letter
};

// Seconds each stage of a compilation took, and what came of it.
struct CompileInfo {
  std::vector<std::pair<std::string, double>> seconds;
  int64_t kernels = 0, distinct_kernels = 0, arena_bytes = 0, state_bytes = 0;
  bool from_cache = false;
};

// A compiled program with a state of its own; used by one thread at a time. Run-time failures (too
// little memory, a failed check, a damaged file) throw std::runtime_error with one sentence.
class Compiled {
public:
  struct Impl;
  explicit Compiled(std::shared_ptr<Impl> impl) : impl(std::move(impl)) {}

  void init(int64_t seed);
  // Results in declaration order; types and shapes are checked.
  std::vector<Array> run(const std::string &entry, std::span<const Array> inputs);
  template <std::same_as<Array>... A> std::vector<Array> step(const A &...inputs) {
    return call("step", inputs...);
  }
  template <std::same_as<Array>... A> std::vector<Array> evaluate(const A &...inputs) {
    return call("evaluate", inputs...);
  }
  template <std::same_as<Array>... A> std::vector<Array> predict(const A &...inputs) {
    return call("predict", inputs...);
  }
  // The whole state as safetensors; load takes it back and training goes on to the same bits. A
  // file that is damaged or of another program is refused by name and reason, with nothing loaded.
  void save(const std::string &path) const;
  void load(const std::string &path);
  // Parameters and running statistics by name from any safetensors file.
  void loadWeights(const std::string &path,
                   const std::function<std::string(const std::string &)> &rename = {});
  Array state(const std::string &name) const;
  const CompileInfo &info() const;

  std::shared_ptr<Impl> impl;

private:
  template <typename... A> std::vector<Array> call(const char *entry, const A &...inputs) {
    const Array list[] = {inputs..., Array()};
    return run(entry, std::span(list, sizeof...(inputs)));
  }
};

// A compiled function: f(x, y) gives its results.
class CompiledFunction {
public:
  explicit CompiledFunction(Compiled program) : program(std::move(program)) {}
  std::vector<Array> operator()(std::span<const Array> inputs) {
    return program.run("main", inputs);
  }
  template <std::same_as<Array>... A> std::vector<Array> operator()(const A &...inputs) {
    const Array list[] = {inputs..., Array()};
    return (*this)(std::span<const Array>(list, sizeof...(inputs)));
  }
  Compiled program;
};

struct ValueAndGrads {
  Array value;
  std::vector<Array> grads;
};
class CompiledValueAndGrad {
public:
  explicit CompiledValueAndGrad(CompiledFunction function) : function(std::move(function)) {}
  template <std::same_as<Array>... A> ValueAndGrads operator()(const A &...inputs) {
    std::vector<Array> all = function(inputs...);
    return {all.at(0), {all.begin() + 1, all.end()}};
  }
  CompiledFunction function;
};

Compiled compile(const Program &program, CompileOptions options = {});
CompiledFunction compile(const Function &function, CompileOptions options = {},
                         Loc loc = Loc::current());
CompiledValueAndGrad compile(const ValueAndGrad &function, CompileOptions options = {},
                             Loc loc = Loc::current());
// A function as a program with the entry point "main".
Program program(const Function &function, Loc loc = Loc::current());

enum class Emit { Object, Executable, Ir, Llvm, Assembly };
struct EmitOptions {
  Emit kind = Emit::Object;
  std::string path = {}; // an object's header is written beside it, with the extension .h
  std::string data = {}; // executable: what its inputs are, "mnist", "cifar10", "digits"
  CompileOptions compile = {};
};
// Writes the file, or leaves what is at `path` as it was and throws std::runtime_error.
CompileInfo emit(const Program &program, const EmitOptions &options);

} // namespace fluxion
