// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/driver/Targets.h"

#include "codegen/common/Target.h"
#include "fluxion/runtime.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <stdexcept>

namespace fluxion::driver {
namespace {

// The newest code the device of this machine runs: sm_90a on an sm_90.
std::string presentGpu() {
  std::string arch;
  if (!rt::deviceArch(arch))
    return "cuda";
  std::vector<std::string> names = codegen::gpuNames();
  for (const std::string &name : {arch + "a", arch})
    if (llvm::is_contained(names, name))
      return "cuda:" + name;
  std::string best = "cuda"; // a device newer than all names runs the code of the newest
  for (const std::string &name : names)
    if (name.back() != 'a' &&
        (name.size() < arch.size() || (name.size() == arch.size() && name <= arch)))
      best = "cuda:" + name;
  return best;
}

} // namespace

std::vector<std::string> splitTargets(const std::string &text) {
  std::vector<std::string> targets;
  for (llvm::StringRef part : llvm::split(text, ',')) {
    std::string target = part == "cuda" ? presentGpu() : part.str();
    if (target.empty())
      throw std::runtime_error("--target=" + text + " names an empty target; write cpu,cuda:sm_80");
    if (llvm::is_contained(targets, target))
      throw std::runtime_error("--target=" + text + " names " + target + " twice");
    targets.push_back(target);
  }
  return targets;
}

} // namespace fluxion::driver
