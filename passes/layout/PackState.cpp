// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/layout/Layout.h"

#include "ir/KernelModel.h"
#include "ir/ops/Shape.h"
#include "ir/ops/Update.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

namespace {

// All that touches one state item.
struct Uses {
  SmallVector<ir::ReadOp> reads;
  SmallVector<ir::WriteOp> writes;
};

bool isInitialiser(Operation *op) {
  return op->getParentOfType<func::FuncOp>().getSymName() == "init";
}

// Transposes that vanish less those that appear when the item is stored with dimension i being the
// logical dimension permutation[i]. Initialisation runs once and does not count.
int64_t gain(const Uses &uses, ArrayRef<int64_t> permutation) {
  int64_t transposes = 0;
  for (ir::ReadOp read : uses.reads) {
    if (isInitialiser(read) || read->use_empty())
      continue;
    bool direct = false, same = false;
    for (Operation *user : read->getUsers()) {
      auto transpose = dyn_cast<ir::TransposeOp>(user);
      direct |= !transpose;
      same |= transpose && transpose.getPermutation() == permutation;
    }
    transposes += (int64_t)same - (int64_t)direct;
  }
  for (ir::WriteOp write : uses.writes) {
    if (isInitialiser(write))
      continue;
    auto transpose = write.getValue().getDefiningOp<ir::TransposeOp>();
    transposes +=
        transpose && transpose.getPermutation() == ArrayRef<int64_t>(inverseOf(permutation)) ? 1
                                                                                             : -1;
  }
  return transposes;
}

// The order in which new values are made outside `init`.
std::optional<Permutation> candidate(const Uses &uses) {
  for (ir::WriteOp write : uses.writes)
    if (auto transpose = write.getValue().getDefiningOp<ir::TransposeOp>();
        transpose && !isInitialiser(write))
      return inverseOf(transpose.getPermutation());
  return std::nullopt;
}

void pack(ir::StateOp item, const Uses &uses, ArrayRef<int64_t> permutation) {
  OpBuilder b(item);
  SmallVector<int64_t> shape;
  for (int64_t dim : permutation)
    shape.push_back(item.tensorType().getDimSize(dim));
  auto stored = RankedTensorType::get(shape, item.tensorType().getElementType());
  item.setType(stored);
  item->setAttr(ir::stateLayoutAttrName, b.getDenseI64ArrayAttr(permutation));
  Permutation inverse = inverseOf(permutation);
  for (ir::ReadOp read : uses.reads) {
    b.setInsertionPoint(read);
    Value packed = ir::ReadOp::create(b, read.getLoc(), stored, read.getStateAttr());
    read.replaceAllUsesWith(ir::TransposeOp::create(b, read.getLoc(), packed, inverse).getResult());
    read.erase();
  }
  for (ir::WriteOp write : uses.writes) {
    b.setInsertionPoint(write);
    Value packed = ir::TransposeOp::create(b, write.getLoc(), write.getValue(), permutation);
    ir::WriteOp::create(b, write.getLoc(), write.getStateAttr(), packed);
    write.erase();
  }
}

} // namespace

bool fluxion::passes::packState(ModuleOp module) {
  llvm::StringMap<Uses> uses;
  module.walk([&](ir::ReadOp read) { uses[read.getState()].reads.push_back(read); });
  module.walk([&](ir::WriteOp write) { uses[write.getState()].writes.push_back(write); });
  bool packed = false;
  for (auto item : module.getOps<ir::StateOp>()) {
    const Uses &of = uses[item.getSymName()];
    std::optional<Permutation> permutation = candidate(of);
    if (!permutation || item->hasAttr(ir::stateLayoutAttrName) || gain(of, *permutation) <= 0)
      continue;
    pack(item, of, *permutation);
    packed = true;
  }
  return packed;
}
