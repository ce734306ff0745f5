// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/CodeLint.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"

using namespace llvm;
using namespace fluxion::codegen;

namespace {

// Intrinsics that no instruction set has: code generation calls libm, for vectors once a lane.
bool lowersToLibm(Intrinsic::ID id) {
  switch (id) {
  case Intrinsic::exp:
  case Intrinsic::exp2:
  case Intrinsic::exp10:
  case Intrinsic::log:
  case Intrinsic::log2:
  case Intrinsic::log10:
  case Intrinsic::pow:
  case Intrinsic::sin:
  case Intrinsic::cos:
  case Intrinsic::tan:
  case Intrinsic::sinh:
  case Intrinsic::cosh:
  case Intrinsic::tanh:
  case Intrinsic::asin:
  case Intrinsic::acos:
  case Intrinsic::atan:
  case Intrinsic::atan2:
    return true;
  default:
    return false;
  }
}

bool callsLibm(const Instruction &instruction, const TargetLibraryInfoImpl &library) {
  auto *call = dyn_cast<CallInst>(&instruction);
  const Function *callee = call ? call->getCalledFunction() : nullptr;
  if (!callee || !callee->isDeclaration())
    return false;
  LibFunc known;
  return callee->isIntrinsic() ? lowersToLibm(callee->getIntrinsicID())
                               : callee->getReturnType()->isFPOrFPVectorTy() &&
                                     library.getLibFunc(callee->getName(), known);
}

bool multipliesAndAdds(const Instruction &instruction) {
  if (auto *intrinsic = dyn_cast<IntrinsicInst>(&instruction))
    return intrinsic->getIntrinsicID() == Intrinsic::fmuladd ||
           intrinsic->getIntrinsicID() == Intrinsic::fma;
  auto isProduct = [](const Value *value) {
    auto *op = dyn_cast<Instruction>(value);
    return op && op->getOpcode() == Instruction::FMul;
  };
  return instruction.getOpcode() == Instruction::FAdd &&
         llvm::any_of(instruction.operands(), [&](const Use &use) { return isProduct(use.get()); });
}

void lintFunction(Function &function, const LoweredProgram &program, const CodeLintOptions &options,
                  std::vector<CodeFinding> &findings) {
  TargetLibraryInfoImpl library(function.getParent()->getTargetTriple());
  DominatorTree dominators(function);
  LoopInfo loops(dominators);
  std::string name = function.getName().str();
  StringSet<> called;
  bool inScalars = false, inVectors = false;
  for (const Instruction &instruction : instructions(function)) {
    if (!loops.getLoopFor(instruction.getParent()))
      continue;
    if (callsLibm(instruction, library)) {
      StringRef callee = cast<CallInst>(instruction).getCalledFunction()->getName();
      if (called.insert(callee).second)
        findings.push_back({"libm", name, formatv("calls {0} in a loop", callee)});
    }
    if (multipliesAndAdds(instruction))
      (instruction.getType()->isVectorTy() ? inVectors : inScalars) = true;
  }
  auto contraction = program.contractions.find(name);
  if (contraction != program.contractions.end() && inScalars && !inVectors &&
      contraction->second >= options.contractionFlops)
    findings.push_back(
        {"contraction", name, formatv("sums {0} flops in scalars", (int64_t)contraction->second)});
}

// The comments of the assembly printer: which block is in an innermost loop, which instruction
// moves a register to its place on the stack and back.
void lintSpills(StringRef assembly, std::vector<CodeFinding> &findings) {
  Regex function("^([A-Za-z_][A-Za-z0-9_.$]*):"), block("^(\\.LBB[0-9_]+:|# %bb)"),
      spill("([0-9]+)-byte (Folded )?(Spill|Reload)");
  std::string name;
  bool innermost = false;
  std::map<std::string, int64_t> spills;
  SmallVector<StringRef> lines, match;
  assembly.split(lines, '\n');
  for (StringRef line : lines) {
    if (function.match(line, &match)) {
      name = match[1].str();
      innermost = false;
    }
    if (block.match(line))
      innermost = false;
    if (line.contains("Inner Loop Header"))
      innermost = true;
    int64_t bytes = 0;
    if (innermost && spill.match(line, &match) && !match[1].getAsInteger(10, bytes) && bytes >= 16)
      ++spills[name];
  }
  for (auto &[where, count] : spills)
    findings.push_back({"spill", where,
                        formatv("moves vector registers to memory and back {0} times in an "
                                "innermost loop",
                                count)});
}

} // namespace

std::vector<CodeFinding> fluxion::codegen::lintCode(const LoweredProgram &program,
                                                    StringRef assembly,
                                                    const CodeLintOptions &options) {
  std::vector<CodeFinding> findings;
  for (Function &function : *program.module)
    if (!function.isDeclaration())
      lintFunction(function, program, options, findings);
  lintSpills(assembly, findings);
  for (const Fork &fork : program.forks)
    if (fork.seconds < options.forkSeconds)
      findings.push_back({"fork", fork.function,
                          formatv("wakes threads for {0:f1} us of work", fork.seconds * 1e6)});
  return findings;
}
