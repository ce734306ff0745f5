// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Data movement and indexing.
#include "ir/ops/Shape.h"

#include "ir/ops/Indexing.h"
#include "tests/autodiff/Derivatives.h"

using namespace mlir;
using namespace fluxion::ir;

namespace fluxion_testing {
namespace {

// Movement is linear; of a product it has a second order to check.
Expr squared(Expr x) { return x * x; }

GradientCase broadcast(const char *name, Shape from, Shape to, Shape dims) {
  return {name, {{from}}, [=](Emitter &emit, ArrayRef<Expr> x) -> Values {
            auto type = RankedTensorType::get(to, emit.builder.getF64Type());
            return {BroadcastInDimOp::create(emit.builder, emit.loc, type, squared(x[0]), dims)};
          }};
}
GradientCase slice(const char *name, Shape shape, Shape start, Shape limit, Shape stride) {
  return {name, {{shape}}, [=](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {emit.slice(squared(x[0]), start, limit, stride)};
          }};
}
GradientCase pad(const char *name, Shape shape, Shape low, Shape high, Shape interior) {
  return {name, {{shape}, {{}}}, [=](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {PadOp::create(emit.builder, emit.loc, squared(x[0]), squared(x[1]), low, high,
                                  interior)};
          }};
}
GradientCase transpose(const char *name, Shape shape, Shape permutation) {
  return {name, {{shape}}, [=](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {TransposeOp::create(emit.builder, emit.loc, squared(x[0]), permutation)};
          }};
}
GradientCase reverse(const char *name, Shape shape, Shape dims) {
  return {name, {{shape}}, [=](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {ReverseOp::create(emit.builder, emit.loc, x[0].type(), squared(x[0]), dims)};
          }};
}
GradientCase reshape(const char *name, Shape from, Shape to) {
  return {name, {{from}}, [=](Emitter &emit, ArrayRef<Expr> x) -> Values {
            auto type = RankedTensorType::get(to, emit.builder.getF64Type());
            return {ReshapeOp::create(emit.builder, emit.loc, type, squared(x[0]))};
          }};
}
GradientCase concatenate(const char *name, std::vector<Input> inputs, int64_t dim) {
  return {name, inputs, [=](Emitter &emit, ArrayRef<Expr> x) -> Values {
            Values parts;
            for (Expr part : x)
              parts.push_back(squared(part));
            return {ConcatenateOp::create(emit.builder, emit.loc, parts, dim)};
          }};
}

// Indices outside are clamped, so the last and the first position are met more than once.
GradientCase gather(const char *name, Shape shape, Shape indices, int64_t axis) {
  return {name,
          {{shape}, {indices, 0, 0, shape[axis]}},
          [=](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {GatherOp::create(emit.builder, emit.loc, squared(x[0]), x[1], axis)};
          }};
}
GradientCase scatter(const char *name, Shape shape, Shape indices, int64_t axis) {
  Shape updates(shape.begin(), shape.begin() + axis);
  llvm::append_range(updates, indices);
  updates.append(shape.begin() + axis + 1, shape.end());
  return {name,
          {{shape}, {indices, 0, 0, shape[axis]}, {updates}},
          [=](Emitter &emit, ArrayRef<Expr> x) -> Values {
            return {ScatterOp::create(emit.builder, emit.loc, squared(x[0]), x[1], squared(x[2]),
                                      axis)};
          }};
}

} // namespace

std::vector<GradientCase> shapeCases() {
  return {
      reshape("reshape", {2, 6}, {3, 4}),
      reshape("reshape_to_scalar", {1, 1}, {}),
      transpose("transpose", {3, 4}, {1, 0}),
      transpose("transpose_cycle", {2, 3, 4}, {2, 0, 1}),
      transpose("transpose_four", {2, 3, 2, 2}, {3, 1, 0, 2}),
      broadcast("broadcast_scalar", {}, {3, 4}, {}),
      broadcast("broadcast_row", {4}, {3, 4}, {1}),
      broadcast("broadcast_column", {3}, {3, 4}, {0}),
      broadcast("broadcast_ones", {3, 1, 2}, {3, 4, 2}, {0, 1, 2}),
      broadcast("broadcast_ones_kept", {1, 3}, {2, 1, 3}, {1, 2}),
      broadcast("broadcast_between", {2, 3}, {2, 4, 3, 2}, {0, 2}),
      slice("slice", {5, 6}, {1, 2}, {4, 6}, {1, 1}),
      slice("slice_strided", {7, 6}, {1, 0}, {7, 5}, {3, 2}),
      slice("slice_of_nothing", {4}, {2}, {2}, {1}),
      slice("slice_whole", {3, 2}, {0, 0}, {3, 2}, {1, 1}),
      pad("pad", {3, 4}, {1, 0}, {2, 1}, {0, 0}),
      pad("pad_interior", {3, 4}, {0, 1}, {1, 0}, {2, 1}),
      pad("pad_crop", {5, 4}, {-1, 2}, {-2, -1}, {0, 0}),
      pad("pad_crop_interior", {4, 3}, {-1, -2}, {3, -1}, {1, 2}),
      pad("pad_nothing", {3}, {0}, {0}, {0}),
      concatenate("concatenate", {{{2, 3}}, {{1, 3}}, {{3, 3}}}, 0),
      concatenate("concatenate_inner", {{{2, 3, 2}}, {{2, 1, 2}}}, 1),
      concatenate("concatenate_one", {{{2, 3}}}, 1),
      {"concatenate_repeated",
       {{{2, 3}}},
       [](Emitter &emit, ArrayRef<Expr> x) -> Values {
         Expr y = squared(x[0]);
         return {ConcatenateOp::create(emit.builder, emit.loc, ValueRange{x[0], y, y}, 1)};
       }},
      reverse("reverse", {4}, {0}),
      reverse("reverse_two", {2, 3, 4}, {0, 2}),
  };
}

std::vector<GradientCase> indexingCases() {
  return {
      gather("gather_rows", {4, 3}, {7}, 0),
      gather("gather_columns", {3, 4}, {9}, 1),
      gather("gather_matrix_of_rows", {5, 2}, {3, 4}, 0),
      gather("gather_middle", {2, 4, 3}, {6}, 1),
      gather("gather_one", {4, 3}, {}, 0),
      scatter("scatter_rows", {4, 3}, {7}, 0),
      scatter("scatter_columns", {3, 4}, {9}, 1),
      scatter("scatter_matrix_of_rows", {5, 2}, {3, 4}, 0),
      scatter("scatter_middle", {2, 4, 3}, {6}, 1),
      scatter("scatter_one", {4, 3}, {}, 0),
  };
}

} // namespace fluxion_testing
