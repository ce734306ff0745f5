// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Layers are values: any callable from Tensor to Tensor is one. A struct names its members with
// FX_LAYER, so that parameters have dotted names and none is forgotten.
#pragma once

#include "fluxion/Tensor.h"

#include <functional>
#include <memory>
#include <utility>

namespace fluxion {

// Values a new parameter takes, from the program's seed.
struct Init {
  enum Kind { Zeros, Ones, Constant, Uniform, Normal, TruncatedNormal, Orthogonal } kind = Zeros;
  double scale = 0; // the constant, the half width, the deviation or the gain
};
Init zeros_init(), ones_init(), constant_init(double value);
Init uniform_init(double halfWidth), normal_init(double deviation),
    truncated_normal_init(double deviation); // cut at 2 deviations, then scaled to the one given
// Orthonormal rows or columns, the fewer, of the weight as [first size, the rest], times gain.
Init orthogonal_init(double gain = 1);
// Means of 0 and a variance from a weight's shape [out, in, window...], with fan-in = in * window
// and fan-out = out * window: 2 / (fan-in + fan-out) (Glorot and Bengio 2010), 2 / fan-in (He et
// al. 2015), 1 / fan-in (LeCun et al. 1998).
enum class Fan { Glorot, Kaiming, Lecun };
struct FanInit {
  Fan fan = Fan::Kaiming;
  bool normal = false;
};
inline constexpr FanInit glorot_uniform{Fan::Glorot, false}, glorot_normal{Fan::Glorot, true},
    kaiming_uniform{Fan::Kaiming, false}, kaiming_normal{Fan::Kaiming, true},
    lecun_uniform{Fan::Lecun, false}, lecun_normal{Fan::Lecun, true};
Init fan_init(FanInit fan, const Type &weight);
// What a layer's weight may begin with: .init = glorot_normal, .init = orthogonal_init().
struct WeightInit {
  WeightInit(FanInit fan) : fan(fan), scaled(true) {}
  WeightInit(Init init) : init(init) {}
  Init of(const Type &weight) const { return scaled ? fan_init(fan, weight) : init; }
  FanInit fan;
  Init init;
  bool scaled = false;
};

// A named tensor of a model: a parameter, or a buffer such as a running mean. Copies share it.
class Param {
public:
  Param() = default;
  Param(Type type, Init init, bool trainable = true);
  operator Tensor() const; // its value in the program being traced
  Tensor value(Loc loc = Loc::current()) const;
  const Type &type() const;
  // The value a buffer takes when the step ends; only in training.
  void update(Tensor value, Loc loc = Loc::current()) const;

  struct Info;
  std::shared_ptr<Info> info;
};

// Called with the dotted name of every parameter.
using ParamVisitor = std::function<void(const std::string &name, const Param &param)>;

namespace detail {
template <typename T>
void visit(const std::string &prefix, const ParamVisitor &visitor, const T &member) {
  if constexpr (std::same_as<T, Param>) {
    if (member.info)
      visitor(prefix, member);
  } else if constexpr (requires { member.visitParams(prefix, visitor); })
    member.visitParams(prefix, visitor);
  else if constexpr (requires {
                       member.begin();
                       member.end();
                     }) {
    size_t i = 0;
    for (const auto &item : member)
      visit(prefix + "." + std::to_string(i++), visitor, item);
  }
}
inline std::string join(const std::string &prefix, const char *name) {
  return prefix.empty() ? name : prefix + "." + name;
}
template <typename T> std::string describe(const T &layer) {
  if constexpr (requires { layer.str(); })
    return layer.str();
  else if constexpr (std::same_as<T, Unary>)
    return layer.mnemonic;
  else if constexpr (std::same_as<T, Tensor (*)(Tensor, Loc)>)
    return Unary(layer).mnemonic;
  else
    return "function";
}
} // namespace detail

template <typename T>
concept LayerLike = std::is_invocable_r_v<Tensor, const T &, Tensor> ||
                    std::is_invocable_r_v<Tensor, const T &, Tensor, Loc>;

// Any callable from Tensor to Tensor, type erased. Copies share parameters.
class Layer {
public:
  template <LayerLike T>
    requires(!std::same_as<std::remove_cvref_t<T>, Layer>)
  Layer(T layer) : self(std::make_shared<Model<T>>(std::move(layer))) {}
  Layer(Tensor (*function)(Tensor)) : Layer([function](Tensor x) { return function(x); }) {}
  Layer(Tensor (*function)(Tensor, Loc)) : Layer(Unary(function)) {}

