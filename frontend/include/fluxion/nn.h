// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Layers, losses and metrics. Images are [N, C, H, W], convolution weights [O, I, H, W], dense
// weights [out, in]: the names and layouts of PyTorch, so that its weights load by name.
//
// Parameters are f32. Making a layer of a size or rate it cannot have is an Error where it is made;
// calling it on a tensor it does not take is an Error where it is called, which names the layer.
#pragma once

#include "fluxion/Layer.h"

namespace fluxion {

// y = activation(x W^T + b) over the last dimension; x[..., in] -> y[..., out].
struct Dense {
  Param weight, bias;
  int64_t in = 0, out = 0;
  Unary activation = identity;
  Loc made;
  Tensor operator()(Tensor x, Loc loc = Loc::current()) const;
  void visitParams(const std::string &prefix, const ParamVisitor &visitor) const;
  std::string str() const;
};
struct DenseOptions {
  bool bias = true;                  // zeros at first
  WeightInit init = kaiming_uniform; // of the weight
};
Dense dense(int64_t in, int64_t out, Unary activation = identity, DenseOptions options = {},
            Loc loc = Loc::current());

// Square windows of `kernel` pixels; stride, pad and dilation in pixels, the same on all sides.
struct ConvOptions {
  int64_t kernel = 3, stride = 1, pad = 0, dilation = 1, groups = 1;
  bool bias = true;
  WeightInit init = kaiming_normal;
};
// f32[N, in, H, W] -> f32[N, out, H', W'], see `convolution` in Tensor.h. weight is [out, in /
// groups, kernel, kernel], of a transposed one [in, out / groups, kernel, kernel].
struct Conv {
  Param weight, bias;
  int64_t in = 0, out = 0;
  ConvOptions options;
  bool transposed = false;
  Loc made;
  Tensor operator()(Tensor x, Loc loc = Loc::current()) const;
  void visitParams(const std::string &prefix, const ParamVisitor &visitor) const;
  std::string str() const;
};
Conv conv(int64_t in, int64_t out, ConvOptions options = {}, Loc loc = Loc::current());
// From the shape that a conv(out, in) of the same options gives back to its input's, as ONNX
// ConvTranspose does: H' = (H - 1) stride - 2 pad + dilation (kernel - 1) + 1.
Conv conv_transpose(int64_t in, int64_t out, ConvOptions options = {}, Loc loc = Loc::current());

// Each feature of [N, features, ...] to mean 0 and variance 1, times weight plus bias. Batch
// statistics in training, running averages in evaluation: running = (1 - momentum) running +
// momentum batch, with the unbiased batch variance, as in PyTorch.
struct BatchNorm {
  Param weight, bias, running_mean, running_var;
  int64_t features = 0;
  double epsilon = 1e-5, momentum = 0.1;
  Loc made;
  Tensor operator()(Tensor x, Loc loc = Loc::current()) const;
  FX_LAYER(BatchNorm, weight, bias, running_mean, running_var, features, epsilon, momentum, made)
  std::string str() const;
};
struct NormOptions {
  double epsilon = 1e-5, momentum = 0.1;
};
BatchNorm batch_norm(int64_t features, NormOptions options = {}, Loc loc = Loc::current());

// The trailing dimensions `features` of [..., features...] to mean 0 and variance 1 (biased), times
// weight plus bias.
struct LayerNorm {
  Param weight, bias;
  double epsilon = 1e-5;
  Loc made;
  Tensor operator()(Tensor x, Loc loc = Loc::current()) const;
  FX_LAYER(LayerNorm, weight, bias, epsilon, made)
  std::string str() const;
};
LayerNorm layer_norm(Shape features, NormOptions options = {}, Loc loc = Loc::current());

// indices i32[...] or i64[...] -> f32[..., features], rows of weight [count, features]; initially
// normal with deviation 1. Indices out of range are clamped.
struct Embedding {
  Param weight;
  Tensor operator()(Tensor indices, Loc loc = Loc::current()) const;
  FX_LAYER(Embedding, weight)
  std::string str() const;
};
Embedding embedding(int64_t count, int64_t features, Loc loc = Loc::current());

// Inverted dropout in training: zero with probability `rate` in [0, 1), else divided by 1 - rate.
// The identity in evaluation. Other elements every step, the same for the same seed.
struct Dropout {
  double rate = 0.5;
  Tensor operator()(Tensor x, Loc loc = Loc::current()) const;
  std::string str() const;
};
Dropout dropout(double rate, Loc loc = Loc::current());

// f32[N, C, H, W] -> f32[N, C, H', W'], H' = (H + 2 pad - window) / stride + 1; square windows.
// Averages count the padding.
struct Pool {
  bool isMax = true;
  PoolOptions options;
  Tensor operator()(Tensor x, Loc loc = Loc::current()) const;
  std::string str() const;
};
struct PoolSize {
  int64_t window = 2, stride = 0, pad = 0; // stride 0: the window
};
Pool max_pool(PoolSize size = {}, Loc loc = Loc::current());
Pool avg_pool(PoolSize size = {}, Loc loc = Loc::current());

// One after another; parameters are named 0.weight, 0.bias, 1.weight, ...
Layer chain(std::vector<Layer> layers);
template <std::convertible_to<Layer>... L>
  requires(sizeof...(L) > 1)
Layer chain(L... layers) {
  return chain(std::vector<Layer>{Layer(std::move(layers))...});
}
// main(x) + skip(x), shapes broadcast; parameters are named main. and skip.
Layer residual(Layer main, Layer skip = identity);
// All on one input, joined along an axis; parameters are named as in a chain.
Layer parallel(std::vector<Layer> branches, int64_t axis = 1);

// Losses are means over all elements, f[], of f[...] and a target of the same type; natural
// logarithms.

// logits f[..., classes], labels i32[...] or i64[...]: the mean of -log softmax(logits)[label] over
// the rows whose label is not below 0, and 0 where there is none. Reports the metric "accuracy".
Tensor cross_entropy(Tensor logits, Tensor labels, Loc loc = Loc::current());
Tensor mse(Tensor prediction, Tensor target, Loc loc = Loc::current());
Tensor mae(Tensor prediction, Tensor target, Loc loc = Loc::current());
// With d = |prediction - target|: d^2 / 2 up to delta, then delta (d - delta / 2).
Tensor huber(Tensor prediction, Tensor target, double delta = 1, Loc loc = Loc::current());
// -(t log s + (1 - t) log(1 - s)) with s = sigmoid(logits), without overflow; target in [0, 1].
Tensor binary_cross_entropy(Tensor logits, Tensor target, Loc loc = Loc::current());

// f32[] in [0, 1]: the fraction of labels (>= 0) whose logit is the largest of its row.
Tensor accuracy(Tensor logits, Tensor labels, Loc loc = Loc::current());

} // namespace fluxion
