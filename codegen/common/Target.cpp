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

struct Gpu {
  const char *name, *features; // the PTX version it needs
  int64_t sharedBytes, processors, l2Bytes;
};
// Blocks may use all of a multiprocessor's shared memory but the kilobyte the system keeps.
const Gpu gpus[] = {{"sm_80", "+ptx80", 163 << 10, 108, 40 << 20},
                    {"sm_86", "+ptx80", 99 << 10, 84, 6 << 20},
                    {"sm_87", "+ptx80", 163 << 10, 16, 4 << 20},
                    {"sm_89", "+ptx80", 99 << 10, 128, 72 << 20},
                    {"sm_90", "+ptx86", 227 << 10, 132, 50 << 20},
                    {"sm_90a", "+ptx86", 227 << 10, 132, 50 << 20},
                    {"sm_100", "+ptx86", 227 << 10, 148, 126 << 20},
                    {"sm_100a", "+ptx86", 227 << 10, 148, 126 << 20},
                    {"sm_103", "+ptx88", 227 << 10, 148, 126 << 20},
                    {"sm_103a", "+ptx88", 227 << 10, 148, 126 << 20},
                    {"sm_120", "+ptx87", 99 << 10, 170, 96 << 20},
                    {"sm_120a", "+ptx87", 99 << 10, 170, 96 << 20}};

// The two names that take the fewest edits.
std::string nearestGpus(StringRef name) {
  std::vector<std::pair<unsigned, std::string>> byDistance;
  for (const Gpu &gpu : gpus)
    byDistance.push_back({name.edit_distance(gpu.name), gpu.name});
  llvm::sort(byDistance); // equal distances: by name
  return byDistance[0].second + " or " + byDistance[1].second;
}

Expected<ir::TargetInfo> parseGpu(StringRef text, StringRef kind, StringRef name) {
  if (name.empty())
    name = gpus[0].name;
  auto gpu = find_if(gpus, [&](const Gpu &known) { return name == known.name; });
  if (gpu == std::end(gpus)) {
    unsigned number = 0;
    StringRef digits = name;
    bool isOld = digits.consume_front("sm_") && !digits.consumeInteger(10, number) && number < 80;
    if (isOld)
      return createStringError("target '" + text + "': " + name +
                               " is too old; sm_80 is the oldest that kernels are made for");
    return createStringError("target '" + text + "': no GPU is named '" + name +
                             "'; did you mean " + nearestGpus(name) + "?");
  }
  ir::TargetInfo info;
  info.kind = kind.str();
  info.triple = "nvptx64-nvidia-cuda";
  info.cpu = gpu->name;
  info.features = gpu->features;
  info.vectorBytes = 16; // the widest load of a thread
  info.vectorRegisters = 32;
  info.l2Bytes = info.l3Bytes = gpu->l2Bytes;
  info.cores = gpu->processors;
  info.sharedBytes = gpu->sharedBytes;
  info.fma = true;
  return info;
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

std::vector<std::string> gpuNames() {
  std::vector<std::string> names;
  for (const Gpu &gpu : gpus)
    names.push_back(gpu.name);
  return names;
}

ir::TargetInfo hostPart(const ir::TargetInfo &target) {
  if (!target.isGpu())
    return target;
  ir::TargetInfo host = cantFail(parseTarget("cpu"));
  if (target.kind == "cuda") {
    host.cpu = Triple(host.triple).isX86() ? "x86-64" : "generic";
    host.features = "";
    host.vectorBytes = 16;
  }
  return host;
}

Expected<ir::TargetInfo> parseTarget(StringRef text) {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  auto [kind, cpu] = text.split(':');
  if (kind == "cuda" || kind == "cuda-emulated")
    return parseGpu(text, kind, cpu);
  if (kind != "cpu")
    return createStringError("unknown target '" + text +
                             "'; use cpu, cpu:NAME (for example cpu:x86-64-v3), cuda, cuda:sm_NN "
                             "(for example cuda:sm_90a) or cuda-emulated");

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
