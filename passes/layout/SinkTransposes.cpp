// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/layout/Layout.h"

#include "passes/fusion/OpClass.h"

#include "ir/ops/Ops.h"
#include "ir/ops/ScalarBody.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

namespace {

SmallVector<int64_t> apply(ArrayRef<int64_t> list, ArrayRef<int64_t> permutation) {
  return llvm::map_to_vector(permutation, [&](int64_t dim) { return list[dim]; });
}

// (low, high) pairs, one a dimension.
SmallVector<int64_t> applyToPairs(ArrayRef<int64_t> list, ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> result;
  for (int64_t dim : permutation)
    result.append({list[2 * dim], list[2 * dim + 1]});
  return result;
}

// Below, a value v stands as transpose(inner, p); ops are redone on inner values, whose dimension i
// is v's dimension q[i] with q = p^-1, and followed by transpose p.
class Sinker {
public:
  explicit Sinker(func::FuncOp function) : function(function), b(function) {}

  void run() {
    for (Operation &op : llvm::make_early_inc_range(function.front().without_terminator()))
      sink(&op);
  }

private:
  func::FuncOp function;
  OpBuilder b;

  void sink(Operation *op);
  Value inner(Value value, ArrayRef<int64_t> q);
  Operation *permuted(Operation *op, ArrayRef<int64_t> q);
  bool sinkReduce(ir::ReduceOp op, ir::TransposeOp transpose);
};

// The value with its dimensions in the order q, without a transpose where there is a cheaper way.
Value Sinker::inner(Value value, ArrayRef<int64_t> q) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getRank() == 0)
    return value;
  auto result = RankedTensorType::get(apply(type.getShape(), q), type.getElementType());
  Operation *def = value.getDefiningOp();
  if (auto transpose = dyn_cast_or_null<ir::TransposeOp>(def))
    if (SmallVector<int64_t> both = apply(transpose.getPermutation(), q); llvm::is_sorted(both))
      return transpose.getX();
  if (auto constant = dyn_cast_or_null<ir::ConstantOp>(def))
    if (auto splat = dyn_cast<SplatElementsAttr>(constant.getValue()))
      return ir::ConstantOp::create(b, value.getLoc(), splat.resizeSplat(result));
  if (auto iota = dyn_cast_or_null<ir::IotaOp>(def))
    return ir::IotaOp::create(b, value.getLoc(), result, inverseOf(q)[iota.getDim()]);
  if (auto broadcast = dyn_cast_or_null<ir::BroadcastInDimOp>(def)) {
    Permutation position = inverseOf(q);
    SmallVector<int64_t> dims =
        llvm::map_to_vector(broadcast.getDims(), [&](int64_t dim) { return position[dim]; });
    if (llvm::is_sorted(dims))
      return ir::BroadcastInDimOp::create(b, value.getLoc(), result, broadcast.getX(), dims);
  }
  // Work on few elements that nobody else wants is redone, so that the transpose moves up to the
  // program's state.
  if (def && ir::hasScalarBody(def) && def->hasOneUse() && type.getNumElements() > 1) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(def);
    return permuted(def, q)->getResult(0);
  }
  return ir::TransposeOp::create(b, value.getLoc(), value, q);
}

