// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/dsl/Trace.h"

namespace fluxion {
using namespace dsl;

// ---- Parameters -----------------------------------------------------------------------------------------------------

Param::Param(Type type, Init init, bool trainable) : info(std::make_shared<Info>(Info{std::move(type), init, trainable, ""})) {}
const Type &Param::type() const { return info->type; }

Param::operator Tensor() const {
  Loc loc = Loc::current();
  Trace &trace = Trace::current(loc);
  mlir::Value value = trace.params.lookup(info.get());
  if (!value)
    throw Error("unregistered-parameter", "a parameter " + info->type.str() + " that the model does not name", loc, {},
                "list the member that holds it in FX_LAYER, and give the model itself to training()");
  return trace.tensor(value);
}

void Param::update(Tensor value, Loc loc) const {
  Trace &trace = Trace::current(loc);
  if (value.type() != info->type)
    throw Error("shape-mismatch", "update of " + info->name + " " + info->type.str() + " with " + value.type().str(), loc, {"the value is " + describe(value)},
                "a buffer keeps its type");
  if (trace.training)
    trace.updates.push_back({info.get(), trace.value(value, loc)});
}

Init zeros_init() { return {Init::Zeros, 0}; }
Init ones_init() { return {Init::Ones, 0}; }
Init constant_init(double value) { return {Init::Constant, value}; }
Init uniform_init(double halfWidth) { return {Init::Uniform, halfWidth}; }
Init normal_init(double deviation) { return {Init::Normal, deviation}; }
Init truncated_normal_init(double deviation) { return {Init::TruncatedNormal, deviation}; }
Init orthogonal_init(double gain) { return {Init::Orthogonal, gain}; }

Init fan_init(FanInit fan, const Type &weight) {
  double window = 1;
  for (size_t d = 2; d < weight.shape.size(); ++d)
    window *= double(weight.shape[d]);
  double out = double(weight.shape.at(0)) * window, in = weight.shape.size() > 1 ? double(weight.shape[1]) * window : out;
  double variance = fan.fan == Fan::Glorot ? 2 / (in + out) : fan.fan == Fan::Kaiming ? 2 / in : 1 / in;
  return fan.normal ? normal_init(std::sqrt(variance)) : uniform_init(std::sqrt(3 * variance));
}

// ---- Layers -----------------------------------------------------------------------------------------------------------

namespace {
[[noreturn]] void wrongInput(const std::string &layer, const std::string &expected, Tensor x, Loc made, Loc loc) {
  throw Error("shape-mismatch", layer + " expects " + expected + ", but got " + x.type().str(), loc,
              {"the input is " + describe(x), "the layer was made at " + std::string(made.file_name()) + ":" + std::to_string(made.line())},
              "change the layer's sizes, or reshape the input");
}
std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}
} // namespace

Dense dense(int64_t in, int64_t out, Unary activation, DenseOptions options, Loc loc) {
  if (in < 1 || out < 1)
    throw Error("bad-size", "dense(" + std::to_string(in) + ", " + std::to_string(out) + ")", loc, {}, "both sizes are at least 1");
  Type weight = f32(out, in);
  Dense layer{Param(weight, fan_init(options.init, weight)), {}, in, out, activation, loc};
  if (options.bias)
    layer.bias = Param(f32(out), zeros_init());
  return layer;
}
Tensor Dense::operator()(Tensor x, Loc loc) const {
  if (x.rank() < 1 || x.dim(-1) != in)
    wrongInput(str(), std::to_string(in) + " features", x, made, loc);
  Tensor y = dot_general(x, weight, {.lhs_contracting = {x.rank() - 1}, .rhs_contracting = {1}}, loc);
  if (bias.info)
    y = add({y, loc}, {bias, loc});
  return activation(y, loc);
}
void Dense::visitParams(const std::string &prefix, const ParamVisitor &visitor) const {
  detail::visit(detail::join(prefix, "weight"), visitor, weight);
  detail::visit(detail::join(prefix, "bias"), visitor, bias);
}
std::string Dense::str() const {
  std::string text = "dense(" + std::to_string(in) + " => " + std::to_string(out);
  return text + (std::string(activation.mnemonic) == "identity" ? ")" : std::string(", ") + activation.mnemonic + ")");
}