  Tensor operator()(Tensor x, Loc loc = Loc::current()) const { return self->call(x, loc); }
  void visitParams(const std::string &prefix, const ParamVisitor &visitor) const {
    self->visit(prefix, visitor);
  }
  std::string str() const { return self->str(); }

private:
  struct Base {
    virtual ~Base() = default;
    virtual Tensor call(Tensor x, Loc loc) const = 0;
    virtual void visit(const std::string &prefix, const ParamVisitor &visitor) const = 0;
    virtual std::string str() const = 0;
  };
  template <typename T> struct Model final : Base {
    explicit Model(T layer) : layer(std::move(layer)) {}
    Tensor call(Tensor x, Loc loc) const override {
      if constexpr (std::is_invocable_v<const T &, Tensor, Loc>)
        return layer(x, loc);
      else
        return layer(x);
    }
    void visit(const std::string &prefix, const ParamVisitor &visitor) const override {
      detail::visit(prefix, visitor, layer);
    }
    std::string str() const override { return detail::describe(layer); }
    T layer;
  };
  std::shared_ptr<const Base> self;
};

// FX_LAYER(Type, members...) inside a struct. The structured binding names every data member, so a
// member left out does not compile.
#define FX_LAYER(Type, ...)                                                                        \
  void visitParams(const std::string &fx_prefix, const ::fluxion::ParamVisitor &fx_visitor)        \
      const {                                                                                      \
    [[maybe_unused]] const auto &[FX_EACH_(FX_BIND_, FX_COMMA_, __VA_ARGS__)] = *this;             \
    FX_EACH_(FX_VISIT_, FX_NOTHING_, __VA_ARGS__)                                                  \
  }
#define FX_BIND_(m) fx_bound_##m
#define FX_VISIT_(m)                                                                               \
  ::fluxion::detail::visit(::fluxion::detail::join(fx_prefix, #m), fx_visitor, this->m);
#define FX_COMMA_() ,
#define FX_NOTHING_()
#define FX_EACH_(M, S, ...)                                                                        \
  FX_PICK_(__VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)(M, S, __VA_ARGS__)
#define FX_PICK_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, N, ...)    \
  FX_E##N
#define FX_E1(M, S, a) M(a)
#define FX_E2(M, S, a, ...) M(a) S() FX_E1(M, S, __VA_ARGS__)
#define FX_E3(M, S, a, ...) M(a) S() FX_E2(M, S, __VA_ARGS__)
#define FX_E4(M, S, a, ...) M(a) S() FX_E3(M, S, __VA_ARGS__)
#define FX_E5(M, S, a, ...) M(a) S() FX_E4(M, S, __VA_ARGS__)
#define FX_E6(M, S, a, ...) M(a) S() FX_E5(M, S, __VA_ARGS__)
#define FX_E7(M, S, a, ...) M(a) S() FX_E6(M, S, __VA_ARGS__)
#define FX_E8(M, S, a, ...) M(a) S() FX_E7(M, S, __VA_ARGS__)
#define FX_E9(M, S, a, ...) M(a) S() FX_E8(M, S, __VA_ARGS__)
#define FX_E10(M, S, a, ...) M(a) S() FX_E9(M, S, __VA_ARGS__)
#define FX_E11(M, S, a, ...) M(a) S() FX_E10(M, S, __VA_ARGS__)
#define FX_E12(M, S, a, ...) M(a) S() FX_E11(M, S, __VA_ARGS__)
#define FX_E13(M, S, a, ...) M(a) S() FX_E12(M, S, __VA_ARGS__)
#define FX_E14(M, S, a, ...) M(a) S() FX_E13(M, S, __VA_ARGS__)
#define FX_E15(M, S, a, ...) M(a) S() FX_E14(M, S, __VA_ARGS__)
#define FX_E16(M, S, a, ...) M(a) S() FX_E15(M, S, __VA_ARGS__)

} // namespace fluxion
