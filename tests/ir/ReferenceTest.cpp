// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The reference evaluator where lit's files do not reach: published random vectors, rounding,
// state, refusals.
#include "ir/reference/Eval.h"

#include "ir/Dialect.h"
#include "ir/ops/ScalarBody.h"

#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace mlir;
using namespace fluxion::ir;
using namespace fluxion::ir::reference;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

class Reference : public ::testing::Test {
protected:
  Reference() { context.loadDialect<FluxionDialect, func::FuncDialect>(); }

  func::FuncOp function(const std::string &text) {
    module = parseSourceString<ModuleOp>(text, &context);
    return module ? *module->getOps<func::FuncOp>().begin() : func::FuncOp();
  }
  Tensor floats(ArrayRef<int64_t> shape, std::vector<double> values) {
    Tensor tensor(RankedTensorType::get(shape, Float64Type::get(&context)));
    tensor.floats = std::move(values);
    return tensor;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

// 32-bit words on the host: Philox without the evaluator in between.
struct HostEmitter {
  using Value = uint64_t;
  Value integer(int64_t number, mlir::Type type) { return (uint64_t)number & maskOf(type); }
  Value convert(Value x, mlir::Type, mlir::Type to) { return x & maskOf(to); }
  Value compare(CompareDirection, Value x, Value y, mlir::Type) { return x == y; }
  Value select(Value pred, Value x, Value y) { return pred ? x : y; }
  Value apply(Atom atom, ArrayRef<Value> x, mlir::Type type) {
    switch (atom) {
    case Atom::ShiftRightLogical:
      return x[0] >> x[1];
    case Atom::And:
      return x[0] & x[1];
    case Atom::Xor:
      return x[0] ^ x[1];
    case Atom::Add:
      return (x[0] + x[1]) & maskOf(type);
    case Atom::Mul:
      return x[0] * x[1];
    default:
      ADD_FAILURE() << "an atom that Philox does not need";
      return 0;
    }
  }
  static uint64_t maskOf(mlir::Type type) { return type.isInteger(32) ? 0xffffffff : ~uint64_t(0); }
};

// The known answers that Random123 publishes for philox4x32-10 (tests/kat_vectors).
TEST_F(Reference, PhiloxKnownAnswers) {
  mlir::Type i32 = IntegerType::get(&context, 32), i64 = IntegerType::get(&context, 64);
  HostEmitter emit;
  auto block = [&](uint64_t counter0, uint64_t counter1, uint64_t step, uint64_t seed) {
    std::vector<uint64_t> words;
    for (uint64_t word = 0; word < 4; ++word)
      words.push_back(
          philoxWord(emit, 4 * counter0 + word, seed, step, (int64_t)counter1, i32, i64));
    return words;
  };
  EXPECT_THAT(block(0, 0, 0, 0), ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(block(0xffffffff, 0xffffffff, ~uint64_t(0), ~uint64_t(0)),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(block(0x243f6a88, 0x85a308d3, 0x0370734413198a2e, 0x299f31d0a4093822),
              ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST_F(Reference, EvaluatorGivesTheKnownAnswer) {
  func::FuncOp f = function(R"(
    func.func @f(%seed: tensor<i64>, %step: tensor<i64>) -> tensor<4xi32> {
      %y = fluxion.random_bits %seed, %step stream 4294967295 : tensor<4xi32>
      return %y : tensor<4xi32>
    })");
  Tensor ones(RankedTensorType::get({}, IntegerType::get(&context, 64)));
  ones.setInteger(0, -1);
  auto results = evaluate(f, {ones, ones});
  ASSERT_TRUE(succeeded(results));
  // Counter (0, ffffffff, ffffffff, ffffffff), key all ones, by the host's arithmetic.
  HostEmitter emit;
  mlir::Type i32 = IntegerType::get(&context, 32), i64 = IntegerType::get(&context, 64);
  for (uint64_t i = 0; i < 4; ++i)
    EXPECT_EQ((uint32_t)(*results)[0].integers[i],
              philoxWord(emit, i, ~uint64_t(0), ~uint64_t(0), 0xffffffff, i32, i64));
}

TEST_F(Reference, ConvolutionIsItsSum) {
  func::FuncOp f = function(R"(
    func.func @f(%x: tensor<2x5x6x4xf64>, %w: tensor<3x2x2x6xf64>) -> tensor<2x3x4x6xf64> {
      %y = fluxion.convolution %x, %w {input_dims = array<i64: 0, 3, 1, 2>, kernel_dims = array<i64: 3, 2, 0, 1>,
        output_dims = array<i64: 0, 3, 1, 2>, window_strides = array<i64: 2, 2>, padding = array<i64: 1, 2, 0, 2>,
        lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, feature_group_count = 2 : i64}
        : (tensor<2x5x6x4xf64>, tensor<3x2x2x6xf64>) -> tensor<2x3x4x6xf64>
      return %y : tensor<2x3x4x6xf64>
    })");
  ASSERT_TRUE(f);
  std::vector<double> x(2 * 5 * 6 * 4), w(3 * 2 * 2 * 6);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = double(i * 37 % 17) - 8;
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = double(i * 11 % 13) - 6;
  auto results = evaluate(f, {floats({2, 5, 6, 4}, x), floats({3, 2, 2, 6}, w)});
  ASSERT_TRUE(succeeded(results));
  for (int b = 0; b < 2; ++b)
    for (int p = 0; p < 3; ++p)
      for (int q = 0; q < 4; ++q)
        for (int o = 0; o < 6; ++o) {
          double sum = 0;
          for (int r = 0; r < 3; ++r)
            for (int s = 0; s < 2; ++s)
              for (int c = 0; c < 2; ++c) {
                int h = 2 * p + r - 1, v = 2 * q + s;
                if (h >= 0 && h < 5 && v < 6)
                  sum += x[((b * 5 + h) * 6 + v) * 4 + c + o / 3 * 2] *
                         w[((r * 2 + s) * 2 + c) * 6 + o];
              }
          EXPECT_EQ((*results)[0].floats[((b * 3 + p) * 4 + q) * 6 + o], sum) << b << p << q << o;
        }
}

TEST_F(Reference, BytesRoundToTheElementType) {
  for (mlir::Type element :
       {(mlir::Type)BFloat16Type::get(&context), (mlir::Type)Float16Type::get(&context)}) {
    Tensor tensor(RankedTensorType::get({3}, element));
    tensor.floats = {1.0 + 0x1p-13, -2.5, 0x1p-30};
    Tensor back = Tensor::fromBytes(tensor.type, tensor.toBytes());
    EXPECT_EQ(back.floats[0], 1.0);
    EXPECT_EQ(back.floats[1], -2.5);
    EXPECT_EQ(back.floats[2], element.isBF16() ? 0x1p-30 : 0.0);
  }
  Tensor predicates(RankedTensorType::get({2}, IntegerType::get(&context, 1)));
  predicates.setInteger(1, 1);
  EXPECT_THAT(predicates.toBytes(), ElementsAre(0, 1));
  EXPECT_THAT(Tensor::fromBytes(predicates.type, predicates.toBytes()).integers, ElementsAre(0, 1));
}

TEST_F(Reference, AttributesRoundTrip) {
  Tensor tensor(RankedTensorType::get({2}, IntegerType::get(&context, 8, IntegerType::Unsigned)));
  tensor.setInteger(0, 200);
  tensor.setInteger(1, 300);
  EXPECT_THAT(tensor.integers, ElementsAre(200, 44));
  EXPECT_THAT(Tensor::fromAttr(tensor.toAttr()).integers, ElementsAre(200, 44));
}

TEST_F(Reference, StateIsReadAsItWasAndWrittenAtTheEnd) {
  func::FuncOp f = function(R"(
    fluxion.state param @w : tensor<f64>
    func.func @f(%x: tensor<f64>) -> tensor<f64> {
      fluxion.write @w, %x : tensor<f64>
      %old = fluxion.read @w : tensor<f64>
      return %old : tensor<f64>
    })");
  State state{{"w", floats({}, {1})}};
  auto results = evaluate(f, floats({}, {5}), &state);
  ASSERT_TRUE(succeeded(results));
  EXPECT_EQ((*results)[0].floats[0], 1);
  EXPECT_EQ(state.at("w").floats[0], 5);
}

TEST_F(Reference, AFailedCheckLeavesTheState) {
  func::FuncOp f = function(R"(
    fluxion.state param @w : tensor<f64>
    func.func @f(%x: tensor<f64>) {
      fluxion.write @w, %x : tensor<f64>
      %finite = fluxion.is_finite %x : tensor<f64>
      fluxion.check %finite, "x is finite" : tensor<i1>
      return
    })");
  std::string complaint;
  ScopedDiagnosticHandler handler(&context,
                                  [&](Diagnostic &diagnostic) { complaint = diagnostic.str(); });
  State state{{"w", floats({}, {1})}};
  EXPECT_TRUE(failed(evaluate(f, floats({}, {INFINITY}), &state)));
  EXPECT_THAT(complaint, HasSubstr("x is finite"));
  EXPECT_EQ(state.at("w").floats[0], 1);
}

TEST_F(Reference, RefusesWhatHasNoMeaning) {
  std::string complaint;
  ScopedDiagnosticHandler handler(&context,
                                  [&](Diagnostic &diagnostic) { complaint = diagnostic.str(); });
  EXPECT_TRUE(failed(evaluate(function("func.func private @f(tensor<f64>)"), floats({}, {1}))));
  EXPECT_THAT(complaint, HasSubstr("a body of one block"));
  EXPECT_TRUE(failed(evaluate(function("func.func @f(%x: index) { return }"), floats({}, {1}))));
  EXPECT_THAT(complaint, HasSubstr("tensors of static shape"));
  EXPECT_TRUE(
      failed(evaluate(function("func.func @f(%x: tensor<?xf64>) { return }"), floats({}, {1}))));
  EXPECT_THAT(complaint, HasSubstr("tensors of static shape"));
  EXPECT_TRUE(failed(evaluate(function("func.func @f(%x: tensor<f64>) { return }"), {})));
  EXPECT_THAT(complaint, HasSubstr("0 inputs for 1 arguments"));
  func::FuncOp vjp = function(R"(
    func.func @f(%x: tensor<f64>) {
      %r:2 = fluxion.vjp(%x) cotangents(%x) wrt [0] {
      ^bb0(%a: tensor<f64>):
        fluxion.yield %a : tensor<f64>
      } : (tensor<f64>, tensor<f64>) -> (tensor<f64>, tensor<f64>)
      return
    })");
  EXPECT_TRUE(failed(evaluate(vjp, floats({}, {1}))));
  EXPECT_THAT(complaint,
              HasSubstr("has no reference evaluation; differentiate and decompose first"));
}

} // namespace