Conv conv(int64_t in, int64_t out, ConvOptions options, Loc loc) {
  if (in < 1 || out < 1 || options.kernel < 1 || options.groups < 1 || in % options.groups || out % options.groups)
    throw Error("bad-size", "conv(" + std::to_string(in) + ", " + std::to_string(out) + ") in " + std::to_string(options.groups) + " groups", loc, {},
                "sizes are at least 1 and divisible by the groups");
  Type weight = f32(out, in / options.groups, options.kernel, options.kernel);
  Conv layer{Param(weight, fan_init(options.init, weight)), {}, in, out, options, false, loc};
  if (options.bias)
    layer.bias = Param(f32(out), zeros_init());
  return layer;
}
Conv conv_transpose(int64_t in, int64_t out, ConvOptions options, Loc loc) {
  Conv layer = conv(out, in, options, loc); // the weight is [in, out, ...]
  std::swap(layer.in, layer.out);
  layer.transposed = true;
  if (options.bias)
    layer.bias = Param(f32(out), zeros_init());
  return layer;
}
Tensor Conv::operator()(Tensor x, Loc loc) const {
  if (x.rank() != 4 || x.dim(1) != in)
    wrongInput(str(), "[N, " + std::to_string(in) + ", H, W]", x, made, loc);
  ConvolutionOptions o{.stride = {options.stride}, .pad = {options.pad}, .dilation = {options.dilation}, .groups = options.groups};
  Tensor y = transposed ? convolution_transpose(x, weight, o, loc) : convolution(x, weight, o, loc);
  return bias.info ? add({y, loc}, {broadcast_in_dim(bias, y.shape(), {1}, loc), loc}) : y;
}
void Conv::visitParams(const std::string &prefix, const ParamVisitor &visitor) const {
  detail::visit(detail::join(prefix, "weight"), visitor, weight);
  detail::visit(detail::join(prefix, "bias"), visitor, bias);
}
std::string Conv::str() const {
  std::string text = (transposed ? "conv_transpose(" : "conv(") + std::to_string(in) + " => " + std::to_string(out) + ", " + std::to_string(options.kernel) + "x" +
                     std::to_string(options.kernel);
  if (options.stride != 1)
    text += ", stride " + std::to_string(options.stride);
  if (options.pad)
    text += ", pad " + std::to_string(options.pad);
  return text + ")";
}

BatchNorm batch_norm(int64_t features, NormOptions options, Loc) {
  return {Param(f32(features), ones_init()), Param(f32(features), zeros_init()), Param(f32(features), zeros_init(), false),
          Param(f32(features), ones_init(), false), features, options.epsilon, options.momentum};
}
Tensor BatchNorm::operator()(Tensor x, Loc loc) const {
  if (x.rank() < 2 || x.dim(1) != features)
    wrongInput(str(), "[N, " + std::to_string(features) + ", ...]", x, loc, loc);
  Trace &trace = Trace::current(loc);
  auto perFeature = [&](Tensor t) { return Operand(broadcast_in_dim(t, x.shape(), {1}, loc), loc); };
  if (!trace.training) {
    Tensor scale = mul({weight, loc}, {rsqrt(add({running_var, loc}, {epsilon, loc}), loc), loc});
    Tensor centred = sub({x, loc}, perFeature(running_mean));
    return add({mul({centred, loc}, perFeature(scale)), loc}, perFeature(bias));
  }
  mlir::Operation *norm = trace.make<ir::BatchNormOp>(loc, trace.value(x, loc), trace.value(weight, loc), trace.value(bias, loc), int64_t(1),
                                                      llvm::APFloat(epsilon));
  auto average = [&](const Param &running, Tensor batch) {
    running.update(add({mul({running, loc}, {1 - momentum, loc}), loc}, {mul({batch, loc}, {momentum, loc}), loc}), loc);
  };
  double count = double(x.type().elements()) / double(features);
  average(running_mean, trace.tensor(norm->getResult(1)));
  average(running_var, mul({trace.tensor(norm->getResult(2)), loc}, {count > 1 ? count / (count - 1) : 1, loc}));
  return trace.tensor(norm->getResult(0));
}
std::string BatchNorm::str() const { return "batch_norm(" + std::to_string(features) + ")"; }

