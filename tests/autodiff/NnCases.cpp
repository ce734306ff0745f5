// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Composites of neural networks, and the ops that only the differentiate pass knows.
#include "ir/ops/Nn.h"

#include "ir/ops/Control.h"
#include "ir/ops/Elementwise.h"
#include "ir/ops/Random.h"
#include "tests/autodiff/Derivatives.h"

using namespace mlir;
using namespace fluxion::ir;

namespace fluxion_testing {
namespace {

template <typename Op> GradientCase along(const char *name, Shape shape, int64_t dim) {
  return {name, {{shape}}, [dim](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {Op::create(emit.builder, emit.loc, x[0].type(), x[0], dim)};
          }};
}

GradientCase crossEntropy(const char *name, Shape labels, int64_t classes) {
  Shape logits = labels;
  logits.push_back(classes);
  return {name, {{logits}, {labels, 0, 0, classes}}, [](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {CrossEntropyOp::create(emit.builder, emit.loc, x[0], x[1])};
          }};
}

GradientCase layerNorm(const char *name, Shape shape, Shape inner) {
  return {name, {{shape}, {inner}, {inner}}, [](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {LayerNormOp::create(emit.builder, emit.loc, x[0].type(), x[0], x[1], x[2],
                                        APFloat(1e-5))};
          }};
}

// `statistics`: the mean and variance are results too, so their cotangents count.
GradientCase batchNorm(const char *name, Shape shape, int64_t dim, bool statistics) {
  Shape features{shape[dim]};
  return {name, {{shape}, {features}, {features}}, [=](Emitter &emit, ArrayRef<Expr> x) -> Values {
            auto norm =
                BatchNormOp::create(emit.builder, emit.loc, x[0], x[1], x[2], dim, APFloat(1e-3));
            return statistics ? Values(norm.getResults()) : Values{norm.getY()};
          }};
}

GradientCase dropout(const char *name, double rate) {
  return {name, {{{3, 7}}}, [rate](Emitter &emit, ArrayRef<Expr> x) -> Values {
            auto scalar = RankedTensorType::get({}, emit.builder.getI64Type());
            return {DropoutOp::create(emit.builder, emit.loc, x[0].type(), emit.sin(x[0]),
                                      emit.constant(5, scalar), emit.constant(3, scalar), 2,
                                      APFloat(rate))};
          }};
}

struct Pool {
  const char *name;
  Shape shape, window, strides, padding;
};
void addPools(std::vector<GradientCase> &cases, const Pool &p) {
  cases.push_back({std::string("max_pool_") + p.name,
                   {{p.shape}},
                   [p](Emitter &emit, ArrayRef<Expr> x) -> Values {
                     return {MaxPoolOp::create(emit.builder, emit.loc, emit.sin(x[0]), p.window,
                                               p.strides, p.padding)};
                   }});
  for (bool counted : {false, true})
    cases.push_back({std::string("avg_pool_") + p.name + (counted ? "_padding_counted" : ""),
                     {{p.shape}},
                     [p, counted](Emitter &emit, ArrayRef<Expr> x) -> Values {
                       return {AvgPoolOp::create(emit.builder, emit.loc, emit.sin(x[0]), p.window,
                                                 p.strides, p.padding, counted)};
                     }});
}

} // namespace

std::vector<GradientCase> nnCases() {
  std::vector<GradientCase> cases = {
      along<SoftmaxOp>("softmax", {3, 5}, 1),
      along<SoftmaxOp>("softmax_outer", {4, 3}, 0),
      along<SoftmaxOp>("softmax_middle", {2, 3, 2}, 1),
      along<LogSoftmaxOp>("log_softmax", {3, 5}, 1),
      along<LogSoftmaxOp>("log_softmax_outer", {4, 3}, 0),
      crossEntropy("cross_entropy", {6}, 4),
      crossEntropy("cross_entropy_of_a_sequence", {2, 3}, 5),
      crossEntropy("cross_entropy_of_one", {}, 5),
      layerNorm("layer_norm", {4, 5}, {5}),
      layerNorm("layer_norm_two", {2, 3, 4}, {3, 4}),
      layerNorm("layer_norm_whole", {3, 4}, {3, 4}),
      batchNorm("batch_norm", {3, 2, 4}, 1, false),
      batchNorm("batch_norm_statistics", {3, 2, 2, 2}, 1, true),
      batchNorm("batch_norm_features_last", {6, 3}, 1, true),
      dropout("dropout", 0.4),
      dropout("dropout_of_nothing", 0),
  };
  addPools(cases, {"pairs", {1, 2, 4, 4}, {1, 1, 2, 2}, {1, 1, 2, 2}, Shape(8, 0)});
  addPools(cases,
           {"overlapping", {1, 2, 6, 5}, {1, 1, 3, 3}, {1, 1, 2, 1}, {0, 0, 0, 0, 1, 1, 1, 0}});
  addPools(cases, {"channels_last", {2, 5, 4, 2}, {1, 2, 2, 1}, {1, 2, 2, 1}, Shape(8, 0)});
  return cases;
}

} // namespace fluxion_testing
