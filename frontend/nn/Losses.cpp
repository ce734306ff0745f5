// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/dsl/Trace.h"

namespace fluxion {
using namespace dsl;

namespace {

void sameTypes(const char *loss, Tensor prediction, Tensor target, Loc loc) {
  if (prediction.type(loc) != target.type(loc))
    throw Error("shape-mismatch",
                std::string(loss) + " of " + prediction.type(loc).str() + " against " +
                    target.type(loc).str(),
                loc,
                {"the prediction is " + describe(prediction), "the target is " + describe(target)},
                "both must have one shape and element type");
}

void checkLabels(const char *name, Tensor logits, Tensor labels, Loc loc) {
  Shape expected = logits.shape(loc);
  if (!expected.empty())
    expected.pop_back();
  if (logits.rank(loc) < 1 || labels.shape(loc) != expected ||
      (labels.dtype(loc) != DType::i32 && labels.dtype(loc) != DType::i64))
    throw Error("shape-mismatch",
                std::string(name) + " of logits " + logits.type(loc).str() + " against labels " +
                    labels.type(loc).str(),
                loc, {"the logits are " + describe(logits), "the labels are " + describe(labels)},
                "labels are i32, one for each row of logits");
}

// Rows that count: label >= 0; the number of them is at least 1.
std::pair<Tensor, Tensor> validRows(Tensor labels, DType type, Loc loc) {
  Tensor valid = convert(ge({labels, loc}, {0, loc}), type, loc);
  return {valid, max({sum(valid, {}, {}, loc), loc}, {1, loc})};
}

} // namespace

void metric(const std::string &name, Tensor scalar, Loc loc) {
  Trace &trace = Trace::current(loc);
  if (scalar.type(loc) != Type{DType::f32, {}})
    throw Error("shape-mismatch", "metric " + name + " is " + scalar.type(loc).str(), loc,
                {"it is " + describe(scalar)}, "a metric is f32[]: reduce and convert it");
  for (auto &[known, value] : trace.metrics)
    if (known == name) {
      value = trace.value(scalar, loc);
      return;
    }
  trace.metrics.push_back({name, trace.value(scalar, loc)});
}

Tensor accuracy(Tensor logits, Tensor labels, Loc loc) {
  checkLabels("accuracy", logits, labels, loc);
  auto [valid, count] = validRows(labels, DType::f32, loc);
  Tensor hit = convert(eq({argmax(logits, -1, loc), loc}, {convert(labels, DType::i32, loc), loc}),
                       DType::f32, loc);
  return div({sum(mul({hit, loc}, {valid, loc}), {}, {}, loc), loc}, {count, loc});
}

Tensor cross_entropy(Tensor logits, Tensor labels, Loc loc) {
  checkLabels("cross_entropy", logits, labels, loc);
  Trace &trace = Trace::current(loc);
  if (trace.seed && logits.dtype(loc) == DType::f32)
    metric("accuracy", accuracy(stop_gradient(logits, loc), labels, loc), loc);
  Tensor rows = emit<ir::CrossEntropyOp>(loc, trace.value(logits, loc), trace.value(labels, loc));
  auto [valid, count] = validRows(labels, logits.dtype(loc), loc);
  return div({sum(mul({rows, loc}, {valid, loc}), {}, {}, loc), loc}, {count, loc});
}

Tensor mse(Tensor prediction, Tensor target, Loc loc) {
  sameTypes("mse", prediction, target, loc);
  return mean(square(sub({prediction, loc}, {target, loc}), loc), {}, {}, loc);
}
Tensor mae(Tensor prediction, Tensor target, Loc loc) {
  sameTypes("mae", prediction, target, loc);
  return mean(abs(sub({prediction, loc}, {target, loc}), loc), {}, {}, loc);
}
Tensor huber(Tensor prediction, Tensor target, double delta, Loc loc) {
  sameTypes("huber", prediction, target, loc);
  Tensor d = abs(sub({prediction, loc}, {target, loc}), loc);
  Tensor quadratic = mul({square(d, loc), loc}, {0.5, loc}),
         linear = mul({sub({d, loc}, {0.5 * delta, loc}), loc}, {delta, loc});
  return mean(select(le({d, loc}, {delta, loc}), {quadratic, loc}, {linear, loc}), {}, {}, loc);
}
// max(x, 0) - x t + ln(1 + e^-|x|)
Tensor binary_cross_entropy(Tensor logits, Tensor target, Loc loc) {
  sameTypes("binary_cross_entropy", logits, target, loc);
  Tensor soft = log1p(exp(neg(abs(logits, loc), loc), loc), loc);
  Tensor linear = sub({relu(logits, loc), loc}, {mul({logits, loc}, {target, loc}), loc});
  return mean(add({linear, loc}, {soft, loc}), {}, {}, loc);
}

} // namespace fluxion