LayerNorm layer_norm(Shape features, NormOptions options, Loc) {
  return {Param({DType::f32, features}, ones_init()), Param({DType::f32, features}, zeros_init()), options.epsilon};
}
Tensor LayerNorm::operator()(Tensor x, Loc loc) const {
  const Shape &inner = weight.type().shape;
  Shape shape = x.shape();
  if (shape.size() < inner.size() || !std::equal(inner.rbegin(), inner.rend(), shape.rbegin()))
    wrongInput(str(), "trailing sizes " + weight.type().str(), x, loc, loc);
  Trace &trace = Trace::current(loc);
  return emitTyped<ir::LayerNormOp>(loc, x.type(), trace.value(x, loc), trace.value(weight, loc), trace.value(bias, loc), llvm::APFloat(epsilon));
}
std::string LayerNorm::str() const { return "layer_norm(" + weight.type().str() + ")"; }

Embedding embedding(int64_t count, int64_t features, Loc) { return {Param(f32(count, features), normal_init(1))}; }
Tensor Embedding::operator()(Tensor indices, Loc loc) const { return gather(weight, indices, 0, loc); }
std::string Embedding::str() const { return "embedding(" + weight.type().str() + ")"; }

Dropout dropout(double rate, Loc loc) {
  if (!(rate >= 0 && rate < 1))
    throw Error("bad-rate", "dropout(" + number(rate) + ")", loc, {}, "the rate is at least 0 and below 1");
  return {rate};
}
Tensor Dropout::operator()(Tensor x, Loc loc) const {
  Trace &trace = Trace::current(loc);
  if (!trace.training || rate == 0)
    return x;
  int64_t stream = trace.nextStream++;
  return emitTyped<ir::DropoutOp>(loc, x.type(), trace.value(x, loc), trace.seed, trace.step, stream, llvm::APFloat(rate));
}
std::string Dropout::str() const { return "dropout(" + number(rate) + ")"; }

Pool max_pool(PoolSize size) { return {true, {.window = {size.window}, .stride = {size.stride}, .pad = {size.pad}}}; }
Pool avg_pool(PoolSize size) { return {false, {.window = {size.window}, .stride = {size.stride}, .pad = {size.pad}}}; }
Tensor Pool::operator()(Tensor x, Loc loc) const { return isMax ? max_pool(x, options, loc) : avg_pool(x, options, loc); }
std::string Pool::str() const { return std::string(isMax ? "max" : "avg") + "_pool(" + std::to_string(options.window[0]) + ")"; }

// ---- Combinators -------------------------------------------------------------------------------------------------------

namespace {

std::string indented(const std::string &text) {
  std::string result = "  ";
  for (char c : text)
    result += c == '\n' ? std::string("\n  ") : std::string(1, c);
  return result;
}

struct Chain {
  std::vector<Layer> layers;
  Tensor operator()(Tensor x, Loc loc) const {
    for (const Layer &layer : layers)
      x = layer(x, loc);
    return x;
  }
  void visitParams(const std::string &prefix, const ParamVisitor &visitor) const {
    for (size_t i = 0; i < layers.size(); ++i)
      layers[i].visitParams(detail::join(prefix, std::to_string(i).c_str()), visitor);
  }
  std::string str() const {
    std::string text = "chain(";
    for (const Layer &layer : layers)
      text += "\n" + indented(layer.str()) + ",";
    text.back() = ')';
    return text;
  }
};

struct Residual {
  Layer main, skip;
  Tensor operator()(Tensor x, Loc loc) const { return add({main(x, loc), loc}, {skip(x, loc), loc}); }
  FX_LAYER(Residual, main, skip)
  std::string str() const { return "residual(\n" + indented(main.str()) + ",\n" + indented(skip.str()) + ")"; }
};

struct Parallel {
  std::vector<Layer> branches;
  int64_t axis;
  Tensor operator()(Tensor x, Loc loc) const {
    std::vector<Tensor> results;
    for (const Layer &branch : branches)
      results.push_back(branch(x, loc));
    return concatenate(results, axis, loc);
  }
  void visitParams(const std::string &prefix, const ParamVisitor &visitor) const { Chain{branches}.visitParams(prefix, visitor); }
  std::string str() const { return "parallel" + Chain{branches}.str().substr(5); }
};

} // namespace

Layer chain(std::vector<Layer> layers) { return Chain{std::move(layers)}; }
Layer residual(Layer main, Layer skip) { return Residual{std::move(main), std::move(skip)}; }
Layer parallel(std::vector<Layer> branches, int64_t axis) { return Parallel{std::move(branches), axis}; }

} // namespace fluxion
