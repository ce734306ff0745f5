// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Reduction.h"

#include "ir/reference/Ops.h"

#include <cmath>

using namespace mlir;

namespace fluxion::ir::reference {
namespace {

void setIdentity(Tensor &y, ReduceKind kind) {
  double infinity = std::numeric_limits<double>::infinity();
  Type element = y.type.getElementType();
  unsigned width = element.getIntOrFloatBitWidth();
  int64_t most = element.isUnsignedInteger() ? (int64_t(1) << width) - 1
                 : width == 64               ? INT64_MAX
                                             : (int64_t(1) << (width - 1)) - 1;
  int64_t least = element.isUnsignedInteger() ? 0 : -most - 1;
  for (int64_t i = 0; i < y.size(); ++i) {
    if (y.isFloat())
      y.floats[i] = kind == ReduceKind::Sum    ? 0
                    : kind == ReduceKind::Prod ? 1
                    : kind == ReduceKind::Max  ? -infinity
                                               : infinity;
    else
      y.integers[i] = kind == ReduceKind::Sum || kind == ReduceKind::Or ? 0
                      : kind == ReduceKind::Prod                        ? 1
                      : kind == ReduceKind::Max                         ? least
                      : kind == ReduceKind::Min                         ? most
                                                                        : wrapTo(element, -1);
  }
}

void combine(Tensor &y, int64_t at, const Tensor &x, int64_t i, ReduceKind kind) {
  if (y.isFloat()) {
    double &a = y.floats[at], b = x.floats[i];
    bool nan = std::isnan(a) || std::isnan(b);
    a = kind == ReduceKind::Sum    ? a + b
        : kind == ReduceKind::Prod ? a * b
        : nan                      ? NAN
        : kind == ReduceKind::Max  ? std::max(a, b)
                                   : std::min(a, b);
    return;
  }
  int64_t a = y.integers[at], b = x.integers[i];
  y.setInteger(at, kind == ReduceKind::Sum    ? a + b
                   : kind == ReduceKind::Prod ? a * b
                   : kind == ReduceKind::Max  ? std::max(a, b)
                   : kind == ReduceKind::Min  ? std::min(a, b)
                   : kind == ReduceKind::And  ? (a & b)
                                              : (a | b));
}

Tensor evalReduce(ReduceOp op, const Tensor &x) {
  Tensor y(op.getType());
  setIdentity(y, op.getKind());
  forEachIndex(x.shape(), [&](ArrayRef<int64_t> index, int64_t i) {
    SmallVector<int64_t> kept;
    for (auto [d, position] : llvm::enumerate(index))
      if (!llvm::is_contained(op.getDims(), (int64_t)d))
        kept.push_back(position);
    combine(y, flatIndex(y.shape(), kept), x, i, op.getKind());
  });
  return y;
}

bool beats(double next, double best, bool isMax) {
  return (isMax ? next > best : next < best) || (std::isnan(next) && !std::isnan(best));
}

Tensor evalArg(Operation *op, int64_t dim, bool isMax, const Tensor &x) {
  Tensor y(op->getResult(0).getType());
  forEachIndex(y.shape(), [&](ArrayRef<int64_t> kept, int64_t at) {
    SmallVector<int64_t> index(kept);
    index.insert(index.begin() + dim, 0);
    double best = x.number(flatIndex(x.shape(), index));
    for (int64_t k = 1; k < x.shape()[dim]; ++k) {
      index[dim] = k;
      double next = x.number(flatIndex(x.shape(), index));
      if (beats(next, best, isMax)) {
        best = next;
        y.integers[at] = k;
      }
    }
  });
  return y;
}

// Calls f(tap number, element of x) for the elements of x under a window.
template <typename Op, typename F>
void forEachTap(Op op, ArrayRef<int64_t> xShape, ArrayRef<int64_t> window, F f) {
  SmallVector<int64_t> index(xShape.size());
  forEachIndex(op.getWindow(), [&](ArrayRef<int64_t> tap, int64_t number) {
    for (size_t d = 0; d < xShape.size(); ++d) {
      index[d] =
          window[d] * op.getStrides()[d] + tap[d] * op.getDilation()[d] - op.getPadding()[2 * d];
      if (index[d] < 0 || index[d] >= xShape[d])
        return;
    }
    f(number, flatIndex(xShape, index));
  });
}

} // namespace

Results evalReduction(Operation *op, ArrayRef<Tensor> x) {
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return SmallVector<Tensor>{evalReduce(reduce, x[0])};
  if (auto argmax = dyn_cast<ArgmaxOp>(op))
    return SmallVector<Tensor>{evalArg(op, argmax.getDim(), true, x[0])};
  if (auto argmin = dyn_cast<ArgminOp>(op))
    return SmallVector<Tensor>{evalArg(op, argmin.getDim(), false, x[0])};
  if (op->getNumResults() != 1)
    return std::nullopt;
  Tensor y(op->getResult(0).getType());
  if (auto reduce = dyn_cast<ReduceWindowOp>(op)) {
    setIdentity(y, reduce.getKind());
    forEachIndex(y.shape(), [&](ArrayRef<int64_t> window, int64_t at) {
      forEachTap(reduce, x[0].shape(), window,
                 [&](int64_t, int64_t i) { combine(y, at, x[0], i, reduce.getKind()); });
    });
    return SmallVector<Tensor>{y};
  }
  if (auto argmax = dyn_cast<WindowArgmaxOp>(op)) {
    forEachIndex(y.shape(), [&](ArrayRef<int64_t> window, int64_t at) {
      double best = -std::numeric_limits<double>::infinity();
      forEachTap(argmax, x[0].shape(), window, [&](int64_t number, int64_t i) {
        if (beats(x[0].number(i), best, true)) {
          best = x[0].number(i);
          y.integers[at] = number;
        }
      });
    });
    return SmallVector<Tensor>{y};
  }
  if (auto gather = dyn_cast<WindowGatherOp>(op)) {
    forEachIndex(y.shape(), [&](ArrayRef<int64_t> window, int64_t at) {
      forEachTap(gather, x[0].shape(), window, [&](int64_t number, int64_t i) {
        if (number == x[1].integers[at])
          y.floats[at] = x[0].floats[i];
      });
    });
    return SmallVector<Tensor>{y};
  }
  if (auto scatter = dyn_cast<WindowScatterOp>(op)) {
    forEachIndex(x[0].shape(), [&](ArrayRef<int64_t> window, int64_t from) {
      forEachTap(scatter, y.shape(), window, [&](int64_t number, int64_t i) {
        if (number == x[1].integers[from])
          y.floats[i] += x[0].floats[from];
      });
    });
    return SmallVector<Tensor>{y};
  }
  return std::nullopt;
}

} // namespace fluxion::ir::reference
