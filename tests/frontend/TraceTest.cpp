// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What tracing infers and which numbers it means: broadcasting, sugar, places.
#include "frontend/dsl/Trace.h"
#include "tests/frontend/Evaluate.h"

#include <cmath>
#include <gmock/gmock.h>

using namespace fluxion;
using fluxion_testing::evaluate;
using fluxion_testing::Numbers;
using testing::ElementsAre;

namespace {

// The type of a function's result.
Type typeOf(std::vector<Type> inputs, std::function<Tensor(const Tensors &)> f) {
  Type found;
  evaluate(function(inputs,
                    [&](const Tensors &x) {
                      Tensor y = f(x);
                      found = y.type();
                      return y;
                    }),
           [&] {
             std::vector<Numbers> zeros;
             for (const Type &type : inputs)
               zeros.push_back(Numbers(type.elements(), 0));
             return zeros;
           }());
  return found;
}
Numbers valueOf(std::vector<Type> inputs, std::function<Tensor(const Tensors &)> f,
                const std::vector<Numbers> &numbers) {
  return evaluate(function(std::move(inputs), std::move(f)), numbers)[0];
}

TEST(Trace, BroadcastsAsNumPy) {
  EXPECT_EQ(typeOf({f32(4, 1, 3), f32(5, 1)}, [](const Tensors &x) { return x[0] * x[1]; }),
            f32(4, 5, 3));
  EXPECT_EQ(typeOf({f32(), f32(2)}, [](const Tensors &x) { return x[0] + x[1]; }), f32(2));
  EXPECT_THAT(valueOf({f64(2, 1), f64(3)}, [](const Tensors &x) { return x[0] - x[1]; },
                      {{10, 20}, {1, 2, 3}}),
              ElementsAre(9, 8, 7, 19, 18, 17));
  EXPECT_THAT(valueOf({f64(2)}, [](const Tensors &x) { return 1 - x[0] / 2; }, {{4, 6}}),
              ElementsAre(-1, -2));
  EXPECT_THAT(valueOf({i32(3)}, [](const Tensors &x) { return select(gt(x[0], 1), x[0], -1); },
                      {{0, 1, 2}}),
              ElementsAre(-1, -1, 2));
  EXPECT_THAT(valueOf({f64(3)}, [](const Tensors &x) { return clamp(0, x[0], 1); }, {{-4, 0.5, 4}}),
              ElementsAre(0, 0.5, 1));
  EXPECT_THAT(valueOf({f64(2), f64(2, 1)}, [](const Tensors &x) { return clamp(x[0], 5, x[1]); },
                      {{1, 2}, {3, 4}}),
              ElementsAre(3, 3, 4, 4));
}

TEST(Trace, NumbersTakeTheTensorsElementType) {
  EXPECT_EQ(typeOf({i64(2)}, [](const Tensors &x) { return x[0] + 1; }), i64(2));
  EXPECT_EQ(typeOf({bf16(2)}, [](const Tensors &x) { return 0.5 * x[0]; }), bf16(2));
  EXPECT_EQ(typeOf({u8(2)}, [](const Tensors &x) { return convert(x[0], f32) / 255; }), f32(2));
}

TEST(Trace, Shapes) {
  EXPECT_EQ(typeOf({f32(4, 6)}, [](const Tensors &x) { return reshape(x[0], {-1, 3}); }),
            f32(8, 3));
  EXPECT_EQ(typeOf({f32(4, 6)}, [](const Tensors &x) { return flatten(reshape(x[0], {2, 3, 4})); }),
            f32(2, 12));
  EXPECT_EQ(typeOf({f32(4, 6, 2)}, [](const Tensors &x) { return transpose(x[0]); }), f32(2, 6, 4));
  EXPECT_EQ(typeOf({f32(4, 6)}, [](const Tensors &x) { return expand_dims(x[0], -1); }),
            f32(4, 6, 1));
  EXPECT_EQ(typeOf({f32(4, 1)}, [](const Tensors &x) { return squeeze(x[0], 1); }), f32(4));
  EXPECT_EQ(typeOf({f32(4, 6)}, [](const Tensors &x) { return stack({x[0], x[0], x[0]}, 1); }),
            f32(4, 3, 6));
  EXPECT_EQ(
      typeOf({f32(4, 6)}, [](const Tensors &x) { return slice(x[0], {1, 0}, {4, 6}, {2, 1}); }),
      f32(2, 6));
  EXPECT_EQ(
      typeOf({f32(4, 6)}, [](const Tensors &x) { return pad(x[0], 0, {1, 0}, {0, 2}, {1, 0}); }),
      f32(8, 8));
  EXPECT_EQ(typeOf({f32(4, 6)}, [](const Tensors &x) { return argmax(x[0], 0); }), i32(6));
  EXPECT_EQ(typeOf({i32(4)}, [](const Tensors &x) { return one_hot(x[0], 7); }), f32(4, 7));
  EXPECT_EQ(typeOf({f32(5, 3), i32(2, 2)}, [](const Tensors &x) { return gather(x[0], x[1]); }),
            f32(2, 2, 3));
  EXPECT_EQ(
      typeOf({f32(8, 3, 32, 32), f32(16, 3, 3, 3)},
             [](const Tensors &x) { return convolution(x[0], x[1], {.stride = {2}, .pad = {1}}); }),
      f32(8, 16, 16, 16));
  EXPECT_EQ(typeOf({f32(8, 3, 10), f32(6, 1, 3)},
                   [](const Tensors &x) {
                     return convolution(x[0], x[1], {.dilation = {2}, .groups = 3});
                   }),
            f32(8, 6, 6));
}

TEST(Trace, Reductions) {
  Numbers x{1, 2, 3, 4, 5, 7};
  std::vector<Type> type{f64(2, 3)};
  EXPECT_THAT(valueOf(type, [](const Tensors &t) { return sum(t[0]); }, {x}), ElementsAre(22));
  EXPECT_THAT(valueOf(type, [](const Tensors &t) { return sum(t[0], {-1}); }, {x}),
              ElementsAre(6, 16));
  EXPECT_THAT(valueOf(type, [](const Tensors &t) { return mean(t[0], {0}); }, {x}),
              ElementsAre(2.5, 3.5, 5));
  EXPECT_NEAR(valueOf(type, [](const Tensors &t) { return var(t[0], {1}); }, {x})[1], 14.0 / 9,
              1e-12);
  EXPECT_NEAR(valueOf(type, [](const Tensors &t) { return logsumexp(t[0] * 1000, {1}); }, {x})[0],
              3000, 1e-9);
  EXPECT_EQ(typeOf({f32(2, 3, 4)},
                   [](const Tensors &t) { return sum(t[0], {0, 2}, {.keepdims = true}); }),
            f32(1, 3, 1));
  EXPECT_EQ(typeOf({f32(2, 3, 4)}, [](const Tensors &t) { return logsumexp(t[0], {1}); }),
            f32(2, 4));
}

TEST(Trace, Contractions) {
  Numbers a{1, 2, 3, 4, 5, 6}, b{1, 0, 2, 1, 0, 1};
  std::vector<Type> types{f64(2, 3), f64(3, 2)};
  Numbers product{5, 5, 14, 11};
  EXPECT_EQ(valueOf(types, [](const Tensors &x) { return matmul(x[0], x[1]); }, {a, b}), product);
  EXPECT_EQ(
      valueOf(types, [](const Tensors &x) { return einsum("ij, jk -> ik", x[0], x[1]); }, {a, b}),
      product);
  EXPECT_THAT(
      valueOf(types, [](const Tensors &x) { return einsum("ij,jk->ki", x[0], x[1]); }, {a, b}),
      ElementsAre(5, 14, 5, 11));
  EXPECT_THAT(valueOf({f64(2, 3), f64(2, 3)},
                      [](const Tensors &x) { return einsum("bi,bi->b", x[0], x[1]); }, {a, b}),
              ElementsAre(7, 4 + 0 + 6));
  EXPECT_EQ(
      typeOf({f32(7, 2, 3), f32(7, 3, 4)}, [](const Tensors &x) { return matmul(x[0], x[1]); }),
      f32(7, 2, 4));
  EXPECT_EQ(typeOf({f32(7, 2, 3), f32(3, 4)}, [](const Tensors &x) { return matmul(x[0], x[1]); }),
            f32(7, 2, 4));
  EXPECT_EQ(typeOf({f32(8, 5, 4), f32(8, 6, 4)},
                   [](const Tensors &x) { return einsum("hqd,hkd->hqk", x[0], x[1]); }),
            f32(8, 5, 6));
}

TEST(Trace, EveryUnaryIsAnOpAndALayer) {
  for (Unary unary :
       std::vector<Unary>{abs,  ceil,  cos,  erf,    exp,   expm1,         floor,   gelu,
                          log,  log1p, neg,  relu,   round, rsqrt,         sigmoid, sign,
                          silu, sin,   sqrt, square, tanh,  stop_gradient, identity}) {
    Layer layer = unary;
    EXPECT_EQ(typeOf({f32(3)}, [layer](const Tensors &x) { return layer(x[0]); }), f32(3))
        << unary.mnemonic;
    EXPECT_EQ(layer.str(), unary.mnemonic);
  }
  EXPECT_EQ(typeOf({f32(3)}, [](const Tensors &x) { return is_finite(x[0]); }), i1(3));
}

TEST(Trace, EveryOpHasThePlaceOfTheUser) {
  int line = 0;
  evaluate(function({f32(2, 3)},
                    [&](Tensor x) {
                      line = __LINE__ + 1;
                      Tensor y = matmul(x, transpose(x)) + 1;
                      auto *op = mlir::Value::getFromOpaquePointer(y.value).getDefiningOp();
                      for (mlir::Operation &each : *op->getBlock()) {
                        auto at = mlir::dyn_cast<mlir::FileLineColLoc>(each.getLoc());
                        EXPECT_TRUE(at && at.getFilename().getValue().ends_with("TraceTest.cpp") &&
                                    (int)at.getLine() == line)
                            << each.getName().getStringRef().str();
                      }
                      return y;
                    }),
           {Numbers(6, 1)});
  EXPECT_GT(line, 0);
}

TEST(Trace, NearestNames) {
  EXPECT_EQ(dsl::nearest("lenett", {"mlp", "lenet", "resnet20"}), "lenet");
  EXPECT_EQ(dsl::nearest("zzzzzz", {"mlp", "lenet"}), "");
}

} // namespace
