// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Optimisers in plain f64, written from the papers and PyTorch's documentation: what trajectories
// are compared with.
#pragma once

#include "fluxion/fluxion.h"

#include <cmath>

namespace fluxion_testing {

class OptimReference {
public:
  OptimReference(fluxion::Optimizer options, std::function<double(int)> rate)
      : o(std::move(options)), rate(std::move(rate)) {}

  // The update number t = 1, 2, ... of all parameters at once.
  void update(std::vector<double> &p, std::vector<double> g, int t) {
    first.resize(p.size()), second.resize(p.size());
    clip(g);
    double lr = rate(t - 1);
    for (size_t i = 0; i < p.size(); ++i)
      p[i] = next(p[i], g[i], first[i], second[i], lr, t);
  }

private:
  fluxion::Optimizer o;
  std::function<double(int)> rate;
  std::vector<double> first, second;

  void clip(std::vector<double> &g) const {
    double squares = 0;
    for (double &x : g) {
      if (o.clip_value > 0)
        x = std::max(-o.clip_value, std::min(x, o.clip_value));
      squares += x * x;
    }
    double factor = o.clip_norm > 0 ? std::min(1.0, o.clip_norm / (std::sqrt(squares) + 1e-6)) : 1;
    for (double &x : g)
      x *= factor;
  }

  double next(double p, double g, double &m, double &v, double lr, int t) const {
    using Kind = fluxion::Optimizer;
    if (o.kind == Kind::AdamW)
      p -= lr * o.weight_decay * p;
    else
      g += o.weight_decay * p;
    switch (o.kind) {
    case Kind::Sgd:
      return p - lr * g;
    case Kind::Momentum:
      m = o.momentum * m + g;
      return p - lr * m;
    case Kind::Nesterov:
      m = o.momentum * m + g;
      return p - lr * (g + o.momentum * m);
    case Kind::Adam:
    case Kind::AdamW: {
      m = o.beta1 * m + (1 - o.beta1) * g;
      v = o.beta2 * v + (1 - o.beta2) * g * g;
      double unbiased = m / (1 - std::pow(o.beta1, t)), size = v / (1 - std::pow(o.beta2, t));
      return p - lr * unbiased / (std::sqrt(size) + o.epsilon);
    }
    case Kind::RmsProp:
      v = o.alpha * v + (1 - o.alpha) * g * g;
      return p - lr * g / (std::sqrt(v) + o.epsilon);
    }
    return p;
  }
};

} // namespace fluxion_testing
