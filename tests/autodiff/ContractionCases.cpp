// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dot_general with every role of its dimensions, and convolution over a grid of its attributes.
#include "ir/ops/Contraction.h"

#include "ir/ops/Convolution.h"
#include "tests/autodiff/Derivatives.h"

using namespace mlir;
using namespace fluxion::ir;

namespace fluxion_testing {
namespace {

struct Dot {
  const char *name;
  Shape lhs, rhs, lhsBatching, rhsBatching, lhsContracting, rhsContracting;
};

GradientCase dot(const Dot &d) {
  return {d.name, {{d.lhs}, {d.rhs}}, [d](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {DotGeneralOp::create(emit.builder, emit.loc, x[0], x[1], d.lhsBatching,
                                         d.rhsBatching, d.lhsContracting, d.rhsContracting)};
          }};
}

struct Convolution {
  Shape input, kernel;
  Shape strides, padding, lhsDilation, rhsDilation;
  Shape inputDims, kernelDims, outputDims;
  int64_t featureGroups = 1, batchGroups = 1;
  bool reversed = false;

  // One image dimension, or more, in the order that ONNX and PyTorch have.
  Convolution(Shape input, Shape kernel) : input(input), kernel(kernel) {
    size_t spatial = input.size() - 2;
    strides = lhsDilation = rhsDilation = Shape(spatial, 1);
    padding = Shape(2 * spatial, 0);
    inputDims = kernelDims = outputDims =
        llvm::to_vector(llvm::seq<int64_t>(0, (int64_t)input.size()));
  }
  GradientCase named(std::string name, bool compiled = true) const {
    return {name,
            {{input}, {kernel}},
            [c = *this](Emitter &emit, ArrayRef<Expr> x) -> Values {
              return {ConvolutionOp::create(emit.builder, emit.loc, x[0], x[1], c.strides,
                                            c.padding, c.lhsDilation, c.rhsDilation, c.inputDims,
                                            c.kernelDims, c.outputDims, c.featureGroups,
                                            c.batchGroups, c.reversed)};
            },
            2,
            compiled};
  }
};

// All attributes of one spatial dimension against each other.
void addGrid(std::vector<GradientCase> &cases) {
  std::vector<Shape> paddings = {{0, 0}, {1, 2}, {-1, 1}, {2, -1}, {3, 3}};
  struct Groups {
    const char *name;
    int64_t feature, batch;
  };
  int64_t number = 0;
  for (int64_t stride : {1, 2, 3})
    for (auto [p, padding] : llvm::enumerate(paddings))
      for (int64_t lhs : {1, 2, 3})
        for (int64_t rhs : {1, 2})
          for (Groups groups :
               {Groups{"", 1, 1}, {"_feature_groups", 2, 1}, {"_batch_groups", 1, 2}})
            for (bool reversed : {false, true}) {
              Convolution c({2, 2 * groups.feature, 5}, {4, 2, 2 + (number & 1)});
              c.strides = {stride};
              c.padding = padding;
              c.lhsDilation = {lhs};
              c.rhsDilation = {rhs};
              c.featureGroups = groups.feature;
              c.batchGroups = groups.batch;
              c.reversed = reversed;
              std::string name = "conv_stride" + std::to_string(stride) + "_padding" +
                                 std::to_string(p) + "_lhs" + std::to_string(lhs) + "_rhs" +
                                 std::to_string(rhs) + groups.name + (reversed ? "_reversed" : "");
              cases.push_back(c.named(name, /*compiled=*/number++ % 19 == 0));
            }
}

} // namespace

std::vector<GradientCase> contractionCases() {
  return {
      dot({"dot_matrices", {3, 4}, {4, 5}, {}, {}, {1}, {0}}),
      dot({"dot_lhs_transposed", {4, 3}, {4, 5}, {}, {}, {0}, {0}}),
      dot({"dot_rhs_transposed", {3, 4}, {5, 4}, {}, {}, {1}, {1}}),
      dot({"dot_both_transposed", {4, 3}, {5, 4}, {}, {}, {0}, {1}}),
      dot({"dot_vectors", {6}, {6}, {}, {}, {0}, {0}}),
      dot({"dot_matrix_vector", {3, 4}, {4}, {}, {}, {1}, {0}}),
      dot({"dot_outer", {3}, {4}, {}, {}, {}, {}}),
      dot({"dot_outer_of_matrices", {2, 3}, {2, 2}, {}, {}, {}, {}}),
      dot({"dot_batched", {2, 3, 4}, {2, 4, 5}, {0}, {0}, {2}, {1}}),
      dot({"dot_batch_last", {3, 4, 2}, {4, 2, 5}, {2}, {1}, {1}, {0}}),
      dot({"dot_two_batches_crossed", {2, 3, 4, 2}, {3, 2, 2, 3}, {0, 1}, {1, 0}, {3}, {2}}),
      dot({"dot_two_contracted", {3, 4, 2}, {4, 2, 5}, {}, {}, {1, 2}, {0, 1}}),
      dot({"dot_two_contracted_crossed", {2, 3, 4}, {4, 5, 2}, {}, {}, {2, 0}, {0, 2}}),
      dot({"dot_elementwise", {3, 4}, {3, 4}, {0, 1}, {0, 1}, {}, {}}),
      dot({"dot_free_around_contracted", {2, 4, 3}, {3, 4, 2}, {}, {}, {1}, {1}}),
      dot({"dot_of_one", {1, 1}, {1, 1}, {}, {}, {1}, {0}}),
      {"dot_of_itself",
       {{{3, 3}}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         return {DotGeneralOp::create(emit.builder, emit.loc, x[0], x[0], Shape(), Shape(),
                                      Shape{1}, Shape{0})};
       }},
  };
}

std::vector<GradientCase> convolutionCases() {
  std::vector<GradientCase> cases;
  addGrid(cases);

  Convolution plain({2, 3, 6, 5}, {4, 3, 3, 2});
  plain.padding = {1, 1, 0, 1};
  cases.push_back(plain.named("conv2d"));

  Convolution strided = plain;
  strided.strides = {2, 3};
  strided.rhsDilation = {2, 1};
  strided.padding = {2, 1, 1, 2};
  cases.push_back(strided.named("conv2d_strided_dilated"));

  Convolution upsampling = plain;
  upsampling.lhsDilation = {2, 3};
  upsampling.padding = {2, 1, 1, 0};
  upsampling.reversed = true;
  cases.push_back(upsampling.named("conv2d_transposed"));

  Convolution channelsLast({2, 6, 5, 3}, {3, 2, 3, 4});
  channelsLast.inputDims = channelsLast.outputDims = {0, 3, 1, 2};
  channelsLast.kernelDims = {3, 2, 0, 1};
  channelsLast.strides = {2, 1};
  channelsLast.padding = {1, 1, 1, 0};
  cases.push_back(channelsLast.named("conv2d_channels_last"));
  channelsLast.reversed = true;
  cases.push_back(channelsLast.named("conv2d_channels_last_reversed"));

  Convolution mixed({5, 2, 6, 3}, {2, 3, 4, 3});
  mixed.inputDims = {1, 3, 2, 0}; // width, batch, height, feature
  mixed.kernelDims = {2, 1, 0, 3};
  mixed.outputDims = {2, 0, 3, 1};
  mixed.strides = {1, 2};
  mixed.padding = {0, 1, 1, 1};
  cases.push_back(mixed.named("conv2d_any_layout"));

  Convolution depthwise({2, 4, 5, 5}, {4, 1, 3, 3});
  depthwise.featureGroups = 4;
  depthwise.padding = {1, 1, 1, 1};
  cases.push_back(depthwise.named("conv2d_depthwise"));
  depthwise.strides = {2, 2};
  cases.push_back(depthwise.named("conv2d_depthwise_strided"));

  Convolution multiplied({2, 6, 4, 5}, {8, 3, 2, 3});
  multiplied.featureGroups = 2;
  cases.push_back(multiplied.named("conv2d_two_groups"));
  Convolution lastGroups({2, 4, 5, 6}, {2, 3, 3, 8});
  lastGroups.inputDims = lastGroups.outputDims = {0, 3, 1, 2};
  lastGroups.kernelDims = {3, 2, 0, 1};
  lastGroups.featureGroups = 2;
  cases.push_back(lastGroups.named("conv2d_two_groups_channels_last"));

  Convolution batches({4, 3, 5, 4}, {6, 3, 2, 2});
  batches.batchGroups = 2;
  batches.padding = {1, 0, 0, 1};
  cases.push_back(batches.named("conv2d_batch_groups"));

  cases.push_back(Convolution({2, 3, 4, 4}, {5, 3, 1, 1}).named("conv2d_pointwise"));
  cases.push_back(Convolution({1, 1, 3, 3}, {1, 1, 3, 3}).named("conv2d_one_output"));
  Convolution volume({1, 2, 3, 4, 3}, {2, 2, 2, 2, 2});
  volume.strides = {1, 2, 1};
  volume.padding = {0, 1, 1, 0, 0, 1};
  cases.push_back(volume.named("conv3d"));
  return cases;
}

} // namespace fluxion_testing
