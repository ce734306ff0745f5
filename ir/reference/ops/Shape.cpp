// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/Shape.h"

#include "ir/ops/Indexing.h"
#include "ir/reference/Ops.h"

using namespace mlir;

namespace fluxion::ir::reference {
namespace {

// y[i] = x[from(i)]; an empty position leaves y's element as it is.
template <typename F> void move(Tensor &y, const Tensor &x, F from) {
  forEachIndex(y.shape(), [&](ArrayRef<int64_t> index, int64_t i) {
    std::optional<SmallVector<int64_t>> at = from(index);
    if (at)
      y.copyElement(i, x, flatIndex(x.shape(), *at));
  });
}
using Position = std::optional<SmallVector<int64_t>>;

Tensor evalPad(PadOp op, const Tensor &x, const Tensor &value) {
  Tensor y(op.getType());
  for (int64_t i = 0; i < y.size(); ++i)
    y.copyElement(i, value, 0);
  move(y, x, [&](ArrayRef<int64_t> index) -> Position {
    SmallVector<int64_t> at;
    for (auto [d, position] : llvm::enumerate(index)) {
      int64_t step = op.getInterior()[d] + 1, shifted = position - op.getLow()[d];
      if (shifted < 0 || shifted % step || shifted / step >= x.shape()[d])
        return std::nullopt;
      at.push_back(shifted / step);
    }
    return at;
  });
  return y;
}

Tensor evalConcatenate(ConcatenateOp op, ArrayRef<Tensor> xs) {
  Tensor y(op.getType());
  int64_t start = 0, dim = op.getDim();
  for (const Tensor &x : xs) {
    forEachIndex(x.shape(), [&](ArrayRef<int64_t> index, int64_t i) {
      SmallVector<int64_t> at(index);
      at[dim] += start;
      y.copyElement(flatIndex(y.shape(), at), x, i);
    });
    start += x.shape()[dim];
  }
  return y;
}

} // namespace

Results evalShape(Operation *op, ArrayRef<Tensor> x) {
  if (auto constant = dyn_cast<ConstantOp>(op))
    return SmallVector<Tensor>{Tensor::fromAttr(cast<DenseElementsAttr>(constant.getValue()))};
  if (auto pad = dyn_cast<PadOp>(op))
    return SmallVector<Tensor>{evalPad(pad, x[0], x[1])};
  if (auto concatenate = dyn_cast<ConcatenateOp>(op))
    return SmallVector<Tensor>{evalConcatenate(concatenate, x)};
  if (op->getNumResults() != 1)
    return std::nullopt;
  Tensor y(op->getResult(0).getType());
  if (auto iota = dyn_cast<IotaOp>(op)) {
    forEachIndex(y.shape(), [&](ArrayRef<int64_t> index, int64_t i) {
      if (y.isFloat())
        y.floats[i] = (double)index[iota.getDim()];
      else
        y.setInteger(i, index[iota.getDim()]);
    });
  } else if (isa<ReshapeOp>(op)) {
    for (int64_t i = 0; i < y.size(); ++i)
      y.copyElement(i, x[0], i);
  } else if (auto transpose = dyn_cast<TransposeOp>(op)) {
    move(y, x[0], [&](ArrayRef<int64_t> index) -> Position {
      SmallVector<int64_t> at(index.size());
      for (auto [to, from] : llvm::enumerate(transpose.getPermutation()))
        at[from] = index[to];
      return at;
    });
  } else if (auto broadcast = dyn_cast<BroadcastInDimOp>(op)) {
    move(y, x[0], [&](ArrayRef<int64_t> index) -> Position {
      SmallVector<int64_t> at;
      for (auto [i, dim] : llvm::enumerate(broadcast.getDims()))
        at.push_back(x[0].shape()[i] == 1 ? 0 : index[dim]);
      return at;
    });
  } else if (auto slice = dyn_cast<SliceOp>(op)) {
    move(y, x[0], [&](ArrayRef<int64_t> index) -> Position {
      SmallVector<int64_t> at;
      for (auto [d, position] : llvm::enumerate(index))
        at.push_back(slice.getStart()[d] + position * slice.getStride()[d]);
      return at;
    });
  } else if (auto reverse = dyn_cast<ReverseOp>(op)) {
    move(y, x[0], [&](ArrayRef<int64_t> index) -> Position {
      SmallVector<int64_t> at(index);
      for (int64_t dim : reverse.getDims())
        at[dim] = x[0].shape()[dim] - 1 - at[dim];
      return at;
    });
  } else {
    return std::nullopt;
  }
  return SmallVector<Tensor>{y};
}

Results evalIndexing(Operation *op, ArrayRef<Tensor> x) {
  auto gather = dyn_cast<GatherOp>(op);
  auto scatter = dyn_cast<ScatterOp>(op);
  if (!gather && !scatter)
    return std::nullopt;
  int64_t axis = gather ? gather.getAxis() : scatter.getAxis(), indexRank = x[1].shape().size(),
          size = x[0].shape()[axis];
  // Where an element of the gathered shape lies in x.
  auto place = [&](ArrayRef<int64_t> index) {
    int64_t chosen = x[1].integers[flatIndex(x[1].shape(), index.slice(axis, indexRank))];
    SmallVector<int64_t> at(index.take_front(axis));
    at.push_back(std::max<int64_t>(0, std::min(chosen, size - 1)));
    llvm::append_range(at, index.drop_front(axis + indexRank));
    return flatIndex(x[0].shape(), at);
  };
  if (gather) {
    Tensor y(gather.getType());
    forEachIndex(y.shape(),
                 [&](ArrayRef<int64_t> index, int64_t i) { y.copyElement(i, x[0], place(index)); });
    return SmallVector<Tensor>{y};
  }
  Tensor y = x[0];
  forEachIndex(x[2].shape(), [&](ArrayRef<int64_t> index, int64_t i) {
    if (y.isFloat())
      y.floats[place(index)] += x[2].floats[i];
    else
      y.setInteger(place(index), y.integers[place(index)] + x[2].integers[i]);
  });
  return SmallVector<Tensor>{y};
}

} // namespace fluxion::ir::reference
