// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/nn/Optim.h"

#include <cmath>

namespace fluxion {

// ---- Learning rates. `step` is f32[], 0 for the first update.
// --------------------------------------------------------

Schedule constant_schedule(double lr) {
  return [lr](Tensor step) { return full(step.type(), lr); };
}
Schedule step_schedule(double lr, int64_t every, double factor) {
  return
      [=](Tensor step) { return lr * pow(full(step.type(), factor), floor(step / double(every))); };
}
Schedule cosine_schedule(double lr, int64_t steps, double last) {
  return [=](Tensor step) {
    Tensor done = min(step / double(steps), 1.0);
    return last + (lr - last) * 0.5 * (1.0 + cos(M_PI * done));
  };
}
Schedule warmup(Schedule after, int64_t steps) {
  return [=](Tensor step) {
    return after(max(step - double(steps), 0.0)) * min((step + 1.0) / double(steps), 1.0);
  };
}
Schedule one_cycle(OneCycle o) {
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

// ---- Optimisers
// -------------------------------------------------------------------------------------------------------

namespace {
Optimizer from(Optimizer::Kind kind, const SgdOptions &o) {
  Optimizer made;
  made.kind = kind, made.lr = o.lr, made.momentum = o.momentum, made.weight_decay = o.weight_decay;
  made.clip_norm = o.clip_norm, made.clip_value = o.clip_value, made.schedule = o.schedule;
  return made;
}
Optimizer from(Optimizer::Kind kind, const AdamOptions &o) {
  Optimizer made;
  made.kind = kind, made.lr = o.lr, made.beta1 = o.beta1, made.beta2 = o.beta2,
  made.epsilon = o.epsilon, made.weight_decay = o.weight_decay;
  made.clip_norm = o.clip_norm, made.clip_value = o.clip_value, made.schedule = o.schedule;
  return made;
}
} // namespace

Optimizer sgd(SgdOptions options) { return from(Optimizer::Sgd, options); }
Optimizer momentum(SgdOptions options) { return from(Optimizer::Momentum, options); }
Optimizer nesterov(SgdOptions options) { return from(Optimizer::Nesterov, options); }
Optimizer adam(AdamOptions options) { return from(Optimizer::Adam, options); }
Optimizer adamw(AdamOptions options) { return from(Optimizer::AdamW, options); }
Optimizer rmsprop(RmsPropOptions o) {
  Optimizer made;
  made.kind = Optimizer::RmsProp, made.lr = o.lr, made.alpha = o.alpha, made.epsilon = o.epsilon,
  made.weight_decay = o.weight_decay;
  made.clip_norm = o.clip_norm, made.clip_value = o.clip_value, made.schedule = o.schedule;
  return made;
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
  return optimizer.schedule ? optimizer.schedule(step) : full(step.type(), optimizer.lr, loc);
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
    Tensor correction1 = -expm1(step * std::log(o.beta1)),
           correction2 = sqrt(-expm1(step * std::log(o.beta2)));
    Tensor size = lr / correction1, base = p;
    if (o.kind == Optimizer::AdamW && o.weight_decay != 0)
      base = p * (1.0 - lr * o.weight_decay);
    return {base - size * m / (sqrt(v) / correction2 + o.epsilon), {m, v}};
  }
  case Optimizer::RmsProp: {
    Tensor v = o.alpha * slots[0] + (1 - o.alpha) * (g * g);
    return {p - lr * g / (sqrt(v) + o.epsilon), {v}};
  }
  }
  return {p, slots};
}

// ---- Initialisers
// --------------------------------------------------------------------------------------------------------

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