// The op on operands with dimensions in the order q; null for ops that cannot be.
Operation *Sinker::permuted(Operation *op, ArrayRef<int64_t> q) {
  OpClass kind = classify(op);
  if (kind != OpClass::Pointwise &&
      !isa<ir::ReduceWindowOp, ir::WindowArgmaxOp, ir::WindowGatherOp, ir::WindowScatterOp,
           ir::PadOp, ir::SliceOp, ir::ReverseOp, ir::ConcatenateOp>(op))
    return nullptr;
  // Positions inside a window are row-major: the dimensions it spans must stay in order.
  if (auto window = op->getAttrOfType<DenseI64ArrayAttr>("window")) {
    SmallVector<int64_t> spanned;
    for (int64_t dim : q)
      if (window[dim] > 1)
        spanned.push_back(dim);
    if (!llvm::is_sorted(spanned))
      return nullptr;
  }
  SmallVector<Value> operands =
      llvm::map_to_vector(op->getOperands(), [&](Value v) { return inner(v, q); });
  auto old = cast<RankedTensorType>(op->getResult(0).getType());
  auto type = RankedTensorType::get(apply(old.getShape(), q), old.getElementType());
  NamedAttrList attributes(op->getAttrs());
  auto permute = [&](StringRef name, bool pairs = false) {
    auto list = cast<DenseI64ArrayAttr>(attributes.get(name));
    attributes.set(name, b.getDenseI64ArrayAttr(pairs ? applyToPairs(list, q) : apply(list, q)));
  };
  Permutation position = inverseOf(q);
  llvm::TypeSwitch<Operation *>(op)
      .Case<ir::ReduceWindowOp, ir::WindowArgmaxOp, ir::WindowGatherOp, ir::WindowScatterOp>(
          [&](auto) {
            permute("window"), permute("strides"), permute("dilation"),
                permute("padding", /*pairs=*/true);
          })
      .Case([&](ir::PadOp) { permute("low"), permute("high"), permute("interior"); })
      .Case([&](ir::SliceOp) { permute("start"), permute("limit"), permute("stride"); })
      .Case([&](ir::ReverseOp reverse) {
        SmallVector<int64_t> dims =
            llvm::map_to_vector(reverse.getDims(), [&](int64_t dim) { return position[dim]; });
        llvm::sort(dims);
        attributes.set("dims", b.getDenseI64ArrayAttr(dims));
      })
      .Case([&](ir::ConcatenateOp concatenate) {
        attributes.set("dim", b.getI64IntegerAttr(position[concatenate.getDim()]));
      });
  OperationState state(op->getLoc(), op->getName(), operands, TypeRange(type),
                       attributes.getAttrs());
  return b.create(state);
}

// reduce(transpose(x)) reduces other dimensions of x, as long as the kept ones stay in order.
bool Sinker::sinkReduce(ir::ReduceOp op, ir::TransposeOp transpose) {
  ArrayRef<int64_t> p = transpose.getPermutation();
  SmallVector<int64_t> reduced, kept;
  for (int64_t dim = 0; dim < (int64_t)p.size(); ++dim)
    (llvm::is_contained(op.getDims(), dim) ? reduced : kept).push_back(p[dim]);
  llvm::sort(reduced);
  Value result = ir::ReduceOp::create(b, op.getLoc(), op.getKind(), transpose.getX(), reduced);
  SmallVector<int64_t> sorted(kept);
  llvm::sort(sorted);
  if (sorted != kept) {
    Permutation back;
    for (int64_t dim : kept)
      back.push_back(llvm::find(sorted, dim) - sorted.begin());
    result = ir::TransposeOp::create(b, op.getLoc(), result, back);
  }
  op.replaceAllUsesWith(result);
  op.erase();
  return true;
}

void Sinker::sink(Operation *op) {
  ir::TransposeOp transpose;
  for (Value operand : op->getOperands())
    if (auto def = operand.getDefiningOp<ir::TransposeOp>(); def && !transpose)
      transpose = def;
  if (!transpose || op->getNumResults() != 1)
    return;
  b.setInsertionPoint(op);
  if (auto second = dyn_cast<ir::TransposeOp>(op)) {
    SmallVector<int64_t> both = apply(transpose.getPermutation(), second.getPermutation());
    Value result = llvm::is_sorted(both)
                       ? transpose.getX()
                       : ir::TransposeOp::create(b, op->getLoc(), transpose.getX(), both);
    second.replaceAllUsesWith(result);
    second.erase();
    return;
  }
  if (auto reduce = dyn_cast<ir::ReduceOp>(op)) {
    sinkReduce(reduce, transpose);
    return;
  }
  Operation *done = permuted(op, inverseOf(transpose.getPermutation()));
  if (!done)
    return;
  op->replaceAllUsesWith(ValueRange(
      ir::TransposeOp::create(b, op->getLoc(), done->getResult(0), transpose.getPermutation())
          .getResult()));
  op->erase();
}

} // namespace

void fluxion::passes::sinkTransposes(func::FuncOp function) { Sinker(function).run(); }
