// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/dsl/Trace.h"

namespace fluxion {
using namespace dsl;

// Parameters.

Param::Param(Type type, Init init, bool trainable)
    : info(std::make_shared<Info>(Info{std::move(type), init, trainable, ""})) {}
const Type &Param::type() const { return info->type; }

// A conversion has no place of its own: the latest op's is near.
Param::operator Tensor() const {
  return value(Trace::active() ? Trace::active()->last : Loc::current());
}
Tensor Param::value(Loc loc) const {
  if (!info)
    throw Error("empty-tensor", "a parameter that was never made", loc, {},
                "give it a type and initial values: Param(f32(10), zeros_init())");
  Trace &trace = Trace::current(loc);
  mlir::Value value = trace.params.lookup(info.get());
  if (!value)
    throw Error(
        "unregistered-parameter",
        "a parameter " + info->type.str() + " that the model does not name", loc, {},
        "list the member that holds it in FX_LAYER, and give the model itself to training()");
  return trace.tensor(value);
}

void Param::update(Tensor value, Loc loc) const {
  Trace &trace = Trace::current(loc);
  if (value.type(loc) != info->type)
    throw Error("shape-mismatch",
                "update of " + info->name + " " + info->type.str() + " with " +
                    value.type(loc).str(),
                loc, {"the value is " + describe(value)}, "a buffer keeps its type");
  if (!trace.training)
    return;
  // A layer that runs twice in a step averages twice.
  mlir::Value now = trace.params[info.get()] = trace.value(value, loc);
  for (auto &[known, latest] : trace.updates)
    if (known == info.get()) {
      latest = now;
      return;
    }
  trace.updates.push_back({info.get(), now});
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
  double out = double(weight.shape.at(0)) * window,
         in = weight.shape.size() > 1 ? double(weight.shape[1]) * window : out;
  double variance = fan.fan == Fan::Glorot    ? 2 / (in + out)
                    : fan.fan == Fan::Kaiming ? 2 / in
                                              : 1 / in;
  return fan.normal ? normal_init(std::sqrt(variance)) : uniform_init(std::sqrt(3 * variance));
}

// Layers.

namespace {
// The layer that owns a parameter: "hidden" of "hidden.weight", "" of "weight".
std::string layerName(const Param &param) {
  std::string name = param.info ? param.info->name : "";
  size_t dot = name.rfind('.');
  return dot == std::string::npos ? "" : name.substr(0, dot);
}
[[noreturn]] void wrongInput(const std::string &layer, const std::string &expected,
                             const std::string &found, const Param &param, Tensor x, Loc made,
                             Loc loc, const std::string &help) {
  std::string name = layerName(param),
              place = std::string(made.file_name()) + ":" + std::to_string(made.line());
  throw Error(
      "shape-mismatch", layer + " expects " + expected + ", but got " + found, loc,
      {"the input is " + describe(x),
       (name.empty() ? "the layer was" : "the layer is " + name + ",") + " made at " + place},
      help);
}
// Layers compute in the element type of their parameters.
void checkType(const std::string &layer, const Param &param, Tensor x, Loc made, Loc loc) {
  DType expected = param.info ? param.type().dtype : x.dtype(loc);
  if (x.dtype(loc) == expected)
    return;
  throw Error("dtype-mismatch",
              layer + " expects " + name(expected) + ", but got " + x.type(loc).str(), loc,
              {"the input is " + describe(x), "the layer was made at " +
                                                  std::string(made.file_name()) + ":" +
                                                  std::to_string(made.line())},
              std::string("convert the input: convert(x, ") + name(expected) + ")");
}
int64_t sizeOf(const Param &param) { return param.info ? param.type().elements() : 0; }
// A line of the printed model.
Tensor note(const std::string &text, const Param &param, int64_t parameters, Tensor y, Loc loc) {
  Trace::current(loc).layers.push_back({layerName(param), text, y.type(loc).str(), parameters});
  return y;
}
std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}
} // namespace

