// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/nn/Optim.h"

#include "frontend/dsl/Trace.h"

#include <cmath>

namespace fluxion {

// Learning rates. `step` is f32[], 0 for the first update.

static void checkSteps(const char *schedule, int64_t steps, Loc loc) {
  if (steps < 1)
    throw Error("bad-size", std::string(schedule) + " over " + std::to_string(steps) + " steps",
                loc, {}, "it takes at least 1 step");
}

Schedule constant_schedule(double lr) {
  return [lr](Tensor step) { return full(step.type(), lr); };
}
Schedule step_schedule(double lr, int64_t every, double factor, Loc loc) {
  checkSteps("step_schedule", every, loc);
  return
      [=](Tensor step) { return lr * pow(full(step.type(), factor), floor(step / double(every))); };
}
Schedule cosine_schedule(double lr, int64_t steps, double last, Loc loc) {
  checkSteps("cosine_schedule", steps, loc);
  return [=](Tensor step) {
    Tensor done = min(step / double(steps), 1.0);
    return last + (lr - last) * 0.5 * (1.0 + cos(M_PI * done));
  };
}
Schedule warmup(Schedule after, int64_t steps, Loc loc) {
  checkSteps("warmup", steps, loc);
  return [=](Tensor step) {
    return after(max(step - double(steps), 0.0)) * min((step + 1.0) / double(steps), 1.0);
  };
}
Schedule one_cycle(OneCycle o, Loc loc) {
  checkSteps("one_cycle", o.steps, loc);
  if (!(o.pct > 0 && o.pct < 1 && o.div > 0 && o.final_div > 0))
    throw Error("bad-rate", "one_cycle with a rising part, div or final_div out of range", loc, {},
                "pct lies between 0 and 1; div and final_div are above 0");
  return [o](Tensor step) {
    double up = o.pct * double(o.steps), first = o.max_lr / o.div, last = first / o.final_div;
    auto between = [](double from, double to, Tensor done) {
      return to + (from - to) * 0.5 * (1.0 + cos(M_PI * done));
    };
    Tensor rising = between(first, o.max_lr, min(step / up, 1.0));
    Tensor falling = between(o.max_lr, last, clamp(0.0, (step - up) / (double(o.steps) - up), 1.0));
    return select(lt(step, up), rising, falling);
  };
}

// Optimisers.

namespace {
Optimizer checked(Optimizer o, Loc loc) {
  for (double value : {o.lr, o.weight_decay, o.clip_norm, o.clip_value})
    if (!(value >= 0))
      throw Error("bad-rate", "an optimiser with a rate, decay or clip of " + std::to_string(value),
                  loc, {}, "lr, weight_decay, clip_norm and clip_value are at least 0; 0 is off");
  for (double value : {o.momentum, o.beta1, o.beta2, o.alpha})
    if (!(value >= 0 && value < 1))
      throw Error("bad-rate", "an optimiser that averages by " + std::to_string(value), loc, {},
                  "momentum, beta1, beta2 and alpha are at least 0 and below 1");
  return o;
}
template <typename Options> Optimizer from(Optimizer::Kind kind, const Options &o) {
  Optimizer made;
  made.kind = kind, made.lr = o.lr, made.weight_decay = o.weight_decay;
  made.clip_norm = o.clip_norm, made.clip_value = o.clip_value, made.schedule = o.schedule;
  return made;
}
Optimizer from(Optimizer::Kind kind, const SgdOptions &o, Loc loc) {
  Optimizer made = from(kind, o);
  made.momentum = o.momentum;
  return checked(made, loc);
}
Optimizer from(Optimizer::Kind kind, const AdamOptions &o, Loc loc) {
  Optimizer made = from(kind, o);
  made.beta1 = o.beta1, made.beta2 = o.beta2, made.epsilon = o.epsilon;
  return checked(made, loc);
}
} // namespace

Optimizer sgd(SgdOptions options, Loc loc) { return from(Optimizer::Sgd, options, loc); }
Optimizer momentum(SgdOptions options, Loc loc) { return from(Optimizer::Momentum, options, loc); }
Optimizer nesterov(SgdOptions options, Loc loc) { return from(Optimizer::Nesterov, options, loc); }
Optimizer adam(AdamOptions options, Loc loc) { return from(Optimizer::Adam, options, loc); }
Optimizer adamw(AdamOptions options, Loc loc) { return from(Optimizer::AdamW, options, loc); }
Optimizer rmsprop(RmsPropOptions options, Loc loc) {
  Optimizer made = from(Optimizer::RmsProp, options);
  made.alpha = options.alpha, made.epsilon = options.epsilon;
  return checked(made, loc);
}

namespace dsl {

std::vector<std::string> slotNames(const Optimizer &optimizer) {
  switch (optimizer.kind) {
  case Optimizer::Sgd:
    return {};
  case Optimizer::Momentum:
  case Optimizer::Nesterov:
    return {"velocity"};
  case Optimizer::Adam:
  case Optimizer::AdamW:
    return {"first_moment", "second_moment"};
  case Optimizer::RmsProp:
    return {"square_average"};
  }
  return {};
}

Tensor learningRate(const Optimizer &optimizer, Tensor step, Loc loc) {
  if (!optimizer.schedule)
    return full(step.type(), optimizer.lr, loc);
  Tensor rate = optimizer.schedule(step);
  if (rate.type(loc) != step.type(loc))
    throw Error("not-a-scalar", "the schedule gives " + rate.type(loc).str(), loc,
                {"it is " + describe(rate)}, "a learning rate is f32[]: reduce and convert it");
  return rate;
}

void clipGradients(const Optimizer &optimizer, std::vector<Tensor> &gradients, Loc loc) {
  if (optimizer.clip_value > 0)
    for (Tensor &g : gradients)
      g = clamp(-optimizer.clip_value, Operand(g, loc), optimizer.clip_value);
  if (optimizer.clip_norm <= 0 || gradients.empty())
    return;
  Tensor squares;
  for (Tensor g : gradients) {
    Tensor own = convert(sum(square(g, loc), {}, {}, loc), DType::f32, loc);
    squares = squares.value ? squares + own : own;
  }
  // As torch.nn.utils.clip_grad_norm_: the factor is max_norm / (norm + 1e-6), at most 1.
  Tensor factor = min(optimizer.clip_norm / (sqrt(squares, loc) + 1e-6), 1.0);
  for (Tensor &g : gradients)
    g = g * convert(factor, g.dtype(loc), loc);
}

Updated applyOptimizer(const Optimizer &o, Tensor p, Tensor g, const std::vector<Tensor> &slots,
                       Tensor lr, Tensor step, Loc loc) {
  lr = convert(lr, p.dtype(loc), loc), step = convert(step, p.dtype(loc), loc);
  if (o.weight_decay != 0 && o.kind != Optimizer::AdamW)
    g = g + o.weight_decay * p;
  switch (o.kind) {
  case Optimizer::Sgd:
    return {p - lr * g, {}};
  case Optimizer::Momentum:
  case Optimizer::Nesterov: {
    Tensor v = o.momentum * slots[0] + g;
    return {p - lr * (o.kind == Optimizer::Nesterov ? g + o.momentum * v : v), {v}};
  }
  case Optimizer::Adam:
  case Optimizer::AdamW: {
    Tensor m = o.beta1 * slots[0] + (1 - o.beta1) * g;
    Tensor v = o.beta2 * slots[1] + (1 - o.beta2) * (g * g);
    // The corrections are scalars: m / (1 - b1^t) over sqrt(v / (1 - b2^t)) + eps. 1 - b^t as
    // -expm1(t ln b) keeps its digits for b near 1.
    Tensor size = lr / -expm1(step * std::log(o.beta1)), base = p;
    Tensor correction =
        1.0 / sqrt(-expm1(step * std::log(o.beta2))); // once, not a division a parameter
    if (o.kind == Optimizer::AdamW && o.weight_decay != 0)
      base = p * (1.0 - lr * o.weight_decay);
    return {base - size * m / (sqrt(v) * correction + o.epsilon), {m, v}};
  }
  case Optimizer::RmsProp: {
    Tensor v = o.alpha * slots[0] + (1 - o.alpha) * (g * g);
    return {p - lr * g / (sqrt(v) + o.epsilon), {v}};
  }
  }
  return {p, slots};
}

// Initialisers.

namespace {

// Rows (or columns, the fewer) made orthonormal by Newton and Schulz's iteration X <- X (3 I - X^T
// X) / 2 on a normal matrix scaled below its spectral norm; it converges to the orthogonal polar
// factor.
Tensor orthogonal(const Type &type, double gain, Loc loc) {
  int64_t rows = type.shape.at(0), columns = type.elements() / std::max<int64_t>(1, rows);
  bool wide = columns > rows;
  Tensor x = random_normal({type.dtype, {std::max(rows, columns), std::min(rows, columns)}}, loc);
  x = x / sqrt(sum(square(x)));
  for (int iteration = 0; iteration < 40; ++iteration)
    x = 1.5 * x - 0.5 * matmul(x, matmul(transpose(x), x));
  return reshape(gain * (wide ? transpose(x) : x), type.shape, loc);
}

} // namespace

Tensor initialValue(const Init &init, const Type &type, Loc loc) {
  switch (init.kind) {
  case Init::Zeros:
    return zeros(type, loc);
  case Init::Ones:
    return ones(type, loc);
  case Init::Constant:
    return full(type, init.scale, loc);
  case Init::Uniform:
    return (random_uniform(type, loc) * 2.0 - 1.0) * init.scale;
  case Init::Normal:
    return random_normal(type, loc) * init.scale;
  // What lies beyond two deviations is drawn again; 4e-6 of it is left after four draws and is cut.
  // 0.87962566 restores the deviation.
  case Init::TruncatedNormal: {
    Tensor z = random_normal(type, loc);
    for (int again = 0; again < 3; ++again)
      z = select(lt(abs(z, loc), 2.0), z, random_normal(type, loc));
    return clamp(-2.0, z, 2.0) * (init.scale / 0.87962566103423978);
  }
  case Init::Orthogonal:
    return orthogonal(type, init.scale, loc);
  }
  return zeros(type, loc);
}

} // namespace dsl
} // namespace fluxion
