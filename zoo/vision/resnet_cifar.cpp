// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ResNet-20 for CIFAR-10 (He, Zhang, Ren, Sun 2015, section 4.2), with projections on the
// shortcuts, or with the paper's parameter-free ones (option A). Parameter names are those of
// akamaster/pytorch_resnet_cifar10.
#include "fluxion/fluxion.h"

namespace fluxion::zoo {

// Every second pixel, and zeros for the new channels.
Tensor subsample_and_pad(Tensor x, int64_t out) {
  int64_t before = (out - x.dim(1)) / 2, after = out - x.dim(1) - before;
  Tensor half = slice(x, {0, 0, 0, 0}, x.shape(), {1, 1, 2, 2});
  return pad(half, 0, {0, before, 0, 0}, {0, after, 0, 0});
}

struct BasicBlock {
  Conv conv1;
  BatchNorm bn1;
  Conv conv2;
  BatchNorm bn2;
  std::vector<Layer> shortcut; // a convolution and its norm, or nothing
  FX_LAYER(BasicBlock, conv1, bn1, conv2, bn2, shortcut)

  Tensor operator()(Tensor x) const {
    Tensor y = bn2(conv2(relu(bn1(conv1(x)))));
    Tensor skip = x;
    for (const Layer &layer : shortcut)
      skip = layer(skip);
    if (skip.shape() != y.shape())
      skip = subsample_and_pad(skip, y.dim(1));
    return relu(y + skip);
  }
  std::string str() const {
    return "basic_block(" + std::to_string(conv1.in) + " => " + std::to_string(conv1.out) + ")";
  }
};

BasicBlock basic_block(int64_t in, int64_t out, int64_t stride, bool project) {
  BasicBlock block{conv(in, out, {.stride = stride, .pad = 1, .bias = false}),
                   batch_norm(out),
                   conv(out, out, {.pad = 1, .bias = false}),
                   batch_norm(out),
                   {}};
  if (project && (stride != 1 || in != out))
    block.shortcut = {conv(in, out, {.kernel = 1, .stride = stride, .bias = false}),
                      batch_norm(out)};
  return block;
}

std::vector<BasicBlock> stage(int64_t in, int64_t out, int64_t stride, bool project) {
  return {basic_block(in, out, stride, project), basic_block(out, out, 1, project),
          basic_block(out, out, 1, project)};
}

struct ResNet20 {
  Conv conv1 = conv(3, 16, {.pad = 1, .bias = false});
  BatchNorm bn1 = batch_norm(16);
  std::vector<BasicBlock> layer1, layer2, layer3;
  Dense linear = dense(64, 10);
  FX_LAYER(ResNet20, conv1, bn1, layer1, layer2, layer3, linear)

  Tensor operator()(Tensor x) const {
    x = relu(bn1(conv1(x)));
    for (const auto *blocks : {&layer1, &layer2, &layer3})
      for (const BasicBlock &block : *blocks)
        x = block(x);
    return linear(global_avg_pool(x));
  }
  std::string str() const {
    std::string text = "chain(\n  " + conv1.str() + ",\n  " + bn1.str() + ",\n  relu,";
    for (const auto *blocks : {&layer1, &layer2, &layer3})
      for (const BasicBlock &block : *blocks)
        text += "\n  " + block.str() + ",";
    return text + "\n  global_avg_pool,\n  " + linear.str() + ")";
  }
};

Program resnet20_with(const Config &config, bool project, const char *name) {
  int64_t batch = config.batch ? config.batch : 32;
  ResNet20 model;
  model.layer1 = stage(16, 16, 1, project), model.layer2 = stage(16, 32, 2, project),
  model.layer3 = stage(32, 64, 2, project);
  return classifier(std::move(model), {
                                          .inputs = {f32(batch, 3, 32, 32), i32(batch)},
                                          .optimizer = momentum({.lr = 0.01}),
                                          .name = name,
                                      });
}

Program resnet20(const Config &config) { return resnet20_with(config, true, "vision/resnet20"); }
FX_MODEL("vision/resnet20", resnet20,
         "ResNet-20 on 32x32 images, projection shortcuts, SGD with momentum", "cifar10")

Program resnet20a(const Config &config) { return resnet20_with(config, false, "vision/resnet20a"); }
FX_MODEL("vision/resnet20a", resnet20a,
         "ResNet-20 with parameter-free shortcuts; takes pretrained weights by name", "cifar10")

} // namespace fluxion::zoo
