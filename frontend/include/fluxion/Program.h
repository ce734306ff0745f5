// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions and their transformations, training programs, the model registry.
#pragma once

#include "fluxion/Layer.h"
#include "fluxion/nn.h"
#include "fluxion/optim.h"

namespace fluxion {

// A traced program: entry points over one state. Copies share it.
class Program {
public:
  struct Impl;
  std::shared_ptr<Impl> impl;
  std::string str() const;        // the program as IR
  std::string summary() const;    // the model as code, with shapes and parameter counts
  int64_t parameterCount() const; // numbers that could be trained, frozen ones included
};

using Tensors = std::vector<Tensor>;

// A function of tensors, traced when it is compiled, transformed, or called inside another trace.
// Calling it with other types than `inputs` is an Error, as is a transformation that does not fit
// it.
struct Function {
  std::vector<Type> inputs;
  std::function<Tensors(const Tensors &)> body;
  std::string name = "main";
  Tensors operator()(const Tensors &arguments, Loc loc = Loc::current()) const;
};

namespace detail {
template <typename F, size_t... I>
Tensors apply(const F &f, const Tensors &x, std::index_sequence<I...>) {
  using R = decltype(f(((void)I, x[I])...));
  if constexpr (std::convertible_to<R, Tensor>)
    return {f(x[I]...)};
  else
    return f(x[I]...);
}
template <typename F, size_t N>
constexpr bool takes = []<size_t... I>(std::index_sequence<I...>) {
  return std::is_invocable_v<const F &, decltype(((void)I, Tensor()))...>;
}(std::make_index_sequence<N>());
[[noreturn]] void wrongArity(size_t inputs, Loc loc);
void checkSizes(const std::vector<Type> &inputs, Loc loc); // all at least 1
[[noreturn]] void wrongLossArity(size_t takes, size_t inputs, Loc loc);
} // namespace detail

// function({f32(3), f32(3)}, [](Tensor x, Tensor y) { return dot(tanh(x), y); })
template <typename F> Function function(std::vector<Type> inputs, F f, Loc loc = Loc::current()) {
  detail::checkSizes(inputs, loc);
  Function made;
  made.inputs = inputs;
  if constexpr (std::is_invocable_v<const F &, const Tensors &>) {
    made.body = [f](const Tensors &x) -> Tensors {
      if constexpr (std::convertible_to<decltype(f(x)), Tensor>)
        return {f(x)};
      else
        return f(x);
    };
  } else {
    auto with = [&]<size_t N>() {
      if constexpr (detail::takes<F, N>)
        if (inputs.size() == N)
          made.body = [f](const Tensors &x) {
            return detail::apply(f, x, std::make_index_sequence<N>());
          };
    };
    with.template operator()<0>(), with.template operator()<1>(), with.template operator()<2>(),
        with.template operator()<3>();
    with.template operator()<4>(), with.template operator()<5>(), with.template operator()<6>(),
        with.template operator()<7>();
    if (!made.body)
      detail::wrongArity(inputs.size(), loc);
  }
  return made;
}

// Derivatives of a function's first result, a float scalar, with respect to its float inputs. What
// the function captures is a constant to the derivative.
Function grad(Function f, Loc loc = Loc::current());
struct ValueAndGrad {
  Function function; // results: the value, then one gradient a float input
  operator Function() const { return function; } // so that transformations compose
  Tensors operator()(const Tensors &arguments, Loc loc = Loc::current()) const {
    return function(arguments, loc);
  }
};
ValueAndGrad value_and_grad(Function f, Loc loc = Loc::current());
// (inputs..., cotangent of the first result) -> results..., cotangents of the float inputs.
Function vjp(Function f, Loc loc = Loc::current());
// (inputs..., tangents of the float inputs...) -> results..., tangent of the first result.
Function jvp(Function f, Loc loc = Loc::current());
// Rows are derivatives of the elements of the first result with respect to the first float input,
// flattened: one reverse sweep a row, unrolled, so meant for results of tens of elements.
Function jacobian(Function f, Loc loc = Loc::current());
Function hessian(Function f, Loc loc = Loc::current()); // of a scalar function of one input
// Intermediates are recomputed in the reverse pass.
Function checkpoint(Function f, Loc loc = Loc::current());
// backward(inputs..., results..., cotangents...) -> one cotangent an input.
Function custom_vjp(Function f, Function backward, Loc loc = Loc::current());

// Training programs.

// A loss: a function of the model and one, two or three inputs, or of all inputs as Tensors.
template <typename M> struct LossFunction {
  template <typename F> LossFunction(F f) {
    if constexpr (std::is_invocable_r_v<Tensor, const F &, const M &, const Tensors &>)
      call = f;
    else if constexpr (std::is_invocable_v<const F &, const M &, Tensor>)
      takes = 1, call = [f](const M &m, const Tensors &x) { return f(m, x[0]); };
    else if constexpr (std::is_invocable_v<const F &, const M &, Tensor, Tensor>)
      takes = 2, call = [f](const M &m, const Tensors &x) { return f(m, x[0], x[1]); };
    else
      takes = 3, call = [f](const M &m, const Tensors &x) { return f(m, x[0], x[1], x[2]); };
  }
  size_t takes = 0; // inputs; 0: all of them as Tensors
  std::function<Tensor(const M &, const Tensors &)> call;
};

template <typename M> struct Training {
  LossFunction<M> loss;
  std::vector<Type> inputs;
  Optimizer optimizer = sgd();
  std::function<Tensor(const M &, Tensor)> predict = {}; // of the first input; the model itself
  std::vector<std::string> input_names = {"image", "label"};
  std::vector<std::string> frozen = {}; // prefixes of parameters that are not trained
  std::string name = "program";
};

namespace detail {
struct TrainingSpec {
  std::function<void(const ParamVisitor &)> visit;
  std::function<Tensor(const Tensors &)> loss;
  std::function<Tensor(Tensor)> predict;
  std::vector<Type> inputs;
  std::vector<std::string> input_names, frozen;
  Optimizer optimizer;
  std::string name, description;
};
Program training(TrainingSpec spec, Loc loc);
} // namespace detail

// Named f32[] that step and evaluate return besides the loss; cross_entropy reports "accuracy".
void metric(const std::string &name, Tensor scalar, Loc loc = Loc::current());

// Entry points: init(seed i64), step(inputs...) -> loss, metrics; evaluate(inputs...) -> loss,
// metrics, count of valid rows (label >= 0); predict(first input). The state holds parameters,
// running statistics, optimiser slots, step and seed.
template <typename M>
Program training(M model, std::type_identity_t<Training<M>> options, Loc loc = Loc::current()) {
  detail::TrainingSpec spec;
  auto shared = std::make_shared<M>(std::move(model));
  spec.visit = [shared](const ParamVisitor &visitor) { detail::visit("", visitor, *shared); };
  spec.loss = [shared, loss = options.loss.call](const Tensors &inputs) {
    return loss(*shared, inputs);
  };
  if (options.loss.takes && !options.inputs.empty() && options.loss.takes != options.inputs.size())
    detail::wrongLossArity(options.loss.takes, options.inputs.size(), loc);
  spec.predict = [shared, predict = options.predict, loc](Tensor x) {
    if (predict)
      return predict(*shared, x);
    if constexpr (LayerLike<M>)
      return Layer(*shared)(x, loc);
    else
      return (void)loc, Tensor();
  };
  spec.inputs = options.inputs;
  spec.input_names = options.input_names;
  spec.frozen = options.frozen;
  spec.optimizer = options.optimizer;
  spec.name = options.name;
  spec.description = detail::describe(*shared);
  return detail::training(std::move(spec), loc);
}

// A classifier: cross entropy of model(image) against labels, with accuracy.
struct ClassifierOptions {
  std::vector<Type> inputs;
  Optimizer optimizer = sgd();
  std::string name = "program";
  std::vector<std::string> frozen = {};
};
template <LayerLike M>
Program classifier(M model, ClassifierOptions options, Loc loc = Loc::current()) {
  return training(std::move(model),
                  Training<M>{.loss =
                                  [loc](const M &m, Tensor image, Tensor label) {
                                    return cross_entropy(Layer(m)(image, loc), label, loc);
                                  },
                              .inputs = options.inputs,
                              .optimizer = options.optimizer,
                              .frozen = options.frozen,
                              .name = options.name},
                  loc);
}

// Registry.

struct Config {
  int64_t batch = 0; // 0: the model's own
};
struct Model {
  const char *name;
  const char *doc;
  const char *data; // "mnist", "cifar10", "digits": what its inputs are
  Program (*make)(const Config &);
};
const std::vector<Model> &models();
struct Registration {
  Registration(Model model);
};
#define FX_MODEL(name, make, doc, data)                                                            \
  static const ::fluxion::Registration fx_model_##make{{name, doc, data, &make}};

} // namespace fluxion
