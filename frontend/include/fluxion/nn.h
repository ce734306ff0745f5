// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Layers, losses and metrics. Images are [N, C, H, W], convolution weights [O, I, H, W], dense
// weights [out, in]: the names and layouts of PyTorch, so that its weights load by name.
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
  bool bias = true;
  FanInit init = kaiming_uniform;
};
Dense dense(int64_t in, int64_t out, Unary activation = identity, DenseOptions options = {},
            Loc loc = Loc::current());

struct ConvOptions {
  int64_t kernel = 3, stride = 1, pad = 0, dilation = 1, groups = 1;
  bool bias = true;
  FanInit init = kaiming_normal;
};
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
// Doubles back what a conv of the same options would shrink (ONNX ConvTranspose).
Conv conv_transpose(int64_t in, int64_t out, ConvOptions options = {}, Loc loc = Loc::current());

// Batch statistics in training, running averages in evaluation: running = (1 - momentum) running +
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

struct LayerNorm {
  Param weight, bias;
  double epsilon = 1e-5;
  Loc made;
  Tensor operator()(Tensor x, Loc loc = Loc::current()) const;
  FX_LAYER(LayerNorm, weight, bias, epsilon, made)
  std::string str() const;
};
LayerNorm layer_norm(Shape features, NormOptions options = {}, Loc loc = Loc::current());

// indices i32[...] -> rows of weight [count, features].
struct Embedding {
  Param weight;
  Tensor operator()(Tensor indices, Loc loc = Loc::current()) const;
  FX_LAYER(Embedding, weight)
  std::string str() const;
};
Embedding embedding(int64_t count, int64_t features, Loc loc = Loc::current());

// Inverted dropout in training, the identity in evaluation.
struct Dropout {
  double rate = 0.5;
  Tensor operator()(Tensor x, Loc loc = Loc::current()) const;
  std::string str() const;
};
Dropout dropout(double rate, Loc loc = Loc::current());

struct Pool {
  bool isMax = true;
  PoolOptions options;
  Tensor operator()(Tensor x, Loc loc = Loc::current()) const;
  std::string str() const;
};
struct PoolSize {
  int64_t window = 2, stride = 0, pad = 0; // stride 0: the window
};
Pool max_pool(PoolSize size = {});
Pool avg_pool(PoolSize size = {});

// One after another.
Layer chain(std::vector<Layer> layers);
template <std::convertible_to<Layer>... L>
  requires(sizeof...(L) > 1)
Layer chain(L... layers) {
  return chain(std::vector<Layer>{Layer(std::move(layers))...});
}
// main(x) + skip(x).
Layer residual(Layer main, Layer skip = identity);
// All on one input, joined along an axis.
Layer parallel(std::vector<Layer> branches, int64_t axis = 1);

// ---- Losses: means over the batch
// ---------------------------------------------------------------------------------

// logits f32[..., classes], labels i32[...]; labels below 0 do not count.
Tensor cross_entropy(Tensor logits, Tensor labels, Loc loc = Loc::current());
Tensor mse(Tensor prediction, Tensor target, Loc loc = Loc::current());
Tensor mae(Tensor prediction, Tensor target, Loc loc = Loc::current());
Tensor huber(Tensor prediction, Tensor target, double delta = 1, Loc loc = Loc::current());
Tensor binary_cross_entropy(Tensor logits, Tensor target,
                            Loc loc = Loc::current()); // of logits, target in [0, 1]

// Fraction of labels (>= 0) that are the largest logit.
Tensor accuracy(Tensor logits, Tensor labels, Loc loc = Loc::current());

} // namespace fluxion