Dense dense(int64_t in, int64_t out, Unary activation, DenseOptions options, Loc loc) {
  if (in < 1 || out < 1)
    throw Error("bad-size", "dense(" + std::to_string(in) + ", " + std::to_string(out) + ")", loc,
                {}, "both sizes are at least 1");
  Type weight = f32(out, in);
  Dense layer{Param(weight, options.init.of(weight)), {}, in, out, activation, loc};
  if (options.bias)
    layer.bias = Param(f32(out), zeros_init());
  return layer;
}
Tensor Dense::operator()(Tensor x, Loc loc) const {
  if (x.rank(loc) < 1 || x.dim(-1, loc) != in) {
    std::string last = x.rank(loc) < 1 ? "" : std::to_string(x.dim(-1, loc));
    wrongInput(str(), std::to_string(in) + " features", last.empty() ? x.type(loc).str() : last,
               weight, x, made, loc,
               last.empty()
                   ? "give it a tensor of features"
                   : "use dense(" + last + ", " + std::to_string(out) + "), or reshape the input");
  }
  checkType(str(), weight, x, made, loc);
  Tensor y = dot_general(x, weight.value(loc),
                         {.lhs_contracting = {x.rank(loc) - 1}, .rhs_contracting = {1}}, loc);
  if (bias.info)
    y = add({y, loc}, {bias.value(loc), loc});
  return note(str(), weight, sizeOf(weight) + sizeOf(bias), activation(y, loc), loc);
}
void Dense::visitParams(const std::string &prefix, const ParamVisitor &visitor) const {
  detail::visit(detail::join(prefix, "weight"), visitor, weight);
  detail::visit(detail::join(prefix, "bias"), visitor, bias);
}
std::string Dense::str() const {
  std::string text = "dense(" + std::to_string(in) + " => " + std::to_string(out);
  return text + (std::string(activation.mnemonic) == "identity"
                     ? ")"
                     : std::string(", ") + activation.mnemonic + ")");
}

Conv conv(int64_t in, int64_t out, ConvOptions options, Loc loc) {
  if (in < 1 || out < 1 || options.groups < 1 || in % options.groups || out % options.groups)
    throw Error("bad-size",
                "conv(" + std::to_string(in) + ", " + std::to_string(out) + ") in " +
                    std::to_string(options.groups) + " groups",
                loc, {}, "sizes are at least 1 and divisible by the groups");
  if (options.kernel < 1 || options.stride < 1 || options.dilation < 1 || options.pad < 0)
    throw Error("bad-size",
                "conv with kernel " + std::to_string(options.kernel) + ", stride " +
                    std::to_string(options.stride) + ", pad " + std::to_string(options.pad) +
                    ", dilation " + std::to_string(options.dilation),
                loc, {}, "kernel, stride and dilation are at least 1, pad at least 0");
  Type weight = f32(out, in / options.groups, options.kernel, options.kernel);
  Conv layer{Param(weight, options.init.of(weight)), {}, in, out, options, false, loc};
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
  if (x.rank(loc) != 4 || x.dim(1, loc) != in)
    wrongInput(str(), "[N, " + std::to_string(in) + ", H, W]", x.type(loc).str(), weight, x, made,
               loc,
               "images are [N, channels, H, W]; change the layer's channels, or reshape the input");
  checkType(str(), weight, x, made, loc);
  ConvolutionOptions o{.stride = {options.stride},
                       .pad = {options.pad},
                       .dilation = {options.dilation},
                       .groups = options.groups};
  Tensor y = transposed ? convolution_transpose(x, weight.value(loc), o, loc)
                        : convolution(x, weight.value(loc), o, loc);
  if (bias.info)
    y = add({y, loc}, {broadcast_in_dim(bias.value(loc), y.shape(loc), {1}, loc), loc});
  return note(str(), weight, sizeOf(weight) + sizeOf(bias), y, loc);
}
void Conv::visitParams(const std::string &prefix, const ParamVisitor &visitor) const {
  detail::visit(detail::join(prefix, "weight"), visitor, weight);
  detail::visit(detail::join(prefix, "bias"), visitor, bias);
}
std::string Conv::str() const {
  std::string text = (transposed ? "conv_transpose(" : "conv(") + std::to_string(in) + " => " +
                     std::to_string(out) + ", " + std::to_string(options.kernel) + "x" +
                     std::to_string(options.kernel);
  if (options.stride != 1)
    text += ", stride " + std::to_string(options.stride);
  if (options.pad)
    text += ", pad " + std::to_string(options.pad);
  if (options.dilation != 1)
    text += ", dilation " + std::to_string(options.dilation);
  if (options.groups != 1)
    text += ", groups " + std::to_string(options.groups);
  return text + ")";
}

