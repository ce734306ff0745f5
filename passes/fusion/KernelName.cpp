// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Names people can read in reports and profiles: made of the ops of a kernel, the same in every
// build.
#include "passes/fusion/Groups.h"
#include "passes/simplify/Patterns.h"

#include "ir/ops/Ops.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

static std::string convolutionName(ir::ConvolutionOp conv) {
  std::string name = "conv" + llvm::utostr(conv.spatialRank()) + "d";
  if (conv.getFeatureGroupCount() > 1)
    name = "depthwise_" + name;
  // A weight gradient sums over images, which stand first, as a convolution sums over features.
  if (conv.getInputDims()[1] == 0 || conv.getBatchGroupCount() > 1)
    return name + "_weight_grad";
  bool dilated = llvm::any_of(conv.getLhsDilation(), [](int64_t d) { return d > 1; });
  return dilated || conv.getWindowReversal() ? name + "_input_grad" : name;
}

// The part an op plays, in a word; empty where it is not worth one.
static std::string wordFor(Operation *op) {
  if (StringRef composite = compositeOf(op); !composite.empty())
    return composite.str();
  if (auto conv = dyn_cast<ir::ConvolutionOp>(op))
    return convolutionName(conv);
  if (auto dot = dyn_cast<ir::DotGeneralOp>(op))
    return dot.getLhsBatching().empty() ? "matmul" : "batch_matmul";
  if (auto reduce = dyn_cast<ir::ReduceOp>(op))
    return ("reduce_" + ir::stringifyReduceKind(reduce.getKind())).str();
  if (isa<ir::AddOp>(op))
    for (Value operand : op->getOperands())
      if (auto broadcast = operand.getDefiningOp<ir::BroadcastInDimOp>();
          broadcast && broadcast.getX().getType().getRank() == 1)
        return "bias";
  if (isa<ir::MaxOp>(op) &&
      llvm::any_of(op->getOperands(), [](Value v) { return splatNumber(v) == 0.0; }))
    return "relu";
  if (isa<ir::CompareOp, ir::IsFiniteOp, ir::ConvertOp, ir::ConstantOp, ir::BroadcastInDimOp>(op))
    return "";
  return op->getName().stripDialect().str();
}

// Does the kernel make new values of parameters?
static bool writesParameters(const Groups &groups, ArrayRef<Operation *> ops) {
  func::FuncOp function = groups.function;
  auto module = function->getParentOfType<ModuleOp>();
  for (Value output : groups.outputsOf(ops))
    for (Operation *user : output.getUsers())
      if (auto write = dyn_cast<ir::WriteOp>(user)) {
        auto item = module.lookupSymbol<ir::StateOp>(write.getState());
        if (item && item.getRole() == ir::StateRole::Param)
          return true;
      }
  return false;
}

std::string fluxion::passes::nameOf(const Groups &groups, ArrayRef<Operation *> ops) {
  constexpr size_t most = 5;
  func::FuncOp function = groups.function;
  bool initialises = function.getSymName() == "init";
  bool updates = !initialises && writesParameters(groups, ops);
  SmallVector<std::string> words;
  for (Operation *op : ops) {
    // An optimiser's arithmetic says nothing that "update" does not.
    if (updates && classify(op) == OpClass::Pointwise && compositeOf(op).empty())
      continue;
    if (std::string word = wordFor(op); !word.empty() && !llvm::is_contained(words, word))
      words.push_back(word);
  }
  if (words.empty())
    words.push_back(updates ? "optimizer" : ops.back()->getName().stripDialect().str());
  if (words.size() > most) {
    words.resize(most - 1);
    words.push_back("etc");
  }
  if (updates)
    words.push_back("update");
  if (initialises)
    words.insert(words.begin(), "init");
  return llvm::join(words, "_");
}
