// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the DSL answers to mistakes: code, text, and a place in this very file. Every page of
// frontend/diagnostics/codes has a case here.
#include "fluxion/fluxion.h"
#include "frontend/diagnostics/Pages.h"

#include <functional>
#include <gmock/gmock.h>

using namespace fluxion;
using testing::HasSubstr;

namespace {

std::vector<Type> pair() { return {f32(2, 3), f32(4, 5)}; }

// Traces f by asking for the type of its results.
void trace(std::vector<Type> inputs, std::function<Tensor(const Tensors &)> f) {
  vjp(function(std::move(inputs), std::move(f)));
}
Type traced(std::vector<Type> inputs, std::function<Tensor(const Tensors &)> f) {
  return vjp(function(std::move(inputs), std::move(f))).inputs.back();
}

Program train(Layer model, std::vector<Type> inputs = {f32(8, 4), i32(8)}) {
  return classifier(model, {.inputs = std::move(inputs)});
}

struct Mistake {
  const char *code;
  std::vector<std::string> parts; // of the text, place and notes included
  std::function<void()> make;
};

struct Twice {
  Dense a = dense(4, 4), b = dense(4, 4);
  Tensor operator()(Tensor x) const { return b(a(x)); }
  void visitParams(const std::string &, const ParamVisitor &visitor) const {
    a.visitParams("layer", visitor);
    b.visitParams("layer", visitor);
  }
};

const std::vector<Mistake> &mistakes() {
  static const std::vector<Mistake> list = {
      {"shape-mismatch",
       {"matmul of f32[2, 3] and f32[4, 5]", "note: the left side is f32[2, 3], an input",
        "note: the right side is f32[4, 5]", "help: the last size on the left"},
       [] { trace(pair(), [](const Tensors &x) { return matmul(x[0], x[1]); }); }},
      {"shape-mismatch",
       {"add of f32[2, 3] and f32[4, 5]", "counted from the last dimension", "3 meets 5"},
       [] { trace(pair(), [](const Tensors &x) { return x[0] + x[1]; }); }},
      {"shape-mismatch",
       {"dense(784 => 128, relu) expects 784 features, but got 768",
        "f32[64, 768], made by reshape from f32[64, 24, 32] (input \"image\") at ",
        "the layer is 1, made at ", "help: use dense(768, 128), or reshape the input"},
       [] {
         train(chain(flatten, dense(784, 128, relu), dense(128, 10)), {f32(64, 24, 32), i32(64)});
       }},
      {"shape-mismatch",
       {"conv(3 => 8, 3x3) expects [N, 3, H, W], but got f32[8, 1, 28, 28]"},
       [] {
         train(chain(conv(3, 8), flatten, dense(8 * 26 * 26, 10)), {f32(8, 1, 28, 28), i32(8)});
       }},
      {"shape-mismatch",
       {"convolution of f32[1, 1, 2, 2], f32[1, 1, 5, 5]"},
       [] {
         trace({f32(1, 1, 2, 2), f32(1, 1, 5, 5)},
               [](const Tensors &x) { return convolution(x[0], x[1]); });
       }},
      {"shape-mismatch",
       {"reshape of f32[2, 3] with 6 elements to [4, -1]", "must multiply to 6"},
       [] { trace(pair(), [](const Tensors &x) { return reshape(x[0], {4, -1}); }); }},
      {"shape-mismatch",
       {"cross_entropy of logits f32[8, 10] against labels i32[4]",
        "labels are i32, one for each row"},
       [] { train(dense(4, 10), {f32(8, 4), i32(4)}); }},
      {"shape-mismatch",
       {"concatenate of f32[2, 3], f32[4, 5]"},
       [] { trace(pair(), [](const Tensors &x) { return concatenate({x[0], x[1]}, 0); }); }},
      {"shape-mismatch",
       {"slice of f32[2, 3]"},
       [] { trace(pair(), [](const Tensors &x) { return slice(x[0], {0, 0}, {2, 9}); }); }},
      {"shape-mismatch",
       {"transpose of f32[2, 3]"},
       [] { trace(pair(), [](const Tensors &x) { return transpose(x[0], {0, 0}); }); }},
      {"shape-mismatch",
       {"call of a function with f32[4, 5] for input 0", "the function takes f32[3]"},
       [] {
         Function inner = function({f32(3)}, [](Tensor x) { return sum(x); });
         trace(pair(), [&](const Tensors &x) { return inner({x[1]})[0]; });
       }},
      {"dtype-mismatch",
       {"add of f32 and i32", "help: convert one side: convert(x, f32)"},
       [] { trace({f32(3), i32(3)}, [](const Tensors &x) { return x[0] + x[1]; }); }},
      {"dtype-mismatch",
       {"tanh expects a float tensor, but got i32[3]"},
       [] { trace({f32(3), i32(3)}, [](const Tensors &x) { return tanh(x[1]); }); }},
      {"dtype-mismatch",
       {"softmax does not take i32[3]"},
       [] { trace({f32(3), i32(3)}, [](const Tensors &x) { return softmax(x[1]); }); }},
      {"dtype-mismatch",
       {"and does not take f32[3], f32[3]"},
       [] { trace({f32(3)}, [](const Tensors &x) { return and_(x[0], x[0]); }); }},
      {"dtype-mismatch",
       {"not does not take f32[3]"},
       [] { trace({f32(3)}, [](const Tensors &x) { return not_(x[0]); }); }},
      {"dtype-mismatch",
       {"mul of i32[3] and 0.5"},
       [] { trace({f32(3), i32(3)}, [](const Tensors &x) { return x[1] * 0.5; }); }},
      {"dtype-mismatch",
       {"mean of i32[3]"},
       [] { trace({f32(3), i32(3)}, [](const Tensors &x) { return mean(x[1]); }); }},
      {"dtype-mismatch",
       {"gather does not take f32[3], f32[3]"},
       [] { trace({f32(3)}, [](const Tensors &x) { return gather(x[0], x[0]); }); }},
      {"dtype-mismatch",
       {"dense(4 => 10) expects f32, but got i32[8, 4]", "the input is i32[8, 4], input \"image\"",
        "convert the input: convert(x, f32)"},
       [] { train(dense(4, 10), {i32(8, 4), i32(8)}); }},
      {"dtype-mismatch",
       {"conv(3 => 8, 3x3) expects f32, but got f64[8, 3, 9, 9]"},
       [] { train(conv(3, 8), {f64(8, 3, 9, 9), i32(8)}); }},
      {"dtype-mismatch",
       {"batch_norm(4) expects f32, but got i32[8, 4]"},
       [] { train(batch_norm(4), {i32(8, 4), i32(8)}); }},
      {"dtype-mismatch",
       {"layer_norm(f32[4]) expects f32, but got f64[8, 4]"},
       [] { train(layer_norm({4}), {f64(8, 4), i32(8)}); }},
      {"dtype-mismatch",
       {"embedding(f32[10, 4]) expects i32 or i64 indices, but got f32[8]"},
       [] { train(embedding(10, 4), {f32(8), i32(8)}); }},
      {"dtype-mismatch",
       {"dropout(0.5) expects floats, but got i32[8, 4]"},
       [] { train(dropout(0.5), {i32(8, 4), i32(8)}); }},
      {"dtype-mismatch",
       {"one_hot of f32[3]"},
       [] { trace({f32(3)}, [](const Tensors &x) { return one_hot(x[0], 4); }); }},
      {"dtype-mismatch",
       {"select expects a predicate, but got f32[3]"},
       [] { trace({f32(3)}, [](const Tensors &x) { return select(x[0], x[0], x[0]); }); }},
      {"dtype-mismatch",
       {"dot_general of f32[3, 3], f64[3, 3]", "help: convert one side"},
       [] { trace({f32(3, 3), f64(3, 3)}, [](const Tensors &x) { return matmul(x[0], x[1]); }); }},
      {"dtype-mismatch",
       {"convolution of f32[1, 1, 5, 5], f64[1, 1, 3, 3]", "help: convert one side"},
       [] {
         trace({f32(1, 1, 5, 5), f64(1, 1, 3, 3)},
               [](const Tensors &x) { return convolution(x[0], x[1]); });
       }},
      {"shape-mismatch",
       {"batch_norm(3) expects [N, 3, ...], but got f32[8, 4]"},
       [] { train(batch_norm(3), {f32(8, 4), i32(8)}); }},
      {"shape-mismatch",
       {"layer_norm(f32[5]) expects trailing sizes [5], but got f32[8, 4]"},
       [] { train(layer_norm({5}), {f32(8, 4), i32(8)}); }},
      {"shape-mismatch",
       {"conv_transpose(3 => 8, 3x3) expects [N, 3, H, W], but got f32[8, 4, 9, 9]"},
       [] { train(conv_transpose(3, 8), {f32(8, 4, 9, 9), i32(8)}); }},
      {"shape-mismatch",
       {"convolution of f32[8, 3, 4, 4], f32[8, 3, 5, 5]: the window covers 5 elements of spatial "
        "dimension 0, the padded input has 4",
        "operand 1 is f32[8, 3, 5, 5], parameter weight"},
       [] { train(conv(3, 8, {.kernel = 5}), {f32(8, 3, 4, 4), i32(8)}); }},
      {"shape-mismatch",
       {"max_pool of f32[8, 3, 4, 4]: a window of 5 does not fit"},
       [] { train(chain(max_pool({.window = 5}), flatten), {f32(8, 3, 4, 4), i32(8)}); }},
      {"shape-mismatch",
       {"add of f32[8, 3] and f32[8, 4]", "3 meets 4"},
       [] { train(residual(dense(4, 3)), {f32(8, 4), i32(8)}); }},
      {"shape-mismatch",
       {"concatenate of f32[8, 3], f32[8, 4]", "differ outside dimension 0"},
       [] { train(parallel({dense(4, 3), dense(4, 4)}, 0), {f32(8, 4), i32(8)}); }},
      {"shape-mismatch",
       {"mse of f32[8, 3] against f32[8, 2]", "the target is f32[8, 2], input \"label\""},
       [] {
         training(dense(4, 3),
                  {.loss = [](const Dense &m, Tensor x, Tensor y) { return mse(m(x), y); },
                   .inputs = {f32(8, 4), f32(8, 2)}});
       }},
      {"shape-mismatch",
       {"metric m is f32[8, 2]", "a metric is f32[]"},
       [] {
         training(dense(4, 2), {.loss =
                                    [](const Dense &m, Tensor x) {
                                      metric("m", m(x));
                                      return mean(m(x));
                                    },
                                .inputs = {f32(8, 4)}});
       }},
      {"rank-mismatch",
       {"max_pool expects [N, C, spatial...], but got f32[8, 4]"},
       [] { train(chain(max_pool(), flatten), {f32(8, 4), i32(8)}); }},
      {"rank-mismatch",
       {"global_avg_pool expects [N, C, spatial...], but got f32[2, 3]"},
       [] { trace(pair(), [](const Tensors &x) { return global_avg_pool(x[0]); }); }},
      {"axis-out-of-range",
       {"sum: axis 2 is out of range for a tensor of rank 2", "use an axis from -2 to 1"},
       [] { trace(pair(), [](const Tensors &x) { return sum(x[0], {2}); }); }},
      {"axis-repeated",
       {"sum: an axis is named twice"},
       [] { trace(pair(), [](const Tensors &x) { return sum(x[0], {0, -2}); }); }},
      {"bad-einsum",
       {"einsum(\"ij,jk\") needs a comma and an arrow"},
       [] { trace(pair(), [](const Tensors &x) { return einsum("ij,jk", x[0], x[1]); }); }},
      {"bad-einsum",
       {"has no 'z' on the left"},
       [] { trace(pair(), [](const Tensors &x) { return einsum("ij,jk->iz", x[0], x[1]); }); }},
      {"bad-einsum",
       {"repeats a letter"},
       [] { trace(pair(), [](const Tensors &x) { return einsum("ij,jk->ii", x[0], x[1]); }); }},
      {"bad-einsum",
       {"repeats a letter"},
       [] { trace(pair(), [](const Tensors &x) { return einsum("ij,jj->i", x[0], x[1]); }); }},
      {"bad-einsum",
       {"does not have the operands' ranks"},
       [] { trace(pair(), [](const Tensors &x) { return einsum("ijk,kl->il", x[0], x[1]); }); }},
      {"bad-rate", {"dropout(1.5)", "at least 0 and below 1"}, [] { dropout(1.5); }},
      {"bad-rate", {"one_cycle with a rising part"}, [] { one_cycle({.steps = 9, .pct = 1.5}); }},
      {"bad-rate", {"a rate, decay or clip of -0.1"}, [] { sgd({.lr = -0.1}); }},
      {"bad-rate", {"a rate, decay or clip of -1"}, [] { adam({.clip_norm = -1}); }},
      {"bad-rate", {"averages by 1.0"}, [] { adamw({.beta2 = 1}); }},
      {"bad-rate", {"averages by 2.0"}, [] { rmsprop({.alpha = 2}); }},
      {"bad-shape",
       {"reshape to [-1, -1]"},
       [] { trace(pair(), [](const Tensors &x) { return reshape(x[0], {-1, -1}); }); }},
      {"bad-size", {"dense(0, 10)"}, [] { dense(0, 10); }},
      {"bad-size", {"conv(6, 8) in 4 groups"}, [] { conv(6, 8, {.groups = 4}); }},
      {"bad-size",
       {"conv with kernel 3, stride 0, pad 0, dilation 1"},
       [] { conv(3, 8, {.stride = 0}); }},
      {"bad-size", {"conv with kernel 3, stride 1, pad -1"}, [] { conv(3, 8, {.pad = -1}); }},
      {"bad-size", {"batch_norm(0)"}, [] { batch_norm(0); }},
      {"bad-size", {"layer_norm over f32[]"}, [] { layer_norm({}); }},
      {"bad-size", {"embedding(0, 4)"}, [] { embedding(0, 4); }},
      {"bad-size", {"max_pool with window 0"}, [] { max_pool({.window = 0}); }},
      {"bad-size", {"avg_pool with window 2, stride -1"}, [] { avg_pool({.stride = -1}); }},
      {"bad-size", {"cosine_schedule over 0 steps"}, [] { cosine_schedule(0.1, 0); }},
      {"bad-size", {"step_schedule over 0 steps"}, [] { step_schedule(0.1, 0); }},
      {"bad-size", {"warmup over -3 steps"}, [] { warmup(constant_schedule(1), -3); }},
      {"bad-size", {"one_cycle over 0 steps"}, [] { one_cycle({.steps = 0}); }},
      {"bad-size",
       {"an input f32[-1, 4]", "at least 1"},
       [] { train(dense(4, 4), {f32(-1, 4), i32(-1)}); }},
      {"bad-size",
       {"an input f32[9223372036854775807, 4]", "larger than any memory"},
       [] { train(dense(4, 4), {f32(INT64_MAX, 4), i32(INT64_MAX)}); }},
      {"bad-size", {"an input f32[0]"}, [] { function({f32(0)}, [](Tensor x) { return x; }); }},
      {"duplicate-parameter", {"two parameters are named layer.weight"}, [] { train(Twice{}); }},
      {"empty-tensor",
       {"a tensor that was never given a value"},
       [] { trace(pair(), [](const Tensors &x) { return x[0] + Tensor(); }); }},
      {"escaped-tensor",
       {"a tensor of another program"},
       [] {
         Tensor kept;
         trace(pair(), [&](const Tensors &x) { return kept = x[0]; });
         trace(pair(), [&](const Tensors &x) { return x[0] + kept; });
       }},
      {"escaped-tensor",
       {"a tensor of a function whose transformation is already traced"},
       [] {
         trace({f32(3)}, [](const Tensors &x) {
           Tensor kept;
           grad(function({f32(3)}, [&](Tensor y) { return sum(kept = y * y); }))({x[0]});
           return x[0] + kept;
         });
       }},
      {"no-inputs", {"a training program without inputs"}, [] { train(dense(4, 4), {}); }},
      {"no-seed",
       {"random numbers in a program without a seed"},
       [] { trace(pair(), [](const Tensors &x) { return x[0] + random_normal(f32(2, 3)); }); }},
      {"no-tensor", {"add of two numbers", "compute it in C++"}, [] { add(1, 2); }},
      {"no-trace", {"a tensor operation outside of a program"}, [] { ones(f32(3)); }},
      {"not-a-scalar",
       {"grad of a function that gives f32[3]", "or use jacobian()"},
       [] {
         trace({f32(3)}, [](const Tensors &x) {
           return grad(function({f32(3)}, [](Tensor y) { return tanh(y); }))({x[0]})[0];
         });
       }},
      {"not-a-scalar",
       {"the loss is f32[8, 2]"},
       [] {
         training(dense(4, 2),
                  {.loss = [](const Dense &m, Tensor x) { return m(x); }, .inputs = {f32(8, 4)}});
       }},
      {"not-a-scalar",
       {"the schedule gives f32[3]", "a learning rate is f32[]"},
       [] {
         classifier(dense(4, 2),
                    {.inputs = {f32(8, 4), i32(8)},
                     .optimizer = sgd({.schedule = [](Tensor) { return ones(f32(3)); }})});
       }},
      {"nothing-to-differentiate",
       {"vjp of a function without float inputs"},
       [] { trace({i32(3)}, [](const Tensors &x) { return convert(x[0], f32); }); }},
      {"unknown-parameter",
       {"frozen prefix \"1.weigt\" names no parameter", "did you mean 1.weight"},
       [] {
         classifier(chain(flatten, dense(4, 4)),
                    {.inputs = {f32(8, 4), i32(8)}, .frozen = {"1.weigt"}});
       }},
      {"unregistered-parameter",
       {"a parameter f32[4, 4] that the model does not name",
        "list the member that holds it in FX_LAYER"},
       [] {
         Dense outside = dense(4, 4);
         train(chain(dense(4, 4), [outside](Tensor x) { return outside(x); }));
       }},
      {"wrong-arity",
       {"function with 1 input types and a body that does not take as many tensors"},
       [] { function({f32(3)}, [](Tensor x, Tensor y) { return x + y; }); }},
      {"wrong-arity",
       {"a loss of 2 inputs in a program with 1"},
       [] {
         training(dense(4, 2),
                  {.loss = [](const Dense &m, Tensor x, Tensor y) { return mse(m(x), y); },
                   .inputs = {f32(8, 4)}});
       }},
      {"wrong-arity",
       {"call of a function of 1 inputs with 2 tensors"},
       [] {
         Function f = function({f32(2, 3)}, [](Tensor x) { return sum(x); });
         trace({f32(2, 3)}, [&](const Tensors &x) { return f({x[0], x[0]})[0]; });
       }},
      {"wrong-arity",
       {"hessian of a function of 2 inputs"},
       [] { hessian(function({f32(3), f32(3)}, [](Tensor x, Tensor y) { return dot(x, y); })); }},
  };
  return list;
}

class Mistakes : public testing::TestWithParam<size_t> {};

TEST_P(Mistakes, AreAnswered) {
  const Mistake &mistake = mistakes()[GetParam()];
  try {
    mistake.make();
    FAIL() << "no " << mistake.code << " was raised";
  } catch (const Error &error) {
    EXPECT_EQ(error.code(), mistake.code) << error.what();
    std::string text = error.what();
    for (const std::string &part : mistake.parts)
      EXPECT_THAT(text, HasSubstr(part));
    EXPECT_THAT(text, HasSubstr("[" + error.code() + "]"));
    EXPECT_THAT(text, HasSubstr("help: "));
    EXPECT_THAT(error.where().file_name(), HasSubstr("ErrorsTest.cpp")) << text;
    EXPECT_THAT(text, HasSubstr(" | ")) << "the source line is missing";
    EXPECT_THAT(text, HasSubstr("^"));
  }
}
INSTANTIATE_TEST_SUITE_P(Errors, Mistakes, testing::Range<size_t>(0, mistakes().size()),
                         [](const auto &info) {
                           std::string name = mistakes()[info.param].code;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name + "_" + std::to_string(info.param);
                         });

TEST(Errors, EveryCodeHasAPageAndEveryPageACase) {
  std::set<std::string> tested, written;
  for (const Mistake &mistake : mistakes())
    tested.insert(mistake.code);
  for (const diagnostics::Page &page : diagnostics::pages())
    written.insert(page.code);
  EXPECT_EQ(tested, written);
}

TEST(Errors, ReadAsAnatomy) {
  try {
    traced(pair(), [](const Tensors &x) { return dot(x[0], x[1]); });
    FAIL();
  } catch (const Error &error) {
    std::string line = std::to_string(error.where().line()), text = error.what();
    EXPECT_THAT(text,
                HasSubstr("ErrorsTest.cpp:" + line + ":" + std::to_string(error.where().column()) +
                          ": error: dot of f32[2, 3] and f32[4, 5] [shape-mismatch]\n  " + line +
                          " |     traced(pair()"));
    EXPECT_EQ(error.message(), "dot of f32[2, 3] and f32[4, 5]");
    EXPECT_EQ(error.message().back(), ']');
  }
}

TEST(Errors, ATraceGoesOnAfterAMistake) {
  Type type = traced({f32(2, 3)}, [](const Tensors &x) {
    EXPECT_THROW(matmul(x[0], x[0]), Error);
    EXPECT_THROW(softmax(convert(x[0], i32)), Error);
    return transpose(x[0]);
  });
  EXPECT_EQ(type, f32(3, 2));
}

} // namespace