BatchNorm batch_norm(int64_t features, NormOptions options, Loc loc) {
  if (features < 1)
    throw Error("bad-size", "batch_norm(" + std::to_string(features) + ")", loc, {},
                "it has at least 1 feature");
  return {Param(f32(features), ones_init()),
          Param(f32(features), zeros_init()),
          Param(f32(features), zeros_init(), false),
          Param(f32(features), ones_init(), false),
          features,
          options.epsilon,
          options.momentum,
          loc};
}
Tensor BatchNorm::operator()(Tensor x, Loc loc) const {
  if (x.rank(loc) < 2 || x.dim(1, loc) != features)
    wrongInput(str(), "[N, " + std::to_string(features) + ", ...]", x.type(loc).str(), weight, x,
               made, loc, "change the layer's features, or reshape the input");
  checkType(str(), weight, x, made, loc);
  Trace &trace = Trace::current(loc);
  auto perFeature = [&](Tensor t) {
    return Operand(broadcast_in_dim(t, x.shape(loc), {1}, loc), loc);
  };
  int64_t parameters = sizeOf(weight) + sizeOf(bias);
  if (!trace.training) {
    Tensor scale = mul({weight.value(loc), loc},
                       {rsqrt(add({running_var.value(loc), loc}, {epsilon, loc}), loc), loc});
    Tensor centred = sub({x, loc}, perFeature(running_mean.value(loc)));
    return note(str(), weight, parameters,
                add({mul({centred, loc}, perFeature(scale)), loc}, perFeature(bias.value(loc))),
                loc);
  }
  mlir::Operation *norm = trace.make<ir::BatchNormOp>(
      loc, trace.value(x, loc), trace.value(weight.value(loc), loc),
      trace.value(bias.value(loc), loc), int64_t(1), llvm::APFloat(epsilon));
  auto average = [&](const Param &running, Tensor batch) {
    running.update(add({mul({running.value(loc), loc}, {1 - momentum, loc}), loc},
                       {mul({batch, loc}, {momentum, loc}), loc}),
                   loc);
  };
  double count = double(x.type(loc).elements()) / double(features);
  average(running_mean, trace.tensor(norm->getResult(1)));
  average(running_var,
          mul({trace.tensor(norm->getResult(2)), loc}, {count > 1 ? count / (count - 1) : 1, loc}));
  return note(str(), weight, parameters, trace.tensor(norm->getResult(0)), loc);
}
std::string BatchNorm::str() const { return "batch_norm(" + std::to_string(features) + ")"; }

LayerNorm layer_norm(Shape features, NormOptions options, Loc loc) {
  if (features.empty() || *std::min_element(features.begin(), features.end()) < 1)
    throw Error("bad-size", "layer_norm over " + Type{DType::f32, features}.str(), loc, {},
                "name the trailing sizes it normalises, each at least 1");
  return {Param({DType::f32, features}, ones_init()), Param({DType::f32, features}, zeros_init()),
          options.epsilon, loc};
}
Tensor LayerNorm::operator()(Tensor x, Loc loc) const {
  const Shape &inner = weight.type().shape;
  Shape shape = x.shape(loc);
  if (shape.size() < inner.size() || !std::equal(inner.rbegin(), inner.rend(), shape.rbegin()))
    wrongInput(str(), "trailing sizes " + weight.type().str().substr(3), x.type(loc).str(), weight,
               x, made, loc, "change the layer's sizes, or reshape the input");
  checkType(str(), weight, x, made, loc);
  Trace &trace = Trace::current(loc);
  Tensor y = emitTyped<ir::LayerNormOp>(loc, x.type(loc), trace.value(x, loc),
                                        trace.value(weight.value(loc), loc),
                                        trace.value(bias.value(loc), loc), llvm::APFloat(epsilon));
  return note(str(), weight, sizeOf(weight) + sizeOf(bias), y, loc);
}
std::string LayerNorm::str() const { return "layer_norm(" + weight.type().str() + ")"; }

