// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Reduction.h"

#include "tests/autodiff/Derivatives.h"

using namespace mlir;
using namespace fluxion::ir;

namespace fluxion_testing {
namespace {

GradientCase reduce(std::string name, ReduceKind kind, Shape shape, Shape dims) {
  return {name, {{shape}}, [=](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {ReduceOp::create(emit.builder, emit.loc, kind, x[0], dims)};
          }};
}

struct Window {
  const char *name;
  Shape shape, window, strides, padding, dilation;
};
const Window windows[] = {
    {"pairs", {3, 6}, {1, 2}, {1, 2}, {0, 0, 0, 0}, {1, 1}},
    {"overlapping", {7, 6}, {3, 3}, {2, 1}, {1, 1, 1, 1}, {1, 1}},
    {"left_over", {8, 7}, {2, 3}, {3, 3}, {0, 0, 0, 0}, {1, 1}},
    {"dilated", {9}, {3}, {2}, {2, 1}, {2}},
    {"gaps", {10}, {2}, {4}, {0, 1}, {1}},
    {"image", {2, 5, 4, 2}, {1, 3, 2, 1}, {1, 2, 2, 1}, {0, 0, 1, 1, 0, 0, 0, 0}, {1, 1, 1, 1}},
    {"whole", {3, 4}, {3, 4}, {1, 1}, {0, 0, 0, 0}, {1, 1}},
};

Expr argmax(Emitter &emit, Expr x, const Window &w) {
  return emit(WindowArgmaxOp::create(emit.builder, emit.loc, x, w.window, w.strides, w.padding,
                                     w.dilation));
}

void addWindows(std::vector<GradientCase> &cases, const Window &w) {
  auto named = [&](const char *op) { return std::string(op) + "_" + w.name; };
  for (auto [op, kind] : {std::pair{"window_sum", ReduceKind::Sum},
                          {"window_max", ReduceKind::Max},
                          {"window_min", ReduceKind::Min}})
    cases.push_back({named(op), {{w.shape}}, [w, kind](Emitter &emit, ArrayRef<Expr> x) -> Values {
                       return {ReduceWindowOp::create(emit.builder, emit.loc, kind, x[0], w.window,
                                                      w.strides, w.padding, w.dilation)};
                     }});
  // The positions come from another tensor, so that only the movement is differentiated.
  cases.push_back({named("window_gather"),
                   {{w.shape}, {w.shape}},
                   [w](Emitter &emit, ArrayRef<Expr> x) -> Values {
                     return {WindowGatherOp::create(emit.builder, emit.loc, emit.sin(x[0]),
                                                    argmax(emit, x[1], w), w.window, w.strides,
                                                    w.padding, w.dilation)};
                   }});
  Shape small;
  for (size_t d = 0; d < w.shape.size(); ++d)
    small.push_back((w.shape[d] + w.padding[2 * d] + w.padding[2 * d + 1] -
                     (w.window[d] - 1) * w.dilation[d] - 1) /
                        w.strides[d] +
                    1);
  cases.push_back({named("window_scatter"),
                   {{small}, {w.shape}},
                   [w](Emitter &emit, ArrayRef<Expr> x) -> Values {
                     return {WindowScatterOp::create(emit.builder, emit.loc, x[1].type(),
                                                     emit.sin(x[0]), argmax(emit, x[1], w),
                                                     w.window, w.strides, w.padding, w.dilation)};
                   }});
}

} // namespace

std::vector<GradientCase> reductionCases() {
  std::vector<GradientCase> cases;
  for (auto [name, kind] : {std::pair{"sum", ReduceKind::Sum},
                            {"prod", ReduceKind::Prod},
                            {"reduce_max", ReduceKind::Max},
                            {"reduce_min", ReduceKind::Min}}) {
    auto named = [name = name](const char *which) { return std::string(name) + "_" + which; };
    cases.push_back(reduce(named("rows"), kind, {3, 5}, {1}));
    cases.push_back(reduce(named("columns"), kind, {5, 3}, {0}));
    cases.push_back(reduce(named("middle"), kind, {2, 3, 2}, {1}));
    cases.push_back(reduce(named("outer_and_inner"), kind, {2, 3, 2}, {0, 2}));
    cases.push_back(reduce(named("all"), kind, {3, 3}, {0, 1}));
    cases.push_back(reduce(named("nothing"), kind, {3, 2}, {}));
    cases.push_back(reduce(named("of_one"), kind, {3, 1}, {1}));
  }
  for (const Window &w : windows)
    addWindows(cases, w);
  return cases;
}

} // namespace fluxion_testing
