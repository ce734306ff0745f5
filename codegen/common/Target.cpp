// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/common/Target.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/Triple.h"

#include <thread>

using namespace llvm;

namespace fluxion::codegen {
namespace {

// Size of the data or unified cache of a level, as Linux reports it; `otherwise` where it does not.
int64_t cacheBytes(int level, int64_t otherwise) {
  for (int index = 0; index < 8; ++index) {
    std::string base = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    auto read = [&](const char *name) -> std::string {
      auto buffer = MemoryBuffer::getFileAsStream(base + name); // its size is not known beforehand
      return buffer ? (*buffer)->getBuffer().trim().str() : "";
    };
    if (read("level") != std::to_string(level) || read("type") == "Instruction")
      continue;
    std::string size = read("size");
    int64_t amount = 0;
    if (!size.empty() && !StringRef(size).drop_back().getAsInteger(10, amount))
      return amount * (size.back() == 'M' ? 1 << 20 : 1 << 10);
  }
  return otherwise;
}

std::string featuresOfHost() {
  SubtargetFeatures features;
  for (auto &[name, enabled] : sys::getHostCPUFeatures())
    features.AddFeature(name, enabled);
  return features.getString();
}

std::string nearestCpu(const MCSubtargetInfo &subtarget, StringRef wanted) {
  StringRef best;
  for (const SubtargetSubTypeKV &cpu : subtarget.getAllProcessorDescriptions())
    if (best.empty() || wanted.edit_distance(cpu.Key) < wanted.edit_distance(best))
      best = cpu.Key;
  return wanted.edit_distance(best) * 2 <= wanted.size() ? "did you mean " + best.str() + "?"
                                                         : "cpu alone is this machine's";
}

} // namespace

Expected<ir::TargetInfo> parseTarget(StringRef text) {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  auto [kind, cpu] = text.split(':');
  if (kind != "cpu")
    return createStringError("unknown target '" + text +
                             "'; use cpu or cpu:NAME, for example cpu:x86-64-v3");

  ir::TargetInfo info;
  info.kind = "cpu";
  info.triple = sys::getDefaultTargetTriple();
  bool host = cpu.empty() || cpu == "host";
  info.cpu = host ? sys::getHostCPUName().str() : cpu.str();
  info.features = host ? featuresOfHost() : "";

  std::string error;
  const Target *target = TargetRegistry::lookupTarget(Triple(info.triple), error);
  if (!target)
    return createStringError("no code generator for " + info.triple + ": " + error);
  // Asking for a CPU that LLVM does not know prints a complaint: look it up first.
  std::unique_ptr<MCSubtargetInfo> any(target->createMCSubtargetInfo(Triple(info.triple), "", ""));
  if (!any->isCPUStringValid(info.cpu))
    return createStringError("target '" + text + "': " + Triple(info.triple).getArchName() +
                             " has no CPU named '" + cpu + "'; " + nearestCpu(*any, cpu));
  std::unique_ptr<MCSubtargetInfo> subtarget(
      target->createMCSubtargetInfo(Triple(info.triple), info.cpu, info.features));

  bool avx512 = subtarget->checkFeatures("+avx512f,+avx512vl,+avx512dq,+avx512bw");
  bool avx2 = subtarget->checkFeatures("+avx2");
  bool aarch64 = Triple(info.triple).isAArch64();
  info.vectorBytes = avx512 ? 64 : avx2 ? 32 : 16;
  info.vectorRegisters = avx512 || aarch64 ? 32 : 16;
  info.fma = aarch64 || subtarget->checkFeatures("+fma");
  info.l1Bytes = cacheBytes(1, info.l1Bytes);
  info.l2Bytes = cacheBytes(2, info.l2Bytes);
  info.l3Bytes = cacheBytes(3, info.l3Bytes);
  info.cores = std::max(1u, std::thread::hardware_concurrency());
  return info;
}

} // namespace fluxion::codegen