Embedding embedding(int64_t count, int64_t features, Loc loc) {
  if (count < 1 || features < 1)
    throw Error("bad-size",
                "embedding(" + std::to_string(count) + ", " + std::to_string(features) + ")", loc,
                {}, "both sizes are at least 1");
  return {Param(f32(count, features), normal_init(1))};
}
Tensor Embedding::operator()(Tensor indices, Loc loc) const {
  if (indices.dtype(loc) != DType::i32 && indices.dtype(loc) != DType::i64)
    throw Error("dtype-mismatch",
                str() + " expects i32 or i64 indices, but got " + indices.type(loc).str(), loc,
                {"the input is " + describe(indices)}, "convert the indices: convert(x, i32)");
  return note(str(), weight, sizeOf(weight), gather(weight.value(loc), indices, 0, loc), loc);
}
std::string Embedding::str() const { return "embedding(" + weight.type().str() + ")"; }

Dropout dropout(double rate, Loc loc) {
  if (!(rate >= 0 && rate < 1))
    throw Error("bad-rate", "dropout(" + number(rate) + ")", loc, {},
                "the rate is at least 0 and below 1");
  return {rate};
}
Tensor Dropout::operator()(Tensor x, Loc loc) const {
  if (!isFloat(x.dtype(loc)))
    throw Error("dtype-mismatch", str() + " expects floats, but got " + x.type(loc).str(), loc,
                {"the input is " + describe(x)}, "convert the input: convert(x, f32)");
  Trace &trace = Trace::current(loc);
  if (!trace.training || rate == 0)
    return x;
  int64_t stream = trace.nextStream++;
  return emitTyped<ir::DropoutOp>(loc, x.type(loc), trace.value(x, loc), trace.seed, trace.step,
                                  stream, llvm::APFloat(rate));
}
std::string Dropout::str() const { return "dropout(" + number(rate) + ")"; }

static Pool pool(bool isMax, PoolSize size, Loc loc) {
  if (size.window < 1 || size.stride < 0 || size.pad < 0)
    throw Error("bad-size",
                std::string(isMax ? "max_pool" : "avg_pool") + " with window " +
                    std::to_string(size.window) + ", stride " + std::to_string(size.stride) +
                    ", pad " + std::to_string(size.pad),
                loc, {}, "the window is at least 1, stride (0: the window) and pad at least 0");
  return {isMax, {.window = {size.window}, .stride = {size.stride}, .pad = {size.pad}}};
}
Pool max_pool(PoolSize size, Loc loc) { return pool(true, size, loc); }
Pool avg_pool(PoolSize size, Loc loc) { return pool(false, size, loc); }
Tensor Pool::operator()(Tensor x, Loc loc) const {
  return isMax ? max_pool(x, options, loc) : avg_pool(x, options, loc);
}
std::string Pool::str() const {
  int64_t window = options.window.at(0), stride = options.stride.empty() ? 0 : options.stride[0];
  std::string text = (isMax ? "max_pool(" : "avg_pool(") + std::to_string(window);
  if (stride && stride != window)
    text += ", stride " + std::to_string(stride);
  if (options.pad.at(0))
    text += ", pad " + std::to_string(options.pad[0]);
  return text + ")";
}

// Combinators.

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
    for (const Layer &layer : layers) {
      size_t before = Trace::current(loc).layers.size();
      x = layer(x, loc);
      if (Trace::current(loc).layers.size() == before) // a function, which does not note itself
        note(layer.str(), {}, 0, x, loc);
    }
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
  Tensor operator()(Tensor x, Loc loc) const {
    return add({main(x, loc), loc}, {skip(x, loc), loc});
  }
  FX_LAYER(Residual, main, skip)
  std::string str() const {
    return "residual(\n" + indented(main.str()) + ",\n" + indented(skip.str()) + ")";
  }
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
  void visitParams(const std::string &prefix, const ParamVisitor &visitor) const {
    Chain{branches}.visitParams(prefix, visitor);
  }
  std::string str() const { return "parallel" + Chain{branches}.str().substr(5); }
};

} // namespace

Layer chain(std::vector<Layer> layers) { return Chain{std::move(layers)}; }
Layer residual(Layer main, Layer skip) { return Residual{std::move(main), std::move(skip)}; }
Layer parallel(std::vector<Layer> branches, int64_t axis) {
  return Parallel{std::move(branches), axis};
}

} // namespace fluxion
